import ArgumentParser
import EventLog
import Foundation
import Studies

/// How results are printed.
struct OutputOptions: ParsableArguments {
  enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, csv }

  @Option(help: ArgumentHelp("How results are printed.", valueName: "text|json|csv"))
  var format: Format = .text

  /// Prints a result on standard output in the format asked for.
  ///
  /// - Throws: `ValidationError` for CSV of a result that has no rows.
  func render(_ report: some Report) throws {
    StandardStream.output.write(try report.rendered(as: format))
  }
}

/// How results that are not made of rows are printed.
struct RowlessOutputOptions: ParsableArguments {
  enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

  @Option(help: ArgumentHelp("How results are printed.", valueName: "text|json"))
  var format: Format = .text

  /// Prints a result on standard output in the format asked for.
  func render(_ report: some Report) throws {
    StandardStream.output.write(try report.rendered(as: format == .json ? .json : .text))
  }
}

/// Where the records of runs lie.
struct StoreOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Folder that holds one folder per run.", valueName: "folder"))
  var runsDir = "runs"

  var store: RunStore { RunStore(folder: URL(filePath: runsDir, directoryHint: .isDirectory)) }

  /// A command of this program on a run or a study, to be typed in a shell.
  ///
  /// - Parameters:
  ///   - folder: that of the run or the study; it is named by its path when it does not lie in the runs folder.
  ///   - rest: what follows its name, as a shell reads it.
  func command(_ words: String, on folder: URL, _ rest: String = "") -> String {
    let parent = folder.standardizedFileURL.deletingLastPathComponent().path
    let isInRunsFolder = parent == store.folder.standardizedFileURL.path
    let name = isInRunsFolder ? folder.lastPathComponent : folder.relativePath
    let option =
      isInRunsFolder && runsDir != "runs" ? " --runs-dir \(ShellWord.quoted(runsDir))" : ""
    return "milenas-lab \(words) \(ShellWord.quoted(name))" + (rest.isEmpty ? "" : " \(rest)")
      + option
  }
}

/// How a run is recorded, or which one goes on.
struct RecordingOptions: ParsableArguments {
  @Option(help: "Name of the record under the runs folder; made from the settings when left out.")
  var name: String?
  @Option(help: ArgumentHelp("How much is recorded.", valueName: "run|epoch|step|trace"))
  var logLevel = LogLevel.step
  @Option(
    help: ArgumentHelp(
      "Which checkpoints stay on disk; there is one per epoch. When left out, all of a search and the last 2 of an evaluation.",
      valueName: "all|last N|best|none"))
  var keepCheckpoints: CheckpointPolicy?
  @Option(
    help: ArgumentHelp(
      "Size of the log from which level trace leaves out weight gradients: 500MB, 20GB; "
        + "half of the free space when left out.", valueName: "size"))
  var maxLogSize: ByteCount?
  @Option(
    help: ArgumentHelp(
      "Go on with a run that was interrupted, failed or was killed, to the same bits; its settings are kept.",
      valueName: "run"))
  var resume: String?

  /// - Parameter checkpoints: those that stay when the user does not say.
  func options(keeping checkpoints: CheckpointPolicy) -> RecordOptions {
    RecordOptions(
      level: logLevel, checkpoints: keepCheckpoints ?? checkpoints,
      maxLogBytes: maxLogSize?.bytes)
  }
}

extension LogLevel: ExpressibleByArgument {}

extension CheckpointPolicy: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// A size such as 500MB, with decimal prefixes.
struct ByteCount: ExpressibleByArgument {
  var bytes: Int

  init?(argument: String) {
    let number = argument.prefix { $0.isNumber || $0 == "." }
    let factors = ["": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12]
    let unit = argument.dropFirst(number.count).uppercased()
    guard let value = Double(number), let factor = factors[unit], value * factor < 1e18 else {
      return nil
    }
    bytes = Int(value * factor)
  }
}

/// How many workers share a computation.
struct ThreadOptions: ParsableArguments {
  @Option(help: "Workers that share each step; results have the same bits for any number.")
  var threads = ProcessInfo.processInfo.activeProcessorCount

  mutating func validate() throws {
    guard 1...1024 ~= threads else {
      throw ValidationError("--threads must be from 1 to 1024, not \(threads)")
    }
  }
}

/// What decides a computation but not its subject.
struct ComputeOptions: ParsableArguments {
  @OptionGroup var team: ThreadOptions
  var threads: Int { team.threads }

  @Option(help: "Decides initial weights, shuffles, augmentation and samples.")
  var seed: UInt64 = 0
}

extension CompletionKind {
  /// The runs of the folder that the command line names so far, or of the usual one.
  static var runs: CompletionKind {
    .custom { words, _, prefix in
      var folder = "runs"
      for (word, next) in zip(words, words.dropFirst() + [""]) {
        if word == "--runs-dir" { folder = next }
        if word.hasPrefix("--runs-dir=") { folder = String(word.dropFirst("--runs-dir=".count)) }
      }
      let store = RunStore(folder: URL(filePath: folder, directoryHint: .isDirectory))
      return store.list().map(\.name).filter { $0.hasPrefix(prefix) }
    }
  }
}

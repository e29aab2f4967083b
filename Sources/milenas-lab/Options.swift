import ArgumentParser
import EventLog
import Foundation

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

/// Where the records of runs lie.
struct StoreOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Folder that holds one folder per run.", valueName: "folder"))
  var runsDir = "runs"

  var store: RunStore { RunStore(folder: URL(filePath: runsDir, directoryHint: .isDirectory)) }
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
      var options = StoreOptions()
      for (word, next) in zip(words, words.dropFirst() + [""]) {
        if word == "--runs-dir" { options.runsDir = next }
        if word.hasPrefix("--runs-dir=") { options.runsDir = String(word.dropFirst(11)) }
      }
      return options.store.list().map(\.name).filter { $0.hasPrefix(prefix) }
    }
  }
}

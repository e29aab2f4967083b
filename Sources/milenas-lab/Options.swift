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

/// What decides a computation but not its subject.
struct ComputeOptions: ParsableArguments {
  @Option(help: "Workers that share each step; results have the same bits for any number.")
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "Decides initial weights, shuffles, augmentation and samples.")
  var seed: UInt64 = 0

  mutating func validate() throws {
    guard threads >= 1 else {
      throw ValidationError("--threads must be at least 1, not \(threads)")
    }
  }
}

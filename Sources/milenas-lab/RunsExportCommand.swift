import ArgumentParser
import EventLog
import Foundation

/// `runs export`
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a record in forms that other tools read.",
    discussion: """
      Examples:
        milenas-lab runs export my-run --to csv
        milenas-lab runs export my-run --to tensorboard --out tb   then: tensorboard --logdir tb

      Forms: csv, jsonl, npz (numpy.load), tensorboard.
      """)

  @Argument(
    help: ArgumentHelp("A run: name or path; the newest when left out.", valueName: "run"),
    completion: .runs)
  var name: String?
  @Option(help: ArgumentHelp("Form.", valueName: "csv|jsonl|npz|tensorboard"))
  var to: RunExport.Format
  @Option(help: "Folder for the files; NAME-FORM when left out.") var out: String?
  @OptionGroup var location: StoreOptions

  func run() throws {
    let run = try location.store.find(name)
    let folder = URL(filePath: out ?? "\(run.name)-\(to.rawValue)", directoryHint: .isDirectory)
    for file in try RunExport(run).write(to, to: folder) {
      StandardStream.output.write("\(file.relativePath)\n")
    }
  }
}

extension RunExport.Format: ExpressibleByArgument {}

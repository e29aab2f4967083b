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
  @OptionGroup var output: OutputOptions

  func run() throws {
    let run = try location.store.find(name)
    let folder = URL(filePath: out ?? "\(run.name)-\(to.rawValue)", directoryHint: .isDirectory)
    let files = try RunExport(run).write(to, to: folder)
    try output.render(FileReport(verb: nil, paths: files.map(\.relativePath)))
  }
}

/// Files or folders that something has happened to; JSON is a list of their paths.
struct FileReport: Report {
  /// "removed"; nil for nothing but the path.
  var verb: String?
  var paths: [String]

  var text: String { paths.map { (verb.map { "\($0) " } ?? "") + $0 + "\n" }.joined() }
  var table: Table? { Table(columns: ["path"], rows: paths.map { [.text($0)] }) }

  func encode(to encoder: any Encoder) throws { try paths.encode(to: encoder) }
}

extension RunExport.Format: ExpressibleByArgument {}

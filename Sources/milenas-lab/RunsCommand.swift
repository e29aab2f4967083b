import ArgumentParser
import EventLog

private typealias Cell = Table.Cell

struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Look at the records of runs.",
    discussion: """
      Example:
        milenas-lab runs list
        milenas-lab runs verify my-run
        milenas-lab runs replay my-run --from-step 10 --to-step 20
      """,
    subcommands: [
      ListCommand.self, ShowCommand.self, SchemaCommand.self, SQLCommand.self,
      VerifyCommand.self, ReplayCommand.self, DiffCommand.self, ExportCommand.self,
      TailCommand.self, RemoveCommand.self,
    ])
}

/// `runs list`
private struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the runs, oldest first.",
    discussion: """
      Example:
        milenas-lab runs list --format json

      The accuracy is that of the validation half for a search (its best epoch), of the test images for an \
      evaluation (its last epoch).
      """)

  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try location.store.checkFolder()
    let report = RunListReport(runs: location.store.list().map(RunSummary.init))
    try output.render(report)
    if report.runs.isEmpty {
      StandardStream.error.write("\(EventLogError.noRuns(folder: location.runsDir))\n")
    }
  }
}

private struct RunListReport: Report {
  let runs: [RunSummary]

  var text: String { runs.isEmpty ? "" : rows.text }
  var table: Table? { rows }

  private var rows: Table {
    Table(
      columns: [
        "name", "status", "kind", "started", "method", "data", "epochs", "accuracy", "n", "r",
      ],
      rows: runs.map { run in
        [
          .text(run.name), .text(run.status.rawValue), Cell(run.kind?.rawValue),
          Cell(run.started), Cell(run.method), Cell(run.data), .integer(Int64(run.epochs)),
          Cell(run.accuracy, decimals: 4), Cell(run.normalConvolutions),
          Cell(run.reductionConvolutions),
        ]
      })
  }

  func encode(to encoder: any Encoder) throws { try runs.encode(to: encoder) }
}

import ArgumentParser
import EventLog

/// `runs diff`
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two runs: settings, steps, outcomes.",
    discussion: """
      Example:
        milenas-lab runs diff exact finite-difference

      Exit code 1 when anything differs.
      """)

  @Argument(help: "A run: name or path.", completion: .runs) var first: String
  @Argument(help: "Another.", completion: .runs) var second: String
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let store = location.store
    let comparison = try RunComparison(store.find(first), store.find(second))
    try output.render(ComparisonReport(comparison: comparison))
    if !comparison.areSame { throw ExitCode(1) }
  }
}

private struct ComparisonReport: Report {
  var comparison: RunComparison

  func encode(to encoder: any Encoder) throws { try comparison.encode(to: encoder) }

  /// Epoch by epoch.
  var table: Table? {
    Table(
      columns: ["epoch"] + comparison.names.map { "accuracy of \($0)" }
        + ["distance of alpha", "genotype"],
      rows: comparison.epochs.map { epoch in
        [
          .integer(Int64(epoch.epoch)), .real(epoch.firstAccuracy, decimals: 4),
          .real(epoch.secondAccuracy, decimals: 4),
          epoch.alphaDistance.map { .real($0, decimals: 6) } ?? .missing,
          Table.Cell(epoch.sameGenotype.map { $0 ? "same" : "other" }),
        ]
      })
  }

  var text: String {
    let settings = Table(
      columns: ["setting"] + comparison.names,
      rows: comparison.settings.map {
        [.text($0.name), Table.Cell($0.first), Table.Cell($0.second)]
      })
    let outcomes = Table(
      columns: ["run", "status", "epochs", "accuracy", "n", "r", "genotype"],
      rows: comparison.results.map { run in
        [
          .text(run.name), .text(run.status.rawValue), .integer(Int64(run.epochs)),
          Table.Cell(run.accuracy, decimals: 4), Table.Cell(run.normalConvolutions),
          Table.Cell(run.reductionConvolutions), Table.Cell(run.genotype),
        ]
      })
    let steps =
      comparison.firstDifference.map { "\(comparison.names[0]) \($0) from \(comparison.names[1])" }
      ?? "all \(comparison.commonSteps) steps that both have are the same in every bit"
    return
      (comparison.settings.isEmpty ? "the settings are the same\n" : settings.text) + "\n"
      + comparison.environment.map { "\($0)\n" }.joined() + steps + "\n\n" + outcomes.text
      + (comparison.epochs.isEmpty ? "" : "\n" + (table?.text ?? ""))
  }
}

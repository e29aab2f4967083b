import ArgumentParser
import EventLog

/// `runs diff`
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two runs: settings, steps, outcomes.",
    discussion: """
      Example:
        milenas-lab runs diff exact finite-difference

      Exit code 1 when anything differs: a setting, a bit of what both have recorded, how far they came or how they \
      ended; and when they have nothing in common.
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
    return
      (comparison.settings.isEmpty ? "the settings are the same\n" : settings.text) + "\n"
      + comparison.environment.map { "\($0)\n" }.joined() + bits + "\n\n" + outcomes.text
      + (comparison.epochs.isEmpty ? "" : "\n" + (table?.text ?? ""))
  }

  /// What was compared, and what was found.
  private var bits: String {
    let (first, second) = (comparison.names[0], comparison.names[1])
    if let difference = comparison.firstDifference {
      return "\(first) \(difference) from \(second)"
    }
    let counts = [(comparison.commonSteps, "steps"), (comparison.epochs.count, "epochs")]
      .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " and ")
    let compared =
      (counts.isEmpty ? [] : ["all \(counts)"]) + (comparison.haveResults ? ["the results"] : [])
    var lines = [
      comparison.isOfAnything
        ? "\(compared.joined(separator: " and ")) that both have are the same in every bit"
        : "nothing could be compared: the records have no step, epoch or result in common"
    ]
    if comparison.steps[0] != comparison.steps[1] {
      let done = zip(comparison.names, comparison.steps).map { name, steps in
        "\(name) \(steps.map { "has done \($0) steps" } ?? "does not tell its steps")"
      }
      lines.append(done.joined(separator: ", "))
    }
    return lines.joined(separator: "\n")
  }
}

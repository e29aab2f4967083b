import Analysis
import ArgumentParser
import EventLog
import Search

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say what a method, a variant or an estimator computes.",
    discussion: """
      Examples:
        milenas-lab explain method darts-2nd-exact
        milenas-lab explain variant
        milenas-lab explain estimator
      """,
    subcommands: [MethodCommand.self, VariantCommand.self, EstimatorCommand.self])
}

/// Lines of a name and what it stands for.
private struct Explanation: Report {
  var entries: [Entry]

  struct Entry: Encodable {
    var name: String
    var meaning: String
  }

  init(_ entries: [(String, String)], only name: String?, kind: String) throws {
    guard let name else {
      self.entries = entries.map { Entry(name: $0.0, meaning: $0.1) }
      return
    }
    guard let found = entries.first(where: { $0.0 == name }) else {
      throw SearchError.unknownName(kind: kind, found: name, known: entries.map(\.0))
    }
    self.entries = [Entry(name: found.0, meaning: found.1)]
  }

  func encode(to encoder: any Encoder) throws { try entries.encode(to: encoder) }

  var table: Table? {
    Table(columns: ["name", "meaning"], rows: entries.map { [.text($0.name), .text($0.meaning)] })
  }

  var text: String { table?.text ?? "" }
}

private struct MethodCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "method", abstract: "The direction that alpha descends along.",
    discussion: """
      Example:
        milenas-lab explain method darts-2nd-exact
      """)
  @Argument(help: "A method; all when left out.") var name: String?
  @OptionGroup var output: OutputOptions

  func run() throws {
    try output.render(
      Explanation(
        SearchMethod.allCases.map { ($0.rawValue, $0.summary) }, only: name, kind: "method"))
  }
}

private struct EstimatorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "estimator", abstract: "The estimators of gradient-error.",
    discussion: """
      Example:
        milenas-lab explain estimator
      """)
  @OptionGroup var output: OutputOptions

  func run() throws {
    try output.render(
      Explanation(Estimator.known.map { ($0.name, $0.meaning) }, only: nil, kind: "estimator"))
  }
}

private struct VariantCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "variant",
    abstract: "Where public codes differ from the paper, with the effect on one step of a run.",
    discussion: """
      Example:
        milenas-lab explain variant --run my-run

      Lists the known differences and how they are had here. With a run, the direction of alpha is formed with and \
      without each of them on the last state's own batches, in Double.
      """)
  @Option(name: .customLong("run"), help: "A run with checkpoints: name or path.")
  var runName: String?
  @OptionGroup var compute: ThreadOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    guard let runName else {
      return try output.render(
        VariantReport(step: nil, effects: [], differences: CodeDifference.known))
    }
    let replay = try Replay(location.store.find(runName), threads: compute.threads)
    let step = try GradientErrorAnalysis.steps(of: replay, count: 1, named: nil).last ?? 0
    try output.render(
      VariantReport(
        step: step,
        effects: try VariantEffect.measure(replay, step: step, threads: compute.threads),
        differences: try CodeDifference.measured(replay, step: step, threads: compute.threads)))
  }
}

private struct VariantReport: Report {
  /// nil where nothing was measured.
  var step: Int?
  var effects: [VariantEffect]
  var differences: [CodeDifference]

  private static func short(_ value: Double?) -> Table.Cell {
    .text(value.map { String(format: "%.3g", $0) } ?? "-")
  }

  /// The differences, one a line.
  var table: Table? {
    Table(
      columns: ["difference", "public_code", "here"]
        + (step == nil ? [] : ["effect", "cosine", "on"]),
      rows: differences.map { difference in
        [.text(difference.what), .text(difference.code), .text(difference.here)]
          + (step == nil
            ? []
            : [
              Self.short(difference.effect), Self.short(difference.cosine),
              Table.Cell(difference.of),
            ])
      })
  }

  var text: String {
    let variants = Table(
      columns: ["variant", "meaning"] + (step == nil ? [] : ["from paper", "cosine", "signs"]),
      rows: VariantEffect.variants.map { variant in
        let effect = effects.first { $0.variant == variant.rawValue }
        return [.text(variant.rawValue), .text(VariantEffect.meaning(of: variant))]
          + (effect.map {
            [
              Self.short($0.difference), .real($0.cosine, decimals: 5),
              .real($0.changedSigns, decimals: 3),
            ]
          } ?? [])
      })
    let subject = step.map {
      "direction of darts-2nd-exact before step \($0) by --variant, against the paper's form\n\n"
    }
    return (subject ?? "") + variants.text
      + "\nwhere public codes differ from the paper"
      + (step == nil ? "; --run RUN measures the effect on one step" : "")
      + "\n\n" + (table?.text ?? "")
  }
}

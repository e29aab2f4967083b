import Analysis
import ArgumentParser
import EventLog
import Foundation
import Search
import Supernet

struct GradientErrorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradient-error",
    abstract: "Measure approximate hypergradients against exact ones along a run.",
    discussion: """
      Examples:
        milenas-lab gradient-error
        milenas-lab gradient-error my-run --every-epoch --batches 8 --unroll 5
        milenas-lab gradient-error my-run --implicit 20 --damping 0.1 --settle 50 --per-edge
        milenas-lab gradient-error my-run --sweep epsilon
        milenas-lab gradient-error --estimators all

      Probes states of a recorded search in Double: DARTS-2nd by finite differences and exact, MiLeNAS, and the
      exact gradient through K steps, on the same batches. What is finished is kept in the run's analysis.sqlite,
      from which `plot gradient-error`, `plot epsilon` and `plot unroll` draw.
      """)

  @Argument(
    help: ArgumentHelp(
      "A run: name or path; the newest with checkpoints when left out.", valueName: "run"))
  var name: String?
  @Option(help: "States that are probed, spread over the run's checkpoints.") var probes = 2
  @Flag(help: "Probe the state after every epoch.") var everyEpoch = false
  @Option(help: "Steps before which states are probed, separated by commas.") var steps: String?
  @Option(help: "Pairs of batches at each state.") var batches = 3
  @Option(help: "K of the exact gradient through K steps that all are compared with.")
  var unroll = 2
  @Option(help: "Radius r of the finite difference.") var radius = 0.01
  @Option(help: "Factor of the validation term in the mixed objective.") var lambda = 1.0
  @Option(
    help: ArgumentHelp(
      "Form the implicit gradient as well, by at most so many iterations of conjugate gradients; it is no gradient "
        + "where the weights are not at a minimum, and says so.", valueName: "iterations"))
  var implicit: Int?
  @Option(help: "Damping of the implicit gradient, added to the Hessian.") var damping = 0.0
  @Option(help: "Steps of w after which the implicit gradient is taken once more.") var settle = 0
  @Flag(help: "Print the errors of every edge as well.") var perEdge = false
  @Option(
    help: ArgumentHelp(
      "Sweep instead of probing: the radius of the finite difference, or K.",
      valueName: "epsilon|unroll"))
  var sweep: Sweep?
  @Flag(help: "Measure how far the loss falls along each direction: a test without a truth.")
  var descentTest = false
  @Option(
    help: ArgumentHelp(
      "Compare estimators by name, separated by commas, or all: \(Estimator.known.map(\.name).joined(separator: ", "))."
    ))
  var estimators: String?
  @Flag(help: "Print what would be done and how long it takes.") var dryRun = false
  @Option(help: "Folder that holds the images now.") var dataDir: String?
  @OptionGroup var compute: ThreadOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard probes >= 1, batches >= 1, unroll >= 1, radius > 0 else {
      throw ValidationError("--probes, --batches, --unroll and --radius must be above 0")
    }
    guard implicit ?? 1 >= 1, damping >= 0, settle >= 0 else {
      throw ValidationError(
        "--implicit must be at least 1, --damping and --settle must not be below 0")
    }
    guard implicit != nil || damping == 0 && settle == 0 else {
      throw ValidationError("--damping and --settle belong to --implicit: give it, too")
    }
    guard !dryRun || sweep == nil && !descentTest && estimators == nil else {
      throw ValidationError(
        "--dry-run plans probes: leave out --sweep, --descent-test, --estimators")
    }
  }

  private var settings: ProbeSettings {
    var settings = ProbeSettings()
    settings.batches = batches
    settings.unroll = unroll
    settings.radius = radius
    settings.lambda = lambda
    settings.implicit = implicit.map {
      ImplicitSettings(iterations: $0, damping: damping, settle: settle)
    }
    return settings
  }

  enum Sweep: String, CaseIterable, ExpressibleByArgument { case epsilon, unroll }

  func run() throws {
    if let estimators { return try compare(try Estimator.list(estimators)) }
    let run = try name.map { try location.store.find($0) } ?? location.store.newestWithCheckpoints()
    let replay = try Replay(run, threads: compute.threads, dataFolder: dataDir)
    if sweep != nil || descentTest { return try sweepOrTest(replay) }
    let analysis = try GradientErrorAnalysis(
      replay, settings: settings, threads: compute.threads,
      steps: GradientErrorAnalysis.steps(of: replay, count: everyEpoch ? nil : probes, named: steps)
    )
    if dryRun {
      try output.render(PlanReport(try analysis.plan()))
      return
    }
    let progress = Progress()
    if !analysis.keepsResults {
      progress.keep(
        "\(run.name) cannot be written, so that probes are not kept: a rerun begins anew")
    }
    let interruption = Interruption(
      says: "finishing this batch; finished probes are kept; press Ctrl-C again to end at once")
    let began = ContinuousClock().now
    let found = try analysis.run(
      isCancelled: { interruption.isRequested },
      progress: { done, all, state in
        let seconds = (ContinuousClock().now - began).inSeconds
        let left =
          done > 0 ? ", \(Clock.text(seconds / Double(done) * Double(all - done))) left" : ""
        progress.update("\(run.name): step \(state), batch \(done) of \(all)\(left)")
      })
    progress.clear()
    guard !found.isEmpty else { throw Interrupted() }
    try output.render(
      GradientErrorReport(run: run.name, summary: GradientErrorSummary(found), showsEdges: perEdge))
    if interruption.isRequested { throw Interrupted() }
  }
}

extension GradientErrorCommand {
  /// The state that sweeps look at: a named one, or that of the last checkpoint.
  private func lastState(_ replay: Replay) throws -> Int {
    try GradientErrorAnalysis.steps(of: replay, count: 1, named: steps).last ?? 0
  }

  private func sweepOrTest(_ replay: Replay) throws {
    let step = try lastState(replay)
    let progress = Progress()
    func tell(_ done: Int, _ all: Int) { progress.update("\(done) of \(all)") }
    if descentTest {
      let test = try DescentTest.kept(
        replay, step: step, threads: compute.threads, unroll: unroll, batches: max(batches, 2),
        progress: tell)
      progress.clear()
      return try output.render(DescentReport(test: test))
    }
    switch sweep {
    case .unroll:
      let result = try UnrollSweep.kept(
        replay, step: step, threads: compute.threads, batches: batches, largest: max(unroll, 5),
        progress: tell)
      progress.clear()
      try output.render(UnrollReport(sweep: result))
    default:
      let result = try EpsilonSweep.kept(
        replay, step: step, threads: compute.threads, batches: batches, progress: tell)
      progress.clear()
      try output.render(EpsilonReport(sweep: result))
    }
  }

  private func compare(_ estimators: [Estimator]) throws {
    var tables = try EstimatorTable.onQuadratic(estimators)
    let progress = Progress()
    if let run = try name.map({ try location.store.find($0) })
      ?? (try? location.store.newestWithCheckpoints())
    {
      let replay = try Replay(run, threads: compute.threads, dataFolder: dataDir)
      tables.append(
        try EstimatorTable.onRun(
          replay, step: try lastState(replay), threads: compute.threads, estimators: estimators,
          unroll: unroll, batches: batches, progress: { progress.update("\(run.name): \($0)") }))
      progress.clear()
    }
    try output.render(EstimatorReport(tables: tables))
  }
}

private struct EpsilonReport: Report {
  var sweep: EpsilonSweep

  func encode(to encoder: any Encoder) throws { try sweep.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["r"]
        + EpsilonSweep.Series.allCases.flatMap { series in
          let name = series.rawValue.lowercased().replacing(", ", with: "_").replacing(
            " ", with: "_")
          return [name, "\(name)_low", "\(name)_high"]
        } + ["flips", "batches"],
      rows: sweep.rows.map { row in
        [.real(row.radius)]
          + EpsilonSweep.Series.allCases.flatMap { series -> [Table.Cell] in
            [.real(row[series].mean), .real(row[series].low), .real(row[series].high)]
          } + [.real(row.flips), .integer(Int64(sweep.batches))]
      })
  }

  var text: String {
    func short(_ value: Double) -> Table.Cell { .text(String(format: "%.2g", value)) }
    func short(_ value: Estimate) -> Table.Cell {
      guard value.low.isFinite else { return short(value.mean) }
      return .text(String(format: "%.2g [%.2g, %.2g]", value.mean, value.low, value.high))
    }
    let rows = Table(
      columns: ["r"] + EpsilonSweep.Series.allCases.map(\.rawValue) + ["flips"],
      rows: sweep.rows.map { row in
        [short(row.radius)] + EpsilonSweep.Series.allCases.map { short(row[$0]) }
          + [.real(row.flips, decimals: 0)]
      })
    let curves = Table(
      columns: ["fitted curve", "a (r^2)", "b (1/r)", "c (1/sqrt r)", "best r", "error there"],
      rows: sweep.curves.map {
        [
          .text($0.name), short($0.a), short($0.b), short($0.c), short($0.bestRadius),
          short($0.bestError),
        ]
      })
    return """
      relative error of the finite difference of the mixed product, before step \(sweep.step): \(sweep.batches == 1 ? "one pair of batches" : "geometric means over \(sweep.batches) pairs of batches"); flips among \(sweep.kinks) kinks

      \(rows.text)
      \(curves.text)
      """
  }
}

private struct UnrollReport: Report {
  var sweep: UnrollSweep

  func encode(to encoder: any Encoder) throws { try sweep.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: [
        "K", "batches", "error", "error_low", "error_high", "cosine", "cosine_low", "cosine_high",
        "captured", "captured_low", "captured_high", "norm",
      ],
      rows: sweep.rows.map { row in
        [.integer(Int64(row.unroll)), .integer(Int64(row.error.count))]
          + [row.error, row.cosine, row.captured].flatMap { value -> [Table.Cell] in
            [
              .real(value.mean, decimals: 4), .real(value.low, decimals: 4),
              .real(value.high, decimals: 4),
            ]
          } + [.real(row.norm.mean, decimals: 5)]
      })
  }

  var text: String {
    "exact gradient through K steps against \(sweep.rows.count - 1) steps, before step \(sweep.step)\n\n"
      + (table?.text ?? "")
  }
}

private struct DescentReport: Report {
  var test: DescentTest

  func encode(to encoder: any Encoder) throws { try test.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["direction", "fall", "low", "high", "batches"],
      rows: test.rows.map {
        [
          .text($0.direction), .real($0.fall.mean, decimals: 5), .real($0.fall.low, decimals: 5),
          .real($0.fall.high, decimals: 5), .integer(Int64($0.fall.count)),
        ]
      })
  }

  var text: String {
    "fall of L_val after \(test.unroll) steps of w, per length \(test.length) that alpha moves, before step \(test.step)\n\n"
      + (table?.text ?? "")
  }
}

private struct EstimatorReport: Report {
  var tables: [EstimatorTable]

  func encode(to encoder: any Encoder) throws { try tables.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: [
        "subject", "estimator", "error", "error_low", "error_high", "cosine", "cosine_low",
        "cosine_high", "batches", "residual", "valid", "gradients", "tangents", "seconds",
      ],
      rows: tables.flatMap { table in
        table.rows.map { row in
          let values = [row.error, row.cosine].flatMap { [$0.mean, $0.low, $0.high] }
          return [.text(table.subject), .text(row.estimator)] + values.map { .real($0) }
            + [.integer(Int64(row.error.count))] + Self.costs(row)
        }
      })
  }

  private static func costs(_ row: EstimatorTable.Row) -> [Table.Cell] {
    [
      row.residual.map { .text(String(format: "%.2g", $0)) } ?? .missing,
      .text(row.isValid ? "yes" : "surrogate"), .integer(Int64(row.gradients)),
      .integer(Int64(row.tangents)), .real(row.seconds, decimals: 2),
    ]
  }

  var text: String {
    tables.map { table in
      let rows = Table(
        columns: [
          "estimator", "error", "cosine", "batches", "residual", "valid", "gradients", "tangents",
          "seconds",
        ],
        rows: table.rows.map { row in
          [
            .text(row.estimator), .text(row.error.text("%.3g")), .text(row.cosine.text("%.4f")),
            .integer(Int64(row.error.count)),
          ] + Self.costs(row)
        })
      return "\(table.subject)\n\n\(rows.text)"
    }.joined(separator: "\n")
      + "\nvalid: an implicit estimate is a gradient only at a minimum of w, with its system solved to 1e-3; brackets: "
      + "95 % intervals over the batches; residual: the largest; passes and seconds: of one batch\n"
  }
}

private struct PlanReport: Report {
  var steps: [Int]
  var finished: Int
  var seconds: Double

  init(_ plan: GradientErrorAnalysis.Plan) {
    steps = plan.steps
    finished = plan.finished
    seconds = plan.seconds
  }

  var table: Table? { nil }
  var text: String {
    "\(steps.count) states, before the steps \(steps.map(String.init).joined(separator: ", ")); "
      + "\(finished) are finished; about \(Clock.text(seconds))\n"
  }
}

extension Estimate {
  /// "1.25 [1.1, 1.4]"; the mean alone where there is no interval.
  fileprivate func text(_ format: String) -> String {
    guard low.isFinite else { return String(format: format, mean) }
    return String(format: "\(format) [\(format), \(format)]", mean, low, high)
  }
}

private struct GradientErrorReport: Report {
  var run: String
  var summary: GradientErrorSummary
  var showsEdges: Bool

  private enum CodingKeys: String, CodingKey { case run, summary }

  private static func text(_ estimate: Estimate, decimals: Int = 3) -> Table.Cell {
    .text("\(estimate.text("%.\(decimals)f")) n=\(estimate.count)")
  }

  /// A line for each probe, direction and target.
  var table: Table? {
    Table(
      columns: [
        "step", "epoch", "direction", "target", "batches", "relative_error", "low", "high",
        "cosine", "cosine_low", "cosine_high", "sign_agreement", "kendall_tau", "favourite",
        "changed_entries",
      ] + Self.operations.map { "signed_error_\($0)" },
      rows: summary.probes.flatMap { probe in
        probe.comparisons.map { comparison in
          let error = Estimate(comparison.relativeErrors)
          let cosine = Estimate(comparison.cosines)
          return [
            .integer(Int64(probe.step)), .integer(Int64(probe.epoch)),
            .text(comparison.direction), .text(comparison.target), .integer(Int64(error.count)),
            .real(error.mean), .real(error.low), .real(error.high), .real(cosine.mean),
            .real(cosine.low), .real(cosine.high),
            .real(Estimate(comparison.signAgreements).mean),
            .real(Estimate(comparison.kendallTaus).mean),
            .real(Estimate(comparison.favourites).mean),
            .real(Estimate(comparison.changedEntries).mean),
          ]
            + Self.operations.indices.map { operation in
              comparison.signedErrorsPerOperation.map { errors in
                .real(Estimate(errors.map { $0[operation] }).mean)
              } ?? .missing
            }
        }
      })
  }

  var text: String {
    let probes = summary.probes
    let names = probes[0].comparisons.map(\.direction).reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let directions = Table(
      columns: [
        "direction", "error, bilevel target", "cosine", "error, mixed target", "signs", "tau",
        "entries",
      ],
      rows: names.map { name in
        [
          .text(name),
          Self.text(summary.estimate(name, against: "bilevel", \.relativeErrors)),
          Self.text(summary.estimate(name, against: "bilevel", \.cosines), decimals: 4),
          Self.text(summary.estimate(name, against: "mixed", \.relativeErrors)),
          Self.text(summary.estimate(name, against: "bilevel", \.signAgreements), decimals: 2),
          Self.text(summary.estimate(name, against: "bilevel", \.kendallTaus), decimals: 2),
          Self.text(summary.estimate(name, against: "bilevel", \.changedEntries), decimals: 1),
        ]
      })
    func table(_ rows: [GradientErrorSummary.Row], _ heading: String) -> Table {
      Table(
        columns: [heading, "share", "size over the target"],
        rows: rows.map {
          [
            .text($0.name), Self.text($0.value, decimals: 4),
            $0.size.map { Self.text($0, decimals: 5) } ?? .missing,
          ]
        })
    }
    let terms = table(summary.terms, "term of the error of darts-2nd")
    let implicit =
      summary.implicitTerms.isEmpty
      ? "" : table(summary.implicitTerms, "term, to the implicit gradient").text + "\n"
    let states = Table(
      columns: [
        "step", "epoch", "rate", "g2/g1", "noise", "halves' cosine", "slope of w", "of its start",
        "batches", "passes", "seconds",
      ],
      rows: probes.map { probe in
        [
          .integer(Int64(probe.step)), .integer(Int64(probe.epoch)),
          .real(probe.rate, decimals: 4), Self.text(Estimate(probe.implicitShares), decimals: 4),
          .real(probe.noise, decimals: 2), .real(probe.reliability, decimals: 3),
          Self.text(Estimate(probe.stationarity), decimals: 3),
          probe.startingStationarity.map { start in
            Self.text(Estimate(probe.stationarity.map { $0 / start }), decimals: 3)
          } ?? .missing,
          .integer(Int64(probe.implicitShares.count)),
          .text("\(probe.gradientPasses) + \(probe.tangentPasses) tangents"),
          .real(probe.seconds, decimals: 1),
        ]
      })
    let twin = Table(
      columns: [
        "step", "r", "error of the difference of g2", "on the smooth twin", "ratio", "batches",
      ],
      rows: probes.flatMap { probe in
        probe.twin.map {
          [
            .integer(Int64(probe.step)), .real($0.radius),
            .text(String(format: "%.3g %%", 100 * $0.network)),
            .text(String(format: "%.3g %%", 100 * $0.twin)),
            .real($0.network / $0.twin, decimals: 0), .integer(1),
          ]
        }
      })
    return """
      \(run): target of the errors is the exact gradient through \(probes[0].settings.unroll) steps of SGD, mean over the batches
      (bilevel: of L_val; mixed: of L_train + lambda L_val); w' is SGD's own step, with momentum and decay.
      \(validity)
      Brackets: 95 % intervals, of the means over batches by Student, over states by the hierarchical bootstrap; n: batches.

      \(directions.text)
      \(terms.text)
      \(implicit)\(operations)\(showsEdges ? edges : "")\(states.text)
      \(twin.text)
      \(summary.words)

      """
  }

  /// Whether there is an implicit gradient at all.
  private var validity: String {
    let implicit = summary.probes.compactMap(\.implicit)
    guard !implicit.isEmpty else {
      return
        "The implicit gradient is no truth here: the weights are not at a minimum, and with batch norm and decay "
        + "there is none; --implicit shows it all the same."
    }
    let settings = implicit[0].settings
    let residual = implicit.flatMap(\.residuals).max() ?? .nan
    return "Implicit gradient, \(settings.iterations) iterations, damping \(settings.damping): "
      + (implicit.allSatisfy(\.isValid) ? "valid" : "a surrogate")
      + String(format: "; residual up to %.2g, ", residual)
      + "negative curvature on \(implicit.reduce(0) { $0 + $1.negativeCurvatures }) batches."
  }

  private static let operations = Operation.allCases.map(\.name)
  /// The directions whose errors are shown in detail.
  private static let detailed = ["darts-1st", "darts-2nd (difference, Float)", "milenas-1st"]

  /// Whom a direction favours; nothing for results of older versions.
  private var operations: String {
    guard summary.probes.allSatisfy({ $0.comparisons[0].signedErrorsPerOperation != nil }) else {
      return ""
    }
    let table = Table(
      columns: ["signed error (below 0: favoured)"] + Self.detailed,
      rows: Self.operations.indices.map { operation in
        [.text(Self.operations[operation])]
          + Self.detailed.map { direction in
            Self.text(
              summary.estimate(direction, against: "bilevel") {
                ($0.signedErrorsPerOperation ?? []).map { $0[operation] }
              }, decimals: 2)
          }
      })
    return table.text + "\n"
  }

  /// Relative errors of the edges, normal cell first.
  private var edges: String {
    guard let count = summary.probes[0].comparisons[0].relativeErrorsPerEdge?.first?.count,
      summary.probes.allSatisfy({ $0.comparisons[0].relativeErrorsPerEdge != nil })
    else { return "" }
    let table = Table(
      columns: ["error of edge"] + Self.detailed,
      rows: (0..<count).map { edge in
        [.text("\(edge < count / 2 ? "normal" : "reduction") \(edge % (count / 2))")]
          + Self.detailed.map { direction in
            Self.text(
              summary.estimate(direction, against: "bilevel") {
                ($0.relativeErrorsPerEdge ?? []).map { $0[edge] }
              })
          }
      })
    return table.text + "\n"
  }
}

import Analysis
import ArgumentParser
import EventLog
import Foundation
import Search

struct CurvatureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "curvature",
    abstract: "Eigenvalues of the alpha-Hessian along a run, and the R-DARTS stopping rule.",
    discussion: """
      Examples:
        milenas-lab curvature
        milenas-lab curvature my-run --batches 4 --factor 1.3 --every 1

      Lanczos with exact products in Double, after every epoch that has a checkpoint; the null space of the softmax \
      (a constant on each edge) is deflated. What is finished is kept in the run's analysis.sqlite, from which \
      `plot curvature` draws.
      """)

  @Argument(
    help: ArgumentHelp(
      "A run: name or path; the newest with checkpoints when left out.", valueName: "run"))
  var name: String?
  @Option(help: "Validation batches at each state.") var batches = 2
  @Option(help: "Iterations of Lanczos' method, at most.") var iterations = 30
  @Option(help: "R-DARTS: growth of the largest eigenvalue that stops a search.") var factor = 1.3
  @Option(help: "R-DARTS: epochs from one measurement to the next.") var every = 2
  @Option(help: "R-DARTS: measurements that are averaged.") var window = 5
  @Option(help: "R-DARTS: measurements from one average to the one that it is compared with.")
  var lag = 4
  @Option(help: "R-DARTS: the first epoch whose cell may be kept.") var firstEpoch = 10
  @Flag(help: "Print what would be done and how long it takes.") var dryRun = false
  @Option(help: "Folder that holds the images now.") var dataDir: String?
  @OptionGroup var compute: ThreadOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard batches >= 1, iterations >= 1 else {
      throw ValidationError("--batches and --iterations must be at least 1")
    }
    guard factor > 1, factor.isFinite, every >= 1, window >= 1, lag >= 1, firstEpoch >= 0 else {
      throw ValidationError(
        "--factor must be a finite number above 1, --every, --window and --lag at least 1, --first-epoch at least 0"
      )
    }
  }

  func run() throws {
    let run = try name.map { try location.store.find($0) } ?? location.store.newestWithCheckpoints()
    let replay = try Replay(run, threads: compute.threads, dataFolder: dataDir)
    let steps = try GradientErrorAnalysis.steps(of: replay, count: nil, named: nil)
    if dryRun {
      let plan = try AlphaSpectrum.plan(
        replay, steps: steps, threads: compute.threads, batches: batches, iterations: iterations)
      return try output.render(PlanReport(plan))
    }
    let progress = Progress()
    let interruption = Interruption(
      says: "finishing this batch; what is finished is kept; press Ctrl-C again to end at once")
    var states: [AlphaSpectrum] = []
    do {
      for (index, step) in steps.enumerated() {
        progress.update("\(run.name): state \(index + 1) of \(steps.count)")
        states.append(
          try .kept(
            replay, step: step, threads: compute.threads, batches: batches, iterations: iterations,
            isCancelled: { interruption.isRequested }))
      }
    } catch is CancellationError {
      progress.keep("\(run.name): the same command goes on from here")
    }
    progress.clear()
    guard !states.isEmpty else { throw Interrupted() }
    try output.render(CurvatureReport(run: run.name, states: states, rule: rule))
    if interruption.isRequested { throw Interrupted() }
  }

  private var rule: CurvatureRule {
    var rule = CurvatureRule()
    rule.factor = factor
    rule.every = every
    rule.window = window
    rule.lag = lag
    rule.firstEpoch = firstEpoch
    return rule
  }
}

private struct CurvatureReport: Report {
  var run: String
  var states: [AlphaSpectrum]
  var rule: CurvatureRule
  /// The epoch whose cell R-DARTS would keep; nil: it would not stop.
  var stop: Int?

  init(run: String, states: [AlphaSpectrum], rule: CurvatureRule) {
    self.run = run
    self.states = states
    self.rule = rule
    stop = rule.stop(along: states)
  }

  var table: Table? {
    Table(
      columns: ["step", "epochs", "batches"] + Estimate.columns(["largest", "smallest", "trace"])
        + ["largest_of_mean", "residual", "top_edge", "top_edge_share", "products"],
      rows: states.map { state in
        let top = Self.topEdge(state)
        return [
          .integer(Int64(state.step)), .integer(Int64(state.epoch)),
          .integer(Int64(state.largest.count)),
        ] + state.largest.cells + state.smallest.cells + state.trace.cells + [
          .real(state.largestOfMean), state.residual.map { .real($0) } ?? .missing,
          .text(top.name), .real(top.share), .integer(Int64(state.products)),
        ]
      })
  }

  var text: String {
    let rows = Table(
      columns: [
        "step", "epochs", "largest", "smallest", "trace", "largest of the mean", "residual",
        "top edge", "batches", "products",
      ],
      rows: states.map { state in
        let top = Self.topEdge(state)
        return [
          .integer(Int64(state.step)), .integer(Int64(state.epoch)),
          .text(state.largest.text("%.4f")), .text(state.smallest.text("%.4f")),
          .text(state.trace.text("%.3f")), .real(state.largestOfMean, decimals: 5),
          state.residual.map { .text($0 < 1e-12 ? "< 1e-12" : String(format: "%.1e", $0)) }
            ?? .missing,
          .text(String(format: "%@, %.0f %%", top.name, 100 * top.share)),
          .integer(Int64(state.largest.count)), .integer(Int64(state.products)),
        ]
      })
    return """
      \(run): eigenvalues of the alpha-Hessian of L_val, without alpha's decay
      Brackets: 95 % intervals over the batches, whose largest eigenvalue is biased up; the mean Hessian's is less so.
      Residual: of the mean Hessian's largest pair, over the eigenvalue; top edge: most of its eigenvector's square.

      \(rows.text)
      \(rule.words(along: states))

      """
  }

  /// Where most of the top eigenvector lies.
  private static func topEdge(_ state: AlphaSpectrum) -> (name: String, share: Double) {
    let shares = state.participation
    let top = shares.indices.max { shares[$0] < shares[$1] } ?? 0
    return (Edge.name(top, of: shares.count), shares[top])
  }
}

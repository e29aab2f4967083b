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
        milenas-lab curvature my-run --batches 4 --factor 1.3

      Lanczos with exact products in Double, after every epoch that has a checkpoint; the null space of the softmax
      (a constant on each edge) is deflated. What is finished is kept in the run's analysis.sqlite, from which
      `plot curvature` draws.
      """)

  @Argument(
    help: ArgumentHelp(
      "A run: name or path; the newest with checkpoints when left out.", valueName: "run"))
  var name: String?
  @Option(help: "Validation batches at each state.") var batches = 2
  @Option(help: "Iterations of Lanczos' method.") var iterations = 15
  @Option(help: "Growth of the largest eigenvalue at which R-DARTS stops.") var factor = 1.3
  @Option(help: "Folder that holds the images now.") var dataDir: String?
  @OptionGroup var compute: ThreadOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard batches >= 1, iterations >= 1 else {
      throw ValidationError("--batches and --iterations must be at least 1")
    }
  }

  func run() throws {
    let run = try name.map { try location.store.find($0) } ?? location.store.newestWithCheckpoints()
    let replay = try Replay(run, threads: compute.threads, dataFolder: dataDir)
    let steps = try GradientErrorAnalysis.steps(of: replay, count: nil, named: nil)
    let progress = Progress()
    let interruption = Interruption(says: "finishing this state")
    var states: [AlphaSpectrum] = []
    for (index, step) in steps.enumerated() where !interruption.isRequested {
      progress.update("\(run.name): state \(index + 1) of \(steps.count)")
      states.append(
        try .kept(
          replay, step: step, threads: compute.threads, batches: batches, iterations: iterations))
    }
    progress.clear()
    var rule = CurvatureRule()
    rule.factor = factor
    rule.every = 1
    let stop = rule.stop(
      epochs: states.map { $0.epoch - 1 }, curvatures: states.map(\.largestOfMean))
    try output.render(CurvatureReport(run: run.name, states: states, stop: stop))
    if interruption.isRequested { throw Interrupted() }
  }
}

private struct CurvatureReport: Report {
  var run: String
  var states: [AlphaSpectrum]
  /// The epoch whose cell R-DARTS would keep; nil: it would not stop.
  var stop: Int?

  var table: Table? {
    Table(
      columns: [
        "step", "epochs", "batches", "largest", "low", "high", "smallest", "trace",
        "largest_of_mean", "products",
      ],
      rows: states.map { state in
        [
          .integer(Int64(state.step)), .integer(Int64(state.epoch)),
          .integer(Int64(state.largest.count)), .real(state.largest.mean, decimals: 5),
          .real(state.largest.low, decimals: 5), .real(state.largest.high, decimals: 5),
          .real(state.smallest.mean, decimals: 5), .real(state.trace.mean, decimals: 4),
          .real(state.largestOfMean, decimals: 5), .integer(Int64(state.products)),
        ]
      })
  }

  var text: String {
    "\(run): eigenvalues of the alpha-Hessian of L_val, without alpha's decay\n\n"
      + (table?.text ?? "")
      + (stop.map { "\nR-DARTS would stop and keep the cell of epoch \($0)\n" }
        ?? "\nR-DARTS would not stop: the largest eigenvalue has not grown enough, or too few epochs are there\n")
  }
}

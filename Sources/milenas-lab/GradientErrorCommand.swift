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

      Probes states of a recorded search in Double: DARTS-2nd by finite differences and exact, MiLeNAS, and the \
      exact gradient through K steps, on the same batches. What is finished is kept in the run's analysis.sqlite, \
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
    guard probes >= 1, batches >= 1, unroll >= 1 else {
      throw ValidationError("--probes, --batches and --unroll must be at least 1")
    }
    guard radius > 0, radius.isFinite else {
      throw ValidationError("--radius must be a finite number above 0, not \(radius)")
    }
    guard lambda >= 0, lambda.isFinite else {
      throw ValidationError("--lambda must be a finite number from 0 on, not \(lambda)")
    }
    guard implicit ?? 1 >= 1, damping >= 0, damping.isFinite, settle >= 0 else {
      throw ValidationError(
        "--implicit must be at least 1, --damping and --settle finite numbers from 0 on")
    }
    guard implicit != nil || damping == 0 && settle == 0 else {
      throw ValidationError("--damping and --settle belong to --implicit: give it, too")
    }
    let others = [sweep != nil, descentTest, estimators != nil].count { $0 }
    guard others <= 1 else {
      throw ValidationError("--sweep, --descent-test and --estimators exclude each other: give one")
    }
    let isOfProbes = perEdge || everyEpoch || implicit != nil || radius != 0.01 || lambda != 1
    guard others == 0 || !isOfProbes else {
      throw ValidationError(
        "--every-epoch, --per-edge, --implicit, --radius and --lambda belong to probes: leave them out here"
      )
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
    progress.tellIfNotKept(run)
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
    if dryRun { return try output.render(PlanReport(try plan(replay, step: step))) }
    let parts = PartByPart(of: replay.reader.run)
    if descentTest {
      let test = try parts.run { isCancelled, progress in
        try DescentTest.kept(
          replay, step: step, threads: compute.threads, unroll: unroll, batches: max(batches, 2),
          isCancelled: isCancelled, progress: progress)
      }
      return try output.render(DescentReport(test: test))
    }
    switch sweep {
    case .unroll:
      let result = try parts.run { isCancelled, progress in
        try UnrollSweep.kept(
          replay, step: step, threads: compute.threads, batches: batches, largest: max(unroll, 5),
          isCancelled: isCancelled, progress: progress)
      }
      try output.render(UnrollReport(sweep: result))
    default:
      let result = try parts.run { isCancelled, progress in
        try EpsilonSweep.kept(
          replay, step: step, threads: compute.threads, batches: batches, isCancelled: isCancelled,
          progress: progress)
      }
      try output.render(EpsilonReport(sweep: result))
    }
  }

  private func plan(_ replay: Replay, step: Int) throws -> GradientErrorAnalysis.Plan {
    if descentTest {
      return try DescentTest.plan(
        replay, step: step, threads: compute.threads, unroll: unroll, batches: max(batches, 2))
    }
    return switch sweep {
    case .unroll:
      try UnrollSweep.plan(
        replay, step: step, threads: compute.threads, batches: batches, largest: max(unroll, 5))
    default:
      try EpsilonSweep.plan(replay, step: step, threads: compute.threads, batches: batches)
    }
  }

  private func compare(_ estimators: [Estimator]) throws {
    let run =
      try name.map { try location.store.find($0) }
      ?? (try? location.store.newestWithCheckpoints())
    if dryRun {
      let replay = try Replay(
        run ?? location.store.newestWithCheckpoints(), threads: compute.threads,
        dataFolder: dataDir)
      let plan = try EstimatorTable.plan(
        replay, step: lastState(replay), threads: compute.threads, estimators: estimators,
        unroll: unroll, batches: batches)
      return try output.render(PlanReport(plan))
    }
    var tables = try EstimatorTable.onQuadratic(estimators)
    if let run {
      let replay = try Replay(run, threads: compute.threads, dataFolder: dataDir)
      let step = try lastState(replay)
      tables.append(
        try PartByPart(of: run).run { isCancelled, progress in
          try EstimatorTable.onRun(
            replay, step: step, threads: compute.threads, estimators: estimators, unroll: unroll,
            batches: batches, isCancelled: isCancelled, progress: progress)
        })
    }
    try output.render(EstimatorReport(tables: tables))
  }
}

/// A computation that keeps its parts: Ctrl-C ends it after the one that is being made, and the next run goes on there.
private struct PartByPart {
  private let run: RunFolder
  private let progress = Progress()

  init(of run: RunFolder) { self.run = run }

  /// - Throws: `Interrupted` in place of `CancellationError`; what `work` throws.
  func run<Result>(
    _ work: (_ isCancelled: @escaping () -> Bool, _ progress: (Int, Int) -> Void) throws -> Result
  ) throws -> Result {
    progress.tellIfNotKept(run)
    let interruption = Interruption(
      says: "finishing this part; finished parts are kept; press Ctrl-C again to end at once")
    var (finished, parts) = (0, 0)
    defer { progress.clear() }
    do {
      return try work(
        { interruption.isRequested },
        { done, all in
          (finished, parts) = (done, all)
          progress.update("\(run.name): part \(done + 1) of \(all)")
        })
    } catch is CancellationError {
      progress.keep(
        "\(run.name): \(finished) of \(parts) parts are kept; the same command goes on from there")
      throw Interrupted()
    }
  }
}

extension Progress {
  /// Says so where results cannot be written.
  fileprivate func tellIfNotKept(_ run: RunFolder) {
    guard (try? AnalysisStore(run).keepsResults) == false else { return }
    keep("\(run.name) cannot be written, so that nothing is kept: a rerun begins anew")
  }
}

/// What an analysis is going to do.
struct PlanReport: Report {
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
    "\(steps.count) state\(steps.count == 1 ? "" : "s"), before step "
      + "\(steps.map(String.init).joined(separator: ", ")); finished: \(finished); about \(Clock.text(seconds))\n"
  }
}

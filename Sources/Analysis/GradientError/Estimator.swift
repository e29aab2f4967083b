import Datasets
import EventLog
import Foundation
import Kernels
import Search
import Supernet

/// An estimator of the hypergradient, by name; some are the defaults of a library.
public struct Estimator: Equatable, Sendable, CustomStringConvertible {
  enum Kind: Equatable, Sendable {
    case first
    case finiteDifference
    case exact
    /// g1 − J v: the inverse Hessian taken for the identity.
    case identity
    case neumann(products: Int, rate: Double)
    case conjugateGradients(iterations: Int)
    /// Three terms of the Neumann series, and a finite difference for the mixed product with their sum.
    case publicIDARTS
    /// Implicit where a descent of its own ends.
    case ownSolution(iterations: Int)
    /// Through the steps of that descent.
    case ownSteps(iterations: Int)
    case unrolled(Int)
  }

  /// Its name with its numbers: "neumann:10:1".
  public let description: String
  let kind: Kind

  /// Every name without numbers, with what it stands for.
  public static let known: [(name: String, meaning: String)] = [
    ("first", "g1 alone: DARTS-1st"), ("fd", "one step, finite difference with r = 0.01 (eq. 8)"),
    ("exact", "one step, exact product (eq. 7)"),
    ("t1t2", "the inverse Hessian taken for the identity"),
    ("neumann:K[:RATE]", "implicit, K products of the Neumann series; RATE 1 as in the libraries"),
    ("cg:K", "implicit, K iterations of conjugate gradients"),
    ("unrolled:K", "exact through K steps"),
    ("darts", "as fd: the public DARTS code"), ("betty", "neumann:1:1, Betty's default"),
    ("torchopt", "neumann:10:1, TorchOpt's default"),
    (
      "jaxopt[:K]",
      "implicit where jaxopt's GradientDescent ends by default, after at most K (20) steps from w"
    ),
    ("jaxopt-unrolled[:K]", "through the steps of that descent: jaxopt without implicit_diff"),
    (
      "idarts",
      "neumann:2 at the rate of w, its mixed product a finite difference, as in the public iDARTS code"
    ),
  ]

  /// Each once: fd is darts, neumann:1 is betty, neumann:10 is torchopt.
  private static let all = [
    "first", "exact", "t1t2", "cg:1", "cg:3", "unrolled:3", "darts", "betty", "torchopt", "jaxopt",
    "jaxopt-unrolled", "idarts",
  ]

  /// Estimators from names separated by commas, or "all".
  ///
  /// - Throws: `AnalysisError.badEstimator`.
  public static func list(_ names: String) throws -> [Estimator] {
    let names = names == "all" ? all : names.split(separator: ",").map(String.init)
    return try names.map { try Estimator($0) }
  }

  /// An estimator by its name: "fd", "neumann:10:1", "unrolled:5"; `known` lists them.
  ///
  /// - Throws: `AnalysisError.badEstimator`.
  public init(_ name: String) throws {
    description = name
    let words = name.split(separator: ":", omittingEmptySubsequences: false)
    let count = words.count > 1 ? Int(words[1]) : nil
    switch (words[0], words.count) {
    case ("first", 1): kind = .first
    case ("fd", 1), ("darts", 1): kind = .finiteDifference
    case ("exact", 1): kind = .exact
    case ("t1t2", 1): kind = .identity
    case ("betty", 1): kind = .neumann(products: 1, rate: 1)
    case ("torchopt", 1): kind = .neumann(products: 10, rate: 1)
    case ("jaxopt", 1): kind = .ownSolution(iterations: 20)
    case ("jaxopt-unrolled", 1): kind = .ownSteps(iterations: 20)
    case ("jaxopt", 2), ("jaxopt-unrolled", 2):
      guard let count, count >= 1 else { throw AnalysisError.badEstimator(name) }
      kind = words[0] == "jaxopt" ? .ownSolution(iterations: count) : .ownSteps(iterations: count)
    case ("idarts", 1): kind = .publicIDARTS
    case ("neumann", 2...3):
      guard let count, count >= 0 else { throw AnalysisError.badEstimator(name) }
      guard let rate = words.count == 3 ? Double(words[2]) : 1, rate > 0 else {
        throw AnalysisError.badEstimator(name)
      }
      kind = .neumann(products: count, rate: rate)
    case ("cg", 2):
      guard let count, count >= 1 else { throw AnalysisError.badEstimator(name) }
      kind = .conjugateGradients(iterations: count)
    case ("unrolled", 2):
      guard let count, count >= 0 else { throw AnalysisError.badEstimator(name) }
      kind = .unrolled(count)
    default: throw AnalysisError.badEstimator(name)
    }
  }

  /// K of the longest unroll that a list asks for.
  static func longestUnroll(_ estimators: [Estimator]) -> Int {
    estimators.map { if case .unrolled(let steps) = $0.kind { steps } else { 0 } }.max() ?? 0
  }

  /// What it costs, in gradient passes: a tangent takes 2.5 of them. Of iterations it may make fewer, and line searches
  /// look more than once.
  var passes: Double {
    func implicit(products: Int) -> Double { 1 + 2.5 * Double(products + 1) }
    return switch kind {
    case .first: 1
    case .finiteDifference: 4
    case .exact: 2 + 2.5
    case .identity: implicit(products: 0)
    case .neumann(let products, _): implicit(products: products)
    case .conjugateGradients(let iterations): implicit(products: iterations)
    case .publicIDARTS: implicit(products: 2) + 2
    case .ownSolution(let iterations): 2 * Double(iterations) + implicit(products: 20)
    case .ownSteps(let iterations): 4.5 * Double(iterations) + 1
    case .unrolled(let steps): 3.5 * Double(steps) + 1
    }
  }

  /// What an estimator gave at a point.
  struct Value {
    var direction: [Double]
    /// Relative residual of the linear system; nil for estimators that solve none.
    var residual: Double?
    var isValid: Bool
    var cost: PassCost
  }

  /// - Parameters:
  ///   - path: the batches of further steps, the first being `inputs.inner`.
  ///   - startingStationarity: ‖∇_wΦ‖ where the descent of w began, for the validity of implicit estimates.
  func value<Problem: BilevelProblem>(
    of problem: Problem, at state: BilevelState<Double>, on inputs: BilevelInputs<Problem.Input>,
    path: [Problem.Input], descent: InnerDescent, startingStationarity: Double
  ) throws -> Value where Problem.Scalar == Double {
    func oneStep(_ order: SecondOrder) throws -> Value {
      let found = try problem.oneStepHypergradient(
        at: state, on: inputs, step: UnrolledStep(.dartsCode, descent), secondOrder: order)
      return Value(direction: found.direction, residual: nil, isValid: true, cost: found.cost)
    }
    func implicit(_ solver: LinearSolver, at point: Point<Double>? = nil) throws -> Value {
      let found = try problem.implicitHypergradient(
        at: point ?? state.point, on: inputs, weightDecay: descent.weightDecay, solver: solver)
      return Value(
        direction: found.hypergradient.direction, residual: found.relativeResidual,
        isValid: found.isValid(startingStationarity: startingStationarity),
        cost: found.hypergradient.cost)
    }
    func ownSolution(_ iterations: Int) throws -> Value {
      var cost = PassCost()
      let end = try AcceleratedDescent(iterations: iterations).descend(
        problem, from: state.point, on: inputs.inner, weightDecay: descent.weightDecay,
        cost: &cost
      ).end
      var value = try implicit(.conjugateGradients(iterations: 20, tolerance: 0), at: end)
      value.cost = value.cost + cost
      return value
    }
    func ownSteps(_ iterations: Int) throws -> Value {
      var cost = PassCost()
      let direction = try AcceleratedDescent(iterations: iterations).hypergradient(
        problem, from: state.point, on: inputs, weightDecay: descent.weightDecay, cost: &cost)
      return Value(direction: direction, residual: nil, isValid: true, cost: cost)
    }
    /// The step of the difference is 0.01 over the length of ∇_wL_val, not over that of the sum it goes along.
    func publicIDARTS() throws -> Value {
      let found = try problem.implicitHypergradient(
        at: state.point, on: inputs, weightDecay: descent.weightDecay,
        solver: .neumann(terms: 3, rate: descent.rate))
      let sum = found.solution.x
      let product = try problem.finiteDifferenceProduct(
        radius: 0.01 * sum.norm / found.hypergradient.outerGradient.norm, along: sum,
        at: state.point, on: inputs.inner)
      var cost = found.hypergradient.cost
      cost.countGradient(.alpha)
      cost.countGradient(.alpha)
      return Value(
        direction: found.hypergradient.direct.subtracting(product),
        residual: found.relativeResidual,
        isValid: found.isValid(startingStationarity: startingStationarity), cost: cost)
    }
    func unrolled(_ steps: Int) throws -> Value {
      let found = try problem.unrolledHypergradient(
        at: state, through: Array(path.prefix(steps)), outer: inputs.outer, descent: descent)
      return Value(direction: found.direction, residual: nil, isValid: true, cost: found.cost)
    }
    switch kind {
    case .first: return try unrolled(0)
    case .finiteDifference: return try oneStep(.finiteDifference(radius: 0.01))
    case .exact: return try oneStep(.exact)
    case .identity: return try implicit(.neumann(terms: 1, rate: 1))
    case .neumann(let products, let rate):
      return try implicit(.neumann(terms: products + 1, rate: rate))
    case .conjugateGradients(let iterations):
      return try implicit(.conjugateGradients(iterations: iterations, tolerance: 0))
    case .publicIDARTS: return try publicIDARTS()
    case .ownSolution(let iterations): return try ownSolution(iterations)
    case .ownSteps(let iterations): return try ownSteps(iterations)
    case .unrolled(let steps): return try unrolled(steps)
    }
  }
}

/// Estimators beside a reference at one point.
public struct EstimatorTable: Codable, Equatable, Sendable {
  /// One estimator.
  public struct Row: Codable, Equatable, Sendable {
    /// Its name, as `explain estimator` lists it.
    public var estimator: String
    /// Over the batches, of which a problem in closed form has one.
    public var error: Estimate
    /// Of the angle between estimate and reference.
    public var cosine: Estimate
    /// The largest.
    public var residual: Double?
    /// Whether the estimate may be called a gradient there: implicit ones only at a minimum of w, solved to 1e-3.
    public var isValid: Bool
    /// Of one batch.
    public var gradients: Int
    /// Tangent passes taken.
    public var tangents: Int
    /// Wall time, in seconds.
    public var seconds: Double
  }

  /// The point and the reference, in words.
  public var subject: String
  /// In the order of the names asked for.
  public var rows: [Row]

  /// Where estimators are compared on one batch, and with what.
  private struct Setting<Problem: BilevelProblem> where Problem.Scalar == Double {
    var problem: Problem
    var state: BilevelState<Double>
    var inputs: BilevelInputs<Problem.Input>
    /// The batches of the steps from the first on.
    var path: [Problem.Input]
    var descent: InnerDescent
    var reference: [Double]
    var startingStationarity: Double

    func trial(of estimator: Estimator) throws -> Trial {
      let began = ContinuousClock().now
      let value = try estimator.value(
        of: problem, at: state, on: inputs, path: path, descent: descent,
        startingStationarity: startingStationarity)
      let comparison = DirectionComparison(
        estimate: value.direction, reference: reference, edges: 1, operations: reference.count)
      return Trial(
        error: comparison.relativeError, cosine: comparison.cosine, residual: value.residual,
        isValid: value.isValid, gradients: value.cost.gradients, tangents: value.cost.tangents,
        seconds: (ContinuousClock().now - began).inSeconds)
    }
  }

  /// One estimator on one batch.
  private struct Trial: Codable {
    var error: Double
    var cosine: Double
    var residual: Double?
    var isValid: Bool
    var gradients: Int
    var tangents: Int
    var seconds: Double
  }

  private init(
    _ subject: String, _ estimators: [Estimator], batches: Int,
    trial: (Estimator, Int) throws -> Trial
  ) rethrows {
    self.subject = subject
    rows = try estimators.map { estimator in
      let trials = try (0..<batches).map { try trial(estimator, $0) }
      return Row(
        estimator: estimator.description, error: Estimate(trials.map(\.error)),
        cosine: Estimate(cosines: trials.map(\.cosine)),
        residual: trials.compactMap(\.residual).max(),
        isValid: trials.allSatisfy(\.isValid), gradients: trials[0].gradients,
        tangents: trials[0].tangents,
        seconds: trials.reduce(0) { $0 + $1.seconds } / Double(batches))
    }
  }

  /// The certified quadratic problem of three weights, whose truth is known: at the given w and at the minimum.
  ///
  /// - Throws: `AnalysisError.notACaseFile` when the shipped cases are damaged.
  public static func onQuadratic(_ estimators: [Estimator]) throws -> [EstimatorTable] {
    let file = try ShippedFile.url(bundle: "milenas-lab_Analysis", path: "gradient_cases.json")
    let node = try CaseSelfTest(file: file).node("quadratic_bilevel")
    let (problem, point) = try QuadraticBilevel.read(node)
    let minimum = try StationaryPoint(problem: problem).find(from: point, on: .inner)
    let inputs = BilevelInputs(inner: Level.inner, outer: Level.outer)
    let truth = try problem.implicitHypergradient(
      at: minimum, on: inputs,
      solver: .conjugateGradients(iterations: 4 * problem.weightCount, tolerance: 1e-15)
    ).hypergradient.direction
    var setting = Setting(
      problem: problem, state: BilevelState(point), inputs: inputs,
      path: [Level](repeating: .inner, count: Estimator.longestUnroll(estimators)),
      descent: InnerDescent(rate: try node.number("xi")), reference: truth,
      startingStationarity: try problem.gradient(.weights, at: point, on: .inner).weights.norm)
    return try [("certified quadratic, at the given w", point), ("at its minimum", minimum)].map {
      subject, place in
      setting.state = BilevelState(place)
      return try EstimatorTable(subject, estimators, batches: 1) { estimator, _ in
        try setting.trial(of: estimator)
      }
    }
  }

  /// What decides a trial on a run.
  private struct TrialSettings: Encodable {
    var estimator: String
    var unroll: Int
    var batch: Int

    init(_ estimator: Estimator, unroll: Int, batch: Int) {
      (self.estimator, self.unroll, self.batch) = (estimator.description, unroll, batch)
    }

    /// How many addresses of batches the trial looks at.
    static func batches(_ estimator: Estimator, unroll: Int, batch: Int) -> Int {
      batch + max(unroll, Estimator.longestUnroll([estimator]))
    }
  }

  /// A state of a run; the reference is the exact gradient through `unroll` steps from the same batches.
  ///
  /// Each estimator on each pair of batches is kept with the run when it is finished.
  /// - Parameters:
  ///   - batches: pairs of batches, on each of which every estimator is formed.
  ///   - progress: is told of estimates done, of how many.
  /// - Throws: what the passes throw; `CancellationError` once cancelled.
  public static func onRun(
    _ replay: Replay, step: Int, threads: Int, estimators: [Estimator], unroll: Int,
    batches: Int, isCancelled: @escaping () -> Bool = { false },
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> EstimatorTable {
    let longest = max(1, unroll, Estimator.longestUnroll(estimators))
    let probe = try ProbePoint(replay, step: step, pairs: batches, further: longest - 1)
    let net = try ProbeNetworks(replay, threads: threads).double
    let start = try replay.startingStationarity()
    var settings: [Int: Setting<Supernet<Double>>] = [:]
    func setting(_ batch: Int) throws -> Setting<Supernet<Double>> {
      if let known = settings[batch] { return known }
      let path = Array(probe.train.double[batch..<(batch + longest)])
      let inputs = BilevelInputs(inner: path[0], outer: probe.validation.double[batch])
      let reference = try net.unrolledHypergradient(
        at: probe.double, through: Array(path.prefix(unroll)), outer: inputs.outer,
        descent: probe.descent)
      let made = Setting(
        problem: net, state: probe.double, inputs: inputs, path: path, descent: probe.descent,
        reference: reference.direction, startingStationarity: start)
      settings[batch] = made
      return made
    }
    var done = 0
    return try EstimatorTable(
      "\(replay.reader.run.name), before step \(step), against the exact gradient through \(unroll) steps",
      estimators, batches: batches
    ) { estimator, batch in
      progress(done, estimators.count * batches)
      done += 1
      return try KeptResults.result(
        .estimator, of: replay,
        settings: TrialSettings(estimator, unroll: unroll, batch: batch), step: step,
        batches: TrialSettings.batches(estimator, unroll: unroll, batch: batch),
        isCancelled: isCancelled
      ) { _ in try setting(batch).trial(of: estimator) }
    }
  }

  /// What `onRun` costs: passes, and seconds by the time of one of them.
  ///
  /// - Throws: what the passes throw.
  public static func plan(
    _ replay: Replay, step: Int, threads: Int, estimators: [Estimator], unroll: Int, batches: Int
  ) throws -> GradientErrorAnalysis.Plan {
    var passes = 0.0
    for batch in 0..<batches {
      let open = try estimators.filter {
        try !KeptResults.holds(
          .estimator, of: replay, settings: TrialSettings($0, unroll: unroll, batch: batch),
          step: step, batches: TrialSettings.batches($0, unroll: unroll, batch: batch))
      }
      // Those of a pair of batches share their reference.
      if !open.isEmpty { passes += 3.5 * Double(unroll) + 1 }
      passes += open.reduce(0) { $0 + $1.passes }
    }
    return try GradientErrorAnalysis.plan(
      replay, step: step, threads: threads, isKept: passes == 0, passes: passes)
  }
}

import EventLog
import Kernels
import Search
import Supernet

/// What decides a probe.
public struct ProbeSettings: Codable, Equatable, Sendable {
  /// Paired batches, M: every direction sees the same ones.
  public var batches = 3
  /// K of the target d_K.
  public var unroll = 2
  /// r of the finite difference.
  public var radius = 0.01
  /// λ of the mixed objective.
  public var lambda = 1.0
  /// The implicit gradient too, as a surrogate where it is none; nil: only if the weights are at a minimum.
  public var implicit: ImplicitSettings?

  /// Three batches, K = 2, r = 0.01, λ = 1.
  public init() {}

  /// Batches after the pairs: those of the steps that the last pair's path goes on with, and of settling.
  var further: Int { unroll - 1 + (implicit?.settle ?? 0 > 0 ? 1 : 0) }
}

/// How the implicit gradient of a probe is formed.
public struct ImplicitSettings: Codable, Equatable, Sendable {
  /// Iterations of conjugate gradients on each batch.
  public var iterations: Int
  /// δ of H + δI: it decides the answer wherever H is not positive definite.
  public var damping: Double
  /// Steps of SGD with α fixed, after which the gradient is taken once more, nearer to a minimum.
  public var settle: Int

  /// Of the solver, and how far w is settled before.
  public init(iterations: Int = 20, damping: Double = 0, settle: Int = 0) {
    self.iterations = iterations
    self.damping = damping
    self.settle = settle
  }
}

/// The error of DARTS-2nd and of its relatives at one state of a search.
///
/// Chain of terms from the finite difference in Float to the exact gradient through K steps, averaged over the batches:
/// d_FD(Float) → d_FD(Double) → d_1 → mean of d_1 → mean of d_K. Their sum is the whole error, exactly.
public struct ProbeResult: Codable, Equatable, Sendable {
  /// A term of the chain.
  public enum Source: String, CaseIterable, Codable, Sendable {
    /// Float against Double.
    case rounding
    /// The finite difference against the exact product, in Double: truncation, and jumps at kinks.
    case truncationAndJumps = "truncation and jumps"
    /// One batch against the mean over all.
    case batchNoise = "batch noise"
    /// One unrolled step against K.
    case oneStep = "one step instead of K"
    /// K steps against the implicit gradient at the same weights.
    case unroll = "K steps instead of the implicit limit"
    /// The implicit gradient at these weights against that after further steps of them.
    case nonStationarity = "weights off their minimum"

    /// The chain that ends at the exact gradient through K steps.
    static let toUnrolled: [Source] = [.rounding, .truncationAndJumps, .batchNoise, .oneStep]
  }

  /// How much a term makes of the error, per batch.
  public struct Term: Codable, Equatable, Sendable {
    /// Which term.
    public var source: Source
    /// ⟨e, E⟩/‖E‖²: all terms together 1; may be negative.
    public var shares: [Double]
    /// ‖e‖/‖T‖
    public var sizes: [Double]
  }

  /// A direction beside a target, per batch.
  public struct Comparison: Codable, Equatable, Sendable {
    /// Its name: "darts-2nd-exact".
    public var direction: String
    /// "bilevel" (eq. 1) or "mixed" (eq. 5).
    public var target: String
    /// ‖d − T‖/‖T‖
    public var relativeErrors: [Double]
    /// Of the angle between direction and target.
    public var cosines: [Double]
    /// Share of the entries with the target's sign.
    public var signAgreements: [Double]
    /// Kendall's τ-b of the operations of an edge, mean over the edges.
    public var kendallTaus: [Double]
    /// Share of the edges whose favourite operation is the target's.
    public var favourites: [Double]
    /// Of 16 entries of the genotype after 50 steps of Adam's length along the direction, those that differ from 50
    /// along the target.
    public var changedEntries: [Double]
    /// ‖X_e − T_e‖/‖T_e‖, [batches][edges]; nil in results of older versions, as what follows.
    public var relativeErrorsPerEdge: [[Double]]?
    /// Mean over the edges of X − T in units of T's root mean square, [batches][8 operations]: α moves against the
    /// direction, so that an operation below 0 is favoured more than the target favours it.
    public var signedErrorsPerOperation: [[Double]]?
    /// Mean over the batches of X − T in the same units; α-shaped.
    public var signedErrors: [Double]?
    /// Share of the batches on which the entry's sign is not the target's; α-shaped.
    public var signDisagreements: [Double]?
  }

  /// The implicit gradient, what it is worth, and the chain of terms that ends at it.
  public struct Implicit: Codable, Equatable, Sendable {
    /// What decided it.
    public var settings: ImplicitSettings
    /// ‖v − (H + δI)x‖/‖v‖ per batch.
    public var residuals: [Double]
    /// Batches on which a direction with pᵀ(H + δI)p ≤ 0 was met.
    public var negativeCurvatures: Int
    /// ‖∇_wΦ‖ per batch over that where the search began.
    public var stationarityRatios: [Double]
    /// Whether it may be called a gradient on every batch: at a minimum, solved, positive definite.
    public var isValid: Bool
    /// All six terms; shares of d_FD(Float) − T, sizes over ‖T‖, T the implicit gradient after `settle` steps.
    public var terms: [Term]
  }

  /// The finite difference of g2 on the network and on its smooth twin.
  public struct TwinRow: Codable, Equatable, Sendable {
    /// r of the finite difference.
    public var radius: Double
    /// ‖FD − exact‖/‖exact‖ of ∇²_{αw}L_train v: geometric mean over the batches.
    public var network: Double
    /// The same on the smooth twin.
    public var twin: Double
    /// On each batch; nil in results of older versions, which looked at the first alone.
    public var networks: [Double]?
    /// The same on the smooth twin.
    public var twins: [Double]?
  }

  /// The state is the one before this step, from 0.
  public var step: Int
  /// Its epoch, from 0.
  public var epoch: Int
  /// What decided the probe.
  public var settings: ProbeSettings
  /// ξ
  public var rate: Double
  /// In the order of the chain.
  public var terms: [Term]
  /// Batch noise and one step, mean over the two orders of taking them out (Shapley); nil in results of older versions.
  public var orderFree: [Term]?
  /// Every direction with every target.
  public var comparisons: [Comparison]
  /// One row a radius.
  public var twin: [TwinRow]
  /// ‖g2‖/‖g1‖ of the exact one-step direction, per batch.
  public var implicitShares: [Double]
  /// √E‖d_1 − d̄_1‖²/‖d̄_1‖ over the batches.
  public var noise: Double
  /// Cosine of the target's halves: no direction can be expected nearer to it.
  public var reliability: Double
  /// ‖T‖ over its own noise, √(E‖d_K − T‖²/M); below 1 the target is lost in it. nil in results of older versions.
  public var targetOverNoise: Double?
  /// Largest sum of an edge's entries over the direction's norm: it is 0 but for rounding.
  public var shiftResidual: Double
  /// ‖∇_wΦ‖ per batch: at a minimum, the only place where the implicit gradient is a truth, it is 0.
  public var stationarity: [Double]
  /// ‖∇_wΦ‖ where the search began; nil in results of older versions.
  public var startingStationarity: Double?
  /// nil unless it was asked for, or the weights are at a minimum.
  public var implicit: Implicit?
  /// Relative error of eq. 1.5's sum, for the assertion.
  public var chainResidual: Double
  /// Gradient passes taken.
  public var gradientPasses: Int
  /// Tangent passes taken.
  public var tangentPasses: Int
  /// Wall time, in seconds.
  public var seconds: Double
}

/// Computes probes.
public struct GradientErrorProbe {
  private let replay: Replay
  private let networks: ProbeNetworks
  private let settings: ProbeSettings

  /// Builds the networks that every probe of the run uses.
  ///
  /// - Throws: `SupernetError`.
  public init(_ replay: Replay, settings: ProbeSettings, threads: Int) throws {
    self.replay = replay
    self.settings = settings
    networks = try ProbeNetworks(replay, threads: threads)
  }

  /// All directions on one pair of batches, in Double; [alphaCount].
  private struct Directions {
    var first: [Double]
    var single: [Double]
    var differenceFloat: [Double]
    var difference: [Double]
    var exact: [Double]
    var mixedExact: [Double]
    var unrolled: [Double]
    var mixedUnrolled: [Double]
    var implicitShare: Double
    var stationarity: Double
    /// Of the finite difference of the mixed product, by radius, on the network and on its twin.
    var differenceErrors: (network: [Double], twin: [Double])
  }

  /// Probes one state.
  ///
  /// - Parameter progress: is told how many of the batches are done.
  /// - Returns: nil when cancelled.
  /// - Throws: `EventLogError.noSuchStep`; what the passes throw; `AnalysisError.chainDoesNotClose`.
  public func run(
    step: Int, isCancelled: () -> Bool = { false }, progress: (Int) -> Void = { _ in }
  ) throws -> ProbeResult? {
    let began = ContinuousClock().now
    let probe = try ProbePoint(
      replay, step: step, pairs: settings.batches, further: settings.further)
    var cost = PassCost()
    var all: [Directions] = []
    for batch in 0..<settings.batches {
      progress(batch)
      if isCancelled() { return nil }
      all.append(try directions(probe, batch, &cost))
    }
    if isCancelled() { return nil }
    progress(settings.batches)
    let start = try replay.startingStationarity()
    cost.gradients += 1
    let implicit = try implicitEstimates(probe, all, startingStationarity: start, &cost)
    var result = try evaluate(probe, all, implicit)
    result.startingStationarity = start
    result.gradientPasses = cost.gradients
    result.tangentPasses = cost.tangents
    result.seconds = (ContinuousClock().now - began).inSeconds
    return result
  }

  private func directions(_ probe: ProbePoint, _ batch: Int, _ cost: inout PassCost) throws
    -> Directions
  {
    let net = networks.double
    let (train, validation) = (probe.train.double[batch], probe.validation.double[batch])
    let step = UnrolledStep(.dartsCode, probe.descent)
    let mixed = try net.mixedLevelHypergradient(
      at: probe.double, training: train, validation: validation, step: step, secondOrder: .exact,
      lambda: settings.lambda)
    let exact = mixed.validation
    // v and g1 are the same for the difference, so only the product is formed again.
    let product = try net.finiteDifferenceProduct(
      radius: settings.radius, along: exact.outerGradient, at: probe.double.point, on: train)
    let float = try networks.single.oneStepHypergradient(
      at: probe.single,
      on: BilevelInputs(inner: probe.train.single[batch], outer: probe.validation.single[batch]),
      step: step, secondOrder: .finiteDifference(radius: settings.radius))
    let path = (0..<settings.unroll).map { probe.train.double[batch + $0] }
    let unrolled = try net.unrolledHypergradients(
      at: probe.double, through: path, outers: [validation, train], descent: probe.descent)
    let (toValidation, toTraining) = (unrolled[0], unrolled[1])
    let trainGradient = try net.gradient([.weights, .alpha], at: probe.double.point, on: train)
    let validGradient = try net.gradient(.alpha, at: probe.double.point, on: validation)
    cost =
      cost + mixed.cost + float.cost + toValidation.cost + toTraining.cost
    cost.gradients += 4
    let slope = trainGradient.weights.adding(
      probe.descent.weightDecay, times: probe.double.point.weights)
    let onTwin = try networks.twin.oneStepHypergradient(
      at: probe.double, on: BilevelInputs(inner: train, outer: validation), step: step,
      secondOrder: .exact)
    cost = cost + onTwin.cost
    let differenceErrors = (
      try differenceErrors(net, exact, known: product, probe, batch, &cost),
      try differenceErrors(networks.twin, onTwin, probe, batch, &cost)
    )
    return Directions(
      first: validGradient.alpha, single: trainGradient.alpha,
      differenceFloat: float.direction.map(Double.init),
      difference: exact.direct.adding(-probe.descent.rate, times: product),
      exact: exact.direction,
      mixedExact: mixed.direction,
      unrolled: toValidation.direction,
      mixedUnrolled: toTraining.direction.adding(settings.lambda, times: toValidation.direction),
      implicitShare: exact.implicitShare, stationarity: slope.norm,
      differenceErrors: differenceErrors)
  }

  /// The radius of the public codes and a tenth of it.
  private static let radii = [1e-2, 1e-3]

  /// ‖FD − exact‖/‖exact‖ of ∇²_{αw}L_train v by radius.
  ///
  /// - Parameter known: the product at the radius of the settings, where it was formed already.
  private func differenceErrors(
    _ net: Supernet<Double>, _ exact: Hypergradient<Double>, known: [Double]? = nil,
    _ probe: ProbePoint, _ batch: Int, _ cost: inout PassCost
  ) throws -> [Double] {
    let truth = exact.implicit.scaled(by: 1 / probe.descent.rate)
    return try Self.radii.map { radius in
      func formed() throws -> [Double] {
        cost.gradients += 2
        return try net.finiteDifferenceProduct(
          radius: radius, along: exact.outerGradient, at: probe.double.point,
          on: probe.train.double[batch])
      }
      let product = try (radius == settings.radius ? known : nil) ?? formed()
      return product.subtracting(truth).norm / truth.norm
    }
  }

  // MARK: - The implicit gradient

  /// The implicit gradient on every batch, at the state and after further steps of w.
  private struct ImplicitEstimates {
    var settings: ImplicitSettings
    var here: [ImplicitHypergradient<Double>]
    var settled: [ImplicitHypergradient<Double>]
    var startingStationarity: Double
  }

  /// nil where it is not asked for and would be none: `ImplicitHypergradient.isValid` bounds ‖∇_wΦ‖ alike.
  private func implicitEstimates(
    _ probe: ProbePoint, _ all: [Directions], startingStationarity start: Double,
    _ cost: inout PassCost
  ) throws -> ImplicitEstimates? {
    let isAtMinimum = all.allSatisfy { $0.stationarity <= 1e-3 * start }
    guard let settings = settings.implicit ?? (isAtMinimum ? ImplicitSettings() : nil) else {
      return nil
    }
    func estimates(at point: Point<Double>) throws -> [ImplicitHypergradient<Double>] {
      try all.indices.map { batch in
        let found = try networks.double.implicitHypergradient(
          at: point,
          on: BilevelInputs(
            inner: probe.train.double[batch], outer: probe.validation.double[batch]),
          weightDecay: probe.descent.weightDecay, damping: settings.damping,
          solver: .conjugateGradients(iterations: settings.iterations, tolerance: 1e-3))
        cost = cost + found.hypergradient.cost
        return found
      }
    }
    let here = try estimates(at: probe.double.point)
    let path = (0..<settings.settle).map { probe.train.double[$0 % probe.train.double.count] }
    let settled = try networks.double.descended(
      from: probe.double, through: path, descent: probe.descent)
    cost.gradients += path.count
    return ImplicitEstimates(
      settings: settings, here: here,
      settled: settings.settle == 0 ? here : try estimates(at: settled),
      startingStationarity: start)
  }

  private static func implicit(
    _ estimates: ImplicitEstimates, _ all: [Directions], meanExact: [Double], unrolled: [Double]
  ) throws -> ProbeResult.Implicit {
    let here = mean(estimates.here.map(\.hypergradient.direction))
    let target = mean(estimates.settled.map(\.hypergradient.direction))
    let terms = try chain(all, to: target, ProbeResult.Source.allCases) { one in
      Self.firstParts(one, meanExact) + [
        meanExact.subtracting(unrolled), unrolled.subtracting(here), here.subtracting(target),
      ]
    }.terms
    return ProbeResult.Implicit(
      settings: estimates.settings, residuals: estimates.here.map(\.relativeResidual),
      negativeCurvatures: estimates.here.count { $0.solution.negativeCurvature },
      stationarityRatios: estimates.here.map { $0.stationarity / estimates.startingStationarity },
      isValid: estimates.here.allSatisfy {
        $0.isValid(startingStationarity: estimates.startingStationarity)
      }, terms: terms)
  }

  // MARK: - From directions to numbers

  /// Rounding; truncation and jumps; noise of the batch.
  private static func firstParts(_ one: Directions, _ meanExact: [Double]) -> [[Double]] {
    [
      one.differenceFloat.subtracting(one.difference), one.difference.subtracting(one.exact),
      one.exact.subtracting(meanExact),
    ]
  }

  /// The terms of d_FD(Float) − target on every batch.
  ///
  /// - Throws: `AnalysisError.chainDoesNotClose` unless their sum is the whole error.
  private static func chain(
    _ all: [Directions], to target: [Double], _ sources: [ProbeResult.Source],
    parts: (Directions) -> [[Double]]
  ) throws -> (terms: [ProbeResult.Term], residual: Double) {
    var terms = sources.map { ProbeResult.Term(source: $0, shares: [], sizes: []) }
    var residual = 0.0
    for one in all {
      let parts = parts(one)
      let whole = one.differenceFloat.subtracting(target)
      let sum = parts.reduce([Double].zeros(whole.count)) { $0.adding(1, times: $1) }
      residual = max(residual, sum.subtracting(whole).norm / whole.norm)
      for (index, part) in parts.enumerated() {
        terms[index].shares.append(part.dot(whole) / whole.dot(whole))
        terms[index].sizes.append(part.norm / target.norm)
      }
    }
    guard residual <= 1e-12 else { throw AnalysisError.chainDoesNotClose(residual: residual) }
    return (terms, residual)
  }

  private func evaluate(
    _ probe: ProbePoint, _ all: [Directions], _ implicit: ImplicitEstimates?
  ) throws -> ProbeResult {
    let target = Self.mean(all.map(\.unrolled))
    let mixedTarget = Self.mean(all.map(\.mixedUnrolled))
    let meanExact = Self.mean(all.map(\.exact))
    let (terms, chainResidual) = try Self.chain(all, to: target, ProbeResult.Source.toUnrolled) {
      Self.firstParts($0, meanExact) + [meanExact.subtracting(target)]
    }
    // The noise is taken out before the step from one to K; here it is the mean over both orders.
    let orderFree = try Self.chain(all, to: target, ProbeResult.Source.toUnrolled) { one in
      let noise = one.exact.subtracting(meanExact).adding(
        1, times: one.unrolled.subtracting(target))
      let step = one.exact.subtracting(one.unrolled).adding(1, times: meanExact.subtracting(target))
      return Self.firstParts(one, meanExact).prefix(2) + [
        noise.scaled(by: 0.5), step.scaled(by: 0.5),
      ]
    }.terms.suffix(2)
    let named: [(String, (Directions) -> [Double])] = [
      ("darts-1st", \.first), ("single-level", \.single),
      ("milenas-1st", { [settings] in $0.single.adding(settings.lambda, times: $0.first) }),
      ("darts-2nd (difference, Float)", \.differenceFloat),
      ("darts-2nd (difference, Double)", \.difference), ("darts-2nd-exact", \.exact),
      ("milenas-2nd-exact", \.mixedExact), ("unrolled \(settings.unroll)", \.unrolled),
    ]
    let directions =
      named.map { name, direction in (name, all.map(direction)) }
      + (implicit.map { [("implicit", $0.here.map(\.hypergradient.direction))] } ?? [])
    let comparisons = directions.flatMap { name, each in
      [("bilevel", target), ("mixed", mixedTarget)].map { targetName, target in
        compare(name, each, targetName, target, probe)
      }
    }
    let halves = [0, 1].map { half in
      Self.mean(all.indices.filter { $0 % 2 == half }.map { all[$0].unrolled })
    }
    /// √E‖x − x̄‖², from the batches at hand; NaN from one.
    func spread(_ part: (Directions) -> [Double], around mean: [Double]) -> Double {
      let squares = all.map { one in
        let difference = part(one).subtracting(mean)
        return difference.dot(difference)
      }
      guard all.count > 1 else { return .nan }
      return (squares.reduce(0, +) / Double(all.count - 1)).squareRoot()
    }
    let targetNoise = spread(\.unrolled, around: target) / Double(all.count).squareRoot()
    let operations = Operation.allCases.count
    let residual = all.flatMap { one in
      stride(from: 0, to: one.exact.count, by: operations).map { row in
        abs(one.exact[row..<(row + operations)].reduce(0, +)) / one.exact.norm
      }
    }.max()
    return ProbeResult(
      step: probe.step, epoch: probe.epoch, settings: settings, rate: probe.descent.rate,
      terms: terms, orderFree: Array(orderFree), comparisons: comparisons,
      twin: Self.radii.indices.map { index in
        let networks = all.map { $0.differenceErrors.network[index] }
        let twins = all.map { $0.differenceErrors.twin[index] }
        return ProbeResult.TwinRow(
          radius: Self.radii[index], network: Estimate(geometric: networks).mean,
          twin: Estimate(geometric: twins).mean, networks: networks, twins: twins)
      }, implicitShares: all.map(\.implicitShare),
      noise: spread(\.exact, around: meanExact) / meanExact.norm,
      reliability: all.count < 2
        ? .nan : halves[0].dot(halves[1]) / (halves[0].norm * halves[1].norm),
      targetOverNoise: target.norm / targetNoise, shiftResidual: residual ?? 0,
      stationarity: all.map(\.stationarity),
      implicit: try implicit.map {
        try Self.implicit($0, all, meanExact: meanExact, unrolled: target)
      },
      chainResidual: chainResidual, gradientPasses: 0, tangentPasses: 0, seconds: 0)
  }

  private static func mean(_ vectors: [[Double]]) -> [Double] {
    guard let first = vectors.first else { return [] }
    return vectors.dropFirst().reduce(first) { $0.adding(1, times: $1) }
      .scaled(by: 1 / Double(vectors.count))
  }

  private func compare(
    _ name: String, _ directions: [[Double]], _ targetName: String, _ target: [Double],
    _ probe: ProbePoint
  ) -> ProbeResult.Comparison {
    let operations = Operation.allCases.count
    let each = directions.map {
      DirectionComparison(
        estimate: $0, reference: target, edges: target.count / operations, operations: operations)
    }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    let expected = genotype(after: target, from: probe)
    let scale = target.norm / Double(target.count).squareRoot()
    let disagreements = directions.map { direction in
      zip(direction, target).map { $0.sign == $1.sign ? 0.0 : 1.0 }
    }
    return ProbeResult.Comparison(
      direction: name, target: targetName, relativeErrors: each.map(\.relativeError),
      cosines: each.map(\.cosine), signAgreements: each.map(\.signAgreement),
      kendallTaus: each.map { mean($0.kendallTauPerEdge.filter(\.isFinite)) },
      favourites: each.map { mean($0.favouriteAgreesPerEdge.map { $0 ? 1 : 0 }) },
      changedEntries: directions.map { direction in
        let found = genotype(after: direction, from: probe)
        let pairs = zip(found.normal + found.reduction, expected.normal + expected.reduction)
        return Double(pairs.count { $0 != $1 })
      },
      relativeErrorsPerEdge: each.map(\.relativeErrorPerEdge),
      signedErrorsPerOperation: each.map { $0.meanErrorPerOperation.scaled(by: 1 / scale) },
      signedErrors: Self.mean(directions).subtracting(target).scaled(by: 1 / scale),
      signDisagreements: Self.mean(disagreements))
  }

  /// The cell after 50 steps against a direction, each as long as one of Adam's: rate·√(entries of α).
  private func genotype(after direction: [Double], from probe: ProbePoint) -> Genotype {
    let alpha = probe.double.point.alpha
    let length = 50 * replay.loop.configuration.alphaRate * Double(alpha.count).squareRoot()
    return Genotype(
      alpha: alpha.adding(-length / direction.norm, times: direction),
      shape: networks.double.shape, rule: replay.loop.configuration.genotypeRule)
  }
}

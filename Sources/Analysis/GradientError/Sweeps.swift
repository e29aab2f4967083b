import EventLog
import Foundation
import Kernels
import Search
import Supernet

/// The finite difference against the exact product over many radii: the U-curve of truncation and rounding, and what
/// kinks make of it.
public struct EpsilonSweep: Codable, Equatable, Sendable {
  /// ‖FD − exact‖/‖exact‖ of ∇²_{αw}L_train v at a radius r = ε‖v‖.
  public struct Row: Codable, Equatable, Sendable {
    public var radius: Double
    public var float: Double
    public var double: Double
    public var twinFloat: Double
    public var twinDouble: Double
    /// Kinks of the network between w − εv and w + εv.
    public var flips: Int
  }

  /// error² ≈ (a·r²)² + (b/r)² + c²/r: truncation, rounding, jumps.
  public struct Curve: Codable, Equatable, Sendable {
    public var name: String
    public var a: Double
    public var b: Double
    public var c: Double
    /// The radius at which this curve is lowest.
    public var bestRadius: Double
    public var bestError: Double
  }

  public var step: Int
  public var rows: [Row]
  public var curves: [Curve]
  /// Kinks in all.
  public var kinks: Int

  /// - Parameter progress: radii done, of how many.
  public init(
    _ replay: Replay, step: Int, threads: Int, radii: [Double] = Self.radii,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let probe = try ProbePoint(replay, step: step, batches: 1)
    let networks = try ProbeNetworks(replay, threads: threads)
    let twinFloat = try Supernet<Float>(
      networks.twin.shape, batchCapacity: replay.loop.configuration.batch, threads: threads)
    let unrolled = UnrolledStep(.dartsCode, probe.descent)
    let (train, validation) = (probe.train.double[0], probe.validation.double[0])
    func exact(_ net: Supernet<Double>) throws -> (v: [Double], product: [Double]) {
      let hypergradient = try net.oneStepHypergradient(
        at: probe.double, on: BilevelInputs(inner: train, outer: validation), step: unrolled,
        secondOrder: .exact)
      return (
        hypergradient.outerGradient, hypergradient.implicit.scaled(by: 1 / probe.descent.rate)
      )
    }
    let (network, twin) = (try exact(networks.double), try exact(networks.twin))
    func error(_ net: Supernet<Double>, _ truth: (v: [Double], product: [Double]), _ r: Double)
      throws -> Double
    {
      let found = try net.finiteDifferenceProduct(
        radius: r, along: truth.v, at: probe.double.point, on: train)
      return found.subtracting(truth.product).norm / truth.product.norm
    }
    func error(_ net: Supernet<Float>, _ truth: (v: [Double], product: [Double]), _ r: Double)
      throws -> Double
    {
      let found = try net.finiteDifferenceProduct(
        radius: r, along: truth.v.map { Float($0) }, at: probe.single.point,
        on: probe.train.single[0])
      return found.map(Double.init).subtracting(truth.product).norm / truth.product.norm
    }
    var rows: [Row] = []
    var kinks = 0
    for (index, radius) in radii.enumerated() {
      progress(index, radii.count)
      let direction = Direction(weights: network.v)
      let epsilon = radius / network.v.norm
      let above = try networks.double.kinkSides(
        at: probe.double.point.moved(by: epsilon, along: direction), on: train)
      let below = try networks.double.kinkSides(
        at: probe.double.point.moved(by: -epsilon, along: direction), on: train)
      kinks = above.count
      rows.append(
        Row(
          radius: radius, float: try error(networks.single, network, radius),
          double: try error(networks.double, network, radius),
          twinFloat: try error(twinFloat, twin, radius),
          twinDouble: try error(networks.twin, twin, radius),
          flips: zip(above, below).count { $0 != $1 }))
    }
    self.step = step
    self.rows = rows
    self.kinks = kinks
    curves = [
      ("network, Float", \Row.float), ("network, Double", \Row.double),
      ("smooth twin, Float", \Row.twinFloat), ("smooth twin, Double", \Row.twinDouble),
    ].compactMap { name, part in
      Curve(name, radii: rows.map(\.radius), errors: rows.map { $0[keyPath: part] })
    }
  }

  /// Half decades from 1e-6 to 0.3.
  public static let radii: [Double] = (0...11).map { pow(10, -6 + 0.5 * Double($0)) }
}

extension EpsilonSweep.Curve {
  /// Non-negative least squares of error², the scatter being proportional to the curve: weights from the curve itself,
  /// iterated; of all subsets of the three terms the one with the smallest deviance.
  ///
  /// - Returns: nil when fewer than four errors are finite and above 0.
  init?(_ name: String, radii: [Double], errors: [Double]) {
    let points = zip(radii, errors).filter { $0.1.isFinite && $0.1 > 0 }
    guard points.count >= 4 else { return nil }
    let squares = points.map { $0.1 * $0.1 }
    let powers: [Double] = [4, -2, -1]
    var best: (coefficients: [Double], deviance: Double)?
    for mask in 1..<8 {
      let kept = powers.indices.filter { mask >> $0 & 1 == 1 }
      let rows = points.map { point in kept.map { pow(point.0, powers[$0]) } }
      var model = squares
      var fitted: LinearFit?
      for _ in 0..<50 {
        fitted = LinearFit(rows, squares, weights: model.map { 1 / ($0 * $0) })
        guard let fit = fitted, fit.coefficients.allSatisfy({ $0 >= 0 }) else { break }
        model = rows.map { zip($0, fit.coefficients).reduce(0) { $0 + $1.0 * $1.1 } }
      }
      guard let fit = fitted, fit.coefficients.allSatisfy({ $0 >= 0 }) else { continue }
      let deviance = zip(squares, model).reduce(0) { $0 + $1.0 / $1.1 - 1 - log($1.0 / $1.1) }
      guard deviance < best?.deviance ?? .infinity else { continue }
      var coefficients = [0.0, 0, 0]
      for (index, power) in kept.enumerated() { coefficients[power] = fit.coefficients[index] }
      best = (coefficients, deviance)
    }
    guard let best else { return nil }
    self.name = name
    a = best.coefficients[0].squareRoot()
    b = best.coefficients[1].squareRoot()
    c = best.coefficients[2].squareRoot()
    let (low, high) = (log(points[0].0), log(points[points.count - 1].0))
    let grid = (0...2000).map { exp(low + (high - low) * Double($0) / 2000) }
    let values = grid.map { r in
      (best.coefficients[0] * pow(r, 4) + best.coefficients[1] / (r * r)
        + best.coefficients[2] / r).squareRoot()
    }
    let lowest = values.indices.min { values[$0] < values[$1] } ?? 0
    (bestRadius, bestError) = (grid[lowest], values[lowest])
  }
}

/// The exact gradient through K steps, against the one through the most steps.
public struct UnrollSweep: Codable, Equatable, Sendable {
  public struct Row: Codable, Equatable, Sendable {
    public var unroll: Int
    /// ‖d_K − d_max‖/‖d_max‖, cosine, and how much of the implicit part is captured: ⟨I_K, I_max⟩/‖I_max‖².
    public var error: Double
    public var cosine: Double
    public var captured: Double
    public var norm: Double
  }

  public var step: Int
  public var rows: [Row]

  /// - Parameter largest: K of the reference.
  public init(
    _ replay: Replay, step: Int, threads: Int, largest: Int,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let probe = try ProbePoint(replay, step: step, batches: largest)
    let net = try ProbeNetworks(replay, threads: threads).double
    let first = try net.gradient(
      .alpha, at: probe.double.point, on: probe.validation.double[0]
    ).alpha
    let directions = try (0...largest).map { unroll -> [Double] in
      progress(unroll, largest)
      return try net.unrolledHypergradient(
        at: probe.double, through: Array(probe.train.double.prefix(unroll)),
        outer: probe.validation.double[0], descent: probe.descent
      ).direction
    }
    let reference = directions[largest]
    let implicit = reference.subtracting(first)
    self.step = step
    rows = directions.enumerated().map { unroll, direction in
      Row(
        unroll: unroll, error: direction.subtracting(reference).norm / reference.norm,
        cosine: direction.dot(reference) / (direction.norm * reference.norm),
        captured: direction.subtracting(first).dot(implicit) / implicit.dot(implicit),
        norm: direction.norm)
    }
  }
}

/// How far L_val(w_K(α)) really falls when α moves along each direction: a test that needs no truth and no derivative.
public struct DescentTest: Codable, Equatable, Sendable {
  public struct Row: Codable, Equatable, Sendable {
    public var direction: String
    /// [L_val(w_K(α)) − L_val(w_K(α − s·d/‖d‖))]/s, over the validation batches.
    public var fall: Estimate
  }

  public var step: Int
  public var length: Double
  public var unroll: Int
  /// Largest fall first.
  public var rows: [Row]

  /// - Parameters:
  ///   - length: s.
  ///   - batches: validation batches on which the fall is measured; none of them formed a direction.
  public init(
    _ replay: Replay, step: Int, threads: Int, unroll: Int, batches: Int, length: Double = 0.05,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let probe = try ProbePoint(replay, step: step, batches: max(unroll, batches + 1))
    let net = try ProbeNetworks(replay, threads: threads).double
    let (train, validation) = (probe.train.double[0], probe.validation.double[0])
    let unrolledStep = UnrolledStep(.dartsCode, probe.descent)
    let inputs = BilevelInputs(inner: train, outer: validation)
    let exact = try net.oneStepHypergradient(
      at: probe.double, on: inputs, step: unrolledStep, secondOrder: .exact)
    let product = try net.finiteDifferenceProduct(
      radius: 0.01, along: exact.outerGradient, at: probe.double.point, on: train)
    let path = Array(probe.train.double.prefix(unroll))
    let far = try net.unrolledHypergradient(
      at: probe.double, through: path, outer: validation, descent: probe.descent)
    let first = try net.gradient(.alpha, at: probe.double.point, on: validation).alpha
    let single = try net.gradient(.alpha, at: probe.double.point, on: train).alpha
    let directions: [(String, [Double])] = [
      ("darts-1st", first), ("single-level", single),
      ("milenas-1st", single.adding(1, times: first)),
      (
        "darts-2nd (difference)",
        exact.direct.adding(-probe.descent.rate, times: product)
      ),
      ("darts-2nd-exact", exact.direction), ("unrolled \(unroll)", far.direction),
    ]
    func losses(_ alpha: [Double]) throws -> [Double] {
      var point = Point(weights: probe.double.point.weights, alpha: alpha)
      var momentum = probe.double.momentum
      for batch in path {
        let gradient = try net.gradient(.weights, at: point, on: batch).weights
        momentum =
          momentum.isEmpty
          ? gradient : momentum.scaled(by: probe.descent.momentum).adding(1, times: gradient)
        momentum.add(probe.descent.weightDecay, times: point.weights)
        point.weights.add(-probe.descent.rate, times: momentum)
      }
      return try (1...batches).map {
        try net.gradient([], at: point, on: probe.validation.double[$0]).loss
      }
    }
    let alpha = probe.double.point.alpha
    let before = try losses(alpha)
    var rows: [Row] = []
    for (index, (name, direction)) in directions.enumerated() {
      progress(index, directions.count)
      let after = try losses(alpha.adding(-length / direction.norm, times: direction))
      rows.append(
        Row(direction: name, fall: Estimate(zip(before, after).map { ($0 - $1) / length })))
    }
    self.step = step
    self.length = length
    self.unroll = unroll
    self.rows = rows.sorted { $0.fall.mean > $1.fall.mean }
  }
}

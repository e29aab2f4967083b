import EventLog
import Foundation
import Kernels
import Search
import Supernet

/// The finite difference against the exact product over many radii: the U-curve of truncation and rounding, and what
/// kinks make of it.
public struct EpsilonSweep: Codable, Equatable, Sendable {
  /// ‖FD − exact‖/‖exact‖ of ∇²_{αw}L_train v at a radius r = ε‖v‖: geometric means over the batches.
  public struct Row: Codable, Equatable, Sendable {
    /// r of the finite difference.
    public var radius: Double
    /// On the network in Float.
    public var float: Estimate
    /// On the network in Double.
    public var double: Estimate
    /// On the smooth twin in Float.
    public var twinFloat: Estimate
    /// On the smooth twin in Double.
    public var twinDouble: Estimate
    /// Kinks of the network between w − εv and w + εv, mean over the batches.
    public var flips: Double
  }

  /// error² ≈ (a·r²)² + (b/r)² + c²/r: truncation, rounding, jumps.
  public struct Curve: Codable, Equatable, Sendable {
    /// What it was fitted to: "network, Float".
    public var name: String
    /// Of the truncation, r².
    public var a: Double
    /// Of the rounding, 1/r.
    public var b: Double
    /// Of the jumps, 1/√r.
    public var c: Double
    /// The radius at which this curve is lowest.
    public var bestRadius: Double
    /// The curve's value there.
    public var bestError: Double

    /// The curve at a radius.
    public func error(at r: Double) -> Double {
      (pow(a * r * r, 2) + pow(b / r, 2) + c * c / r).squareRoot()
    }
  }

  /// The state is the one before this step, from 0.
  public var step: Int
  /// Pairs of batches that each row is a mean over.
  public var batches: Int
  /// By radius.
  public var rows: [Row]
  /// Network and twin, in Float and Double.
  public var curves: [Curve]
  /// Kinks in all, on one batch.
  public var kinks: Int

  /// Measures the error at every radius, on the network and on its smooth twin, in both precisions.
  ///
  /// - Parameters:
  ///   - batches: pairs of batches, each with its own direction v.
  ///   - progress: is told of radii done, of how many.
  public init(
    _ replay: Replay, step: Int, threads: Int, batches: Int = 1, radii: [Double] = Self.radii,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let probe = try ProbePoint(replay, step: step, batches: batches)
    let networks = try ProbeNetworks(replay, threads: threads)
    let twinFloat = try Supernet<Float>(
      networks.twin.shape, batchCapacity: replay.loop.configuration.batch, threads: threads)
    let unrolled = UnrolledStep(.dartsCode, probe.descent)
    var errors = radii.map { _ in
      (float: [Double](), double: [Double](), twinFloat: [Double](), twinDouble: [Double]())
    }
    var flips = [Double](repeating: 0, count: radii.count)
    var kinks = 0
    for batch in 0..<batches {
      let (train, validation) = (probe.train.double[batch], probe.validation.double[batch])
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
          on: probe.train.single[batch])
        return found.map(Double.init).subtracting(truth.product).norm / truth.product.norm
      }
      let direction = Direction(weights: network.v)
      func sides(_ epsilon: Double) throws -> [UInt8] {
        try networks.double.kinkSides(
          at: probe.double.point.moved(by: epsilon, along: direction), on: train)
      }
      for (index, radius) in radii.enumerated() {
        progress(batch * radii.count + index, batches * radii.count)
        errors[index].float.append(try error(networks.single, network, radius))
        errors[index].double.append(try error(networks.double, network, radius))
        errors[index].twinFloat.append(try error(twinFloat, twin, radius))
        errors[index].twinDouble.append(try error(networks.twin, twin, radius))
        let epsilon = radius / network.v.norm
        let (above, below) = (try sides(epsilon), try sides(-epsilon))
        kinks = above.count
        flips[index] += Double(zip(above, below).count { $0 != $1 }) / Double(batches)
      }
    }
    self.step = step
    self.batches = batches
    self.kinks = kinks
    rows = radii.indices.map { index in
      Row(
        radius: radii[index], float: Estimate(geometric: errors[index].float),
        double: Estimate(geometric: errors[index].double),
        twinFloat: Estimate(geometric: errors[index].twinFloat),
        twinDouble: Estimate(geometric: errors[index].twinDouble), flips: flips[index])
    }
    curves = []
    curves = Series.allCases.compactMap { series in
      Curve(series.rawValue, radii: radii, errors: rows.map { $0[series].mean })
    }
  }

  /// The four networks of the sweep, by the names of their curves.
  public enum Series: String, CaseIterable, Sendable {
    /// The network of the run, in the precision of searches.
    case float = "network, Float"
    /// The same in Double: without rounding.
    case double = "network, Double"
    /// SiLU and average pooling in Float: without kinks.
    case twinFloat = "smooth twin, Float"
    /// The twin in Double: truncation alone is left.
    case twinDouble = "smooth twin, Double"
  }

  /// The sweep that is kept with the run, or a new one.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, batches: Int,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> EpsilonSweep {
    try KeptResults.result(
      .epsilon, of: replay.reader, settings: ["batches": [Double(batches)], "radii": radii],
      step: step
    ) {
      try EpsilonSweep(replay, step: step, threads: threads, batches: batches, progress: progress)
    }
  }

  /// Half decades from 1e-6 to 0.3.
  public static let radii: [Double] = (0...11).map { pow(10, -6 + 0.5 * Double($0)) }
}

extension EpsilonSweep.Row {
  /// The error of a series.
  public subscript(series: EpsilonSweep.Series) -> Estimate {
    switch series {
    case .float: float
    case .double: double
    case .twinFloat: twinFloat
    case .twinDouble: twinDouble
    }
  }
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
    (bestRadius, bestError) = (.nan, .nan)
    let values = grid.map(error(at:))
    let lowest = values.indices.min { values[$0] < values[$1] } ?? 0
    (bestRadius, bestError) = (grid[lowest], values[lowest])
  }
}

/// The exact gradient through K steps, against the one through the most steps.
public struct UnrollSweep: Codable, Equatable, Sendable {
  /// Means over pairs of batches.
  public struct Row: Codable, Equatable, Sendable {
    /// K
    public var unroll: Int
    /// ‖d_K − d_max‖/‖d_max‖, cosine, and how much of the implicit part is captured: ⟨I_K, I_max⟩/‖I_max‖².
    public var error: Estimate
    /// Of the angle to the reference.
    public var cosine: Estimate
    /// ⟨I_K, I_max⟩/‖I_max‖² of the implicit parts.
    public var captured: Estimate
    /// ‖d_K‖
    public var norm: Estimate
  }

  /// The state is the one before this step, from 0.
  public var step: Int
  /// By K.
  public var rows: [Row]

  /// Measures the gradients through 0, 1, … steps against the one through the most.
  ///
  /// - Parameters:
  ///   - batches: pairs of batches that the K steps begin at.
  ///   - largest: K of the reference.
  public init(
    _ replay: Replay, step: Int, threads: Int, batches: Int = 1, largest: Int,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let probe = try ProbePoint(replay, step: step, batches: batches + largest - 1)
    let net = try ProbeNetworks(replay, threads: threads).double
    var found = (0...largest).map { _ in
      (errors: [Double](), cosines: [Double](), captured: [Double](), norms: [Double]())
    }
    for batch in 0..<batches {
      let validation = probe.validation.double[batch]
      let first = try net.gradient(.alpha, at: probe.double.point, on: validation).alpha
      let directions = try (0...largest).map { unroll -> [Double] in
        progress(batch * (largest + 1) + unroll, batches * (largest + 1))
        return try net.unrolledHypergradient(
          at: probe.double, through: Array(probe.train.double[batch..<(batch + unroll)]),
          outer: validation, descent: probe.descent
        ).direction
      }
      let reference = directions[largest]
      let implicit = reference.subtracting(first)
      for (unroll, direction) in directions.enumerated() {
        found[unroll].errors.append(direction.subtracting(reference).norm / reference.norm)
        found[unroll].cosines.append(
          direction.dot(reference) / (direction.norm * reference.norm))
        found[unroll].captured.append(
          direction.subtracting(first).dot(implicit) / implicit.dot(implicit))
        found[unroll].norms.append(direction.norm)
      }
    }
    self.step = step
    rows = found.enumerated().map { unroll, values in
      Row(
        unroll: unroll, error: Estimate(values.errors), cosine: Estimate(values.cosines),
        captured: Estimate(values.captured), norm: Estimate(values.norms))
    }
  }

  /// The sweep that is kept with the run, or a new one.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, batches: Int, largest: Int,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> UnrollSweep {
    try KeptResults.result(
      .unroll, of: replay.reader, settings: ["batches": batches, "largest": largest], step: step
    ) {
      try UnrollSweep(
        replay, step: step, threads: threads, batches: batches, largest: largest,
        progress: progress)
    }
  }
}

/// How far L_val(w_K(α)) really falls when α moves along each direction: a test that needs no truth and no derivative.
public struct DescentTest: Codable, Equatable, Sendable {
  /// One direction.
  public struct Row: Codable, Equatable, Sendable {
    /// Its name: "darts-2nd-exact".
    public var direction: String
    /// [L_val(w_K(α)) − L_val(w_K(α − s·d/‖d‖))]/s, over the validation batches.
    public var fall: Estimate
  }

  /// The state is the one before this step, from 0.
  public var step: Int
  /// s, how far α moves.
  public var length: Double
  /// K, how many steps w then takes.
  public var unroll: Int
  /// Largest fall first.
  public var rows: [Row]

  /// Moves α along each direction, trains w from there, and measures how far the validation loss falls.
  ///
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
  /// The test that is kept with the run, or a new one.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, unroll: Int, batches: Int,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> DescentTest {
    try KeptResults.result(
      .descent, of: replay.reader, settings: ["batches": batches, "unroll": unroll], step: step
    ) {
      try DescentTest(
        replay, step: step, threads: threads, unroll: unroll, batches: batches,
        progress: progress)
    }
  }
}

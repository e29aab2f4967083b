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
  ///   - parts: keeps each radius on each pair.
  ///   - progress: is told of radii done, of how many.
  public init(
    _ replay: Replay, step: Int, threads: Int, batches: Int = 1, radii: [Double] = Self.radii,
    parts: ResultParts = .notKept, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    var gauge = try RadiusGauge(replay, step: step, threads: threads, batches: batches)
    var found: [[RadiusGauge.Reading]] = radii.map { _ in [] }
    for batch in 0..<batches {
      for (index, radius) in radii.enumerated() {
        progress(batch * radii.count + index, batches * radii.count)
        found[index].append(
          try parts.part("batch \(batch), radius \(radius)") {
            try gauge.reading(radius: radius, batch: batch)
          })
      }
    }
    self.step = step
    self.batches = batches
    kinks = found.last?.last?.kinks ?? 0
    rows = zip(radii, found).map { radius, readings in
      func estimate(_ series: Series) -> Estimate {
        Estimate(geometric: readings.map { $0.errors[series.rawValue] ?? .nan })
      }
      return Row(
        radius: radius, float: estimate(.float), double: estimate(.double),
        twinFloat: estimate(.twinFloat), twinDouble: estimate(.twinDouble),
        flips: readings.reduce(0) { $0 + Double($1.flips) / Double(batches) })
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

  /// The sweep that is kept with the run, or a new one; where one was interrupted, its parts are not made again.
  ///
  /// - Throws: what the passes throw; `CancellationError` once cancelled.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, batches: Int, radii: [Double] = Self.radii,
    isCancelled: @escaping () -> Bool = { false }, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> EpsilonSweep {
    try KeptResults.result(
      .epsilon, of: replay, settings: settings(batches, radii), step: step, batches: batches,
      isCancelled: isCancelled
    ) { parts in
      try EpsilonSweep(
        replay, step: step, threads: threads, batches: batches, radii: radii, parts: parts,
        progress: progress)
    }
  }

  private static func settings(_ batches: Int, _ radii: [Double]) -> [String: [Double]] {
    ["batches": [Double(batches)], "radii": radii]
  }

  /// What the sweep costs: passes, and seconds by the time of one of them.
  ///
  /// - Throws: what the passes throw.
  public static func plan(_ replay: Replay, step: Int, threads: Int, batches: Int) throws
    -> GradientErrorAnalysis.Plan
  {
    // Two exact products of 4.5 passes; a radius takes four passes in Double, four in Float, two forward.
    try GradientErrorAnalysis.plan(
      replay, step: step, threads: threads,
      isKept: KeptResults.holds(
        .epsilon, of: replay, settings: settings(batches, radii), step: step, batches: batches),
      passes: Double(batches) * (9 + 6.8 * Double(radii.count)))
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

/// Measures the finite difference at one radius on one pair of batches, on network and twin, in Float and Double.
private struct RadiusGauge {
  /// What one radius gave.
  struct Reading: Codable {
    /// By series.
    var errors: [String: Double]
    /// Kinks between w − εv and w + εv.
    var flips: Int
    var kinks: Int
  }

  /// v and the exact product with it.
  private struct Truth {
    var v: [Double]
    var product: [Double]
  }

  private let probe: ProbePoint
  private let networks: ProbeNetworks
  private let twinFloat: Supernet<Float>
  /// Of network and twin on the pair that was looked at last.
  private var truths: (batch: Int, network: Truth, twin: Truth)?

  init(_ replay: Replay, step: Int, threads: Int, batches: Int) throws {
    probe = try ProbePoint(replay, step: step, pairs: batches)
    networks = try ProbeNetworks(replay, threads: threads)
    twinFloat = try Supernet<Float>(
      networks.twin.shape, batchCapacity: replay.loop.configuration.batch, threads: threads)
  }

  mutating func reading(radius: Double, batch: Int) throws -> Reading {
    let truths = try truths(batch)
    let epsilon = radius / truths.network.v.norm
    let (above, below) = (try sides(epsilon, truths, batch), try sides(-epsilon, truths, batch))
    return Reading(
      errors: [
        EpsilonSweep.Series.float.rawValue:
          try error(networks.single, truths.network, radius, batch),
        EpsilonSweep.Series.double.rawValue:
          try error(networks.double, truths.network, radius, batch),
        EpsilonSweep.Series.twinFloat.rawValue: try error(twinFloat, truths.twin, radius, batch),
        EpsilonSweep.Series.twinDouble.rawValue:
          try error(networks.twin, truths.twin, radius, batch),
      ], flips: zip(above, below).count { $0 != $1 }, kinks: above.count)
  }

  private mutating func truths(_ batch: Int) throws -> (batch: Int, network: Truth, twin: Truth) {
    if let truths, truths.batch == batch { return truths }
    func truth(_ net: Supernet<Double>) throws -> Truth {
      let exact = try net.oneStepHypergradient(
        at: probe.double,
        on: BilevelInputs(
          inner: probe.train.double[batch], outer: probe.validation.double[batch]),
        step: UnrolledStep(.dartsCode, probe.descent), secondOrder: .exact)
      return Truth(
        v: exact.outerGradient, product: exact.implicit.scaled(by: 1 / probe.descent.rate))
    }
    let found = (batch, try truth(networks.double), try truth(networks.twin))
    truths = found
    return found
  }

  private func error(_ net: Supernet<Double>, _ truth: Truth, _ radius: Double, _ batch: Int)
    throws -> Double
  {
    let found = try net.finiteDifferenceProduct(
      radius: radius, along: truth.v, at: probe.double.point, on: probe.train.double[batch])
    return found.subtracting(truth.product).norm / truth.product.norm
  }

  private func error(_ net: Supernet<Float>, _ truth: Truth, _ radius: Double, _ batch: Int)
    throws -> Double
  {
    let found = try net.finiteDifferenceProduct(
      radius: radius, along: truth.v.map { Float($0) }, at: probe.single.point,
      on: probe.train.single[batch])
    return found.map(Double.init).subtracting(truth.product).norm / truth.product.norm
  }

  /// On which side of its kink each ReLU and maximum of the network lies at w + εv.
  private func sides(
    _ epsilon: Double, _ truths: (batch: Int, network: Truth, twin: Truth), _ batch: Int
  ) throws -> [UInt8] {
    try networks.double.kinkSides(
      at: probe.double.point.moved(by: epsilon, along: Direction(weights: truths.network.v)),
      on: probe.train.double[batch])
  }
}

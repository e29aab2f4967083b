import Foundation
import Kernels

/// Model size against error: curves, which of them the data prefer, and what they say of the best size.
public struct SizeAccuracyFit: Codable, Equatable, Sendable {
  /// A network, or several of one size.
  public struct Observation: Codable, Equatable, Sendable {
    /// Millions of parameters.
    public var size: Double
    /// Error, in percent.
    public var error: Double
    /// Standard deviation of the error over seeds, and how many there were; nil when it is not known.
    public var deviation: Double?
    /// How many networks the error is a mean of; nil when it is not known.
    public var seeds: Int?

    /// Size in millions of parameters, error and deviation in percent.
    public init(size: Double, error: Double, deviation: Double? = nil, seeds: Int? = nil) {
      self.size = size
      self.error = error
      self.deviation = deviation
      self.seeds = seeds
    }
  }

  /// A 95 % interval; an end that is missing lies beyond all bounds.
  public struct Interval: Codable, Equatable, Sendable {
    /// nil: no lower bound.
    public var low: Double?
    /// nil: no upper bound.
    public var high: Double?
  }

  /// One model's curve among the others.
  public struct Candidate: Codable, Equatable, Sendable {
    /// The fitted curve, with its criteria.
    public var curve: SizeCurve
    /// How far the data prefer this curve: e^(−Δ/2), all together 1.
    public var akaikeWeight: Double
    /// The size of its lowest error, in millions of parameters; nil where it has none.
    public var optimum: Double?
    /// From the bootstrap; nil where the curve has no optimum, or too few of the samples have one.
    public var optimumInterval: Interval?
    /// The smallest size within `tolerance` of the lowest error inside the data.
    public var economicalSize: Double
    /// From the bootstrap; nil without enough samples.
    public var economicalInterval: Interval?
  }

  /// What was fitted, by size.
  public var observations: [Observation]
  /// Whether every deviation is known, so that they weigh the residuals.
  public var isWeighted: Bool
  /// Best first.
  public var candidates: [Candidate]
  /// Fieller's interval of the quadratic's minimum; nil where it has none. Both ends missing: unbounded.
  public var fieller: Interval?
  /// t²·V22/b2²: at 1 and above the interval is unbounded; nil without a minimum.
  public var fiellerG: Double?
  /// Share of the bootstrap in which the quadratic has a minimum inside the data; nil without a bootstrap.
  public var probabilityInside: Double?
  /// Residual standard deviations of the smaller and the larger half of the sizes, about the best curve.
  public var spread: [Double]
  /// In percent.
  public var tolerance: Double
  /// Samples drawn.
  public var bootstrapSamples: Int

  /// Fits every model, or those that are asked for.
  ///
  /// - Parameters:
  ///   - tolerance: what counts as no loss, in percent.
  ///   - samples: of the bootstrap, over pairs.
  /// - Throws: `AnalysisError.unfit` with what is wrong with the points.
  public init(
    _ observations: [Observation], models: [SizeModel] = SizeModel.allCases,
    tolerance: Double = 0.05, samples: Int = 2000, seed: UInt64 = 1
  ) throws {
    let points = observations.sorted { ($0.size, $0.error) < ($1.size, $1.error) }
    guard points.allSatisfy({ $0.size.isFinite && $0.error.isFinite && $0.size > 0 }) else {
      throw AnalysisError.unfit("a size or an error is no number, or a size is not positive")
    }
    guard points.count >= 5 else {
      throw AnalysisError.unfit("there are \(points.count) points, and a curve needs at least 5")
    }
    let (x, y) = (points.map(\.size), points.map(\.error))
    guard let first = x.first, let last = x.last, first < last else {
      throw AnalysisError.unfit("all sizes are the same")
    }
    let weights = Self.weights(points)
    self.observations = points
    isWeighted = Set(weights).count > 1
    self.tolerance = tolerance
    bootstrapSamples = samples
    let curves = models.compactMap { SizeCurve($0, x: x, y: y, weights: weights) }
      .sorted { $0.aicc < $1.aicc }
    guard let best = curves.first else {
      throw AnalysisError.unfit("the points determine none of the models")
    }
    let shares = curves.map { exp(-($0.aicc - best.aicc) / 2) }
    let total = shares.reduce(0, +)
    // The bootstrap draws whole points, with their weights.
    let random = Philox(seed: seed, purpose: .direction)
    var optima = curves.map { _ in [Double]() }
    var economical = curves.map { _ in [Double]() }
    var inside = 0
    for sample in 0..<samples {
      let drawn = (0..<points.count).map {
        Int(random.integer(below: points.count, index: sample * points.count + $0))
      }
      let (xs, ys) = (drawn.map { x[$0] }, drawn.map { y[$0] })
      for (index, curve) in curves.enumerated() {
        guard
          let again = SizeCurve(
            curve.model, x: xs, y: ys, weights: drawn.map { weights[$0] }, gridSize: 60)
        else { continue }
        if let optimum = again.optimum { optima[index].append(optimum) }
        economical[index].append(
          again.economicalSize(in: first...last, tolerance: tolerance, steps: 200))
        if curve.model == .quadratic, let optimum = again.optimum, first...last ~= optimum {
          inside += 1
        }
      }
    }
    probabilityInside = samples == 0 ? nil : Double(inside) / Double(samples)
    candidates = curves.indices.map { index in
      Candidate(
        curve: curves[index], akaikeWeight: shares[index] / total, optimum: curves[index].optimum,
        optimumInterval: curves[index].optimum.flatMap { _ in Self.percentiles(optima[index]) },
        economicalSize: curves[index].economicalSize(in: first...last, tolerance: tolerance),
        economicalInterval: Self.percentiles(economical[index]))
    }
    let residuals = zip(x, y).map { best.error(at: $0) - $1 }
    spread = [residuals.prefix(x.count / 2), residuals.suffix(x.count / 2)].map { half in
      (half.reduce(0) { $0 + $1 * $1 } / Double(half.count)).squareRoot()
    }
    guard let quadratic = curves.first(where: { $0.model == .quadratic }), quadratic.optimum != nil
    else { return }
    (fieller, fiellerG) = Self.fieller(quadratic, count: x.count)
  }

  /// 1/(s²/n + τ²) for n seeds, s² drawn half-way to the pooled variance (a handful of seeds knows its own to ±40 % at
  /// best), τ² the share of the scatter about a quadratic that s²/n does not explain.
  private static func weights(_ points: [Observation]) -> [Double] {
    let known = points.compactMap { point in
      point.deviation.map { (variance: $0 * $0, seeds: Double(max(point.seeds ?? 1, 1))) }
    }
    guard known.count == points.count, known.contains(where: { $0.variance > 0 }) else {
      return points.map { _ in 1 }
    }
    let freedoms = known.map { max(1, $0.seeds - 1) }
    let variance =
      zip(known, freedoms).reduce(0) { $0 + $1.0.variance * $1.1 } / freedoms.reduce(0, +)
    let shrunk = known.map { ($0.variance + variance) / 2 / $0.seeds }
    let pooled = known.reduce(0) { $0 + variance / $1.seeds } / Double(known.count)
    let (x, y) = (points.map(\.size), points.map(\.error))
    let curve = SizeCurve(.quadratic, x: x, y: y, weights: shrunk.map { 1 / $0 })
    let scatter =
      curve.map { $0.residualSum / Double(max(1, x.count - 3)) } ?? 1
    let extra = max(0, (scatter - 1) * pooled)
    return shrunk.map { 1 / ($0 + extra) }
  }

  private static func percentiles(_ values: [Double]) -> Interval? {
    let sorted = values.sorted()
    guard sorted.count >= 20 else { return nil }
    func at(_ share: Double) -> Double { sorted[Int(share * Double(sorted.count - 1))] }
    return Interval(low: at(0.025), high: at(0.975))
  }

  /// Where −b1/(2·b2) lies with 95 %: all x at which b1 + 2·b2·x does not differ from 0 (Fieller).
  private static func fieller(_ curve: SizeCurve, count: Int) -> (Interval, Double) {
    let freedom = Double(count - 3)
    let t = StudentT.quantile(level: 0.95, freedom: freedom)
    let variance = curve.residualSum / freedom
    let (b1, b2) = (curve.parameters[1], curve.parameters[2])
    let (v11, v12, v22) = (
      variance * curve.inverse[1][1], variance * curve.inverse[1][2],
      variance * curve.inverse[2][2]
    )
    let a = 4 * (b2 * b2 - t * t * v22)
    let b = 4 * (b1 * b2 - t * t * v12)
    let c = b1 * b1 - t * t * v11
    let g = t * t * v22 / (b2 * b2)
    let root = b * b - 4 * a * c
    guard a > 0, root >= 0 else { return (Interval(low: nil, high: nil), g) }
    return (
      Interval(
        low: (-b - root.squareRoot()) / (2 * a), high: (-b + root.squareRoot()) / (2 * a)), g
    )
  }
}

extension SizeAccuracyFit {
  /// What its sizes are shown in.
  public var unit: SizeUnit { SizeUnit(largest: observations.last?.size ?? 0) }

  /// What the numbers mean, in a few sentences made from them.
  public var words: String {
    guard let best = candidates.first, let first = observations.first, let last = observations.last
    else { return "" }
    let unit = unit
    func interval(_ interval: Interval) -> String {
      guard let low = interval.low, let high = interval.high else { return "unbounded" }
      return "\(unit.words(low)) to \(unit.words(high))"
    }
    var sentences: [String] = []
    let others = candidates.count { $0.akaikeWeight > 0.1 * best.akaikeWeight } - 1
    let share = String(format: "%.0f %%", 100 * best.akaikeWeight)
    sentences.append(
      "Of \(candidates.count) curves the data prefer “\(best.curve.model.rawValue)” (weight \(share))"
        + (others > 0
          ? ", but \(others) \(others == 1 ? "other is" : "others are") nearly as good, so no form is established."
          : "."))
    sentences.append(
      String(
        format: "The error falls to within %.2f %% of its lowest value at ", tolerance)
        + unit.words(best.economicalSize)
        + (best.economicalInterval.map { " (95 %: \(interval($0)))" } ?? "")
        + "; larger networks gain no more than that inside the data "
        + "(\(unit.words(first.size)) to \(unit.words(last.size)))."
    )
    if let quadratic = candidates.first(where: { $0.curve.model == .quadratic }) {
      if let optimum = quadratic.optimum, let fieller {
        let supported = (fiellerG ?? 1) < 1 && (fieller.high ?? .infinity) <= last.size
        sentences.append(
          "The quadratic has its minimum at \(unit.words(optimum)), with Fieller's 95 % interval \(interval(fieller))"
            + (probabilityInside.map {
              String(format: " and a probability of %.0f %% to lie inside the data", 100 * $0)
            } ?? "") + "; "
            + (supported
              ? "the upturn beyond it is supported by the data."
              : "an upturn beyond it is a property of the parabola, not of the data."))
      } else {
        sentences.append("The quadratic has no minimum.")
      }
    }
    if !isWeighted, spread.count == 2, max(spread[0], spread[1]) > 2 * min(spread[0], spread[1]) {
      sentences.append(
        String(
          format: "The scatter differs: %.3f %% below the middle size, %.3f %% above; ", spread[0],
          spread[1]) + "give standard deviations over seeds, so that points can be weighted.")
    }
    return sentences.joined(separator: " ")
  }
}

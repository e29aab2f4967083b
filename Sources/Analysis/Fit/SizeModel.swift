import Foundation

/// How error may depend on model size.
public enum SizeModel: String, CaseIterable, Codable, Sendable {
  /// b0
  case constant
  /// b0 + b1·x
  case linear
  /// b0 + b1·x + b2·x²: the curve of the paper.
  case quadratic
  /// The same in ln x.
  case logQuadratic = "quadratic in ln x"
  /// c + a·x^−p
  case power
  /// c + a·e^(−x/b)
  case exponential
  /// c + s·max(0, x0 − x)
  case plateau = "linear, then flat"
  /// Two lines that meet at x0.
  case segmented

  /// Parameters of the curve, without the variance.
  public var parameterCount: Int {
    switch self {
    case .constant: 1
    case .linear: 2
    case .quadratic, .logQuadratic, .power, .exponential, .plateau: 3
    case .segmented: 4
    }
  }

  /// In the order of a curve's parameters.
  public var parameterNames: [String] {
    switch self {
    case .constant: ["b0"]
    case .linear: ["b0", "b1"]
    case .quadratic, .logQuadratic: ["b0", "b1", "b2"]
    case .power: ["c", "a", "p"]
    case .exponential: ["c", "a", "b"]
    case .plateau: ["c", "s", "x0"]
    case .segmented: ["b0", "b1", "b2", "x0"]
    }
  }

  /// The functions whose sum with linear coefficients is the curve, at x, for the nonlinear parameter `theta`.
  func basis(_ x: Double, _ theta: Double) -> [Double] {
    switch self {
    case .constant: [1]
    case .linear: [1, x]
    case .quadratic: [1, x, x * x]
    case .logQuadratic: [1, log(x), log(x) * log(x)]
    case .power: [1, pow(x, -theta)]
    case .exponential: [1, exp(-x / theta)]
    case .plateau: [1, max(0, theta - x)]
    case .segmented: [1, x, max(0, x - theta)]
    }
  }

  /// The bounds of the nonlinear parameter; nil where there is none.
  func bounds(_ x: [Double]) -> ClosedRange<Double>? {
    let sorted = x.sorted()
    switch self {
    case .constant, .linear, .quadratic, .logQuadratic: return nil
    case .power: return 0.05...8
    case .exponential: return 0.05...20
    case .plateau, .segmented:
      guard sorted.count >= 4, sorted[1] < sorted[sorted.count - 2] else { return nil }
      return sorted[1]...sorted[sorted.count - 2]
    }
  }
}

/// A curve fitted to sizes and errors.
public struct SizeCurve: Codable, Equatable, Sendable {
  /// Which curve.
  public var model: SizeModel
  /// In the order of the model's names; the nonlinear one last.
  public var parameters: [Double]
  /// Σ w·residual².
  public var residualSum: Double
  /// Akaike's criterion for small samples, n ln(RSS/n) + 2k + 2k(k+1)/(n−k−1), k counting the variance.
  public var aicc: Double
  /// Whether the nonlinear parameter lies at the end of its bounds.
  public var isOnBound: Bool
  /// (XᵀWX)⁻¹ of the linear coefficients, for intervals.
  var inverse: [[Double]]

  /// Fits by variable projection: linear coefficients by QR, one nonlinear parameter on a grid, then by
  /// golden section between the best one's neighbours. No start value, and the best of the interval.
  ///
  /// x: sizes; y: errors; weights: 1/variance, or ones.
  /// - Returns: nil when the points do not determine the model.
  public init?(
    _ model: SizeModel, x: [Double], y: [Double], weights: [Double], gridSize: Int = 400
  ) {
    let n = x.count
    let k = Double(model.parameterCount + 1)
    guard Double(n) > k + 1, Set(x).count >= model.parameterCount else { return nil }
    func fit(_ theta: Double) -> LinearFit? {
      LinearFit(x.map { model.basis($0, theta) }, y, weights: weights)
    }
    var theta = 0.0
    self.isOnBound = false
    var nonlinear: [Double] = []
    if model.parameterCount > model.basis(1, 1).count {
      guard let bounds = model.bounds(x) else { return nil }
      let isKnot = model == .plateau || model == .segmented
      let grid = (0...gridSize).map { step -> Double in
        let share = Double(step) / Double(gridSize)
        return isKnot
          ? bounds.lowerBound + share * (bounds.upperBound - bounds.lowerBound)
          : bounds.lowerBound * pow(bounds.upperBound / bounds.lowerBound, share)
      }
      // A segmented curve has minima at the data themselves.
      let candidates = (isKnot ? grid + x.filter(bounds.contains) : grid).sorted()
      func rss(_ theta: Double) -> Double { fit(theta)?.residualSum ?? .infinity }
      let values = candidates.map(rss)
      guard let best = values.indices.min(by: { values[$0] < values[$1] }), values[best].isFinite
      else { return nil }
      theta = Self.golden(
        candidates[max(0, best - 1)], candidates[min(candidates.count - 1, best + 1)],
        else: candidates[best], rss)
      isOnBound = best == 0 || best == candidates.count - 1
      nonlinear = [theta]
    }
    guard let linear = fit(theta) else { return nil }
    self.model = model
    parameters = linear.coefficients + nonlinear
    residualSum = linear.residualSum
    inverse = linear.inverse
    let count = Double(n)
    // Residuals that are rounding prefer no curve, and those of 0 have no logarithm.
    let rounding = zip(y, weights).reduce(Double.leastNormalMagnitude) { sum, point in
      sum + point.1 * (16 * Double.ulpOfOne * point.0) * (16 * Double.ulpOfOne * point.0)
    }
    aicc =
      count * log(max(residualSum, rounding) / count) + 2 * k + 2 * k * (k + 1) / (count - k - 1)
  }

  private static func golden(
    _ low: Double, _ high: Double, else known: Double, _ f: (Double) -> Double
  ) -> Double {
    let ratio = (5.0.squareRoot() - 1) / 2
    var (a, b) = (low, high)
    var (c, d) = (b - ratio * (b - a), a + ratio * (b - a))
    var (fc, fd) = (f(c), f(d))
    for _ in 0..<200 where b - a > 1e-14 * abs(a + b) {
      if fc < fd {
        (b, d, fd) = (d, c, fc)
        c = b - ratio * (b - a)
        fc = f(c)
      } else {
        (a, c, fc) = (c, d, fd)
        d = a + ratio * (b - a)
        fd = f(d)
      }
    }
    let found = (a + b) / 2
    return f(found) <= f(known) ? found : known
  }

  /// The error that the curve gives a size.
  public func error(at x: Double) -> Double {
    let basis = model.basis(x, parameters[parameters.count - 1])
    return zip(basis, parameters).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Where the curve is lowest; nil when it has no lowest point of its own.
  public var optimum: Double? {
    switch model {
    case .quadratic:
      parameters[2] > 0 ? -parameters[1] / (2 * parameters[2]) : nil
    case .logQuadratic:
      parameters[2] > 0 ? exp(-parameters[1] / (2 * parameters[2])) : nil
    case .plateau: parameters[1] > 0 ? parameters[2] : nil
    case .segmented:
      parameters[1] < 0 && parameters[1] + parameters[2] > 0 ? parameters[3] : nil
    case .constant, .linear, .power, .exponential: nil
    }
  }

  /// The smallest size whose error is within `tolerance` of the lowest in `range`.
  public func economicalSize(
    in range: ClosedRange<Double>, tolerance: Double, steps: Int = 4000
  ) -> Double {
    let grid = (0...steps).map {
      range.lowerBound + Double($0) / Double(steps) * (range.upperBound - range.lowerBound)
    }
    let lowest = grid.map(error).min() ?? .nan
    return grid.first { error(at: $0) <= lowest + tolerance } ?? range.upperBound
  }

  /// All sizes in `range` whose error is within `tolerance` of the lowest there, from the smallest to the largest.
  public func optimalRange(
    in range: ClosedRange<Double>, tolerance: Double, steps: Int = 4000
  ) -> ClosedRange<Double> {
    let mirrored = (0...steps).map {
      range.upperBound - Double($0) / Double(steps) * (range.upperBound - range.lowerBound)
    }
    let lowest = mirrored.map(error).min() ?? .nan
    let high = mirrored.first { error(at: $0) <= lowest + tolerance } ?? range.upperBound
    let low = economicalSize(in: range, tolerance: tolerance, steps: steps)
    return low...max(low, high)
  }
}

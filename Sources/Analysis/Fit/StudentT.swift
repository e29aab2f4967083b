import Foundation

/// Student's t distribution.
public enum StudentT {
  /// P(|T| ≤ t) with `freedom` degrees of freedom, by the incomplete beta function.
  public static func central(_ t: Double, freedom: Double) -> Double {
    1 - incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
  }

  /// The t with P(|T| ≤ t) = `level`: 2.0930 for 0.95 and 19.
  public static func quantile(level: Double, freedom: Double) -> Double {
    precondition(0 < level && level < 1 && freedom > 0)
    var (low, high) = (0.0, 1.0)
    while central(high, freedom: freedom) < level { high *= 2 }
    for _ in 0..<100 {
      let middle = (low + high) / 2
      if central(middle, freedom: freedom) < level { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8), evaluated by Lentz.
  private static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    if x <= 0 { return 0 }
    if x >= 1 { return 1 }
    // The fraction converges fast below the mean only.
    if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
    let beta: Double = lgamma(a) + lgamma(b) - lgamma(a + b)
    let powers: Double = a * Foundation.log(x) + b * Foundation.log(1 - x)
    let front: Double = exp(powers - beta)
    let tiny = 1e-300
    var (c, d, value) = (1.0, 0.0, 1.0)
    for i in 0...300 {
      let m = Double(i / 2)
      let s: Double = a + 2 * m
      let numerator: Double
      if i == 0 {
        numerator = 1
      } else if i % 2 == 0 {
        numerator = m * (b - m) * x / ((s - 1) * s)
      } else {
        numerator = -(a + m) * (a + b + m) * x / (s * (s + 1))
      }
      d = 1 + numerator * d
      if abs(d) < tiny { d = tiny }
      d = 1 / d
      c = 1 + numerator / c
      if abs(c) < tiny { c = tiny }
      value *= c * d
      if abs(1 - c * d) < 1e-15 { break }
    }
    return front * (value - 1) / a
  }
}

/// Exponential and logarithm of our own, so that results do not depend on the version of the C library.
///
/// exp: relative error below 2.3e-16 in Double, one rounding more in the last place in Float.
public enum Exponential {
  /// e^x; 0 below −708, infinite above 709.
  public static func exp(_ x: Double) -> Double {
    if x.isNaN { return x }
    if x > 709 { return .infinity }
    if x < -708 { return 0 }
    return exp(SIMD2<Double>(repeating: x))[0]
  }

  /// The natural logarithm of a positive normal number; −∞ for 0, NaN below.
  public static func log(_ x: Double) -> Double {
    if x.isNaN || x < 0 { return .nan }
    if x == 0 { return -.infinity }
    if x == .infinity { return x }
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.4142135623730951 {
      m /= 2
      exponent += 1
    }
    // log m = 2 artanh((m − 1)/(m + 1)), |argument| ≤ 0.1716: ten terms reach 1e-17.
    let s = (m - 1) / (m + 1)
    let square = s * s
    var series = 0.0
    for k in stride(from: 21, through: 3, by: -2) { series = (series + 1 / Double(k)) * square }
    return exponent * 0.6931471805599453
      + (exponent * 2.3190468138462996e-17 + 2 * (s + s * series))
  }

  /// Lanes of e^x for |x| ≤ 700 (Double) or ≤ 80 (Float): 2^k · Taylor(r), |r| ≤ ln 2 / 2.
  @inline(__always)
  static func exp<V: SIMD>(_ x: V) -> V where V.Scalar: KernelScalar {
    let k = (x * V.Scalar(1.4426950408889634)).rounded(.toNearestOrEven)
    var r = x.addingProduct(k, V(repeating: V.Scalar(-0.693147180369123816490)))
    r = r.addingProduct(k, V(repeating: V.Scalar(-1.90821492927058770002e-10)))
    var sum = V(repeating: V.Scalar(1.0 / 6_227_020_800))
    // 1/12! … 1/0!, Horner.
    var factorial = 479_001_600.0
    var n = 12.0
    while n >= 0 {
      sum = V(repeating: V.Scalar(1 / factorial)).addingProduct(sum, r)
      if n > 0 { factorial /= n }
      n -= 1
    }
    var result = sum
    for i in 0..<V.scalarCount {
      result[i] = V.Scalar(sign: .plus, exponent: V.Scalar.Exponent(Int(k[i])), significand: sum[i])
    }
    return result
  }

  /// 1 / (1 + e^−x).
  @inline(__always)
  static func logistic<V: SIMD>(_ x: V) -> V where V.Scalar: KernelScalar {
    let bound = V(repeating: V.Scalar(80))
    return 1 / (1 + exp(-pointwiseMin(pointwiseMax(x, -bound), bound)))
  }
}

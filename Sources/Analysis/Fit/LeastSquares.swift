import CMinpack
import COpenBLAS

/// Least squares by Levenberg and Marquardt (MINPACK's lmder, through cminpack).
struct LeastSquares {
  var parameters: [Double]
  /// Σ residual².
  var residualSum: Double
  /// Standard deviations of the parameters, s²(JᵀJ)⁻¹ with s² = RSS/(n − p); infinite when J is singular.
  var deviations: [Double]
  var evaluations: Int

  /// Minimises Σ f_i(b)² from a start.
  ///
  /// - Parameters:
  ///   - count: n, the number of residuals, at least that of the parameters.
  ///   - residuals: f(b), [n], and ∂f_i/∂b_j, [n][p].
  init(
    from start: [Double], count: Int,
    residuals: @escaping ([Double]) -> (values: [Double], jacobian: [[Double]])
  ) {
    precondition(count >= start.count, "fewer residuals than parameters")
    final class Context {
      let residuals: ([Double]) -> (values: [Double], jacobian: [[Double]])
      init(_ residuals: @escaping ([Double]) -> (values: [Double], jacobian: [[Double]])) {
        self.residuals = residuals
      }
    }
    let context = Context(residuals)
    let (n, p) = (count, start.count)
    var x = start
    var values = [Double](repeating: 0, count: n)
    var jacobian = [Double](repeating: 0, count: n * p)
    var scale = [Double](repeating: 0, count: p)
    var pivots = [Int32](repeating: 0, count: p)
    var (qtf, w1, w2, w3) = (scale, scale, scale, scale)
    var w4 = values
    var (functions, jacobians): (Int32, Int32) = (0, 0)
    _ = unsafe lmder(
      { context, n, p, x, values, jacobian, step, wish in
        guard let context = unsafe context, let x = unsafe x else { return -1 }
        let model = unsafe Unmanaged<Context>.fromOpaque(context).takeUnretainedValue()
        let point = (0..<Int(p)).map { unsafe x[$0] }
        let result = model.residuals(point)
        if wish == 1 {
          // An overflow counts as very far away, so that a shorter step is tried.
          for i in 0..<Int(n) {
            unsafe values?[i] = result.values[i].isFinite ? result.values[i] : 1e150
          }
        } else {
          for i in 0..<Int(n) {
            for j in 0..<Int(p) { unsafe jacobian?[i + j * Int(step)] = result.jacobian[i][j] }
          }
        }
        return 0
      }, Unmanaged.passUnretained(context).toOpaque(), Int32(n), Int32(p), &x, &values, &jacobian,
      Int32(n), 1e-15, 1e-15, 0, 20_000, &scale, 1, 100, 0, &functions, &jacobians, &pivots, &qtf,
      &w1, &w2, &w3, &w4)
    withExtendedLifetime(context) {}
    parameters = x
    residualSum = values.reduce(0) { $0 + $1 * $1 }
    evaluations = Int(functions)
    unsafe covar(Int32(p), &jacobian, Int32(n), &pivots, 0, &w1)
    let variance = n > p ? residualSum / Double(n - p) : .nan
    deviations = (0..<p).map { (variance * jacobian[$0 + $0 * n]).squareRoot() }
  }
}

/// A linear regression with weights, y ≈ Σ_j b_j·column_j.
struct LinearFit {
  var coefficients: [Double]
  /// Σ w·residual².
  var residualSum: Double
  /// (XᵀWX)⁻¹.
  var inverse: [[Double]]

  /// By LAPACK's QR (dgels) of √w·X, and its triangle for the inverse.
  ///
  /// - Parameter rows: [n][p], p ≤ n.
  /// - Returns: nil when the columns depend on each other.
  init?(_ rows: [[Double]], _ y: [Double], weights: [Double]) {
    let (n, p) = (rows.count, rows.first?.count ?? 0)
    guard p > 0, n >= p else { return nil }
    let roots: [Double] = weights.map { $0.squareRoot() }
    var scaled = (0..<p).map { j in (0..<n).map { i in roots[i] * rows[i][j] } }
    // Columns of norm 1: sizes and their squares differ by much.
    let norms: [Double] = scaled.map { column in
      column.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    guard norms.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
    for j in 0..<p { scaled[j] = scaled[j].map { $0 / norms[j] } }
    var a = Array(scaled.joined())
    var b: [Double] = zip(roots, y).map { $0 * $1 }
    var (m, k, one) = (Int32(n), Int32(p), Int32(1))
    var work = [Double](repeating: 0, count: 64 * (n + p))
    var (size, info) = (Int32(work.count), Int32(0))
    unsafe dgels_("N", &m, &k, &one, &a, &m, &b, &m, &work, &size, &info)
    let diagonal = (0..<p).map { abs(a[$0 + $0 * n]) }
    guard info == 0, let largest = diagonal.max(), let smallest = diagonal.min(),
      smallest > 1e-12 * largest
    else { return nil }
    coefficients = (0..<p).map { b[$0] / norms[$0] }
    // R⁻¹ by back substitution, then (RᵀR)⁻¹ = R⁻¹R⁻ᵀ.
    var inverseR = [[Double]](repeating: [Double](repeating: 0, count: p), count: p)
    for j in 0..<p {
      for i in stride(from: j, through: 0, by: -1) {
        var sum = i == j ? 1.0 : 0.0
        var l = i + 1
        while l <= j {
          sum -= a[i + l * n] * inverseR[l][j]
          l += 1
        }
        inverseR[i][j] = sum / a[i + i * n]
      }
    }
    var inverse = inverseR
    for i in 0..<p {
      for j in 0..<p {
        var sum = 0.0
        for l in 0..<p { sum += inverseR[i][l] * inverseR[j][l] }
        inverse[i][j] = sum / (norms[i] * norms[j])
      }
    }
    self.inverse = inverse
    let fit = coefficients
    residualSum = zip(rows, zip(y, weights)).reduce(0) { sum, row in
      let value = zip(row.0, fit).reduce(0) { $0 + $1.0 * $1.1 }
      return sum + row.1.1 * (row.1.0 - value) * (row.1.0 - value)
    }
  }
}

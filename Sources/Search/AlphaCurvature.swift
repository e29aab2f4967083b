import Kernels
import Supernet

extension BilevelProblem {
  /// λ_max of ∇²_αα L by Lanczos' method with full reorthogonalisation, from exact products; never above the truth.
  ///
  /// Cost: a tangent pass along α (4F) for each iteration.
  /// - Parameter iterations: at most; no more are made than α has entries.
  /// - Throws: `SearchError.notFinite`, and what the passes throw.
  public func largestAlphaCurvature(
    at point: Point<Scalar>, on input: Input, iterations: Int = 12
  ) throws -> Double {
    let random = Philox(seed: 0, purpose: .direction)
    var candidate = (0..<alphaCount).map { random.normal(index: $0) }
    var basis: [[Double]] = []
    var (diagonal, offDiagonal): ([Double], [Double]) = ([], [])
    for _ in 0..<min(iterations, alphaCount) {
      let norm = candidate.norm
      // Nothing is left outside the Krylov space that is spanned already.
      if let scale = diagonal.map({ abs($0) }).max(), norm <= 1e-6 * scale { break }
      if !basis.isEmpty { offDiagonal.append(norm) }
      let vector = candidate.scaled(by: 1 / norm)
      let product = try alphaHessianProduct(
        vector.map { Scalar($0) }, at: point, on: input)
      candidate = product.map { Double($0) }
      guard candidate.allSatisfy(\.isFinite) else {
        throw SearchError.notFinite(term: "∇²_αα L u")
      }
      basis.append(vector)
      diagonal.append(candidate.dot(vector))
      for vector in basis { candidate.add(-candidate.dot(vector), times: vector) }
    }
    return largestEigenvalue(diagonal: diagonal, offDiagonal: offDiagonal)
  }
}

/// The largest eigenvalue of a symmetric tridiagonal matrix, by bisection to the last bit that Double can tell.
///
/// λ is above all eigenvalues when every pivot of the LDLᵀ factorisation of T − λ is negative (Sturm).
func largestEigenvalue(diagonal: [Double], offDiagonal: [Double]) -> Double {
  guard !diagonal.isEmpty else { return 0 }
  func isAboveAll(_ lambda: Double) -> Bool {
    var pivot = diagonal[0] - lambda
    for k in offDiagonal.indices {
      guard pivot < 0 else { return false }
      pivot = diagonal[k + 1] - lambda - offDiagonal[k] * offDiagonal[k] / pivot
    }
    return pivot < 0
  }
  // Gershgorin's circles hold all eigenvalues.
  let radius = diagonal.indices.map { k in
    (k > 0 ? abs(offDiagonal[k - 1]) : 0) + (k < offDiagonal.count ? abs(offDiagonal[k]) : 0)
  }
  var low = diagonal.max() ?? 0
  var high = zip(diagonal, radius).map { $0 + $1 }.max() ?? 0
  while true {
    let middle = low + (high - low) / 2
    if middle <= low || middle >= high { return high }
    if isAboveAll(middle) { high = middle } else { low = middle }
  }
}

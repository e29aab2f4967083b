import Kernels

/// The spectrum of a symmetric operator by Lanczos' method with full reorthogonalisation.
///
/// Only products with the operator are needed. Eigenvectors known beforehand, such as the exact
/// null space of an α-Hessian (one constant vector an edge), are deflated: their eigenvalues do not
/// appear.
public struct Lanczos: Sendable {
  /// The most products; no more are made than the dimension left after deflation.
  public var iterations: Int
  /// Ends when the residual of the Ritz pair of largest |θ| falls to this fraction of |θ|; 0 goes
  /// on to the end.
  public var tolerance: Double
  /// Of the random start.
  public var seed: UInt64

  /// The defaults find λ_max of an α-Hessian to six digits.
  public init(iterations: Int = 30, tolerance: Double = 1e-6, seed: UInt64 = 0) {
    self.iterations = iterations
    self.tolerance = tolerance
    self.seed = seed
  }

  /// What the products say of the spectrum.
  public struct Spectrum: Sendable {
    /// Ritz values, ascending; each lies between the smallest and the largest eigenvalue.
    public var values: [Double]
    /// Bounds on the distance of each Ritz value to an eigenvalue, |β_m s_m|.
    public var bounds: [Double]
    /// The Ritz vector of the largest value, of norm 1.
    public var topVector: [Double]
    /// Products made.
    public var iterations: Int

    /// λ_max and λ_min as far as the iterations go; 0 for an operator on nothing.
    public var largest: Double { values.last ?? 0 }
    /// λ_min as far as the iterations go; 0 for an operator on nothing.
    public var smallest: Double { values.first ?? 0 }
  }

  /// The outermost eigenvalues of a symmetric operator, by products with it alone.
  ///
  /// - Parameters:
  ///   - dimension: of the vectors that `product` takes.
  ///   - known: orthonormal eigenvectors to leave out.
  /// - Throws: `AnalysisError.noEigenvalues` for products that are not finite, and what `product`
  ///   throws.
  public func spectrum(
    dimension: Int, deflating known: [[Double]] = [], product: ([Double]) throws -> [Double]
  ) throws -> Spectrum {
    let most = min(iterations, dimension - known.count)
    guard most > 0 else { return Spectrum(values: [], bounds: [], topVector: [], iterations: 0) }
    var basis: [[Double]] = []
    var (diagonal, offDiagonal): ([Double], [Double]) = ([], [])
    var candidate = randomVector(dimension)
    orthogonalise(&candidate, against: known)
    var beta = candidate.norm
    while true {
      basis.append(candidate.scaled(by: 1 / beta))
      var image = try product(basis[basis.count - 1])
      diagonal.append(image.dot(basis[basis.count - 1]))
      orthogonalise(&image, against: known + basis)
      beta = image.norm
      let ritz = try tridiagonalEigen(diagonal, offDiagonal)
      let bounds = ritz.vectors.map { abs(beta * ($0.last ?? 0)) }
      if basis.count == most || isSettled(ritz.values, bounds, beta) {
        return Spectrum(
          values: ritz.values, bounds: bounds,
          topVector: combine(basis, ritz.vectors[ritz.vectors.count - 1]),
          iterations: basis.count)
      }
      offDiagonal.append(beta)
      candidate = image
    }
  }

  /// Whether the extreme values are found, or the Krylov space is exhausted.
  private func isSettled(_ values: [Double], _ bounds: [Double], _ beta: Double) -> Bool {
    let scale = values.map(abs).max() ?? 0
    guard beta > 1e-14 * scale else { return true }
    return [0, values.count - 1].allSatisfy { bounds[$0] <= tolerance * scale }
  }

  /// Entries uniform on (−1, 1), from SplitMix64.
  private func randomVector(_ count: Int) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Double(Int64(bitPattern: z ^ (z >> 31))) * 0x1p-63
    }
  }
}

/// Gram and Schmidt, twice: once leaves errors of the size of rounding times the loss of length.
private func orthogonalise(_ x: inout [Double], against basis: [[Double]]) {
  for _ in 0..<2 {
    for vector in basis { x.add(-vector.dot(x), times: vector) }
  }
}

private func tridiagonalEigen(_ diagonal: [Double], _ offDiagonal: [Double]) throws
  -> SymmetricEigen
{
  var matrix = Matrix(repeating: .zeros(diagonal.count), count: diagonal.count)
  for (i, value) in diagonal.enumerated() { matrix[i][i] = value }
  for (i, value) in offDiagonal.enumerated() {
    (matrix[i][i + 1], matrix[i + 1][i]) = (value, value)
  }
  return try SymmetricEigen(matrix)
}

private func combine(_ basis: [[Double]], _ coefficients: [Double]) -> [Double] {
  var total = [Double].zeros(basis.first?.count ?? 0)
  for (vector, coefficient) in zip(basis, coefficients) { total.add(coefficient, times: vector) }
  return total
}

/// The power method: the eigenvalue λ with the largest |λ + shift|.
///
/// That is λ_max only if the spectrum plus the shift has no larger negative part: shift by at least
/// |λ_min| to get λ_max of an indefinite operator.
public struct PowerIteration: Sendable {
  /// Added to the operator's diagonal.
  public var shift: Double
  /// Ends when the residual falls to this fraction of |λ + shift|; the error of the estimate goes with its square.
  public var tolerance: Double
  /// The most products.
  public var iterations: Int

  /// Without a shift: for operators whose largest eigenvalue in magnitude is positive.
  public init(shift: Double = 0, tolerance: Double = 1e-8, iterations: Int = 1_000_000) {
    self.shift = shift
    self.tolerance = tolerance
    self.iterations = iterations
  }

  /// The eigenvalue λ with the largest |λ + shift|, by repeated products from a vector.
  ///
  /// - Parameter start: not orthogonal to the eigenvector that is sought.
  public func eigenvalue(from start: [Double], product: ([Double]) throws -> [Double]) throws
    -> Double
  {
    var vector = start.scaled(by: 1 / start.norm)
    var estimate = 0.0
    for _ in 0..<iterations {
      let image = try product(vector).adding(shift, times: vector)
      estimate = image.dot(vector)
      let length = image.norm
      // Written so that NaN ends it.
      guard image.adding(-estimate, times: vector).norm > tolerance * length else { break }
      vector = image.scaled(by: 1 / length)
    }
    return estimate - shift
  }
}

import COpenBLAS

/// Eigenvalues and eigenvectors of a symmetric matrix.
struct SymmetricEigen {
  /// Ascending.
  var values: [Double]
  /// `vectors[i]` belongs to `values[i]`; orthonormal.
  var vectors: [[Double]]

  /// LAPACK's dsyev, through OpenBLAS.
  ///
  /// - Parameter matrix: [n][n]; the triangle above the diagonal is read.
  /// - Throws: `AnalysisError.noEigenvalues`.
  init(_ matrix: Matrix) throws {
    let n = matrix.count
    guard n > 0 else {
      (values, vectors) = ([], [])
      return
    }
    precondition(matrix.allSatisfy { $0.count == n }, "a symmetric matrix is square")
    guard matrix.joined().allSatisfy(\.isFinite) else { throw AnalysisError.noEigenvalues(size: n) }
    var a = Array(matrix.joined())
    values = [Double](repeating: 0, count: n)
    var work = [Double](repeating: 0, count: 64 * n)  // 3n − 1 suffice; more lets it work in blocks
    var (size, workSize, info) = (Int32(n), Int32(64 * n), Int32(0))
    unsafe dsyev_("V", "L", &size, &a, &size, &values, &work, &workSize, &info)
    guard info == 0 else { throw AnalysisError.noEigenvalues(size: n) }
    vectors = (0..<n).map { Array(a[($0 * n)..<($0 * n + n)]) }
  }
}

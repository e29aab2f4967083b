import Foundation
import Kernels

/// How an estimate X of an α-direction compares with a reference T.
///
/// Both [edges][operations], flattened. Ratios by a zero reference are not finite; rank
/// correlations of vectors without any order are NaN.
public struct DirectionComparison: Sendable {
  /// X
  public let estimate: [Double]
  /// T
  public let reference: [Double]
  /// Rows.
  public let edges: Int
  /// Columns.
  public let operations: Int

  /// Compares two directions, [edges][operations] in a row.
  ///
  /// - Precondition: both have edges × operations entries.
  public init(estimate: [Double], reference: [Double], edges: Int, operations: Int) {
    precondition(
      estimate.count == edges * operations && reference.count == edges * operations,
      "\(edges) edges × \(operations) operations, not \(estimate.count) and \(reference.count)")
    self.estimate = estimate
    self.reference = reference
    self.edges = edges
    self.operations = operations
  }

  // MARK: Size and angle

  /// ‖X − T‖ / ‖T‖
  public var relativeError: Double { estimate.subtracting(reference).norm / reference.norm }

  /// ⟨X, T⟩ / ‖X‖‖T‖
  public var cosine: Double { estimate.dot(reference) / (estimate.norm * reference.norm) }

  /// The angle between both, in degrees.
  public var angleDegrees: Double {
    let (x, t) = (
      estimate.scaled(by: 1 / estimate.norm), reference.scaled(by: 1 / reference.norm)
    )
    return 2 * atan2(x.subtracting(t).norm, x.adding(1, times: t).norm) * 180 / .pi
  }

  /// ‖X‖ / ‖T‖
  public var normRatio: Double { estimate.norm / reference.norm }

  /// ⟨X, T⟩ / ‖T‖²; 1 is the right length.
  public var projectionCoefficient: Double {
    estimate.dot(reference) / reference.dot(reference)
  }

  // MARK: Signs

  /// Share of entries with equal sign; a zero agrees with a zero alone.
  public var signAgreement: Double {
    Double(agreements.count { $0 }) / Double(agreements.count)
  }

  /// The same among the entries with T ≠ 0.
  public var signAgreementWhereNonzero: Double {
    let kept = zip(agreements, reference).filter { $0.1 != 0 }
    return Double(kept.count { $0.0 }) / Double(kept.count)
  }

  /// Σ |T| over the entries that agree / Σ |T|.
  public var weightedSignAgreement: Double {
    let agreeing = zip(agreements, reference).reduce(0) { $0 + ($1.0 ? abs($1.1) : 0) }
    return agreeing / reference.reduce(0) { $0 + abs($1) }
  }

  private var agreements: [Bool] { zip(estimate, reference).map { sign($0) == sign($1) } }

  // MARK: By edge and by operation

  /// ‖X_e − T_e‖ / ‖T_e‖; [edges].
  public var relativeErrorPerEdge: [Double] {
    perEdge { $0.subtracting($1).norm / $1.norm }
  }

  /// √ mean over edges of (X − T)²; [operations].
  public var rmsErrorPerOperation: [Double] {
    perOperation { ($0.dot($0) / Double(edges)).squareRoot() }
  }

  /// Mean over edges of X − T: whom the estimate favours if negative, as α moves against it;
  /// [operations].
  public var meanErrorPerOperation: [Double] {
    perOperation { $0.reduce(0, +) / Double(edges) }
  }

  // MARK: Ranks

  /// Kendall's τ-b over all entries.
  public var kendallTau: Double { Analysis.kendallTau(estimate, reference) }

  /// Kendall's τ-b of the operations of each edge; [edges].
  public var kendallTauPerEdge: [Double] { perEdge(Analysis.kendallTau) }

  /// Whether the operation that gains most, the smallest entry, is the same; [edges].
  public var favouriteAgreesPerEdge: [Bool] { perEdge { indexOfMinimum($0) == indexOfMinimum($1) } }

  private func perEdge<Result>(_ body: ([Double], [Double]) -> Result) -> [Result] {
    (0..<edges).map { edge in
      let row = (edge * operations)..<((edge + 1) * operations)
      return body(Array(estimate[row]), Array(reference[row]))
    }
  }

  private func perOperation(_ body: ([Double]) -> Double) -> [Double] {
    let error = estimate.subtracting(reference)
    return (0..<operations).map { operation in
      body((0..<edges).map { error[$0 * operations + operation] })
    }
  }
}

/// Kendall's τ-b: (concordant − discordant pairs) / √(pairs not tied in x · pairs not tied in y).
///
/// NaN where all of x or all of y is tied. O(n²).
/// - Precondition: both have the same length.
public func kendallTau(_ x: [Double], _ y: [Double]) -> Double {
  precondition(x.count == y.count, "ranks of \(x.count) and \(y.count) entries")
  var (balance, untiedX, untiedY) = (0, 0, 0)
  for i in x.indices {
    for j in 0..<i {
      let (a, b) = (sign(x[i] - x[j]), sign(y[i] - y[j]))
      balance += a * b
      untiedX += a * a
      untiedY += b * b
    }
  }
  return Double(balance) / (Double(untiedX) * Double(untiedY)).squareRoot()
}

private func sign(_ x: Double) -> Int { x > 0 ? 1 : x < 0 ? -1 : 0 }

/// The first of equals.
private func indexOfMinimum(_ x: [Double]) -> Int? {
  x.indices.min { x[$0] < x[$1] }
}

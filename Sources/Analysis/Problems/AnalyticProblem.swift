import Kernels
import Supernet

/// A bilevel problem small enough that its gradient is written out, for plain and for dual numbers
/// alike.
protocol AnalyticProblem: BilevelProblem where Scalar: Number {
  /// Loss, ∇_w and ∇_α at (weights, alpha).
  func derivatives<N: Number>(weights: [N], alpha: [N], on input: Input) -> Derivatives<N>
}

/// A loss with its two gradients.
struct Derivatives<N: Number> {
  var loss: N
  var weights: [N]
  var alpha: [N]
}

/// Which of the two losses of a closed-form problem is meant.
enum Level {
  /// L_tr
  case inner
  /// L_val
  case outer
}

extension AnalyticProblem {
  func gradient(_ wanted: Wanted, at point: Point<Scalar>, on input: Input) throws
    -> Gradient<Scalar>
  {
    let all = derivatives(weights: point.weights, alpha: point.alpha, on: input)
    return Gradient(
      loss: all.loss.value, weights: wanted.contains(.weights) ? all.weights : [],
      alpha: wanted.contains(.alpha) ? all.alpha : [])
  }

  func tangent(
    _ wanted: Wanted, at point: Point<Scalar>, along direction: Direction<Scalar>, on input: Input
  ) throws -> Tangent<Scalar> {
    let all = derivatives(
      weights: dual(point.weights, direction.weights), alpha: dual(point.alpha, direction.alpha),
      on: input)
    func part(_ kind: Wanted, _ values: [Dual<Scalar>]) -> [Dual<Scalar>] {
      wanted.contains(kind) ? values : []
    }
    let (weights, alpha) = (part(.weights, all.weights), part(.alpha, all.alpha))
    return Tangent(
      gradient: Gradient(
        loss: all.loss.value, weights: weights.map(\.base), alpha: alpha.map(\.base)),
      weights: weights.map(\.tangent), alpha: alpha.map(\.tangent))
  }
}

/// x + ẋ·t; an empty tangent is zero.
private func dual<N: Number>(_ values: [N], _ tangents: [N]) -> [Dual<N>] {
  values.indices.map { Dual(values[$0], tangents.isEmpty ? N(0) : tangents[$0]) }
}

// MARK: - Arithmetic of constant matrices with numbers

/// Rows of a constant matrix.
typealias Matrix = [[Double]]

/// Σᵢ aᵢ xᵢ with constant a.
func dot<N: Number>(_ a: [Double], _ x: [N]) -> N {
  zip(a, x).reduce(N(0)) { $0 + N($1.0) * $1.1 }
}

/// Σᵢ xᵢ yᵢ.
func dot<N: Number>(_ x: [N], _ y: [N]) -> N { zip(x, y).reduce(N(0)) { $0 + $1.0 * $1.1 } }

/// A x with constant A.
func times<N: Number>(_ a: Matrix, _ x: [N]) -> [N] { a.map { dot($0, x) } }

/// Aᵀ x with constant A.
func transposedTimes<N: Number>(_ a: Matrix, _ x: [N]) -> [N] {
  (a.first ?? []).indices.map { column in dot(a.map { $0[column] }, x) }
}

/// x + y, entry by entry.
func sum<N: Number>(_ x: [N], _ y: [N]) -> [N] { zip(x, y).map { $0 + $1 } }

/// x − y, entry by entry.
func difference<N: Number>(_ x: [N], _ y: [N]) -> [N] { zip(x, y).map { $0 - $1 } }

/// Constants as numbers.
func constants<N: Number>(_ x: [Double]) -> [N] { x.map { N($0) } }

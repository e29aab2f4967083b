import Kernels
import Supernet

/// How the product of the mixed second derivative ∇²_{αw}L_tr with a vector is formed.
public enum SecondOrder: Equatable, Sendable {
  /// A tangent pass: exact up to rounding (for ReLU networks: the derivative almost everywhere).
  case exact
  /// Central difference with ‖ε v‖ = radius (eq. 8; 0.01 in the paper and in the public codes).
  case finiteDifference(radius: Double)
}

/// The product of ∇²_{αw}L with a vector.
struct MixedProduct<Scalar: KernelScalar> {
  /// ∇²_{αw}L v, with ∇²_{αα}L v_α where v has a part along α; [alphaCount].
  var value: [Scalar]
  /// ε of eq. 8; nil where no difference was taken.
  var epsilon: Double?
}

extension Metered {
  /// The derivative of ∇_αL along `direction`, exact or by eq. 8.
  mutating func mixedProduct(
    _ secondOrder: SecondOrder, along direction: Direction<Problem.Scalar>,
    at point: Point<Problem.Scalar>, on input: Problem.Input
  ) throws -> MixedProduct<Problem.Scalar> {
    switch secondOrder {
    case .exact:
      let tangent = try tangent(.alpha, at: point, along: direction, on: input)
      return MixedProduct(value: tangent.alpha)
    case .finiteDifference(let radius):
      return try centralDifference(radius: radius, along: direction, at: point, on: input)
    }
  }

  /// [∇_αL(w + εv, α) − ∇_αL(w − εv, α)] / 2ε with ε = radius / ‖v‖ (eq. 8).
  ///
  /// A `direction` with a part along α moves α too, and its norm is the joint one (the public
  /// MiLeNAS code). ε and the perturbed points are computed in the precision of the problem, as the
  /// public codes do, but from copies: their +ε, −2ε, +ε in place leaves w changed by about 7e-8
  /// ‖w‖ in Float. A direction of norm zero gives zeros, where the public codes divide by zero.
  /// Cost: 4F. Error: O(ε²) where L is smooth; rounding / ε; jumps where a ReLU or a maximum
  /// switches.
  private mutating func centralDifference(
    radius: Double, along direction: Direction<Problem.Scalar>, at point: Point<Problem.Scalar>,
    on input: Problem.Input
  ) throws -> MixedProduct<Problem.Scalar> {
    typealias Scalar = Problem.Scalar
    guard radius > 0, radius.isFinite else {
      throw SearchError.impossible("a finite difference needs a radius above 0, not \(radius)")
    }
    let norm = direction.norm
    guard norm.isFinite else { throw SearchError.notFinite(term: "the outer gradient v") }
    guard norm > 0 else {
      return MixedProduct(value: .zeros(problem.alphaCount), epsilon: nil)
    }
    let epsilon = Scalar(radius) / Scalar(norm)
    let above = try gradient(.alpha, at: point.moved(by: epsilon, along: direction), on: input)
    let below = try gradient(.alpha, at: point.moved(by: -epsilon, along: direction), on: input)
    let difference = above.alpha.subtracting(below.alpha)
    return MixedProduct(
      value: difference.map { $0 / (2 * epsilon) }, epsilon: Double(epsilon))
  }
}

extension BilevelProblem {
  /// ∇²_{αw}L v by the central difference of eq. 8 with ‖εv‖ = radius; [alphaCount]. Cost: 4F.
  ///
  /// v: [weightCount]. Error: O(ε²) where L is smooth; rounding / ε; jumps at kinks.
  /// - Throws: `SearchError.impossible` for a radius that is none; `.notFinite`.
  public func finiteDifferenceProduct(
    radius: Double, along v: [Scalar], at point: Point<Scalar>, on input: Input
  ) throws -> [Scalar] {
    var passes = Metered(self)
    return try passes.mixedProduct(
      .finiteDifference(radius: radius), along: Direction(weights: v), at: point, on: input
    ).value
  }
}

extension Direction {
  /// The joint norm of both parts, in Double.
  var norm: Double { (weights.dot(weights) + alpha.dot(alpha)).squareRoot() }
}

extension Point {
  /// (w + a ẇ, α + a α̇); an empty part of the direction leaves its part of the point.
  public func moved(by a: Scalar, along direction: Direction<Scalar>) -> Point {
    Point(
      weights: direction.weights.isEmpty ? weights : weights.adding(a, times: direction.weights),
      alpha: direction.alpha.isEmpty ? alpha : alpha.adding(a, times: direction.alpha))
  }
}

import Kernels
import Supernet

extension BilevelProblem {
  /// ∇²_{αw}L v; v: [weightCount], the result: [alphaCount].
  public func mixedProduct(_ v: [Scalar], at point: Point<Scalar>, on input: Input) throws
    -> [Scalar]
  {
    try tangent(.alpha, at: point, along: Direction(weights: v), on: input).alpha
  }

  /// ∇²_{ww}L v; both [weightCount]. Weight decay ρ adds ρv.
  public func hessianProduct(_ v: [Scalar], at point: Point<Scalar>, on input: Input) throws
    -> [Scalar]
  {
    try tangent(.weights, at: point, along: Direction(weights: v), on: input).weights
  }

  /// ∇²_{αα}L u; both [alphaCount].
  public func alphaHessianProduct(_ u: [Scalar], at point: Point<Scalar>, on input: Input) throws
    -> [Scalar]
  {
    try tangent(.alpha, at: point, along: Direction(alpha: u), on: input).alpha
  }
}

extension BilevelProblem {
  /// ∇²_{αw}L v by a central difference with ‖ε v‖ = radius (eq. 8); see
  /// `SecondOrder.finiteDifference`.
  ///
  /// Cost: 4F.
  /// - Throws: `SearchError.impossible` for a radius that is not above 0, `.notFinite` for such a
  ///   v.
  public func mixedDifference(
    _ v: [Scalar], radius: Double, at point: Point<Scalar>, on input: Input
  ) throws -> [Scalar] {
    var passes = Metered(self)
    return try passes.mixedProduct(
      .finiteDifference(radius: radius), along: Direction(weights: v), at: point, on: input
    ).value
  }
}

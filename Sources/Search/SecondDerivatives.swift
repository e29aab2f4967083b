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

import Kernels
import Supernet

/// What an estimator spent, in units of F, the multiply-adds of one forward pass on a batch.
///
/// The backward passes to inputs and to weights cost F each. A tangent pass along ẇ needs two
/// products wherever the plain pass needs one; along α̇ alone it needs one.
public struct PassCost: Equatable, Sendable {
  /// Calls of `gradient`.
  public var gradients = 0
  /// Calls of `tangent`.
  public var tangents = 0
  /// Multiply-adds in units of F.
  public var units = 0

  /// Nothing spent.
  public init() {}

  /// What both spent.
  public static func + (a: PassCost, b: PassCost) -> PassCost {
    var sum = a
    sum.gradients += b.gradients
    sum.tangents += b.tangents
    sum.units += b.units
    return sum
  }

  /// 2F for ∇_α alone, 3F as soon as ∇_w is wanted.
  public mutating func countGradient(_ wanted: Wanted) {
    gradients += 1
    units += wanted.contains(.weights) ? 3 : 2
  }

  /// 6F for ∇²_{αw}·ẇ, 8F with ∇²_{ww}·ẇ, 4F for ∇²_{αα}·α̇; the plain passes below are part of it.
  public mutating func countTangent(_ wanted: Wanted, alongWeights: Bool) {
    tangents += 1
    units += 2 + (alongWeights ? 4 : 2)
    if wanted.contains(.weights) { units += alongWeights ? 2 : 1 }
  }
}

/// A problem that counts the passes asked of it.
struct Metered<Problem: BilevelProblem> {
  let problem: Problem
  private(set) var cost = PassCost()

  init(_ problem: Problem) { self.problem = problem }

  mutating func gradient(
    _ wanted: Wanted, at point: Point<Problem.Scalar>, on input: Problem.Input
  ) throws -> Gradient<Problem.Scalar> {
    cost.countGradient(wanted)
    return try problem.gradient(wanted, at: point, on: input)
  }

  mutating func tangent(
    _ wanted: Wanted, at point: Point<Problem.Scalar>, along direction: Direction<Problem.Scalar>,
    on input: Problem.Input
  ) throws -> Tangent<Problem.Scalar> {
    cost.countTangent(wanted, alongWeights: !direction.weights.isEmpty)
    return try problem.tangent(wanted, at: point, along: direction, on: input)
  }
}

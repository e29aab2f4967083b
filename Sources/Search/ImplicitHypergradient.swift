import Kernels
import Supernet

/// The hypergradient of the implicit function theorem, and what it takes to trust it.
public struct ImplicitHypergradient<Scalar: KernelScalar>: Sendable {
  /// The estimate, with its terms.
  public var hypergradient: Hypergradient<Scalar>
  /// x ≈ (H + δI)⁻¹ v, with the history of the solver.
  public var solution: LinearSolution<Scalar>
  /// ‖v − (H + δI) x‖ / ‖v‖, computed from x; 0 where v is zero.
  public var relativeResidual: Double
  /// ‖∇_wΦ‖ at the point, Φ = L_tr + ρ/2 ‖w‖²; zero at w*(α), the only place where the theorem
  /// holds.
  public var stationarity: Double

  /// Whether the value may be called a gradient; otherwise it is a surrogate.
  ///
  /// - Parameters:
  ///   - startingStationarity: ‖∇_wΦ‖ where the descent of w began.
  ///   - tolerance: bound of both the relative residual and the ratio of the two ‖∇_wΦ‖.
  public func isValid(startingStationarity: Double, tolerance: Double = 1e-3) -> Bool {
    !solution.negativeCurvature && relativeResidual <= tolerance
      && stationarity <= tolerance * startingStationarity
  }
}

/// How the linear systems of the method `implicit` were solved, one a step.
public struct SolverTally: Codable, Equatable, Sendable {
  /// The relative residual that solvers aim at.
  public static let tolerance = 1e-3

  /// Steps with a system.
  public var steps = 0
  /// Those whose residual ‖v − (H + δI) x‖ / ‖v‖, computed from x, is within the tolerance.
  public var solved = 0
  /// Of all steps.
  public var largestResidual = 0.0
  /// Steps that met a direction p with pᵀ(H + δI)p ≤ 0.
  public var negativeCurvature = 0

  /// No step yet.
  public init() {}

  init(_ estimate: ImplicitHypergradient<Float>) {
    steps = 1
    solved = estimate.relativeResidual <= Self.tolerance ? 1 : 0
    largestResidual = estimate.relativeResidual
    negativeCurvature = estimate.solution.negativeCurvature ? 1 : 0
  }

  static func += (sum: inout SolverTally, other: SolverTally) {
    sum.steps += other.steps
    sum.solved += other.solved
    sum.largestResidual = max(sum.largestResidual, other.largestResidual)
    sum.negativeCurvature += other.negativeCurvature
  }
}

extension BilevelProblem {
  /// d = ∇_αL_val − ∇²_{αw}L_tr (H + δI)⁻¹ ∇_wL_val at (w, α), H = ∇²_{ww}L_tr + ρI.
  ///
  /// Exact at a minimiser w*(α) with δ = 0; anywhere else it is the derivative of nothing, and the
  /// result says how far off the point is. With `.neumann` this is the truncated series d_N(K) of
  /// the public iDARTS code. For the exact target of MiLeNAS (eq. 5) add λ times the value with
  /// L_val as outer loss to that with L_tr. Cost: 3F, 8F for each product with H, and 8F for the
  /// last pass, which gives the mixed product, the true residual and ∇_wΦ together.
  /// - Parameters:
  ///   - weightDecay: ρ of the loss that SGD descends; it is part of H.
  ///   - damping: δ.
  /// - Throws: `SearchError.notFinite`, naming the term; `.wrongLength`.
  public func implicitHypergradient(
    at point: Point<Scalar>, on inputs: BilevelInputs<Input>, weightDecay: Double = 0,
    damping: Double = 0, solver: LinearSolver
  ) throws -> ImplicitHypergradient<Scalar> {
    try check(BilevelState(point))
    var passes = Metered(self)
    let outer = try passes.gradient([.weights, .alpha], at: point, on: inputs.outer)
    let diagonal = Scalar(weightDecay + damping)
    let solution = try solver.solve(outer.weights) { v in
      let product = try passes.tangent(
        .weights, at: point, along: Direction(weights: v), on: inputs.inner)
      return product.weights.adding(diagonal, times: v)
    }
    let last = try passes.tangent(
      [.weights, .alpha], at: point, along: Direction(weights: solution.x), on: inputs.inner)
    let image = last.weights.adding(diagonal, times: solution.x)
    let scale = outer.weights.norm
    let slope = last.gradient.weights.adding(Scalar(weightDecay), times: point.weights)
    return ImplicitHypergradient(
      hypergradient: try Hypergradient(
        outer: outer, at: point, implicit: last.alpha, cost: passes.cost),
      solution: solution,
      relativeResidual: scale > 0 ? outer.weights.subtracting(image).norm / scale : 0,
      stationarity: slope.norm)
  }
}

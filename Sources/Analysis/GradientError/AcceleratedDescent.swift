import Kernels
import Search
import Supernet

/// Descent on w with Nesterov's momentum and a halving line search: what jaxopt's `GradientDescent` does by default.
///
/// Its stop, a move of w shorter than the tolerance times the next step length, says little about the distance to the
/// minimum.
struct AcceleratedDescent {
  var iterations: Int
  var tolerance = 1e-3

  /// One step of it, as what follows from the line search and the momentum.
  struct Step {
    /// Where the slope was taken: y.
    var ahead: [Double]
    /// How far down the slope the step went, after the line search.
    var length: Double
    /// β of y ← x + β (x − x_before).
    var inertia: Double
  }

  /// The steps on Φ = L_tr + ρ/2 ‖w‖² and the point where they end, α fixed; counts its gradients in `cost`.
  func descend<Problem: BilevelProblem>(
    _ problem: Problem, from start: Point<Double>, on input: Problem.Input, weightDecay: Double,
    cost: inout PassCost
  ) throws -> (end: Point<Double>, steps: [Step]) where Problem.Scalar == Double {
    func objective(_ weights: [Double]) throws -> (value: Double, slope: [Double]) {
      let point = Point(weights: weights, alpha: start.alpha)
      cost.countGradient(.weights)
      let gradient = try problem.gradient(.weights, at: point, on: input)
      return (
        gradient.loss + weightDecay / 2 * weights.dot(weights),
        gradient.weights.adding(weightDecay, times: weights)
      )
    }
    var weights = start.weights
    var ahead = weights
    var (pace, length) = (1.0, 1.0)
    var steps: [Step] = []
    for _ in 0..<iterations {
      let here = try objective(ahead)
      var next = ahead.adding(-length, times: here.slope)
      // Sufficient decrease: half of what the slope promises.
      for _ in 0..<15 {
        let promise = here.value - length / 2 * here.slope.dot(here.slope)
        if try objective(next).value <= promise + .ulpOfOne / length { break }
        length /= 2
        next = ahead.adding(-length, times: here.slope)
      }
      let nextPace = (1 + (1 + 4 * pace * pace).squareRoot()) / 2
      let step = Step(ahead: ahead, length: length, inertia: (pace - 1) / nextPace)
      let move = next.subtracting(weights)
      ahead = next.adding(step.inertia, times: move)
      (weights, pace) = (next, nextPace)
      steps.append(step)
      length = length <= 1e-6 ? 1 : 2 * length
      if move.norm <= tolerance * length { break }
    }
    return (Point(weights: weights, alpha: start.alpha), steps)
  }

  /// The derivative of α ↦ L_val(w_K(α), α) through the descent's own steps: jaxopt's with `implicit_diff=False`.
  ///
  /// The step lengths are constants of it: a line search that halves answers to α by jumps alone.
  func hypergradient<Problem: BilevelProblem>(
    _ problem: Problem, from start: Point<Double>, on inputs: BilevelInputs<Problem.Input>,
    weightDecay: Double, cost: inout PassCost
  ) throws -> [Double] where Problem.Scalar == Double {
    let (end, steps) = try descend(
      problem, from: start, on: inputs.inner, weightDecay: weightDecay, cost: &cost)
    cost.countGradient([.weights, .alpha])
    let outer = try problem.gradient([.weights, .alpha], at: end, on: inputs.outer)
    var total = outer.alpha
    var adjoint = outer.weights  // of x after the step, without its part in y
    var aheadAdjoint = [Double].zeros(adjoint.count)  // of y after the step
    for step in steps.reversed() {
      let moved = adjoint.adding(1 + step.inertia, times: aheadAdjoint)
      let down = moved.scaled(by: -step.length)
      cost.countTangent([.weights, .alpha], alongWeights: true)
      let product = try problem.tangent(
        [.weights, .alpha], at: Point(weights: step.ahead, alpha: start.alpha),
        along: Direction(weights: down), on: inputs.inner)
      total.add(1, times: product.alpha)
      adjoint = aheadAdjoint.scaled(by: -step.inertia)
      aheadAdjoint = moved.adding(1, times: product.weights).adding(weightDecay, times: down)
    }
    return total
  }
}

import Kernels
import Search
import Supernet

/// Descent on w with Nesterov's momentum and a halving line search: what jaxopt's `GradientDescent` does by default.
///
/// Its stop, a step of w shorter than the tolerance, says little about the distance to the minimum.
struct AcceleratedDescent {
  var iterations: Int
  var tolerance = 1e-3

  /// The point on Φ = L_tr + ρ/2 ‖w‖² where the descent ends, α fixed; counts its gradients in `cost`.
  func end<Problem: BilevelProblem>(
    of problem: Problem, from start: Point<Double>, on input: Problem.Input, weightDecay: Double,
    cost: inout PassCost
  ) throws -> Point<Double> where Problem.Scalar == Double {
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
    var ahead = weights  // where Nesterov's momentum leads
    var (inertia, length) = (1.0, 1.0)
    for _ in 0..<iterations {
      let here = try objective(ahead)
      var next = ahead.adding(-length, times: here.slope)
      // Sufficient decrease: half of what the slope promises.
      for _ in 0..<15 {
        let promise = here.value - length / 2 * here.slope.dot(here.slope)
        if try objective(next).value <= promise + .ulpOfOne { break }
        length /= 2
        next = ahead.adding(-length, times: here.slope)
      }
      let nextInertia = (1 + (1 + 4 * inertia * inertia).squareRoot()) / 2
      let move = next.subtracting(weights)
      ahead = next.adding((inertia - 1) / nextInertia, times: move)
      (weights, inertia) = (next, nextInertia)
      length = length <= 1e-6 ? 1 : 2 * length
      if move.norm <= tolerance { break }
    }
    return Point(weights: weights, alpha: start.alpha)
  }
}

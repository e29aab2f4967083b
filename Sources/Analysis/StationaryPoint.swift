import Kernels
import Search
import Supernet

/// A minimiser w*(α) of Φ = L_tr + ρ/2 ‖w‖², for problems small enough for a dense Hessian.
///
/// Newton's method on |H| (each eigenvalue by its absolute value), so that every step descends,
/// with halving until Φ falls. Cost: P tangent passes and an eigenproblem of size P a step.
struct StationaryPoint<Problem: BilevelProblem> where Problem.Scalar == Double {
  let problem: Problem
  var weightDecay = 0.0
  var iterations = 200
  /// Bound on ‖∇_wΦ‖; the last steps square the error, so that a small bound costs little.
  var tolerance = 1e-14

  /// - Returns: the point with the α of `start`.
  /// - Throws: `AnalysisError.notStationary`.
  func find(from start: Point<Double>, on input: Problem.Input) throws -> Point<Double> {
    var point = start
    var (value, slope) = try objective(at: point, on: input)
    for _ in 0..<iterations where slope.norm > tolerance {
      let eigen = try SymmetricEigen(hessian(at: point, on: input))
      let step = newtonStep(eigen, slope)
      var length = 1.0
      while true {
        var trial = point
        trial.weights.add(-length, times: step)
        let (trialValue, trialSlope) = try objective(at: trial, on: input)
        if trialValue < value || trialSlope.norm < slope.norm {
          (point, value, slope) = (trial, trialValue, trialSlope)
          break
        }
        length /= 2
        if length < 1e-10 { return try accepted(point, slope) }
      }
    }
    return try accepted(point, slope)
  }

  /// H = ∇²_ww L_tr + ρI at a point, [P][P].
  func hessian(at point: Point<Double>, on input: Problem.Input) throws -> Matrix {
    try (0..<problem.weightCount).map { index in
      var unit = [Double].zeros(problem.weightCount)
      unit[index] = 1
      return try problem.hessianProduct(unit, at: point, on: input)
        .adding(weightDecay, times: unit)
    }
  }

  private func objective(at point: Point<Double>, on input: Problem.Input) throws
    -> (Double, [Double])
  {
    let gradient = try problem.gradient(.weights, at: point, on: input)
    let decay = weightDecay / 2 * point.weights.dot(point.weights)
    return (gradient.loss + decay, gradient.weights.adding(weightDecay, times: point.weights))
  }

  private func newtonStep(_ eigen: SymmetricEigen, _ slope: [Double]) -> [Double] {
    let floor = 1e-8 * (eigen.values.map(abs).max() ?? 0)
    var step = [Double].zeros(slope.count)
    for (value, vector) in zip(eigen.values, eigen.vectors) {
      step.add(vector.dot(slope) / max(abs(value), floor), times: vector)
    }
    return step
  }

  /// Rounding can end the descent a little above the tolerance, never far above.
  private func accepted(_ point: Point<Double>, _ slope: [Double]) throws -> Point<Double> {
    guard slope.norm <= max(tolerance, 1e-12) else {
      throw AnalysisError.notStationary(iterations: iterations, gradientNorm: slope.norm)
    }
    return point
  }
}

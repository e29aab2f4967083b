import Kernels
import Supernet

extension BilevelProblem {
  /// d_K: the exact derivative of α ↦ L_val(w_K(α), α) through K steps of SGD, K = `batches.count`.
  ///
  /// Step k runs on `batches[k]` from the state's w and momentum; α is fixed along the way. d_0 is
  /// the first-order direction ∇_αL_val(w, α); d_1 is that of DARTS-2nd with the public DARTS
  /// code's step. Backwards through heavy-ball steps, one tangent pass a step gives both ∇²_{ww}L ν
  /// and ∇²_{αw}L ν. Memory: K·weightCount; activations are recomputed. Cost: (3 + 8)K F + 3F.
  /// - Throws: `SearchError.notFinite`, naming the term; `.wrongLength`.
  public func unrolledHypergradient(
    at state: BilevelState<Scalar>, through batches: [Input], outer: Input, descent: InnerDescent
  ) throws -> Hypergradient<Scalar> {
    try unrolledHypergradients(at: state, through: batches, outers: [outer], descent: descent)[0]
  }

  /// The same of several outer losses after the same steps, which are taken once: the first bears their cost.
  public func unrolledHypergradients(
    at state: BilevelState<Scalar>, through batches: [Input], outers: [Input],
    descent: InnerDescent
  ) throws -> [Hypergradient<Scalar>] {
    try check(state)
    var passes = Metered(self)
    let path = try descend(from: state, through: batches, descent, &passes)
    let end = path[batches.count]
    return try outers.map { outer in
      defer { passes = Metered(self) }
      let outerGradient = try passes.gradient([.weights, .alpha], at: end, on: outer)
      let implicit = try reverse(
        outerGradient.weights, along: path, through: batches, descent, &passes)
      return try Hypergradient(
        outer: outerGradient, at: end, implicit: implicit, cost: passes.cost)
    }
  }

  /// (w_K, α): the point after K steps of SGD from a state, K = `batches.count`, α fixed. Cost: 3K F.
  ///
  /// - Throws: what the passes throw; `SearchError.wrongLength`.
  public func descended(
    from state: BilevelState<Scalar>, through batches: [Input], descent: InnerDescent
  ) throws -> Point<Scalar> {
    try check(state)
    var passes = Metered(self)
    return try descend(from: state, through: batches, descent, &passes)[batches.count]
  }

  /// The points (w_0, α) … (w_K, α).
  private func descend(
    from state: BilevelState<Scalar>, through batches: [Input], _ descent: InnerDescent,
    _ passes: inout Metered<Self>
  ) throws -> [Point<Scalar>] {
    var path = [state.point]
    var point = state.point
    var momentum = state.momentum.isEmpty ? .zeros(weightCount) : state.momentum
    for batch in batches {
      let gradient = try passes.gradient(.weights, at: point, on: batch)
      momentum.scale(by: Scalar(descent.momentum))
      momentum.add(1, times: gradient.weights)
      momentum.add(Scalar(descent.weightDecay), times: point.weights)
      point.weights.add(-Scalar(descent.rate), times: momentum)
      path.append(point)
    }
    return path
  }

  /// −Σ_k ∇²_{αw}L_k ν_k: what g1 loses to the steps, from the last to the first.
  private func reverse(
    _ outerGradient: [Scalar], along path: [Point<Scalar>], through batches: [Input],
    _ descent: InnerDescent, _ passes: inout Metered<Self>
  ) throws -> [Scalar] {
    var weightAdjoint = outerGradient  // λ, the adjoint of w_{k+1}, then of w_k
    var momentumAdjoint = [Scalar].zeros(weightCount)  // ν, the adjoint of m_{k+1}
    var implicit = [Scalar].zeros(alphaCount)
    for (point, batch) in zip(path, batches).reversed() {
      momentumAdjoint.add(-Scalar(descent.rate), times: weightAdjoint)
      let product = try passes.tangent(
        [.weights, .alpha], at: point, along: Direction(weights: momentumAdjoint), on: batch)
      implicit.add(-1, times: product.alpha)
      weightAdjoint.add(1, times: product.weights)
      weightAdjoint.add(Scalar(descent.weightDecay), times: momentumAdjoint)
      momentumAdjoint.scale(by: Scalar(descent.momentum))
    }
    return implicit
  }
}

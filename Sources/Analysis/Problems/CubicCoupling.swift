/// A coupling whose finite difference has exactly one error term: FD(ε) − exact = ε²/3 · P v³.
///
/// L_tr = ½ wᵀAw − bᵀw + Σ_k α_k Σ_i P_ki w_i³/3; L_val = ½ ‖w − t‖².
/// A: [P][P], symmetric; b, t: [P]; coupling P: [n][P].
struct CubicCoupling: AnalyticProblem {
  typealias Scalar = Double
  typealias Input = Level

  var a: Matrix
  var b: [Double]
  var coupling: Matrix
  var t: [Double]

  var weightCount: Int { b.count }
  var alphaCount: Int { coupling.count }

  func derivatives<N: Number>(weights w: [N], alpha: [N], on level: Level) -> Derivatives<N> {
    switch level {
    case .inner:
      let aw = times(a, w)
      let squares = w.map { $0 * $0 }
      let cubes = times(coupling, zip(w, squares).map { $0 * $1 / N(3) })
      let pull = zip(transposedTimes(coupling, alpha), squares).map { $0 * $1 }
      return Derivatives(
        loss: N(0.5) * dot(w, aw) - dot(b, w) + dot(alpha, cubes),
        weights: sum(difference(aw, constants(b)), pull), alpha: cubes)
    case .outer:
      let offset = difference(w, constants(t))
      return Derivatives(
        loss: N(0.5) * dot(offset, offset), weights: offset, alpha: alpha.map { _ in N(0) })
    }
  }
}

/// A strictly convex inner problem with a linear coupling: every direction has a closed form.
///
/// L_tr = ½ wᵀAw − wᵀ(Bα + c); L_val = ½ (w − t)ᵀM(w − t) + ρ/2 ‖α‖² + dᵀα.
/// A, M: [P][P], symmetric; B: [P][n]; c, t: [P]; d: [n].
struct QuadraticBilevel: AnalyticProblem {
  typealias Scalar = Double
  typealias Input = Level

  var a: Matrix
  var b: Matrix
  var c: [Double]
  var m: Matrix
  var t: [Double]
  var rho: Double
  var d: [Double]

  var weightCount: Int { c.count }
  var alphaCount: Int { d.count }

  func derivatives<N: Number>(weights w: [N], alpha: [N], on level: Level) -> Derivatives<N> {
    switch level {
    case .inner:
      let (aw, pull) = (times(a, w), sum(times(b, alpha), constants(c)))
      return Derivatives(
        loss: N(0.5) * dot(w, aw) - dot(w, pull), weights: difference(aw, pull),
        alpha: transposedTimes(b, w).map { -$0 })
    case .outer:
      let offset = difference(w, constants(t))
      let slope = times(m, offset)
      let penalty = N(rho / 2) * dot(alpha, alpha) + dot(d, alpha)
      return Derivatives(
        loss: N(0.5) * dot(offset, slope) + penalty, weights: slope,
        alpha: sum(alpha.map { N(rho) * $0 }, constants(d)))
    }
  }
}

/// The toy of the DARTS paper (fig. 2), with one weight and one α.
///
/// L_tr = w² − 2αw + α²; L_val = αw − 2α + 1. Optimum α = w = 1; alternating descent with the
/// one-step hypergradient ends at 2 / (1 + 2ξ).
struct DartsToy: AnalyticProblem {
  typealias Scalar = Double
  typealias Input = Level

  var weightCount: Int { 1 }
  var alphaCount: Int { 1 }

  func derivatives<N: Number>(weights: [N], alpha: [N], on level: Level) -> Derivatives<N> {
    let (w, a) = (weights[0], alpha[0])
    switch level {
    case .inner:
      let gap = w - a
      return Derivatives(
        loss: gap * gap, weights: [N(2) * gap], alpha: [N(-2) * gap])
    case .outer:
      return Derivatives(loss: a * w - N(2) * a + N(1), weights: [a], alpha: [w - N(2)])
    }
  }
}

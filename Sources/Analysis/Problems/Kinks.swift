/// One ReLU between w and α: the finite difference is wrong as soon as its step crosses the kink.
///
/// L_tr = w²/2 − α·relu(w − c); L_val = v·w.
struct OneKink: AnalyticProblem {
  typealias Scalar = Double
  typealias Input = Level

  var kink: Double
  /// ∇_wL_val
  var v: Double

  var weightCount: Int { 1 }
  var alphaCount: Int { 1 }

  func derivatives<N: Number>(weights: [N], alpha: [N], on level: Level) -> Derivatives<N> {
    let (w, a) = (weights[0], alpha[0])
    switch level {
    case .inner:
      let active = w.value > kink
      let excess = active ? w - N(kink) : N(0)
      return Derivatives(
        loss: N(0.5) * w * w - a * excess, weights: [active ? w - a : w], alpha: [-excess])
    case .outer:
      return Derivatives(loss: N(v) * w, weights: [N(v)], alpha: [N(0)])
    }
  }
}

/// Many ReLUs whose kinks fill [0, 1]: the derivative almost everywhere is not that of the
/// population.
///
/// L_tr = 1/n Σ_i relu(αw − x_i), x_i = (i − ½)/n; L_val = w.
struct KinkPopulation: AnalyticProblem {
  typealias Scalar = Double
  typealias Input = Level

  var count: Int

  var weightCount: Int { 1 }
  var alphaCount: Int { 1 }

  /// x_i
  var kinks: [Double] { (0..<count).map { (Double($0) + 0.5) / Double(count) } }

  func derivatives<N: Number>(weights: [N], alpha: [N], on level: Level) -> Derivatives<N> {
    let (w, a) = (weights[0], alpha[0])
    guard level == .inner else { return Derivatives(loss: w, weights: [N(1)], alpha: [N(0)]) }
    let product = a * w
    let active = kinks.filter { product.value > $0 }
    let share = N(Double(active.count) / Double(count))
    let offset = N(active.reduce(0, +) / Double(count))
    return Derivatives(
      loss: share * product - offset, weights: [share * a], alpha: [share * w])
  }
}

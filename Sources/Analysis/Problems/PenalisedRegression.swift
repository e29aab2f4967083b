/// Linear regression or classification whose penalty is the outer variable.
///
/// L_tr = mean ℓ(X w, y) + penalty(α, w); L_val = mean ℓ(X_val w, y_val). X: [n][P]; y: [n].
struct PenalisedRegression: AnalyticProblem {
  typealias Scalar = Double
  typealias Input = Level

  enum Loss {
    /// ½ (xᵀw − y)²
    case squared
    /// log(1 + exp(−y xᵀw)), y = ±1
    case logistic
  }

  enum Penalty {
    /// ½ Σ_j exp(α_j) w_j²
    case perFeature
    /// α/2 ‖w‖², one α, which is the λ of ridge regression
    case shared
  }

  struct Examples {
    var x: Matrix
    var y: [Double]
  }

  var loss: Loss
  var penalty: Penalty
  var training: Examples
  var validation: Examples

  var weightCount: Int { training.x.first?.count ?? 0 }
  var alphaCount: Int { penalty == .shared ? 1 : weightCount }

  func derivatives<N: Number>(weights w: [N], alpha: [N], on level: Level) -> Derivatives<N> {
    switch level {
    case .inner:
      var all = fit(w, alpha, to: training)
      addPenalty(to: &all, w, alpha)
      return all
    case .outer:
      return fit(w, alpha, to: validation)
    }
  }

  private func fit<N: Number>(_ w: [N], _ alpha: [N], to examples: Examples) -> Derivatives<N> {
    let share = N(1 / Double(examples.y.count))
    var total = N(0)
    var slopes: [N] = []
    for (prediction, y) in zip(times(examples.x, w), examples.y) {
      switch loss {
      case .squared:
        let residual = prediction - N(y)
        total += N(0.5) * residual * residual
        slopes.append(share * residual)
      case .logistic:
        let odds = N.exp(N(-y) * prediction)
        total += N.log(N(1) + odds)
        slopes.append(share * N(-y) * odds / (N(1) + odds))
      }
    }
    return Derivatives(
      loss: share * total, weights: transposedTimes(examples.x, slopes),
      alpha: alpha.map { _ in N(0) })
  }

  private func addPenalty<N: Number>(to all: inout Derivatives<N>, _ w: [N], _ alpha: [N]) {
    for j in w.indices {
      let strength = penalty == .shared ? alpha[0] : N.exp(alpha[j])
      let halfSquare = N(0.5) * w[j] * w[j]
      all.loss += strength * halfSquare
      all.weights[j] += strength * w[j]
      switch penalty {
      case .shared: all.alpha[0] += halfSquare
      case .perFeature: all.alpha[j] += strength * halfSquare
      }
    }
  }
}

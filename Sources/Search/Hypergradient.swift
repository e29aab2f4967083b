import Kernels
import Supernet

/// An estimate d of the gradient of the outer loss with respect to α, through the weights that α
/// leads to.
///
/// All estimators have the form d = g1 − g2. α moves against d.
public struct Hypergradient<Scalar: KernelScalar>: Sendable {
  /// g1 = ∇_αL_outer at the outer point; [alphaCount].
  public var direct: [Scalar]
  /// g2, what α does to the outer loss through the weights; [alphaCount].
  public var implicit: [Scalar]
  /// d = g1 − g2; [alphaCount].
  public var direction: [Scalar]
  /// v = ∇_wL_outer at the outer point; [weightCount].
  public var outerGradient: [Scalar]
  /// Where the outer loss is taken: (w′, α) for one step, (w_K, α) for K, (w, α) for the implicit
  /// forms.
  public var outerPoint: Point<Scalar>
  /// The outer loss there.
  public var outerLoss: Double
  /// The norm that ε of eq. 8 divides by: ‖v‖; joint over (w, α) where the variant moves α.
  public var outerNorm: Double
  /// ε of eq. 8; nil where no difference was taken.
  public var epsilon: Double?
  /// What it took.
  public var cost: PassCost

  /// ‖g2‖ / ‖g1‖.
  public var implicitShare: Double { implicit.norm / direct.norm }

  init(
    outer: Gradient<Scalar>, at outerPoint: Point<Scalar>, implicit: [Scalar],
    epsilon: Double? = nil, outerNorm: Double? = nil, cost: PassCost
  ) throws {
    direct = outer.alpha
    self.implicit = implicit
    direction = direct.subtracting(implicit)
    outerGradient = outer.weights
    self.outerPoint = outerPoint
    outerLoss = outer.loss
    self.outerNorm = outerNorm ?? outer.weights.norm
    self.epsilon = epsilon
    self.cost = cost
    guard direct.allSatisfy(\.isFinite) else { throw SearchError.notFinite(term: "g1") }
    guard implicit.allSatisfy(\.isFinite) else { throw SearchError.notFinite(term: "g2") }
  }
}

extension BilevelProblem {
  /// The α-direction of DARTS-2nd: ∇_αL_val(w′, α) − ξ ∇²_{αw}L_tr(w, α) v, v = ∇_wL_val(w′, α)
  /// (eq. 7).
  ///
  /// With `.finiteDifference` the product is that of eq. 8. `.milenasCode` takes the first term and
  /// v at (w′, α′) and multiplies v with its part along α into (∇²_{αw}, ∇²_{αα})L_tr, which is
  /// what the public code computes. Cost: 10F by finite difference, 12F exact.
  /// - Throws: `SearchError.notFinite`, naming the term; `.wrongLength`.
  public func oneStepHypergradient(
    at state: BilevelState<Scalar>, on inputs: BilevelInputs<Input>, step: UnrolledStep,
    secondOrder: SecondOrder
  ) throws -> Hypergradient<Scalar> {
    try check(state)
    var passes = Metered(self)
    let inner = try passes.gradient(step.wanted, at: state.point, on: inputs.inner)
    let unrolled = step.taken(from: state, along: inner)
    return try bracket(
      inputs.outer, at: unrolled, from: state.point, on: inputs.inner, step, secondOrder, &passes)
  }

  /// ∇_αL_outer(w′) − ξ ∇²_{αw}L_tr(w) ∇_wL_outer(w′), the step to w′ being taken already.
  private func bracket(
    _ outerInput: Input, at unrolled: Point<Scalar>, from point: Point<Scalar>, on inner: Input,
    _ step: UnrolledStep, _ secondOrder: SecondOrder, _ passes: inout Metered<Self>
  ) throws -> Hypergradient<Scalar> {
    let outer = try passes.gradient([.weights, .alpha], at: unrolled, on: outerInput)
    let direction = Direction(
      weights: outer.weights, alpha: step.variant.movesAlpha ? outer.alpha : [])
    let product = try passes.mixedProduct(secondOrder, along: direction, at: point, on: inner)
    return try Hypergradient(
      outer: outer, at: unrolled, implicit: product.value.scaled(by: Scalar(step.descent.rate)),
      epsilon: product.epsilon, outerNorm: direction.norm, cost: passes.cost)
  }

  func check(_ state: BilevelState<Scalar>) throws {
    func require(_ what: String, _ found: Int, _ expected: Int) throws {
      guard found == expected else {
        throw SearchError.wrongLength(what: what, expected: expected, found: found)
      }
    }
    try require("w", state.point.weights.count, weightCount)
    try require("α", state.point.alpha.count, alphaCount)
    if !state.momentum.isEmpty { try require("the momentum", state.momentum.count, weightCount) }
  }
}

// MARK: - MiLeNAS-2nd

/// Which bracket of MiLeNAS-2nd λ multiplies; the other has weight 1.
public enum LambdaPlacement: String, CaseIterable, Codable, Sendable {
  /// Eqs. 5 and 6, Algorithm 1: L_tr + λL_val.
  case validation
  /// The second-order formula of sec. 3.1 as printed, and the public code: L_val + λL_tr.
  case training

  /// The factors of the two brackets: λ where it stands, λ_train on the training bracket.
  func factors(lambda: Double, lambdaTrain: Double) -> (train: Double, validation: Double) {
    switch self {
    case .validation: (lambdaTrain, lambda)
    case .training: (lambda * lambdaTrain, 1)
    }
  }
}

/// The α-direction of MiLeNAS-2nd and its two brackets.
public struct MixedLevelHypergradient<Scalar: KernelScalar>: Sendable {
  /// The bracket whose outer loss is L_tr.
  public var training: Hypergradient<Scalar>
  /// The bracket whose outer loss is L_val.
  public var validation: Hypergradient<Scalar>
  /// Their weighted sum; [alphaCount].
  public var direction: [Scalar]
  /// What both brackets took.
  public var cost: PassCost
}

extension BilevelProblem {
  /// The α-direction of MiLeNAS-2nd (sec. 3.1): the bracket of eq. 7 for L_val and for L_tr, at one
  /// w′.
  ///
  /// Cost: 17F by finite difference, 21F exact.
  /// - Parameters:
  ///   - lambda: λ, a factor of the bracket that `placement` names.
  ///   - lambdaTrain: a factor of the training bracket beside it; the public code's, which has no other.
  /// - Throws: `SearchError.notFinite`, naming the term; `.wrongLength`.
  public func mixedLevelHypergradient(
    at state: BilevelState<Scalar>, training: Input, validation: Input, step: UnrolledStep,
    secondOrder: SecondOrder, lambda: Double, on placement: LambdaPlacement = .validation,
    lambdaTrain: Double = 1
  ) throws -> MixedLevelHypergradient<Scalar> {
    try check(state)
    var shared = Metered(self)
    let inner = try shared.gradient(step.wanted, at: state.point, on: training)
    let unrolled = step.taken(from: state, along: inner)
    func bracket(_ outer: Input) throws -> Hypergradient<Scalar> {
      var passes = Metered(self)
      return try self.bracket(
        outer, at: unrolled, from: state.point, on: training, step, secondOrder, &passes)
    }
    let (train, val) = try (bracket(training), bracket(validation))
    let factors = placement.factors(lambda: lambda, lambdaTrain: lambdaTrain)
    let direction =
      switch placement {
      case .validation:
        train.direction.scaled(by: Scalar(factors.train))
          .adding(Scalar(factors.validation), times: val.direction)
      case .training:
        val.direction.adding(Scalar(factors.train), times: train.direction)
      }
    return MixedLevelHypergradient(
      training: train, validation: val, direction: direction,
      cost: shared.cost + train.cost + val.cost)
  }
}

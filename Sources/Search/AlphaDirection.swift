import Kernels
import Supernet

/// The direction that α descends along in one step, with the terms that formed it.
struct AlphaDirection {
  var terms: [StepRecord.Term]
  /// Σ coefficient·vector, [alphaCount].
  var direction: [Float]
  var trainLoss: Double?
  var validationLoss: Double?
  /// ∇_w L_train and its pass, where one pass gave both (`simultaneous`).
  var weightPass: Gradient<Float>?
  /// Batch statistics of the first-order passes.
  var statistics: [BatchNormStatistics<Float>] = []
  /// How the linear system of `implicit` was solved.
  var solved: SolverTally?
  /// What forming it has cost.
  var cost: PassCost

  init(
    _ terms: [StepRecord.Term], trainLoss: Double? = nil, validationLoss: Double? = nil,
    cost: PassCost = PassCost()
  ) {
    self.terms = terms
    self.cost = cost
    self.trainLoss = trainLoss
    self.validationLoss = validationLoss
    // The first term alone when its factor is 1, so that λ = 0 gives the bits of `single-level`.
    let present = terms.filter { $0.coefficient != 0 }
    var sum = [Float](repeating: 0, count: terms.first?.gradient.count ?? 0)
    for (i, term) in present.enumerated() {
      if i == 0 && term.coefficient == 1 {
        sum = term.gradient
      } else {
        sum.add(Float(term.coefficient), times: term.gradient)
      }
    }
    direction = sum
  }
}

/// What a step's α-direction is formed from.
struct DirectionInputs {
  var train: SupernetInput<Float>
  /// Drawn when a method asks for it.
  var validation: SupernetInput<Float>
  /// The training batches of the steps that follow in the epoch, for `unrolled`; the present one first.
  var path: () -> [SupernetInput<Float>]
  /// ξ: the learning rate of w.
  var weightRate: Double
}

/// A method as a value: which gradients form the α-direction of a state.
struct DirectionRule {
  let method: SearchMethod
  let configuration: SearchConfiguration

  /// - Throws: `SearchError.notFinite`, naming the term.
  func direction(
    at state: SearchState, on inputs: DirectionInputs, of net: Supernet<Float>
  ) throws -> AlphaDirection {
    switch method {
    case .random, .randomSharing:
      return AlphaDirection([
        StepRecord.Term(
          name: "none", coefficient: 0, gradient: .init(repeating: 0, count: net.alphaCount))
      ])
    case .singleLevel: return try firstOrder(train: 1, valid: 0, at: state, inputs, net)
    case .darts1st: return try firstOrder(train: 0, valid: 1, at: state, inputs, net)
    case .milenas1st:
      return try firstOrder(
        train: configuration.lambdaTrain, valid: configuration.lambda, at: state, inputs, net)
    case .darts2nd, .darts2ndExact: return try oneStep(at: state, inputs, net)
    case .milenas2nd, .milenas2ndExact: return try mixedLevel(at: state, inputs, net)
    case .unrolled: return try unrolled(at: state, inputs, net)
    case .implicit: return try implicit(at: state, inputs, net)
    }
  }

  // MARK: - First order

  /// train·∇_α L_train + valid·∇_α L_val; a factor of 0 costs no pass.
  private func firstOrder(
    train: Double, valid: Double, at state: SearchState, _ inputs: DirectionInputs,
    _ net: Supernet<Float>
  ) throws -> AlphaDirection {
    let simultaneous = configuration.order == .simultaneous
    var wanted: Wanted = .alpha
    var passes = Metered(net)
    if configuration.statistics == .everyForward { wanted.insert(.statistics) }
    var terms: [StepRecord.Term] = []
    var trainPass: Gradient<Float>?
    var validationPass: Gradient<Float>?
    if train != 0 || simultaneous {
      let pass = try passes.gradient(
        simultaneous ? [.weights, .alpha, .statistics] : wanted, at: state.point, on: inputs.train)
      terms.append(
        StepRecord.Term(name: "grad_alpha_train", coefficient: train, gradient: pass.alpha))
      trainPass = pass
    }
    if valid != 0 {
      let pass = try passes.gradient(wanted, at: state.point, on: inputs.validation)
      terms.append(
        StepRecord.Term(name: "grad_alpha_valid", coefficient: valid, gradient: pass.alpha))
      validationPass = pass
    }
    if terms.isEmpty {
      terms = [
        StepRecord.Term(
          name: "none", coefficient: 0, gradient: .init(repeating: 0, count: net.alphaCount))
      ]
    }
    var result = AlphaDirection(
      terms, trainLoss: trainPass?.loss, validationLoss: validationPass?.loss, cost: passes.cost)
    if simultaneous { result.weightPass = trainPass }
    if configuration.statistics == .everyForward {
      result.statistics =
        (simultaneous ? [] : [trainPass?.statistics].compactMap { $0 })
        + [validationPass?.statistics].compactMap { $0 }
    }
    return result
  }

  // MARK: - Second order

  private var secondOrder: SecondOrder {
    method == .darts2nd || method == .milenas2nd
      ? .finiteDifference(radius: configuration.radius) : .exact
  }

  private func step(_ inputs: DirectionInputs) -> UnrolledStep {
    UnrolledStep(
      configuration.variant,
      InnerDescent(
        rate: inputs.weightRate, momentum: configuration.momentum,
        weightDecay: configuration.weightDecay))
  }

  private func bilevel(_ state: SearchState) -> BilevelState<Float> {
    BilevelState(state.point, momentum: state.momentum)
  }

  private func terms(_ estimate: Hypergradient<Float>, _ loss: String, _ factor: Double)
    -> [StepRecord.Term]
  {
    [
      StepRecord.Term(name: "direct_\(loss)", coefficient: factor, gradient: estimate.direct),
      StepRecord.Term(name: "implicit_\(loss)", coefficient: -factor, gradient: estimate.implicit),
    ]
  }

  private func oneStep(at state: SearchState, _ inputs: DirectionInputs, _ net: Supernet<Float>)
    throws -> AlphaDirection
  {
    let estimate = try net.oneStepHypergradient(
      at: bilevel(state), on: BilevelInputs(inner: inputs.train, outer: inputs.validation),
      step: step(inputs), secondOrder: secondOrder)
    var result = AlphaDirection(
      terms(estimate, "valid", 1), validationLoss: estimate.outerLoss, cost: estimate.cost)
    result.direction = estimate.direction
    return result
  }

  private func mixedLevel(at state: SearchState, _ inputs: DirectionInputs, _ net: Supernet<Float>)
    throws -> AlphaDirection
  {
    let placement = configuration.lambdaPlacement
    let estimate = try net.mixedLevelHypergradient(
      at: bilevel(state), training: inputs.train, validation: inputs.validation,
      step: step(inputs), secondOrder: secondOrder, lambda: configuration.lambda, on: placement,
      lambdaTrain: configuration.lambdaTrain)
    let factors = placement.factors(
      lambda: configuration.lambda, lambdaTrain: configuration.lambdaTrain)
    var result = AlphaDirection(
      terms(estimate.training, "train", factors.train)
        + terms(estimate.validation, "valid", factors.validation),
      trainLoss: estimate.training.outerLoss, validationLoss: estimate.validation.outerLoss,
      cost: estimate.cost)
    result.direction = estimate.direction
    return result
  }

  private func unrolled(at state: SearchState, _ inputs: DirectionInputs, _ net: Supernet<Float>)
    throws -> AlphaDirection
  {
    let estimate = try net.unrolledHypergradient(
      at: bilevel(state), through: inputs.path(), outer: inputs.validation,
      descent: InnerDescent(
        rate: inputs.weightRate, momentum: configuration.momentum,
        weightDecay: configuration.weightDecay))
    return AlphaDirection(
      terms(estimate, "valid", 1), validationLoss: estimate.outerLoss, cost: estimate.cost)
  }

  private func implicit(at state: SearchState, _ inputs: DirectionInputs, _ net: Supernet<Float>)
    throws -> AlphaDirection
  {
    let count = configuration.solverIterations
    let solver: LinearSolver =
      switch configuration.solver {
      case .conjugateGradients:
        .conjugateGradients(iterations: count, tolerance: SolverTally.tolerance)
      case .minres: .minres(iterations: count, tolerance: SolverTally.tolerance)
      case .neumann: .neumann(terms: count, rate: inputs.weightRate)
      }
    let estimate = try net.implicitHypergradient(
      at: state.point, on: BilevelInputs(inner: inputs.train, outer: inputs.validation),
      weightDecay: configuration.weightDecay, damping: configuration.damping, solver: solver)
    let hypergradient = estimate.hypergradient
    var result = AlphaDirection(
      terms(hypergradient, "valid", 1), validationLoss: hypergradient.outerLoss,
      cost: hypergradient.cost)
    result.solved = SolverTally(estimate)
    return result
  }
}

import Datasets
import Kernels
import Supernet

extension SearchLoop {
  /// One step of α and w: everything that happens between two rows of the step log.
  ///
  /// - Throws: `SearchError.notFiniteAtStep`, naming the term; what the passes throw. The state is then that of no
  ///   step: go on from a checkpoint.
  public func step(_ state: inout SearchState) throws -> StepRecord { try tracedStep(&state).0 }

  /// The same, with the large vectors that only the finest log level keeps.
  public func tracedStep(_ state: inout SearchState) throws -> (StepRecord, StepTrace) {
    let began = ContinuousClock().now
    var watch = PhaseWatch()
    let inputs = watch.time("data") { self.inputs(at: state) }
    let alpha = state.alpha
    let direction: AlphaDirection
    let weightStep: WeightStep
    switch configuration.order {
    case .weightsFirst:
      weightStep = try watch.time("weights") { try stepWeights(&state, on: inputs, given: nil) }
      direction = try watch.time("alpha") { try stepAlpha(&state, on: inputs) }
    case .alphaFirst, .simultaneous:
      direction = try watch.time("alpha") { try stepAlpha(&state, on: inputs) }
      weightStep = try watch.time("weights") {
        try stepWeights(&state, on: inputs, given: direction.weightPass)
      }
    }
    let record = StepRecord(
      step: state.step, epoch: state.epoch, stepInEpoch: state.stepInEpoch,
      trainLoss: weightStep.loss, validLoss: direction.validationLoss,
      weightRate: inputs.weightRate,
      temperature: configuration.space == .darts
        ? nil : schedule.temperature(inEpoch: state.epoch),
      alpha: alpha, alphaGradient: direction.direction, terms: direction.terms,
      samples: samples(inputs, weightStep, of: configuration.method(inEpoch: state.epoch)),
      gradientNorms: weightStep.norms, phases: watch.phases)
    state.step += 1
    state.stepInEpoch += 1
    state.progress.loss += weightStep.loss * Double(inputs.train.batch.count)
    state.progress.correct += weightStep.correct
    state.progress.images += inputs.train.batch.count
    state.progress.seconds += (ContinuousClock().now - began).inSeconds
    return (record, StepTrace(weightGradient: weightStep.gradient))
  }

  /// Multiply-adds of the passes of the step that follows a state, in units of F, those of one forward pass.
  ///
  /// Counted while the step's direction is formed once more; the state stays as it is.
  /// - Throws: what the passes throw.
  func passUnits(at state: SearchState) throws -> Int {
    let direction = try DirectionRule(
      method: configuration.method(inEpoch: state.epoch), configuration: configuration
    ).direction(at: state, on: inputs(at: state), of: net)
    let weightPasses = configuration.weightUpdates - (direction.weightPass == nil ? 0 : 1)
    return direction.cost.units + 3 * weightPasses
  }

  /// What the first-order passes of a step see: its training and its validation batch, each with its noise.
  ///
  /// The address may lie beyond the last epoch: batches are drawn there by the same rule.
  public func passInputs(ofStep step: Int, inEpoch epoch: Int) -> (
    train: SupernetInput<Float>, validation: SupernetInput<Float>
  ) {
    let validation =
      configuration.validationBatches == .epoch
      ? source.validationBatch(epoch: epoch, step: step)
      : source.randomValidationBatch(epoch: epoch, step: step)
    return (
      trainingInput(.train, epoch: epoch, step: step),
      SupernetInput(validation.batch, sampling.relaxation(.valid, epoch: epoch, step: step))
    )
  }

  /// η: the learning rate of w in an epoch; that of the last one beyond it.
  public func weightRate(inEpoch epoch: Int) -> Double {
    schedule.weightRate(inEpoch: min(epoch, configuration.epochs - 1))
  }

  /// The noise of the passes that were taken.
  private func samples(
    _ inputs: DirectionInputs, _ weightStep: WeightStep, of method: SearchMethod
  ) -> [StepRecord.Sample] {
    [
      method.usesTraining ? sampling.record(inputs.train.relaxation, .train) : nil,
      method.usesValidation ? sampling.record(inputs.validation.relaxation, .valid) : nil,
      sampling.record(weightStep.relaxation, .weights),
    ].compactMap { $0 }
  }

  /// What the passes of a step are taken on.
  private func inputs(at state: SearchState) -> DirectionInputs {
    let (epoch, step) = (state.epoch, state.stepInEpoch)
    let (train, validation) = passInputs(ofStep: step, inEpoch: epoch)
    return DirectionInputs(
      train: train, validation: validation,
      path: { [self] in
        [train]
          + (1..<max(1, configuration.unrollSteps)).map {
            trainingInput(.train, epoch: epoch, step: (step + $0) % stepsPerEpoch)
          }
      },
      weightRate: schedule.weightRate(inEpoch: epoch))
  }

  /// The training batch of a step, or of one of its further weight steps, with the noise of a pass.
  private func trainingInput(
    _ pass: GumbelSampling.Pass, epoch: Int, step: Int, update: Int = 0
  ) -> SupernetInput<Float> {
    let batch =
      step * configuration.batchesPerStep + (configuration.updatesSeeNextBatches ? update : 0)
    return SupernetInput(
      source.trainingBatch(epoch: epoch, step: batch).batch,
      sampling.relaxation(pass, epoch: epoch, step: step, update: update))
  }

  // MARK: - α

  private func stepAlpha(_ state: inout SearchState, on inputs: DirectionInputs) throws
    -> AlphaDirection
  {
    let method = configuration.method(inEpoch: state.epoch)
    let direction = try DirectionRule(method: method, configuration: configuration)
      .direction(at: state, on: inputs, of: net)
    if let solved = direction.solved { solverTally += solved }
    guard direction.direction.allSatisfy(\.isFinite) else {
      let term = direction.terms.first { !$0.gradient.allSatisfy(\.isFinite) }
      throw SearchError.notFiniteAtStep(
        term: term?.name ?? "the α-direction", step: state.step)
    }
    for statistics in direction.statistics { state.statistics.absorb(statistics) }
    guard method.movesAlpha else { return direction }
    let adam = Adam(
      betas: (configuration.alphaBetas[0], configuration.alphaBetas[1]),
      decay: configuration.alphaDecay)
    adam.step(
      &state.alpha, &state.adam, along: direction.direction, rate: configuration.alphaRate)
    return direction
  }

  // MARK: - w

  /// What the first weight step's pass found, before clipping.
  private struct WeightStep {
    var loss: Double
    var correct: Int
    /// ∇_w L_train, [weightCount].
    var gradient: [Float]
    /// ‖∇_w L_train‖ per slice of the layout.
    var norms: [Float]
    /// The noise that the pass saw.
    var relaxation: Relaxation<Float>
  }

  /// - Parameter given: ∇_w L_train of a pass that is done already (`simultaneous`).
  private func stepWeights(
    _ state: inout SearchState, on inputs: DirectionInputs, given: Gradient<Float>?
  ) throws -> WeightStep {
    var first: WeightStep?
    for update in 0..<configuration.weightUpdates {
      let input: SupernetInput<Float>
      let pass: Gradient<Float>
      if update == 0, let given {
        (input, pass) = (inputs.train, given)
      } else {
        input =
          update == 0 || !configuration.updatesSeeNextBatches
          ? SupernetInput(
            inputs.train.batch,
            sampling.relaxation(
              .weights, epoch: state.epoch, step: state.stepInEpoch, update: update))
          : trainingInput(
            .weights, epoch: state.epoch, step: state.stepInEpoch, update: update)
        pass = try net.gradient([.weights, .statistics], at: state.point, on: input)
      }
      try descend(&state, along: pass, rate: inputs.weightRate)
      if first == nil {
        first = WeightStep(
          loss: pass.loss, correct: pass.correct, gradient: pass.weights,
          norms: net.layout.slices.map { Float(Array(pass.weights[$0.range]).norm) },
          relaxation: input.relaxation)
      }
    }
    guard let first else { preconditionFailure("weightUpdates is at least 1") }
    return first
  }

  /// Clips ∇_w, moves w and the running statistics.
  private func descend(_ state: inout SearchState, along pass: Gradient<Float>, rate: Double)
    throws
  {
    let norm = pass.weights.norm
    guard norm.isFinite && pass.loss.isFinite else {
      throw SearchError.notFiniteAtStep(term: "∇_w L_train", step: state.step)
    }
    let factor =
      configuration.clipTarget == .weights
      ? Clipping.factor(norm: norm, largest: configuration.clip) : 1
    SGD(momentum: configuration.momentum, weightDecay: configuration.weightDecay).step(
      &state.weights, &state.momentum,
      along: factor < 1 ? pass.weights.scaled(by: Float(factor)) : pass.weights, rate: rate)
    if let statistics = pass.statistics { state.statistics.absorb(statistics) }
  }
}

/// Wall time of a step by phase, in the order in which the phases ran.
private struct PhaseWatch {
  private(set) var phases: [StepRecord.Phase] = []

  mutating func time<R>(_ name: String, _ body: () throws -> R) rethrows -> R {
    let began = ContinuousClock().now
    let result = try body()
    phases.append(
      StepRecord.Phase(name: name, seconds: (ContinuousClock().now - began).inSeconds))
    return result
  }
}

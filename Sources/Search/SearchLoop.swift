import Datasets
import Kernels
import Supernet

/// The one loop: takes a state, steps it, and tells what happened.
public final class SearchLoop {
  public let configuration: SearchConfiguration
  public let source: BatchSource
  public let net: Supernet<Float>
  public let stepsPerEpoch: Int
  public let dataset: Dataset
  private let schedule: Schedule
  private let sampling: GumbelSampling

  /// - Throws: `SearchError`, `DatasetError` or `SupernetError` for settings that cannot work.
  public init(_ configuration: SearchConfiguration, dataset: Dataset, threads: Int) throws {
    var configuration = configuration
    configuration.adopt(dataset)
    try configuration.validate()
    self.configuration = configuration
    self.dataset = dataset
    source = try BatchSource(
      dataset, seed: configuration.seed, batchSize: configuration.batch,
      augmentation: configuration.augmentation,
      validationAugmentation: configuration.augmentsValidation,
      trainImages: configuration.trainImages)
    net = try Supernet(configuration.shape, batchCapacity: configuration.batch, threads: threads)
    stepsPerEpoch = min(configuration.stepsPerEpoch ?? .max, source.stepsPerEpoch)
    schedule = Schedule(configuration)
    sampling = GumbelSampling(configuration: configuration, shape: configuration.shape)
  }

  /// Runs from a state to the end, or until `isCancelled`, which is asked between steps.
  ///
  /// - Parameter emit: is told of each step and epoch, with the state after it.
  /// - Returns: how it ended, and the state it ended with.
  /// - Throws: what the passes and `emit` throw; `SearchError.notFiniteAtStep`.
  public func run(
    from start: SearchState, isCancelled: () -> Bool = { false },
    emit: (SearchEvent, SearchState) throws -> Void
  ) throws -> (result: RunResult, state: SearchState) {
    var state = start
    var last: EpochRecord?
    let clock = ContinuousClock()
    let began = clock.now
    func ended(_ outcome: RunResult.Outcome) -> (RunResult, SearchState) {
      let genotype = Genotype(alpha: state.alpha, shape: net.shape)
      return (
        RunResult(
          outcome: outcome, epochs: state.epoch, steps: state.step, genotype: "\(genotype)",
          normalConvolutions: genotype.convolutionCounts.normal,
          reductionConvolutions: genotype.convolutionCounts.reduction,
          validAccuracy: last?.validAccuracy, seconds: (clock.now - began).inSeconds), state
      )
    }
    while state.epoch < configuration.epochs {
      while state.stepInEpoch < stepsPerEpoch {
        if isCancelled() { return ended(.interrupted) }
        let record = try step(&state)
        try emit(.step(record), state)
      }
      let record = try closeEpoch(&state)
      last = record
      try emit(.epoch(record), state)
      if let limit = configuration.stopAt, record.normalConvolutions <= limit.normal,
        record.reductionConvolutions <= limit.reduction
      {
        return ended(.stoppedEarly)
      }
    }
    return ended(.completed)
  }

  // MARK: - One step

  /// One step of α and w: everything that happens between two rows of the step log.
  public func step(_ state: inout SearchState) throws -> StepRecord {
    let clock = ContinuousClock()
    let began = clock.now
    let (epoch, step) = (state.epoch, state.stepInEpoch)
    let train = source.trainingBatch(epoch: epoch, step: step)
    let validation =
      configuration.validationBatches == .epoch
      ? source.validationBatch(epoch: epoch, step: step)
      : source.randomValidationBatch(epoch: epoch, step: step)
    let dataSeconds = (clock.now - began).inSeconds
    let trainInput = SupernetInput(
      train.batch, sampling.relaxation(.train, epoch: epoch, step: step))
    let validationInput = SupernetInput(
      validation.batch, sampling.relaxation(.valid, epoch: epoch, step: step))
    let method = configuration.method(inEpoch: epoch)
    let rate = schedule.weightRate(inEpoch: epoch)
    let inputs = DirectionInputs(
      train: trainInput, validation: validationInput,
      path: { try self.path(from: trainInput, epoch: epoch, step: step) }, weightRate: rate)
    let before = state.alpha
    var alphaSeconds = 0.0
    var weightSeconds = 0.0
    func timed<R>(_ seconds: inout Double, _ body: () throws -> R) rethrows -> R {
      let began = clock.now
      defer { seconds += (clock.now - began).inSeconds }
      return try body()
    }

    var direction: AlphaDirection
    let weightStep: WeightStep
    let rule = DirectionRule(method: method, configuration: configuration)
    if configuration.order == .weightsFirst {
      weightStep = try timed(&weightSeconds) {
        try stepWeights(&state, train: train.batch, rate: rate, given: nil)
      }
      direction = try timed(&alphaSeconds) { try rule.direction(at: state, on: inputs, of: net) }
      try stepAlpha(&state, along: direction)
    } else {
      direction = try timed(&alphaSeconds) { try rule.direction(at: state, on: inputs, of: net) }
      try stepAlpha(&state, along: direction)
      weightStep = try timed(&weightSeconds) {
        try stepWeights(&state, train: train.batch, rate: rate, given: direction.weightPass)
      }
    }
    let record = StepRecord(
      step: state.step, epoch: epoch, stepInEpoch: step, trainLoss: weightStep.first.loss,
      validLoss: direction.validationLoss, weightRate: rate,
      temperature: configuration.space == .darts ? nil : schedule.temperature(inEpoch: epoch),
      alpha: before, alphaGradient: direction.direction, terms: direction.terms,
      samples: [
        sampling.record(trainInput.relaxation, .train),
        sampling.record(validationInput.relaxation, .valid),
        sampling.record(weightStep.relaxation, .weights),
      ].compactMap { $0 },
      gradientNorms: weightStep.norms,
      phases: [
        StepRecord.Phase(name: "data", seconds: dataSeconds),
        StepRecord.Phase(name: "alpha", seconds: alphaSeconds),
        StepRecord.Phase(name: "weights", seconds: weightSeconds),
      ])
    state.step += 1
    state.stepInEpoch += 1
    state.progress.loss += weightStep.first.loss * Double(train.batch.count)
    state.progress.correct += weightStep.first.correct
    state.progress.images += train.batch.count
    state.progress.seconds += (clock.now - began).inSeconds
    return record
  }

  /// The first weight step's pass, before clipping, and what became of it.
  private struct WeightStep {
    var first: Gradient<Float>
    var norms: [Float]
    var clipFactor: Double
    var relaxation: Relaxation<Float>
  }

  private func stepWeights(
    _ state: inout SearchState, train: Batch<Float>, rate: Double, given: Gradient<Float>?
  ) throws -> WeightStep {
    let sgd = SGD(momentum: configuration.momentum, weightDecay: configuration.weightDecay)
    var result: WeightStep?
    for update in 0..<configuration.weightUpdates {
      let batch =
        update == 0 || !configuration.updatesSeeNextBatches
        ? train
        : source.trainingBatch(
          epoch: state.epoch, step: (state.stepInEpoch + update) % source.stepsPerEpoch
        ).batch
      let relaxation = sampling.relaxation(.weights, epoch: state.epoch, step: state.stepInEpoch)
      var pass: Gradient<Float>
      if update == 0, let given {
        pass = given
      } else {
        pass = try net.gradient(
          [.weights, .statistics], at: state.point, on: SupernetInput(batch, relaxation))
      }
      let norm = pass.weights.norm
      guard norm.isFinite && pass.loss.isFinite else {
        throw SearchError.notFiniteAtStep(term: "∇_w L_train", step: state.step)
      }
      let factor =
        configuration.clipTarget == .weights
        ? Clipping.factor(norm: norm, largest: configuration.clip) : 1
      if result == nil {
        result = WeightStep(
          first: pass, norms: net.layout.slices.map { Float(Array(pass.weights[$0.range]).norm) },
          clipFactor: factor, relaxation: relaxation)
      }
      if factor < 1 { pass.weights.scale(by: Float(factor)) }
      sgd.step(&state.weights, &state.momentum, along: pass.weights, rate: rate)
      if let statistics = pass.statistics { state.statistics.absorb(statistics) }
    }
    guard let result else { preconditionFailure("weightUpdates is at least 1") }
    return result
  }

  private func stepAlpha(_ state: inout SearchState, along direction: AlphaDirection) throws {
    guard direction.direction.allSatisfy(\.isFinite) else {
      let term = direction.terms.first { !$0.gradient.allSatisfy(\.isFinite) }
      throw SearchError.notFiniteAtStep(
        term: term?.name ?? "the α-direction", step: state.step)
    }
    for statistics in direction.statistics { state.statistics.absorb(statistics) }
    if configuration.method(inEpoch: state.epoch) == .random { return }
    let adam = Adam(
      betas: (configuration.alphaBetas[0], configuration.alphaBetas[1]),
      decay: configuration.alphaDecay)
    adam.step(&state.alpha, &state.adam, along: direction.direction, rate: configuration.alphaRate)
  }

  /// The training batches that `unrolled` runs through: the present one and those that follow in the epoch.
  private func path(from first: SupernetInput<Float>, epoch: Int, step: Int) throws
    -> [SupernetInput<Float>]
  {
    [first]
      + (1..<max(1, configuration.unrollSteps)).map { k in
        let next = (step + k) % source.stepsPerEpoch
        return SupernetInput(
          source.trainingBatch(epoch: epoch, step: next).batch,
          sampling.relaxation(.train, epoch: epoch, step: next))
      }
  }

  // MARK: - One epoch

  /// Evaluates the validation half and begins the next epoch.
  public func closeEpoch(_ state: inout SearchState) throws -> EpochRecord {
    let began = ContinuousClock().now
    var (loss, correct, images) = (0.0, 0, 0)
    for k in 0..<source.evaluationBatchCount {
      let batch = source.evaluationBatch(k)
      let relaxation = sampling.relaxation(.evaluation, epoch: state.epoch, step: k)
      let result = try net.evaluate(
        at: state.point, on: SupernetInput(batch, relaxation), statistics: state.statistics)
      loss += result.loss * Double(batch.count)
      correct += result.correct
      images += batch.count
    }
    let genotype = Genotype(alpha: state.alpha, shape: net.shape)
    let share = 1 / Double(max(state.progress.images, 1))
    let record = EpochRecord(
      epoch: state.epoch, trainLoss: state.progress.loss * share,
      trainAccuracy: Double(state.progress.correct) * share, validLoss: loss / Double(images),
      validAccuracy: Double(correct) / Double(images), alpha: state.alpha,
      alphaSoftmax: Self.softmax(state.alpha), genotype: "\(genotype)",
      normalConvolutions: genotype.convolutionCounts.normal,
      reductionConvolutions: genotype.convolutionCounts.reduction,
      trainSeconds: state.progress.seconds,
      validSeconds: (ContinuousClock().now - began).inSeconds)
    state.epoch += 1
    state.stepInEpoch = 0
    state.progress = SearchState.EpochProgress()
    return record
  }

  /// Softmax of each edge's eight entries.
  static func softmax(_ alpha: [Float]) -> [Float] {
    let operations = Operation.allCases.count
    return stride(from: 0, to: alpha.count, by: operations).flatMap { start -> [Float] in
      let row = alpha[start..<(start + operations)].map(Double.init)
      let largest = row.max() ?? 0
      let exponentials = row.map { Exponential.exp($0 - largest) }
      let total = exponentials.reduce(0, +)
      return exponentials.map { Float($0 / total) }
    }
  }
}

extension Duration {
  /// Seconds with fractions.
  public var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

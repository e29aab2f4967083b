import Datasets
import Kernels
import Supernet

/// All that a step of the training of a derived network reads and changes.
public struct TrainingState: Equatable, Sendable {
  /// [weightCount]
  public var weights: [Float]
  /// [weightCount]
  public var momentum: [Float]
  /// Running statistics of the batch norms, for evaluation.
  public var statistics: BatchNormStatistics<Float>
  /// Steps done.
  public var step = 0
  /// From 0.
  public var epoch = 0
  /// Steps done in it.
  public var stepInEpoch = 0
  /// Training loss and accuracy of the epoch so far.
  public var progress = SearchState.EpochProgress()
  /// Test accuracy of the last epoch that ended, and of the best one.
  public var last: EpochAccuracy?
  /// nil before the first epoch has ended.
  public var best: EpochAccuracy?

  /// An epoch, and how well it did.
  public struct EpochAccuracy: Codable, Equatable, Sendable {
    /// From 0.
    public var epoch: Int
    /// 0 to 1.
    public var accuracy: Double
  }

  /// A state from its vectors, before the first step.
  ///
  /// weights, momentum: [weightCount].
  public init(
    weights: [Float], momentum: [Float], statistics: BatchNormStatistics<Float>
  ) {
    self.weights = weights
    self.momentum = momentum
    self.statistics = statistics
  }

  /// The state before the first step: weights uniform in ±1/√fan-in, γ = 1, β = 0, as PyTorch begins.
  public init(_ net: DerivedNetwork<Float>, seed: UInt64) {
    let random = Philox(seed: seed, purpose: .weights)
    weights = net.layout.slices.flatMap { slice -> [Float] in
      switch slice.role {
      case .weight(let fanIn), .bias(let fanIn):
        let bound = 1 / Double(fanIn).squareRoot()
        return slice.range.map { Float((2 * random.uniform(index: $0) - 1) * bound) }
      case .gamma: return [Float](repeating: 1, count: slice.count)
      case .beta: return [Float](repeating: 0, count: slice.count)
      }
    }
    momentum = .zeros(weights.count)
    statistics = net.initialStatistics
  }
}

/// Trains the network of a genotype from scratch (DARTS `cnn/train.py`, `cnn/train_imagenet.py`): takes a state, steps
/// it, and tells what happened.
public final class DerivedTraining {
  /// As it was made with, and what the data decide.
  public let configuration: TrainingConfiguration
  /// Where batches come from.
  public let source: any TrainingSource
  /// The network.
  public let net: DerivedNetwork<Float>
  /// Of the network, without auxiliary head.
  public let count: NetworkCount
  /// Fewer than the data have where `--steps-per-epoch` says so.
  public let stepsPerEpoch: Int

  /// The training of a cell's network; the images decide its input and classes.
  ///
  /// - Throws: `SearchError`, `GenotypeError` or `SupernetError` for settings that cannot work.
  public init(_ configuration: TrainingConfiguration, on source: some TrainingSource, threads: Int)
    throws
  {
    var configuration = configuration
    configuration.adopt(source)
    try configuration.validate()
    self.configuration = configuration
    self.source = source
    count = try NetworkCount(configuration.genotype, as: configuration.shape)
    net = try DerivedNetwork(
      configuration.genotype, as: configuration.shape,
      auxiliary: configuration.auxiliaryWeight > 0, batchCapacity: source.batchSize,
      threads: threads)
    stepsPerEpoch = min(configuration.stepsPerEpoch ?? .max, source.stepsPerEpoch)
  }

  /// Before the first step.
  public var initialState: TrainingState { TrainingState(net, seed: configuration.seed) }

  /// Runs from a state to the end, or until `isCancelled`, which is asked between steps.
  ///
  /// - Parameters:
  ///   - epochs: not looked at: the state says which epoch was the best.
  ///   - emit: is told of each step and epoch, with the state after it.
  /// - Returns: how it ended, and the state it ended with.
  /// - Throws: what the source and `emit` throw; `SearchError.notFiniteAtStep`.
  public func run(
    from start: TrainingState, after epochs: [TrainingEpochRecord] = [],
    isCancelled: () -> Bool = { false },
    emit: (TrainingEvent, TrainingState) throws -> Void
  ) throws -> (result: TrainingResult, state: TrainingState) {
    var state = start
    let began = ContinuousClock().now
    func ended(_ outcome: RunResult.Outcome) -> (TrainingResult, TrainingState) {
      let result = TrainingResult(
        outcome: outcome, epochs: state.epoch, steps: state.step,
        lastAccuracy: state.last?.accuracy, bestAccuracy: state.best?.accuracy,
        bestEpoch: state.best?.epoch, parameters: count.parameters,
        seconds: (ContinuousClock().now - began).inSeconds)
      return (result, state)
    }
    while state.epoch < configuration.epochs {
      while state.stepInEpoch < stepsPerEpoch {
        if isCancelled() { return ended(.interrupted) }
        let (record, trace) = try tracedStep(&state)
        try emit(.step(record, trace), state)
      }
      let record = try closeEpoch(&state)
      try emit(.epoch(record), state)
    }
    return ended(.completed)
  }

  // MARK: - One step

  /// One step of SGD on the batch at the state's position.
  ///
  /// - Throws: what the source throws; `SearchError.notFiniteAtStep`. The state is then that of no step.
  public func tracedStep(_ state: inout TrainingState) throws -> (TrainingStepRecord, StepTrace) {
    let began = ContinuousClock().now
    let batch = try source.trainingBatch(epoch: state.epoch, step: state.stepInEpoch)
    let loaded = ContinuousClock().now
    let dropPath = configuration.dropPath(inEpoch: state.epoch)
    let rate = configuration.rate(inEpoch: state.epoch)
    let terms = DerivedTerms<Float>(
      auxiliaryWeight: configuration.auxiliaryWeight,
      labelSmoothing: configuration.labelSmoothing,
      dropPathFactors: net.dropPathFactors(
        probability: dropPath, by: Philox(seed: configuration.seed, purpose: .dropPath),
        epoch: state.epoch, step: state.stepInEpoch, samples: batch.count))
    let pass = try net.gradient(at: state.weights, on: batch, terms)
    let norm = pass.weights.norm
    guard norm.isFinite && pass.loss.isFinite else {
      throw SearchError.notFiniteAtStep(term: "∇_w L_train", step: state.step)
    }
    let factor = Clipping.factor(norm: norm, largest: configuration.clip)
    SGD(momentum: configuration.momentum, weightDecay: configuration.weightDecay).step(
      &state.weights, &state.momentum,
      along: factor < 1 ? pass.weights.scaled(by: Float(factor)) : pass.weights, rate: rate)
    state.statistics.absorb(pass.statistics)
    let ended = ContinuousClock().now
    let record = TrainingStepRecord(
      step: state.step, epoch: state.epoch, stepInEpoch: state.stepInEpoch, loss: pass.mainLoss,
      auxiliaryLoss: pass.auxiliaryLoss, correct: pass.correct, images: batch.count, rate: rate,
      dropPath: dropPath, gradientNorm: norm, batchSeconds: (loaded - began).inSeconds,
      seconds: (ended - loaded).inSeconds)
    state.progress.loss += pass.mainLoss * Double(batch.count)
    state.progress.correct += pass.correct
    state.progress.images += batch.count
    state.progress.seconds += (ended - began).inSeconds
    state.step += 1
    state.stepInEpoch += 1
    return (record, StepTrace(weightGradient: pass.weights))
  }

  // MARK: - One epoch

  /// Evaluates the test images and begins the next epoch.
  public func closeEpoch(_ state: inout TrainingState) throws -> TrainingEpochRecord {
    let began = ContinuousClock().now
    let test = try test(state)
    let share = 1 / Double(max(state.progress.images, 1))
    let record = TrainingEpochRecord(
      epoch: state.epoch, trainLoss: state.progress.loss * share,
      trainAccuracy: Double(state.progress.correct) * share, testLoss: test.loss,
      testAccuracy: test.accuracy, testTopFive: test.topFive,
      trainSeconds: state.progress.seconds, testSeconds: (ContinuousClock().now - began).inSeconds)
    let accuracy = TrainingState.EpochAccuracy(epoch: state.epoch, accuracy: test.accuracy)
    state.last = accuracy
    if test.accuracy > state.best?.accuracy ?? -1 { state.best = accuracy }
    state.epoch += 1
    state.stepInEpoch = 0
    state.progress = SearchState.EpochProgress()
    return record
  }

  private func test(_ state: TrainingState) throws -> (
    loss: Double, accuracy: Double, topFive: Double?
  ) {
    var (loss, correct, topFive, images) = (0.0, 0, 0, 0)
    for k in 0..<source.testBatchCount {
      let batch = try source.testBatch(k)
      let result = try net.evaluate(
        at: state.weights, on: batch, statistics: state.statistics)
      loss += result.loss * Double(batch.count)
      correct += result.correct
      topFive += zip(result.logits, batch.labels).count { row, label in
        row.count { $0 > row[label] } < 5 && row[label].isFinite
      }
      images += batch.count
    }
    let share = 1 / Double(max(images, 1))
    return (
      loss * share, Double(correct) * share, source.classes > 5 ? Double(topFive) * share : nil
    )
  }
}

extension DerivedTraining {
  /// What a training would cost.
  public struct Plan: Codable, Equatable, Sendable {
    /// All of them.
    public var epochs: Int
    /// Of each.
    public var stepsPerEpoch: Int
    /// In all.
    public var steps: Int
    /// Images that are trained on.
    public var trainingImages: Int
    /// Images that are tested on.
    public var testImages: Int
    /// Of the network, without auxiliary head.
    public var parameters: Int
    /// For one image, forward.
    public var multiplyAdds: Int
    /// From one measured step, without evaluation.
    public var seconds: Double
    /// Memory, in bytes.
    public var bytes: Int
    /// Of one checkpoint.
    public var checkpointBytes: Int
  }

  /// Measures one step on a copy of the initial state.
  public func plan() throws -> Plan {
    var state = initialState
    // The first step touches the memory for the first time.
    _ = try tracedStep(&state)
    if state.stepInEpoch >= stepsPerEpoch { state.stepInEpoch = 0 }
    let (record, _) = try tracedStep(&state)
    let steps = configuration.epochs * stepsPerEpoch
    return Plan(
      epochs: configuration.epochs, stepsPerEpoch: stepsPerEpoch, steps: steps,
      trainingImages: source.trainingCount, testImages: source.testCount,
      parameters: count.parameters, multiplyAdds: count.multiplyAdds,
      seconds: (record.seconds + record.batchSeconds) * Double(steps), bytes: net.byteCount,
      checkpointBytes: 8 * net.weightCount)
  }
}

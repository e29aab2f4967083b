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
  let schedule: Schedule
  let sampling: GumbelSampling

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
    guard configuration.batchesPerStep <= source.stepsPerEpoch else {
      throw SearchError.impossible(
        "--weight-updates \(configuration.weightUpdates) with --updates-see-next-batches needs as many "
          + "batches, but an epoch has \(source.stepsPerEpoch): use fewer, or a smaller --batch")
    }
    stepsPerEpoch = min(
      configuration.stepsPerEpoch ?? .max, source.stepsPerEpoch / configuration.batchesPerStep)
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

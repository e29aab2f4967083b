import Datasets
import Kernels
import Supernet

/// The one loop: takes a state, steps it, and tells what happened.
public final class SearchLoop {
  /// As it was made with, and what the data decide.
  public let configuration: SearchConfiguration
  /// Where batches come from.
  public let source: BatchSource
  /// The supernet.
  public let net: Supernet<Float>
  /// Fewer than the data have where `--steps-per-epoch` says so.
  public let stepsPerEpoch: Int
  /// The images.
  public let dataset: Dataset
  /// Of the steps that this loop has taken with the method `implicit`; of none with others.
  public internal(set) var solverTally = SolverTally()
  let schedule: Schedule
  let sampling: GumbelSampling

  /// A search; the images decide the network's input and classes.
  ///
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
  /// - Parameters:
  ///   - epochs: the records of the epochs before `start`, from which the rules of stopping go on.
  ///   - emit: is told of each step and epoch, with the state after it.
  /// - Returns: how it ended, and the state it ended with.
  /// - Throws: what the passes and `emit` throw; `SearchError.notFiniteAtStep`.
  public func run(
    from start: SearchState, after epochs: [EpochRecord] = [],
    isCancelled: () -> Bool = { false }, emit: (SearchEvent, SearchState) throws -> Void
  ) throws -> (result: RunResult, state: SearchState) {
    var (state, epochs) = (start, epochs)
    let began = ContinuousClock().now
    func ended(_ outcome: RunResult.Outcome, with epoch: EpochRecord?) -> (RunResult, SearchState) {
      var result = RunResult(outcome, in: state, genotype(of: state), after: epochs.last)
      if let epoch { result.adopt(epoch) }
      result.seconds = (ContinuousClock().now - began).inSeconds
      return (result, state)
    }
    while true {
      if let kept = configuration.stopRule?.stop(after: epochs) {
        return ended(.stoppedEarly, with: kept)
      }
      if state.epoch >= configuration.epochs { return ended(.completed, with: epochs.last) }
      while state.stepInEpoch < stepsPerEpoch {
        if isCancelled() { return ended(.interrupted, with: nil) }
        let (record, trace) = try tracedStep(&state)
        try emit(.step(record, trace), state)
      }
      let record = try closeEpoch(&state)
      epochs.append(record)
      try emit(.epoch(record), state)
    }
  }

  // MARK: - One epoch

  /// Evaluates the validation half and begins the next epoch.
  public func closeEpoch(_ state: inout SearchState) throws -> EpochRecord {
    let began = ContinuousClock().now
    if configuration.method(inEpoch: state.epoch) == .randomSharing {
      state.alpha = try bestDrawnCell(state).alpha(in: net.shape)
    }
    let validation = try validate(state)
    let genotype = genotype(of: state)
    let size = try NetworkCount(genotype, as: .cifar10)
    let curvature =
      configuration.measuresCurvature(afterEpoch: state.epoch) ? try curvature(state) : nil
    let share = 1 / Double(max(state.progress.images, 1))
    let record = EpochRecord(
      epoch: state.epoch, trainLoss: state.progress.loss * share,
      trainAccuracy: Double(state.progress.correct) * share, validLoss: validation.loss,
      validAccuracy: validation.accuracy, alpha: state.alpha,
      alphaSoftmax: Self.softmax(state.alpha), genotype: "\(genotype)",
      normalConvolutions: genotype.convolutionCounts.normal,
      reductionConvolutions: genotype.convolutionCounts.reduction, parameters: size.parameters,
      multiplyAdds: size.multiplyAdds, curvature: curvature,
      trainSeconds: state.progress.seconds,
      validSeconds: (ContinuousClock().now - began).inSeconds)
    state.epoch += 1
    state.stepInEpoch = 0
    state.progress = SearchState.EpochProgress()
    return record
  }

  private func genotype(of state: SearchState) -> Genotype {
    Genotype(alpha: state.alpha, shape: net.shape, rule: configuration.genotypeRule)
  }

  /// Mean loss and accuracy over the validation half, in evaluation mode with running statistics.
  ///
  /// `random-sharing` has statistics of many cells, which are those of none: it uses each batch's own.
  private func validate(_ state: SearchState) throws -> (loss: Double, accuracy: Double) {
    var (loss, correct, images) = (0.0, 0, 0)
    let isCell = configuration.method(inEpoch: state.epoch) == .randomSharing
    let cell: Relaxation<Float>? =
      isCell
      ? try Genotype(alpha: state.alpha, shape: net.shape).relaxation(in: net.shape) : nil
    for k in 0..<source.evaluationBatchCount {
      let batch = source.evaluationBatch(k)
      let result: Gradient<Float>
      if let cell {
        result = try net.gradient([], at: state.point, on: SupernetInput(batch, cell))
      } else {
        let relaxation = sampling.relaxation(.evaluation, epoch: state.epoch, step: k)
        result = try net.evaluate(
          at: state.point, on: SupernetInput(batch, relaxation), statistics: state.statistics)
      }
      loss += result.loss * Double(batch.count)
      correct += result.correct
      images += batch.count
    }
    return (loss / Double(images), Double(correct) / Double(images))
  }

  /// λ_max of the α-Hessian of the loss that α descends, decay included, on the first validation images.
  private func curvature(_ state: SearchState) throws -> Double {
    let relaxation = sampling.relaxation(.evaluation, epoch: state.epoch, step: 0)
    return try net.largestAlphaCurvature(
      at: state.point, on: SupernetInput(source.evaluationBatch(0), relaxation))
      + configuration.alphaDecay
  }

  /// The best of the cell that α stands for and of cells drawn at random, by the accuracy on four validation batches.
  private func bestDrawnCell(_ state: SearchState) throws -> Genotype {
    let random = Philox(seed: configuration.seed, purpose: .genotype)
    // Steps that no step of the search has draw no cell that was trained in it.
    let first = source.stepsPerEpoch * configuration.weightUpdates
    let cells =
      [Genotype(alpha: state.alpha, shape: net.shape)]
      + (0..<configuration.randomCells).map {
        Genotype.drawn(by: random, epoch: state.epoch, step: first + $0, nodes: net.shape.nodes)
      }
    let batches = (0..<4).map { source.validationBatch(epoch: state.epoch, step: $0).batch }
    var best = (cell: cells[0], correct: -1)
    for cell in cells {
      let relaxation: Relaxation<Float> = try cell.relaxation(in: net.shape)
      let correct = try batches.reduce(0) {
        $0 + (try net.gradient([], at: state.point, on: SupernetInput($1, relaxation))).correct
      }
      if correct > best.correct { best = (cell, correct) }
    }
    return best.cell
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

extension RunResult {
  /// The end of a search in the middle of an epoch, after the last one that is complete.
  fileprivate init(
    _ outcome: Outcome, in state: SearchState, _ genotype: Genotype, after last: EpochRecord?
  ) {
    self.init(
      outcome: outcome, epochs: state.epoch, steps: state.step, genotype: "\(genotype)",
      genotypeEpoch: nil, normalConvolutions: genotype.convolutionCounts.normal,
      reductionConvolutions: genotype.convolutionCounts.reduction,
      validAccuracy: last?.validAccuracy, seconds: 0)
  }

  /// Leaves the cell of an epoch.
  fileprivate mutating func adopt(_ epoch: EpochRecord) {
    genotype = epoch.genotype
    genotypeEpoch = epoch.epoch
    normalConvolutions = epoch.normalConvolutions
    reductionConvolutions = epoch.reductionConvolutions
    validAccuracy = epoch.validAccuracy
  }
}

extension Duration {
  /// Seconds with fractions.
  public var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

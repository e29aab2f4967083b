import Datasets
import Kernels

/// The network of a genotype, trained from scratch: a pure function of w and the batch, with its gradient.
///
/// Not to be shared by several threads; it does its own splitting over a team of workers. The results have the same
/// bits for any number of them.
public final class DerivedNetwork<Scalar: KernelScalar> {
  /// The cell.
  public let genotype: Genotype
  /// What decides the network beside the cell.
  public let shape: DerivedShape
  /// Parameters in the order of the modules of DARTS `cnn/model.py`, the auxiliary head's among them if there is one.
  public let layout: ParameterLayout
  /// Whether it was built with one.
  public let hasAuxiliaryHead: Bool
  /// The largest batch that fits into the buffers.
  public let batchCapacity: Int
  /// Branches that drop-path may drop: all operations of all cells but the identity.
  public let maskCount: Int
  private let pass: DerivedPass<Scalar.Plain>
  private let statisticsCount: Int

  /// Parameters, the auxiliary head's included.
  public var weightCount: Int { layout.count }
  /// Bytes held.
  public var byteCount: Int { pass.arena.byteCount }

  /// The network that stacks a cell; memory for batches up to a capacity.
  ///
  /// - Parameter threads: workers that share the work.
  /// - Throws: `GenotypeError`; `SupernetError.impossible` for a shape that cannot be built, `.tooLarge` for one that
  ///   does not fit into memory.
  public init(
    _ genotype: Genotype, as shape: DerivedShape, auxiliary: Bool, batchCapacity: Int, threads: Int
  ) throws {
    try shape.validate()
    try Planner.check(
      samples: batchCapacity, imageSize: shape.imageSize, channels: shape.channels)
    let plan = try DerivedPlan(genotype, as: shape, auxiliary: auxiliary, samples: batchCapacity)
    self.genotype = genotype
    self.shape = shape
    self.batchCapacity = batchCapacity
    hasAuxiliaryHead = auxiliary
    layout = plan.layout
    maskCount = plan.maskCount
    statisticsCount = plan.statisticsCount
    pass = try DerivedPass(plan, team: ThreadTeam(workers: max(1, threads)))
  }

  /// The loss of a batch in training mode and its gradient.
  ///
  /// - Throws: `SupernetError` for vectors or images of another shape.
  public func gradient(
    at weights: [Scalar], on batch: Batch<Scalar>, _ terms: DerivedTerms<Scalar> = DerivedTerms()
  ) throws -> DerivedGradient<Scalar> {
    var (result, main, auxiliary) = try loss(at: weights, on: batch, terms)
    let weight = terms.auxiliaryWeight
    result.weights = pass.gradient(
      logits: main.gradient, auxiliary: auxiliary?.gradient.map { $0.map { weight * $0 } })
    return result
  }

  /// The same loss without its gradient.
  public func loss(
    at weights: [Scalar], on batch: Batch<Scalar>, _ terms: DerivedTerms<Scalar> = DerivedTerms()
  ) throws -> DerivedGradient<Scalar> { try loss(at: weights, on: batch, terms).result }

  private func loss(
    at weights: [Scalar], on batch: Batch<Scalar>, _ terms: DerivedTerms<Scalar>
  ) throws -> (result: DerivedGradient<Scalar>, main: CrossEntropy, auxiliary: CrossEntropy?) {
    try check(weights, batch)
    let wantsAuxiliary = terms.auxiliaryWeight != 0
    guard hasAuxiliaryHead || !wantsAuxiliary else {
      throw SupernetError.impossible("a network without auxiliary head has no auxiliary loss")
    }
    let factorCount = maskCount * batch.count
    guard [0, factorCount].contains(terms.dropPathFactors.count) else {
      throw SupernetError.wrongLength(
        what: "drop-path", expected: factorCount, found: terms.dropPathFactors.count)
    }
    pass.begin(weights: weights, batch: batch, factors: terms.dropPathFactors, running: nil)
    let logits = pass.logits(auxiliary: wantsAuxiliary)
    let main = CrossEntropy(
      logits: logits.main, labels: batch.labels, smoothing: terms.labelSmoothing)
    let auxiliary = logits.auxiliary.map {
      CrossEntropy(logits: $0, labels: batch.labels, smoothing: terms.labelSmoothing)
    }
    let result = DerivedGradient<Scalar>(
      loss: main.loss + terms.auxiliaryWeight * (auxiliary?.loss ?? 0), mainLoss: main.loss,
      auxiliaryLoss: auxiliary?.loss, correct: main.correct, logits: logits.main,
      auxiliaryLogits: logits.auxiliary, statistics: pass.batchStatistics())
    return (result, main, auxiliary)
  }

  /// Loss, correct count and logits in evaluation mode: running statistics, no drop-path, no auxiliary head.
  ///
  /// - Throws: `SupernetError` for vectors or images of another shape.
  public func evaluate(
    at weights: [Scalar], on batch: Batch<Scalar>, statistics: BatchNormStatistics<Scalar>
  ) throws -> (loss: Double, correct: Int, logits: [[Double]]) {
    try check(weights, batch)
    for count in [statistics.means.count, statistics.variances.count]
    where count != statisticsCount {
      throw SupernetError.wrongLength(
        what: "the running statistics", expected: statisticsCount, found: count)
    }
    pass.begin(weights: weights, batch: batch, factors: [], running: statistics)
    let logits = pass.logits(auxiliary: false).main
    let entropy = CrossEntropy(logits: logits, labels: batch.labels, smoothing: 0)
    return (entropy.loss, entropy.correct, logits)
  }

  /// Running statistics before the first step: means 0, variances 1.
  public var initialStatistics: BatchNormStatistics<Scalar> {
    BatchNormStatistics(
      means: .init(repeating: 0, count: statisticsCount),
      variances: .init(repeating: 1, count: statisticsCount))
  }

  /// What drop-path makes of each branch in each sample at an address: 0 with the given probability, else 1/(1 − p).
  ///
  /// - Parameter random: of purpose `.dropPath`.
  /// - Returns: [masks][samples]; empty when p is 0.
  public func dropPathFactors(
    probability: Double, by random: Philox, epoch: Int, step: Int, samples: Int
  ) -> [Scalar] {
    guard probability > 0 else { return [] }
    let keep = 1 - probability
    return (0..<maskCount).flatMap { mask in
      (0..<samples).map { sample in
        // Places of one mask lie apart by more than any batch holds.
        let draw = random.uniform(epoch: epoch, step: step, index: mask << 20 + sample)
        return draw < keep ? Scalar(1 / keep) : 0
      }
    }
  }

  private func check(_ weights: [Scalar], _ batch: Batch<Scalar>) throws {
    try SupernetError.require("w", weightCount, weights.count)
    try batch.check(
      capacity: batchCapacity, imageSize: shape.imageSize, channels: shape.inputChannels,
      classes: shape.classes)
  }
}

/// What the training loss consists of beside the plain cross-entropy.
public struct DerivedTerms<Scalar: KernelScalar>: Equatable, Sendable {
  /// Factor of the auxiliary head's loss; 0 leaves the head out.
  public var auxiliaryWeight: Double
  /// ε of the smoothed labels.
  public var labelSmoothing: Double
  /// [masks][samples]: what each branch is multiplied with in each sample; empty for 1.
  public var dropPathFactors: [Scalar]

  /// The plain cross-entropy, unless said otherwise.
  public init(
    auxiliaryWeight: Double = 0, labelSmoothing: Double = 0, dropPathFactors: [Scalar] = []
  ) {
    self.auxiliaryWeight = auxiliaryWeight
    self.labelSmoothing = labelSmoothing
    self.dropPathFactors = dropPathFactors
  }
}

/// A training loss and what came with it.
public struct DerivedGradient<Scalar: KernelScalar>: Sendable {
  /// Main plus weighted auxiliary loss, in nats.
  public var loss: Double
  /// Of the main head, labels smoothed.
  public var mainLoss: Double
  /// Of the auxiliary head, without its factor; nil when it was left out.
  public var auxiliaryLoss: Double?
  /// Images whose label has the largest logit.
  public var correct: Int
  /// [samples][classes]
  public var logits: [[Double]]
  /// [samples][classes]; nil when it was left out.
  public var auxiliaryLogits: [[Double]]?
  /// ∇_w; empty when only the loss was asked for.
  public var weights: [Scalar] = []
  /// The batch's own; NaN for the auxiliary head's when it was left out.
  public var statistics: BatchNormStatistics<Scalar>
}

extension ParameterLayout {
  /// The layout of a derived network: 3,349,342 weights for DARTS_V2 at C = 36, 20 cells, without auxiliary head.
  ///
  /// - Throws: `GenotypeError`, `SupernetError.impossible`.
  public init(_ genotype: Genotype, as shape: DerivedShape, auxiliary: Bool) throws {
    self = try DerivedPlan(genotype, as: shape, auxiliary: auxiliary, samples: 1).layout
  }
}

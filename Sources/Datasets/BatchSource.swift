import Kernels

/// Hands out the batches of a search by their address (seed, epoch, step): the same address has the same pixels, in any
/// order, from any thread.
///
/// The training images are cut in file order: the first half trains w, the second is for α and for the validation
/// accuracy (DARTS `cnn/train_search.py`). The last batch of an epoch may be smaller.
public struct BatchSource: Sendable {
  /// Where the images come from.
  public let dataset: Dataset
  /// Images of every batch but the last of an evaluation.
  public let batchSize: Int
  /// Images that train w.
  public let trainingCount: Int
  /// Images that α and the validation accuracy see.
  public let validationCount: Int
  private let augmentation: Augmentation
  private let validationAugmentation: Augmentation
  private let seed: UInt64

  /// Cuts the training images, in file order, into a half for w and a half for α.
  ///
  /// - Parameter trainImages: only the first so many training images.
  /// - Throws: `DatasetError.tooFewImages`, `.impossibleBatch`.
  public init(
    _ dataset: Dataset, seed: UInt64, batchSize: Int, augmentation: Augmentation,
    validationAugmentation: Bool = false, trainImages: Int? = nil
  ) throws {
    let images = trainImages ?? dataset.train.count
    guard 4...dataset.train.count ~= images else {
      throw DatasetError.tooFewImages(asked: images, found: dataset.train.count)
    }
    self.dataset = dataset
    self.batchSize = batchSize
    self.seed = seed
    self.augmentation = augmentation
    self.validationAugmentation = validationAugmentation ? augmentation : .none
    trainingCount = images / 2
    validationCount = images - images / 2
    guard batchSize >= 1, batchSize <= trainingCount else {
      throw DatasetError.impossibleBatch(batch: batchSize, images: trainingCount)
    }
  }

  /// Batches of the training half, the smaller last one included.
  public var stepsPerEpoch: Int { (trainingCount + batchSize - 1) / batchSize }

  /// The step's part of this epoch's shuffle of the training half, augmented.
  public func trainingBatch(epoch: Int, step: Int) -> (batch: Batch<Float>, indices: [Int]) {
    let order = Philox(seed: seed, purpose: .shuffle).permutation(of: trainingCount, epoch: epoch)
    let first = step * batchSize
    let indices = Array(order[first..<min(first + batchSize, trainingCount)])
    return (
      batch(indices, augmentation, .augmentation, epoch: epoch, step: step),
      indices
    )
  }

  /// The step's part of this epoch's shuffle of the validation half; full batches, beginning again at the end.
  public func validationBatch(epoch: Int, step: Int) -> (batch: Batch<Float>, indices: [Int]) {
    let order = Philox(seed: seed, purpose: .validation).permutation(
      of: validationCount, epoch: epoch)
    let indices = (0..<batchSize).map {
      trainingCount + order[(step * batchSize + $0) % validationCount]
    }
    return (validation(indices, epoch: epoch, step: step), indices)
  }

  /// A uniformly random batch of distinct validation images, drawn anew at each step (the public codes' loader).
  public func randomValidationBatch(epoch: Int, step: Int) -> (batch: Batch<Float>, indices: [Int])
  {
    let random = Philox(seed: seed, purpose: .validation)
    var taken: Set<Int> = []
    var indices: [Int] = []
    var draw = 0
    while indices.count < min(batchSize, validationCount) {
      let image = random.integer(
        below: validationCount, epoch: epoch, step: step + 1, index: draw)
      draw += 1
      if taken.insert(image).inserted { indices.append(trainingCount + image) }
    }
    return (validation(indices, epoch: epoch, step: step), indices)
  }

  private func validation(_ indices: [Int], epoch: Int, step: Int) -> Batch<Float> {
    // What is drawn for validation images lies apart from their shuffle, which has step 0.
    batch(indices, validationAugmentation, .validationAugmentation, epoch: epoch, step: step)
  }

  // MARK: - Evaluation

  /// Batches that hold all validation images.
  public var evaluationBatchCount: Int { (validationCount + batchSize - 1) / batchSize }

  /// The k-th batch of the validation half in file order, not augmented.
  public func evaluationBatch(_ k: Int) -> Batch<Float> {
    let first = trainingCount + k * batchSize
    let end = min(first + batchSize, trainingCount + validationCount)
    return batch(Array(first..<end), .none, .augmentation, epoch: 0, step: 0)
  }

  private func batch(
    _ indices: [Int], _ augmentation: Augmentation, _ purpose: Philox.Purpose, epoch: Int,
    step: Int
  ) -> Batch<Float> {
    dataset.batch(
      indices, of: dataset.train, augmentation, Philox(seed: seed, purpose: purpose), epoch: epoch,
      step: step)
  }
}

extension Dataset {
  /// Images of a part as a step sees them: normalised, and augmented by what is drawn for their places.
  func batch(
    _ indices: some Collection<Int>, of part: ImageSet, _ augmentation: Augmentation,
    _ random: Philox, epoch: Int, step: Int
  ) -> Batch<Float> {
    var images: [Float] = []
    images.reserveCapacity(indices.count * part.imageSize)
    for (place, image) in indices.enumerated() {
      let choice = augmentation.choice(
        random, epoch: epoch, step: step, index: place, rows: part.rows, columns: part.columns)
      augmentation.append(
        image, of: part, choice, means: means, deviations: deviations, to: &images)
    }
    return Batch(
      images: images, labels: indices.map { Int(part.labels[$0]) }, rows: part.rows,
      columns: part.columns, channels: part.channels)
  }
}

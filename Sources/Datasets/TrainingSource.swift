import Kernels

/// Where the training of a derived network takes its batches from: by address, so that the same (seed, epoch, step)
/// has the same pixels.
public protocol TrainingSource: Sendable {
  /// The name of the data set.
  var name: String { get }
  /// What tells these images from others: SHA-256, 64 hexadecimal digits.
  var sha256: String { get }
  /// Rows and columns of its batches.
  var imageSize: Int { get }
  /// Channels of its images.
  var inputChannels: Int { get }
  /// How many labels there are.
  var classes: Int { get }
  /// Training images.
  var trainingCount: Int { get }
  /// Test images.
  var testCount: Int { get }
  /// Images of every batch but the last.
  var batchSize: Int { get }
  /// The step's part of the epoch's shuffle, augmented; the last one may be smaller.
  func trainingBatch(epoch: Int, step: Int) throws -> Batch<Float>
  /// The k-th batch of the test images in file order, not augmented.
  func testBatch(_ k: Int) throws -> Batch<Float>
}

extension TrainingSource {
  /// Batches that hold all training images.
  public var stepsPerEpoch: Int { (trainingCount + batchSize - 1) / batchSize }
  /// Batches that hold all test images.
  public var testBatchCount: Int { (testCount + batchSize - 1) / batchSize }
}

/// All training images of a data set, and its test images (DARTS `cnn/train.py`: no part is held back).
public struct WholeSource: TrainingSource {
  /// Where the images come from.
  public let dataset: Dataset
  /// Training images.
  public let trainingCount: Int
  /// Images of every batch but the last.
  public let batchSize: Int
  private let seed: UInt64
  private let augmentation: Augmentation

  /// All images of a data set, the training images shuffled and augmented by the seed.
  ///
  /// - Parameter trainImages: only the first so many training images.
  /// - Throws: `DatasetError.tooFewImages`, `.impossibleBatch`.
  public init(
    _ dataset: Dataset, seed: UInt64, batchSize: Int, augmentation: Augmentation,
    trainImages: Int? = nil
  ) throws {
    let images = trainImages ?? dataset.train.count
    guard 4...dataset.train.count ~= images else {
      throw DatasetError.tooFewImages(asked: images, found: dataset.train.count)
    }
    guard 1...images ~= batchSize else {
      throw DatasetError.impossibleBatch(batch: batchSize, images: images)
    }
    self.dataset = dataset
    self.batchSize = batchSize
    self.seed = seed
    self.augmentation = augmentation
    trainingCount = images
  }

  public var name: String { dataset.name }
  /// Over the decompressed files.
  public var sha256: String { dataset.sha256 }
  public var imageSize: Int { dataset.train.rows }
  /// Channels of its images.
  public var inputChannels: Int { dataset.train.channels }
  /// How many labels there are.
  public var classes: Int { dataset.train.classNames.count }
  /// Test images.
  public var testCount: Int { dataset.test.count }

  public func trainingBatch(epoch: Int, step: Int) -> Batch<Float> {
    let order = Philox(seed: seed, purpose: .shuffle).permutation(of: trainingCount, epoch: epoch)
    let first = step * batchSize
    return dataset.batch(
      order[first..<min(first + batchSize, trainingCount)], of: dataset.train, augmentation,
      Philox(seed: seed, purpose: .augmentation), epoch: epoch, step: step)
  }

  public func testBatch(_ k: Int) -> Batch<Float> {
    let first = k * batchSize
    return dataset.batch(
      first..<min(first + batchSize, testCount), of: dataset.test, .none,
      Philox(seed: seed, purpose: .augmentation), epoch: 0, step: 0)
  }
}

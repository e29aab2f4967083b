import Datasets
import Supernet

/// Every option of the training of a derived network, once; presets are sets of defaults for these.
public struct TrainingConfiguration: Codable, Equatable, Sendable {
  /// The preset that the values started from.
  public var preset: String
  /// The cell, as DARTS prints it.
  public var genotype: Genotype

  // MARK: Data

  /// The data set's name.
  public var data: String
  /// Folder of its files; nil for the usual place.
  public var dataDirectory: String?
  /// Only the first so many training images.
  public var trainImages: Int?
  /// Images of each batch.
  public var batch: Int
  /// What happens to training images.
  public var augmentation: Augmentation

  // MARK: Network

  /// Stem, width and cells are the user's; image size, channels and classes those of the data.
  public var shape: DerivedShape
  /// Factor of the auxiliary head's loss; 0 builds no head.
  public var auxiliaryWeight = 0.4
  /// Probability with which the last epoch would drop a branch; it grows with the epochs from 0.
  public var dropPath = 0.0
  /// ε of the smoothed labels, in training alone.
  public var labelSmoothing = 0.0

  // MARK: Optimizer

  /// All of them.
  public var epochs: Int
  /// Cuts an epoch short, for trials and tests.
  public var stepsPerEpoch: Int?
  /// η of the first epoch.
  public var rate = 0.025
  /// How η falls.
  public var decay = RateDecay.cosine
  /// μ
  public var momentum = 0.9
  /// ρ
  public var weightDecay = 3e-4
  /// Largest norm of ∇_w; 0 for none.
  public var clip = 5.0
  /// Of all that is random.
  public var seed: UInt64 = 0

  /// How the learning rate falls, stepped per epoch.
  public enum RateDecay: String, CaseIterable, Codable, Sendable {
    /// To 0 over the epochs (DARTS `cnn/train.py`).
    case cosine
    /// By 0.97 each epoch (DARTS `cnn/train_imagenet.py`).
    case exponential
  }

  /// The learning rate of an epoch, from 0.
  public func rate(inEpoch epoch: Int) -> Double {
    switch decay {
    case .cosine: rate * 0.5 * (1 + Cosine.ofPi(Double(epoch) / Double(epochs)))
    case .exponential: (0..<epoch).reduce(rate) { rate, _ in 0.97 * rate }
    }
  }

  /// The probability with which an epoch drops a branch: `dropPath`·epoch/epochs (DARTS `cnn/train.py`).
  public func dropPath(inEpoch epoch: Int) -> Double { dropPath * Double(epoch) / Double(epochs) }

  /// Opens the data.
  ///
  /// - Parameters:
  ///   - strict: whether an image of a folder that cannot be decoded is an error; else it is skipped.
  ///   - workers: threads that decode images of a folder ahead of the training.
  /// - Throws: `DatasetError`; what `validate` throws.
  public func openSource(strict: Bool, workers: Int) throws -> any TrainingSource {
    try validate()
    guard data == ImageFolder.name else {
      return try WholeSource(
        Dataset.open(data, folder: dataDirectory), seed: seed, batchSize: batch,
        augmentation: augmentation, trainImages: trainImages)
    }
    guard let dataDirectory else {
      throw SearchError.impossible(
        "image-folder needs --data-dir, a folder with train/<class>/ and val/<class>/")
    }
    var options = ImageFolder.Options()
    options.imageSize = shape.imageSize
    options.resize = shape.imageSize * 8 / 7
    options.strict = strict
    options.imagesPerClass = trainImages
    options.workers = workers
    options.stepsPerEpoch = stepsPerEpoch
    return try ImageFolder(
      folder: dataDirectory, seed: seed, batchSize: batch, options: options)
  }

  /// Takes over what the data decide of the network.
  public mutating func adopt(_ source: some TrainingSource) {
    shape.inputChannels = source.inputChannels
    shape.imageSize = source.imageSize
    shape.classes = source.classes
  }

  /// Checks that the settings can work together.
  ///
  /// - Throws: `SearchError.impossible`, naming the option and the remedy; `SupernetError`, `GenotypeError`.
  public func validate() throws {
    try genotype.validate()
    try shape.validate()
    try require("--epochs", epochs, in: 1...1_000_000)
    try require(batch >= 2, "--batch must be at least 2, not \(batch): batch norm needs it")
    try require("--steps-per-epoch", stepsPerEpoch, in: 1...Int.max)
    try require("--train-images", trainImages, in: 1...Int.max)
    try require("--rate", above0: rate)
    try require("--drop-path", from0Below1: dropPath)
    try require("--label-smoothing", from0Below1: labelSmoothing)
    try require("--auxiliary", from0: auxiliaryWeight)
    try require("--clip", from0: clip)
    try require("--weight-decay", from0: weightDecay)
    try require("the momentum", from0: momentum)
    try require("--cutout", augmentation.cutout, in: 0...512)
    try require("the padding of images", augmentation.padding, in: 0...512)
  }
}

extension TrainingConfiguration {
  /// Presets by name, in the order in which they are listed.
  public static let presets = ["demo", "small", "cifar10", "imagenet"]

  /// The settings of a preset for a cell.
  ///
  /// - Throws: `SearchError.unknownName`, suggesting the nearest.
  public static func preset(_ name: String, genotype: Genotype) throws -> TrainingConfiguration {
    var configuration: TrainingConfiguration
    switch name {
    case "demo":
      configuration = TrainingConfiguration(
        name, genotype, data: "fashion-mini", batch: 32, channels: 8, cells: 5, cutout: 8,
        epochs: 12)
    case "small":
      configuration = TrainingConfiguration(
        name, genotype, data: "fashion-mnist", batch: 96, channels: 16, cells: 5, cutout: 8,
        epochs: 10)
      configuration.dropPath = 0.1
    case "cifar10":
      configuration = TrainingConfiguration(
        name, genotype, data: "cifar10", batch: 96, channels: 36, cells: 20, cutout: 16,
        epochs: 600)
      configuration.dropPath = 0.2
    case "imagenet":
      configuration = TrainingConfiguration(
        name, genotype, data: "image-folder", batch: 128, channels: 48, cells: 14, cutout: 0,
        epochs: 250)
      configuration.shape.stem = .imageNet
      configuration.shape.imageSize = DerivedShape.imageNet.imageSize
      configuration.rate = 0.1
      configuration.decay = .exponential
      configuration.weightDecay = 3e-5
      configuration.labelSmoothing = 0.1
    default: throw SearchError.unknownName("preset", name, of: presets)
    }
    return configuration
  }

  private init(
    _ preset: String, _ genotype: Genotype, data: String, batch: Int, channels: Int, cells: Int,
    cutout: Int, epochs: Int
  ) {
    self.preset = preset
    self.genotype = genotype
    self.data = data
    self.batch = batch
    augmentation = .standard
    augmentation.cutout = cutout
    shape = .cifar10
    shape.channels = channels
    shape.cells = cells
    self.epochs = epochs
  }
}

import Datasets
import Kernels
import Supernet

/// Times training steps of a derived network on images of noise: 3×32×32, with auxiliary head, clipping and SGD.
public struct TrainingBenchmark {
  /// What was measured.
  public struct Result: Codable, Equatable, Sendable {
    /// C, the width of the first cell.
    public var channels: Int
    /// Cells of the network.
    public var cells: Int
    /// Images of a step.
    public var batch: Int
    /// Workers that shared a step.
    public var threads: Int
    /// Wall time of a step without its batch.
    public var medianSeconds: Double
    /// `batch` over `medianSeconds`.
    public var imagesPerSecond: Double
  }

  private let training: DerivedTraining
  private let threads: Int

  /// A training step of a cell's network, to be timed.
  ///
  /// - Throws: `GenotypeError`, `SupernetError` for a network that cannot be built.
  public init(_ genotype: Genotype, channels: Int, cells: Int, batch: Int, threads: Int) throws {
    self.threads = threads
    var configuration = try TrainingConfiguration.preset("cifar10", genotype: genotype)
    configuration.shape.channels = channels
    configuration.shape.cells = cells
    configuration.batch = batch
    // As the peer's step: no branch is dropped, and the images are there.
    configuration.dropPath = 0
    let shape = configuration.shape
    let noise = Dataset.noise(
      images: 2 * batch, size: shape.imageSize, channels: shape.inputChannels)
    training = try DerivedTraining(
      configuration,
      on: WholeSource(
        noise, seed: configuration.seed, batchSize: batch, augmentation: .none),
      threads: threads)
  }

  /// Steps after one that touches the memory for the first time; the time is that of the step without its batch.
  public func run(steps: Int) throws -> Result {
    var state = training.initialState
    var times: [Double] = []
    for k in 0...steps {
      state.stepInEpoch = k % training.stepsPerEpoch
      let (record, _) = try training.tracedStep(&state)
      if k > 0 { times.append(record.seconds) }
    }
    let median = times.sorted()[times.count / 2]
    let configuration = training.configuration
    return Result(
      channels: configuration.shape.channels, cells: configuration.shape.cells,
      batch: configuration.batch, threads: threads, medianSeconds: median,
      imagesPerSecond: Double(configuration.batch) / median)
  }
}

extension Dataset {
  /// Images of noise of ten classes, labels in turn.
  static func noise(images count: Int, size: Int, channels: Int) -> Dataset {
    let random = Philox(seed: 1, purpose: .direction)
    let pixels = (0..<(count * size * size * channels)).map {
      UInt8(random.integer(below: 256, index: $0))
    }
    let images = ImageSet(
      pixels: pixels, labels: (0..<count).map { UInt8($0 % 10) }, rows: size, columns: size,
      channels: channels, classNames: (0..<10).map(String.init))
    return Dataset(
      name: "noise", train: images, test: images, means: .init(repeating: 0.5, count: channels),
      deviations: .init(repeating: 0.25, count: channels), contents: [pixels])
  }
}

import CTurboJPEG
import Foundation
import Supernet
import Testing

@testable import Datasets
@testable import Search

@Suite struct DerivedTrainingTests {
  private static let genotype = """
    Genotype(normal=[('sep_conv_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 0), ('dil_conv_5x5', 2)], \
    normal_concat=[2, 3], reduce=[('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('skip_connect', 2), \
    ('avg_pool_3x3', 0)], reduce_concat=[2, 3])
    """

  private func training(
    threads: Int = 1, _ change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> DerivedTraining {
    var configuration = try TrainingConfiguration.preset(
      "demo", genotype: try Genotype(Self.genotype))
    configuration.batch = 8
    configuration.epochs = 3
    configuration.shape.channels = 4
    configuration.shape.cells = 3
    configuration.auxiliaryWeight = 0
    configuration.dropPath = 0.2
    change(&configuration)
    let source = try WholeSource(
      TinySearch.dataset(), seed: configuration.seed, batchSize: configuration.batch,
      augmentation: configuration.augmentation, trainImages: nil)
    return try DerivedTraining(configuration, on: source, threads: threads)
  }

  /// The same without wall times.
  private func timeless(_ state: TrainingState) -> TrainingState {
    var state = state
    state.progress.seconds = 0
    return state
  }

  @Test func theBitsDoNotDependOnTheThreads() throws {
    let states = try [1, 2, 3].map { threads in
      let training = try training(threads: threads)
      return timeless(try training.run(from: training.initialState) { _, _ in }.state)
    }
    #expect(states[0] == states[1] && states[0] == states[2])
  }

  /// Two of three epochs' steps, and the rest from the state they left.
  @Test func aTrainingThatGoesOnEndsInTheSameState() throws {
    let training = try training()
    let whole = try training.run(from: training.initialState) { _, _ in }
    var steps = 0
    let first = try training.run(
      from: training.initialState, isCancelled: { steps >= 6 },
      emit: { event, _ in if case .step = event { steps += 1 } })
    #expect(first.result.outcome == .interrupted && first.state.stepInEpoch > 0)
    let second = try training.run(from: first.state) { _, _ in }
    #expect(timeless(second.state) == timeless(whole.state))
  }

  @Test func theLossFallsAndTheLastEpochIsToldFromTheBest() throws {
    let training = try training {
      $0.epochs = 8
      $0.dropPath = 0
      $0.augmentation = .none
    }
    var losses: [Double] = []
    var accuracies: [Double] = []
    let (result, _) = try training.run(from: training.initialState) { event, _ in
      if case .epoch(let epoch) = event {
        losses.append(epoch.trainLoss)
        accuracies.append(epoch.testAccuracy)
      }
    }
    #expect(try #require(losses.last) < 0.8 * losses[0])
    #expect(result.lastAccuracy == accuracies.last)
    #expect(result.bestAccuracy == accuracies.max())
    #expect(result.bestEpoch == accuracies.firstIndex(of: try #require(accuracies.max())))
  }

  @Test func ratesAndDropPathFollowTheEpochs() throws {
    let training = try training {
      $0.epochs = 10
      $0.rate = 0.1
    }
    var configuration = training.configuration
    #expect(configuration.rate(inEpoch: 0) == 0.1)
    #expect(abs(configuration.rate(inEpoch: 5) - 0.05) < 1e-12)
    #expect(configuration.dropPath(inEpoch: 0) == 0)
    #expect(abs(configuration.dropPath(inEpoch: 5) - 0.1) < 1e-12)
    configuration.decay = .exponential
    #expect(abs(configuration.rate(inEpoch: 2) - 0.1 * 0.97 * 0.97) < 1e-15)
  }

  // MARK: - ImageNet

  /// A folder train/ and val/ with two classes of JPEG files of noise about a colour.
  private func imageFolder(corrupt: Bool) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    for (part, count) in [("train", 6), ("val", 2)] {
      for (label, name) in ["dark", "light"].enumerated() {
        let place = folder.appending(path: "\(part)/\(name)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for number in 0..<count {
          let (width, height) = (90 + 7 * number, 80 + 5 * number)
          let pixels = (0..<(3 * width * height)).map {
            UInt8(40 + 120 * label + ($0 * 37 + number * 11) % 60)
          }
          try jpeg(pixels, width, height).write(to: place.appending(path: "\(number).jpg"))
        }
      }
    }
    if corrupt {
      try Data("no JPEG".utf8).write(to: folder.appending(path: "train/dark/broken.jpg"))
    }
    return folder
  }

  private func jpeg(_ pixels: [UInt8], _ width: Int, _ height: Int) throws -> Data {
    let handle = try #require(tjInitCompress())
    defer { tjDestroy(handle) }
    var bytes: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    let failed = tjCompress2(
      handle, pixels, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &bytes, &size,
      Int32(TJSAMP_444.rawValue), 90, 0)
    defer { tjFree(bytes) }
    try #require(failed == 0)
    return Data(bytes: try #require(bytes), count: Int(size))
  }

  private func imageNet(_ folder: URL, strict: Bool) throws -> (DerivedTraining, ImageFolder) {
    var configuration = try TrainingConfiguration.preset(
      "imagenet", genotype: try Genotype(Self.genotype))
    configuration.batch = 4
    configuration.epochs = 1
    configuration.stepsPerEpoch = 2
    configuration.shape.channels = 8
    configuration.shape.cells = 3
    configuration.shape.imageSize = 64
    configuration.dataDirectory = folder.path
    let source = try configuration.openSource(strict: strict, workers: 2)
    return (
      try DerivedTraining(configuration, on: source, threads: 2),
      try #require(source as? ImageFolder)
    )
  }

  @Test func aFolderOfPicturesTrainsTheImageNetNetwork() throws {
    let folder = try imageFolder(corrupt: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (training, source) = try imageNet(folder, strict: false)
    var losses: [Double] = []
    let (result, state) = try training.run(from: training.initialState) { event, _ in
      if case .step(let step, _) = event { losses.append(step.loss) }
    }
    #expect(losses.count == 2 && losses.allSatisfy(\.isFinite))
    #expect(result.lastAccuracy != nil)
    #expect(state.weights != training.initialState.weights)
    // The broken file may be among the images of the two steps or not; the third batch has it.
    for step in 0..<source.stepsPerEpoch { _ = try source.trainingBatch(epoch: 0, step: step) }
    #expect(source.skipped.count == 1 && source.skipped[0].path.hasSuffix("broken.jpg"))
  }

  @Test func aBrokenPictureEndsAStrictTrainingAndIsNamed() throws {
    let folder = try imageFolder(corrupt: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let error = try #require(throws: DatasetError.self) {
      let (_, source) = try imageNet(folder, strict: true)
      for step in 0..<source.stepsPerEpoch { _ = try source.trainingBatch(epoch: 0, step: step) }
    }
    #expect("\(error)".contains("broken.jpg"))
  }

  @Test func filesBesideTheClassesAreNoClasses() throws {
    let folder = try imageFolder(corrupt: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    for file in ["train/labels.txt", "val/README"] {
      try Data("no class".utf8).write(to: folder.appending(path: file))
    }
    let (_, source) = try imageNet(folder, strict: true)
    #expect(source.classNames == ["dark", "light"] && source.testCount == 4)
  }

  @Test func aClassWithoutImagesIsNamed() throws {
    let folder = try imageFolder(corrupt: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let empty = folder.appending(path: "train/middle")
    try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
    #expect(throws: DatasetError.noImages(folder: "\(folder.path)/train/middle")) {
      try imageNet(folder, strict: true)
    }
  }

  /// Three batches an epoch, of which two are asked for: the third is not read; nor does what is read ahead stay when
  /// an epoch is left early.
  @Test func nothingIsReadAheadThatIsNotTrainedOn() throws {
    let folder = try imageFolder(corrupt: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (_, source) = try imageNet(folder, strict: true)
    for epoch in 0..<3 {
      for step in 0..<2 { _ = try source.trainingBatch(epoch: epoch, step: step) }
    }
    #expect(source.pool.count == 0)
    for epoch in 3..<6 { _ = try source.trainingBatch(epoch: epoch, step: 0) }
    #expect(source.pool.count == 1)
    // Asked for all the same, a step beyond the cut has its batch.
    #expect(try source.trainingBatch(epoch: 5, step: 2).labels.count == 4)
  }

  private static let impossible: [(String, @Sendable (inout TrainingConfiguration) -> Void)] = [
    ("--clip", { $0.clip = .nan }), ("--clip", { $0.clip = -1 }),
    ("--rate", { $0.rate = .infinity }), ("--weight-decay", { $0.weightDecay = -1 }),
    ("--cutout", { $0.augmentation.cutout = -1 }), ("--epochs", { $0.epochs = .max }),
    ("--train-images", { $0.trainImages = -1 }), ("--label-smoothing", { $0.labelSmoothing = 1 }),
    ("--drop-path", { $0.dropPath = .nan }), ("--auxiliary", { $0.auxiliaryWeight = .infinity }),
    ("--steps-per-epoch", { $0.stepsPerEpoch = 0 }),
  ]

  @Test(arguments: impossible)
  func impossibleSettingsOfATrainingNameTheirOption(
    option: String, change: @Sendable (inout TrainingConfiguration) -> Void
  ) throws {
    var configuration = try TrainingConfiguration.preset(
      "demo", genotype: try Genotype(Self.genotype))
    change(&configuration)
    let error = #expect(throws: SearchError.self) { try configuration.validate() }
    #expect(error.map { "\($0)".hasPrefix(option + " must be ") } == true)
  }

  @Test func theSameAddressHasTheSamePixels() throws {
    let folder = try imageFolder(corrupt: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let batches = try (0..<2).map { _ in
      try imageNet(folder, strict: true).1.trainingBatch(epoch: 3, step: 1)
    }
    #expect(batches[0] == batches[1])
    #expect(batches[0].images.contains { $0 != batches[0].images[0] })
  }
}

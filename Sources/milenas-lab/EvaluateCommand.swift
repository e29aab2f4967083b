import ArgumentParser
import Datasets
import Foundation
import Search
import Supernet

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Train the network of a cell from scratch and test it.",
    discussion: """
      Examples:
        milenas-lab evaluate DARTS_V2
        milenas-lab evaluate my-run --preset small --data-dir /usr/share/datasets/fashion-mnist
        milenas-lab evaluate my-run@35 --preset cifar10 --dry-run
        milenas-lab evaluate DARTS_V2 --preset imagenet --data-dir imagenet

      Presets: demo, small, cifar10, imagenet. The data set image-folder takes a folder with train/<class>/ and
      val/<class>/ of JPEG or PNG files.
      """)

  @OptionGroup var cell: CellArgument
  @OptionGroup(title: "Training") var settings: TrainingOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions
  @Flag(help: "Print what would be done, how long it takes and what it needs; train nothing.")
  var dryRun = false

  func run() throws {
    let genotype = try cell.genotype(in: location.store, published: KnownGenotypes())
    let configuration = try settings.resolved(genotype, seed: compute.seed)
    let source = try configuration.openSource(strict: settings.strict, workers: compute.threads)
    let training = try DerivedTraining(configuration, on: source, threads: compute.threads)
    if dryRun {
      try output.render(TrainingPlan(try training.plan(), data: source.name))
      return
    }
    let interruption = Interruption()
    var meter = TrainingMeter(training)
    let end = try training.run(
      from: training.initialState, isCancelled: { interruption.isRequested },
      emit: { event, _ in meter.report(event) })
    try output.render(
      TrainingSummary(
        end.result, of: configuration, skipped: (source as? ImageFolder)?.skipped ?? []))
    if end.result.outcome == .interrupted { throw Interrupted() }
  }
}

/// Every one overrides a value of the preset.
struct TrainingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the settings start from.",
      valueName: TrainingConfiguration.presets.joined(separator: "|")))
  var preset = "demo"
  @Option(help: "Data set: \((Dataset.names + [ImageFolder.name]).joined(separator: ", ")).")
  var data: String?
  @Option(help: "Folder that holds its files.") var dataDir: String?
  @Option(help: "Only the first so many training images (of each class with image-folder).")
  var trainImages: Int?
  @Flag(help: "End at an image that cannot be decoded; without it such images are skipped.")
  var strict = false
  @Option(help: "Rows and columns of the images of image-folder.") var imageSize: Int?
  @Option(help: "Images per step.") var batch: Int?
  @Option(help: "Epochs.") var epochs: Int?
  @Option(help: "Cuts each epoch short.") var stepsPerEpoch: Int?
  @Option(help: "Side of the square that cutout removes; 0 for none.") var cutout: Int?
  @Option(help: "How images enter: cifar or imageNet.") var stem: DerivedShape.Stem?
  @Option(help: "Width C of the first cell.") var channels: Int?
  @Option(help: "Number of cells.") var cells: Int?
  @Option(help: "Factor of the auxiliary head's loss; 0 for no head.") var auxiliary: Double?
  @Option(help: "Probability of drop-path that the last epoch approaches.") var dropPath: Double?
  @Option(help: "Share of a label that is spread over all classes.") var labelSmoothing: Double?
  @Option(help: "First learning rate.") var rate: Double?
  @Option(help: "How it falls: cosine or exponential.")
  var decay: TrainingConfiguration.RateDecay?
  @Option(help: "Weight decay.") var weightDecay: Double?
  @Option(help: "Largest norm of the gradient; 0 for none.") var clip: Double?

  /// - Throws: `SearchError.unknownName` for a preset that there is not.
  func resolved(_ genotype: Genotype, seed: UInt64) throws -> TrainingConfiguration {
    var c = try TrainingConfiguration.preset(preset, genotype: genotype)
    func take<Value>(_ option: Value?, _ place: WritableKeyPath<TrainingConfiguration, Value>) {
      if let option { c[keyPath: place] = option }
    }
    c.seed = seed
    c.dataDirectory = dataDir
    c.trainImages = trainImages
    c.stepsPerEpoch = stepsPerEpoch
    take(data, \.data)
    take(imageSize, \.shape.imageSize)
    take(batch, \.batch)
    take(epochs, \.epochs)
    take(cutout, \.augmentation.cutout)
    take(stem, \.shape.stem)
    take(channels, \.shape.channels)
    take(cells, \.shape.cells)
    take(auxiliary, \.auxiliaryWeight)
    take(dropPath, \.dropPath)
    take(labelSmoothing, \.labelSmoothing)
    take(rate, \.rate)
    take(decay, \.decay)
    take(weightDecay, \.weightDecay)
    take(clip, \.clip)
    return c
  }
}

extension TrainingConfiguration.RateDecay: ExpressibleByArgument {}

/// What `--dry-run` prints.
private struct TrainingPlan: Report {
  var data: String
  var plan: DerivedTraining.Plan

  init(_ plan: DerivedTraining.Plan, data: String) {
    self.plan = plan
    self.data = data
  }

  var table: Table? { nil }

  var text: String {
    """
    data         \(data): \(plan.trainingImages) training images, \(plan.testImages) test images
    network      \(plan.parameters) parameters, \(plan.multiplyAdds / 1_000_000) million multiply-adds
    steps        \(plan.steps) = \(plan.epochs) epochs × \(plan.stepsPerEpoch)
    time         about \(Clock.text(plan.seconds)), from one measured step
    memory       \(plan.bytes / 1_000_000) MB

    """
  }
}

/// What a training that has ended prints.
private struct TrainingSummary: Report {
  var genotype: String
  var data: String
  var result: TrainingResult
  /// Images that could not be decoded.
  var skipped: [String]

  init(
    _ result: TrainingResult, of configuration: TrainingConfiguration,
    skipped: [ImageFolder.Skipped]
  ) {
    self.result = result
    genotype = "\(configuration.genotype)"
    data = configuration.data
    self.skipped = skipped.map { "\($0.path): \($0.reason)" }
  }

  var table: Table? { nil }

  var text: String {
    func percent(_ accuracy: Double?) -> String {
      accuracy.map { String(format: "%.2f %%", 100 * $0) } ?? "none yet"
    }
    let best = result.bestEpoch.map { " after epoch \($0 + 1), chosen by the test images" } ?? ""
    let lines =
      [
        "\(result.outcome.rawValue) after \(result.steps) steps, \(result.epochs) epochs, \(Clock.text(result.seconds))",
        "test accuracy  \(percent(result.lastAccuracy)) after the last epoch",
        "best           \(percent(result.bestAccuracy))\(best)",
        "parameters     \(result.parameters)", "genotype       \(genotype)",
      ]
      + (skipped.isEmpty ? [] : ["skipped        \(skipped.count) images that cannot be decoded:"])
      + skipped.prefix(20).map { "  \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Progress of a training: images per second, accuracy and the time that is left.
private struct TrainingMeter {
  private let progress = Progress()
  private let steps: Int
  private let epochs: Int
  private let began = ContinuousClock().now
  private var images = 0
  private var done = 0

  init(_ training: DerivedTraining) {
    steps = training.stepsPerEpoch * training.configuration.epochs
    epochs = training.configuration.epochs
  }

  mutating func report(_ event: TrainingEvent) {
    let seconds = (ContinuousClock().now - began).inSeconds
    switch event {
    case .step(let step):
      done += 1
      images += step.images
      let left = Clock.text(seconds / Double(done) * Double(steps - step.step - 1))
      progress.update(
        "epoch \(step.epoch + 1)/\(epochs), step \(step.step + 1)/\(steps), loss "
          + String(format: "%.3f, %.0f images/s", step.loss, Double(images) / seconds)
          + ", \(left) left")
    case .epoch(let epoch):
      progress.keep(
        String(
          format: "epoch %d/%d: train loss %.4f, accuracy %.2f %%; test loss %.4f, accuracy "
            + "%.2f %%; %@", epoch.epoch + 1, epochs, epoch.trainLoss, 100 * epoch.trainAccuracy,
          epoch.testLoss, 100 * epoch.testAccuracy,
          Clock.text(epoch.trainSeconds + epoch.testSeconds)))
    }
  }
}

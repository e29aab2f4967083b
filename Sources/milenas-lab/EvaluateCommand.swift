import ArgumentParser
import Datasets
import EventLog
import Foundation
import Search
import Supernet

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Train the network of a cell from scratch and test it.",
    discussion: """
      Examples:
        milenas-lab evaluate DARTS_V2
        milenas-lab evaluate my-run --preset small --name my-evaluation
        milenas-lab evaluate my-run@35 --preset cifar10 --dry-run
        milenas-lab evaluate DARTS_V2 --preset imagenet --data-dir imagenet
        milenas-lab evaluate --resume my-evaluation

      Presets: demo, small, cifar10, imagenet. The data set image-folder takes a folder with train/<class>/ and \
      val/<class>/ of JPEG or PNG files. The record is like that of a search: `milenas-lab runs` reads it.
      """)

  @Argument(help: CellArgument.help) var cell: String?
  @OptionGroup(title: "Training") var settings: TrainingOptions
  @OptionGroup(title: "Record") var recording: RecordingOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: RowlessOutputOptions
  @Flag(help: "Print what would be done, how long it takes and what it needs; train nothing.")
  var dryRun = false

  mutating func validate() throws {
    guard recording.resume != nil else {
      if cell == nil { throw ValidationError("name a cell or a run, or give --resume") }
      return
    }
    guard cell == nil else {
      throw ValidationError(
        "--resume goes on with the settings of the run: leave out \(cell ?? "")")
    }
    try recording.refuseSettings(
      in: [self, settings, compute], butFor: ["--threads", "--data-dir", "--strict"])
  }

  func run() throws {
    if let resume = recording.resume {
      let progress = Progress()
      let run = try location.store.find(resume)
      let evaluation = try RecordedEvaluation(
        resuming: run, environment: .ofThisProgram, notice: { progress.keep($0) },
        open: { manifest in
          let source = try manifest.openSource(
            folder: settings.dataDir, strict: settings.strict, workers: compute.threads)
          return try DerivedTraining(manifest.configuration, on: source, threads: compute.threads)
        })
      progress.keep("going on with \(run.name) from step \(evaluation.firstStep)")
      return try finish(evaluation)
    }
    let found = try FoundCell(cell ?? "", in: location.store, published: KnownGenotypes())
    let configuration = try settings.resolved(found.genotype, seed: compute.seed)
    let source = try configuration.openSource(strict: settings.strict, workers: compute.threads)
    let training = try DerivedTraining(configuration, on: source, threads: compute.threads)
    if dryRun {
      try output.render(TrainingPlan(try training.plan(), data: source.name))
      return
    }
    let name = "evaluate-\(found.word)-\(configuration.data)-seed\(configuration.seed)"
    try finish(
      RecordedEvaluation(
        training, name: recording.name ?? location.store.freeName(name), in: location.store,
        record: recording.options(keeping: .last(2)), cell: found.origin,
        threads: compute.threads, environment: .ofThisProgram))
  }

  /// Runs an evaluation that is set up, and prints how it ended.
  private func finish(_ evaluation: RecordedEvaluation) throws {
    let interruption = Interruption()
    var meter = TrainingMeter(evaluation)
    let result = try evaluation.run(
      isCancelled: { interruption.isRequested }, report: { meter.report($0) })
    try output.render(TrainingSummary(result, of: evaluation, in: location))
    if result.outcome == .interrupted { throw Interrupted() }
  }
}

/// Every one overrides a value of the preset.
struct TrainingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the settings start from; demo when left out.",
      valueName: TrainingConfiguration.presets.joined(separator: "|")))
  var preset: String?
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

  /// - Throws: `SearchError.unknownName` for a preset that there is not; `.impossible` for options that the data set
  ///   does not read.
  func resolved(_ genotype: Genotype, seed: UInt64?) throws -> TrainingConfiguration {
    var c = try TrainingConfiguration.preset(preset ?? "demo", genotype: genotype)
    func take<Value>(_ option: Value?, _ place: WritableKeyPath<TrainingConfiguration, Value>) {
      if let option { c[keyPath: place] = option }
    }
    take(seed, \.seed)
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
    if c.data == ImageFolder.name {
      guard cutout ?? 0 == 0 else {
        throw SearchError.impossible(
          "--cutout is not read with image-folder, whose images are cropped and coloured: leave it out"
        )
      }
      c.augmentation.cutout = 0
    } else {
      let given = GivenOptions.names(in: self)
      for option in ["--image-size", "--strict"] where given.contains(option) {
        throw SearchError.impossible(
          "\(option) is not read with \(c.data), only with image-folder: leave it out, or set "
            + "--data image-folder")
      }
    }
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
    checkpoints  \(plan.checkpointBytes / 1_000_000) MB each; --keep-checkpoints says which stay

    """
  }
}

/// What a training that has ended prints.
private struct TrainingSummary: Report {
  var run: String
  var genotype: String
  var data: String
  var result: TrainingResult
  /// Images that could not be decoded.
  var skipped: [String]
  private let path: String
  private let folder: URL
  private let location: StoreOptions

  private enum CodingKeys: CodingKey { case run, genotype, data, result, skipped, path }

  init(_ result: TrainingResult, of evaluation: RecordedEvaluation, in location: StoreOptions) {
    self.result = result
    self.location = location
    run = evaluation.run.name
    folder = evaluation.run.url
    path = folder.relativePath
    genotype = "\(evaluation.loop.configuration.genotype)"
    data = evaluation.loop.configuration.data
    skipped = ((evaluation.loop.source as? ImageFolder)?.skipped ?? [])
      .map { "\($0.path): \($0.reason)" }
  }

  var table: Table? { nil }

  var text: String {
    func percent(_ accuracy: Double?) -> String {
      accuracy.map { String(format: "%.2f %%", 100 * $0) } ?? "none yet"
    }
    let best =
      result.bestEpoch.map {
        " after epoch \($0) of 0 to \(result.epochs - 1), chosen by the test images"
      } ?? ""
    let commands =
      result.outcome == .interrupted
      ? [location.command("evaluate --resume", on: folder)]
      : [
        location.command("runs show", on: folder),
        location.command("runs sql", on: folder, "'select epoch, test_accuracy from epoch_curve'"),
        location.command("runs verify", on: folder),
      ]
    let lines =
      [
        "\(result.outcome.rawValue) after \(result.steps) steps, \(result.epochs) epochs, \(Clock.text(result.seconds))",
        "test accuracy  \(percent(result.lastAccuracy)) after the last epoch",
        "best           \(percent(result.bestAccuracy))\(best)",
        "parameters     \(result.parameters)", "genotype       \(genotype)",
        "record         \(path)",
      ]
      + (skipped.isEmpty ? [] : ["skipped        \(skipped.count) images that cannot be decoded:"])
      + skipped.prefix(20).map { "  \($0)" }
      + ["", "Next:"] + commands.map { "  " + $0 }
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

  init(_ evaluation: RecordedEvaluation) {
    epochs = evaluation.plan.epochs
    steps = evaluation.plan.stepsPerEpoch * epochs
  }

  mutating func report(_ report: RecordedEvaluation.Report) {
    switch report {
    case .notice(let sentence): progress.keep(sentence)
    case .event(.step(let step, _), let waiting):
      done += 1
      images += step.images
      let seconds = (ContinuousClock().now - began).inSeconds
      let left = Clock.text(seconds / Double(done) * Double(steps - step.step - 1))
      let unwritten = waiting > 2 ? ", \(waiting) records not on disk yet" : ""
      progress.update(
        "epoch \(step.epoch + 1)/\(epochs), step \(step.step + 1)/\(steps), loss "
          + String(format: "%.3f, %.0f images/s", step.loss, Double(images) / seconds)
          + ", \(left) left" + unwritten)
    case .event(.epoch(let epoch), _):
      progress.keep(
        String(
          format: "epoch %d/%d: train loss %.4f, accuracy %.2f %%; test loss %.4f, accuracy "
            + "%.2f %%; %@", epoch.epoch + 1, epochs, epoch.trainLoss, 100 * epoch.trainAccuracy,
          epoch.testLoss, 100 * epoch.testAccuracy,
          Clock.text(epoch.trainSeconds + epoch.testSeconds)))
    }
  }
}

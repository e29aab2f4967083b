import ArgumentParser
import Datasets
import EventLog
import Foundation
import Search
import Supernet

struct SearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Search an architecture and record every step.",
    discussion: """
      Examples:
        milenas-lab search --log-level step
        milenas-lab search --method darts-2nd-exact --epochs 5 --name exact
        milenas-lab search --preset paper --data-dir cifar-10-batches-bin --dry-run
        milenas-lab search --resume exact

      Without arguments it runs the demo on the shipped data set. Presets: demo, small, paper.
      """)

  @OptionGroup(title: "Search") var settings: SearchOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: RowlessOutputOptions

  @OptionGroup(title: "Record") var recording: RecordingOptions
  @Flag(help: "Print what would be done, how long it takes and what it needs; compute nothing.")
  var dryRun = false

  mutating func validate() throws {
    guard recording.resume == nil else {
      let given = try settings.configuration(seed: compute.seed)
      var unset = try SearchOptions.parse([])
      unset.dataDir = settings.dataDir
      guard recording.name == nil, !dryRun, given == (try unset.configuration(seed: 0)) else {
        throw ValidationError(
          "--resume goes on with the settings of the run: leave out all but --threads and --data-dir"
        )
      }
      return
    }
  }

  func run() throws {
    let began = ContinuousClock().now
    if let resume = recording.resume {
      let progress = Progress()
      let run = try location.store.find(resume)
      let dataset = try Manifest(contentsOf: run.manifestFile).openData(folder: settings.dataDir)
      let search = try RecordedSearch(
        resuming: run, dataset: dataset, threads: compute.threads, environment: .ofThisProgram,
        notice: { progress.keep($0) })
      progress.keep("going on with \(run.name) from step \(search.firstStep)")
      return try finish(search, began: began)
    }
    let configuration = try settings.configuration(seed: compute.seed)
    let dataset = try Dataset.open(configuration.data, folder: configuration.dataDirectory)
    let loop = try SearchLoop(configuration, dataset: dataset, threads: compute.threads)
    if dryRun {
      try output.render(SearchPlan(try loop.plan(), of: configuration))
      return
    }
    let runName = recording.name ?? location.store.freeName(configuration.defaultName)
    let search = try RecordedSearch(
      loop, name: runName, in: location.store,
      record: recording.options(keeping: .all),
      threads: compute.threads, environment: .ofThisProgram)
    try finish(search, began: began)
  }

  /// Runs a search that is set up, and prints how it ended.
  private func finish(_ search: RecordedSearch, began: ContinuousClock.Instant) throws {
    let interruption = Interruption()
    var meter = SearchMeter(search, began: began)
    let result = try search.run(
      isCancelled: { interruption.isRequested }, report: { meter.report($0) })
    try output.render(SearchSummary(result, run: search.run, in: location))
    if result.outcome == .interrupted { throw Interrupted() }
  }
}

/// The options of design: every one overrides a value of the preset.
struct SearchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Where the settings start from.", valueName: "demo|small|paper"))
  var preset = "demo"
  @Option(help: ArgumentHelp("Search method: \(Self.names(of: SearchMethod.self)).")) var method:
    String?
  @Option(help: ArgumentHelp("Search space: darts, gumbel or gdas.")) var space: String?
  @Option(help: "Whose form is followed where codes differ: paper, darts-code or milenas-code.")
  var variant: String?
  @Option(help: "Factor of the validation term (eq. 6).") var lambda: Double?
  @Option(help: "Factor of the training term, as in the public MiLeNAS code.")
  var lambdaTrain: Double?
  @Option(help: "alpha-first, weights-first or simultaneous.") var order: String?
  @Option(help: "Weight steps per step of alpha.") var weightUpdates: Int?
  @Flag(help: "Further weight steps see the next batches instead of the same one.")
  var updatesSeeNextBatches = false
  @Option(help: "Method from --switch-epoch on.") var switchTo: String?
  @Option(help: "Epoch from which --switch-to holds, from 0.") var switchEpoch: Int?
  @Option(help: "Radius r of the finite difference, epsilon = r/|v|.") var radius: Double?
  @Option(help: "Steps of the method unrolled.") var unrollSteps: Int?
  @Option(help: "Solver of the method implicit: cg, minres or neumann.") var solver: String?
  @Option(help: "Iterations of that solver.") var solverIterations: Int?
  @Option(help: "Damping of the method implicit.") var damping: Double?
  @Option(help: "Temperature of the first epoch (gumbel, gdas).") var temperatureStart: Double?
  @Option(help: "Temperature that the last epoch approaches.") var temperatureEnd: Double?
  @Option(help: "One Gumbel sample per kind of cell, or per cell: kind or cell.") var noise: String?

  @Option(help: "Data set: \(Dataset.names.joined(separator: ", ")).") var data: String?
  @Option(help: "Folder that holds its files.") var dataDir: String?
  @Option(help: "Only the first so many training images.") var trainImages: Int?
  @Option(help: "Images per step.") var batch: Int?
  @Option(help: "Epochs.") var epochs: Int?
  @Option(help: "Cuts each epoch short.") var stepsPerEpoch: Int?
  @Option(help: "Side of the square that cutout removes; 0 for none.") var cutout: Int?

  @Option(help: "Width C of the first cell.") var channels: Int?
  @Option(help: "Number of cells.") var cells: Int?
  @Option(help: "Intermediate nodes of a cell.") var nodes: Int?
  @Option(help: "relu, or silu for the smooth twin.") var activation: String?
  @Option(help: "max, or avg for the smooth twin.") var maxPool: String?

  @Option(help: "First learning rate of w.") var weightRate: Double?
  @Option(help: "Learning rate of alpha.") var alphaRate: Double?
  @Option(help: "Largest norm of the clipped gradient; 0 for none.") var clip: Double?
  @Option(help: "Whose gradient is clipped: weights or alpha.") var clipTarget: String?
  @Option(help: "Passes that move running statistics: weight-step or every-forward.")
  var bnStats: String?
  @Option(
    help: ArgumentHelp("Stop when both convolution counts are at most these.", valueName: "n,r"))
  var stopAt: String?
  @Option(
    help: ArgumentHelp(
      "Stop when the largest eigenvalue of the alpha-Hessian has grown by this (R-DARTS: 1.3).",
      valueName: "factor"))
  var stopAtCurvature: Double?
  @Option(help: "Epochs from one measurement of that eigenvalue to the next.")
  var curvatureEvery: Int?
  @Option(help: "How the genotype is read off alpha: darts or gdas.") var genotypeRule: String?
  @Option(help: "Cells that random-sharing compares after each epoch.") var randomCells: Int?

  private static func names<Choice: CaseIterable & RawRepresentable<String>>(of: Choice.Type)
    -> String
  { Choice.allCases.map(\.rawValue).joined(separator: ", ") }

  /// The configuration that the options describe.
  ///
  /// - Throws: `SearchError.unknownName` with the nearest name.
  func configuration(seed: UInt64) throws -> SearchConfiguration {
    var c = try SearchConfiguration.preset(preset)
    c.seed = seed
    if let variant { c.adopt(try choice("variant", variant)) }
    try take(method, "method", into: &c.method)
    try take(space, "space", into: &c.space)
    try take(order, "order", into: &c.order)
    try take(solver, "solver", into: &c.solver)
    try take(noise, "noise", into: &c.noise)
    try take(clipTarget, "clip target", into: &c.clipTarget)
    try take(bnStats, "rule for running statistics", into: &c.statistics)
    try take(activation, "activation", into: &c.shape.activation)
    try take(maxPool, "maximum pooling", into: &c.shape.maxPool)
    if let switchTo { c.switchMethod = try choice("method", switchTo) as SearchMethod }
    c.switchEpoch = switchEpoch
    take(lambda, into: &c.lambda)
    take(lambdaTrain, into: &c.lambdaTrain)
    take(weightUpdates, into: &c.weightUpdates)
    c.updatesSeeNextBatches = updatesSeeNextBatches
    take(radius, into: &c.radius)
    take(unrollSteps, into: &c.unrollSteps)
    take(solverIterations, into: &c.solverIterations)
    take(damping, into: &c.damping)
    take(temperatureStart, into: &c.temperatureStart)
    take(temperatureEnd, into: &c.temperatureEnd)
    take(data, into: &c.data)
    c.dataDirectory = dataDir ?? c.dataDirectory
    c.trainImages = trainImages
    take(batch, into: &c.batch)
    take(epochs, into: &c.epochs)
    c.stepsPerEpoch = stepsPerEpoch
    take(cutout, into: &c.augmentation.cutout)
    take(channels, into: &c.shape.channels)
    take(cells, into: &c.shape.cells)
    take(nodes, into: &c.shape.nodes)
    take(weightRate, into: &c.weightRate)
    take(alphaRate, into: &c.alphaRate)
    take(clip, into: &c.clip)
    if let stopAt {
      let parts = stopAt.split(separator: ",").map { Int($0) }
      guard parts.count == 2, let n = parts[0], let r = parts[1] else {
        throw ValidationError("--stop-at takes two counts such as 6,0, not \(stopAt)")
      }
      c.stopRule = .size(ConvolutionCounts(normal: n, reduction: r))
    }
    if let stopAtCurvature {
      guard stopAt == nil else {
        throw ValidationError("--stop-at and --stop-at-curvature exclude each other: give one")
      }
      var rule = CurvatureRule()
      rule.factor = stopAtCurvature
      c.stopRule = .curvature(rule)
    }
    c.curvatureEvery = curvatureEvery
    try take(genotypeRule, "genotype rule", into: &c.genotypeRule)
    take(randomCells, into: &c.randomCells)
    return c
  }

  private func take<Value>(_ option: Value?, into value: inout Value) {
    if let option { value = option }
  }

  private func take<Choice: CaseIterable & RawRepresentable<String>>(
    _ option: String?, _ kind: String, into value: inout Choice
  ) throws {
    if let option { value = try choice(kind, option) }
  }

  private func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ kind: String, _ name: String
  ) throws -> Choice {
    guard let choice = Choice(rawValue: name) else {
      throw SearchError.unknownName(
        kind: kind, found: name, known: Choice.allCases.map(\.rawValue))
    }
    return choice
  }
}

/// What `--dry-run` prints.
private struct SearchPlan: Report {
  var method: String
  var space: String
  var data: String
  var plan: SearchLoop.Plan

  init(_ plan: SearchLoop.Plan, of configuration: SearchConfiguration) {
    method = configuration.method.rawValue
    space = configuration.space.rawValue
    data = configuration.data
    self.plan = plan
  }

  var table: Table? { nil }

  var text: String {
    """
    method       \(method) on the space \(space)
    data         \(data): \(plan.trainingImages) images for w, \(plan.validationImages) for alpha
    network      \(plan.parameters) weights, \(plan.alphaEntries) entries of alpha
    steps        \(plan.steps) = \(plan.epochs) epochs × \(plan.stepsPerEpoch)
    time         about \(Clock.text(plan.seconds)), from one measured step
    memory       \(plan.bytes / 1_000_000) MB
    step log     about \(plan.logBytes / 1_000_000 + 1) MB; with --log-level trace up to \(plan.traceBytes / 1_000_000) MB
    checkpoints  \(plan.epochs) of \(plan.checkpointBytes / 1_000_000) MB; --keep-checkpoints keeps fewer

    """
  }
}

/// What a finished search prints.
private struct SearchSummary: Report {
  var run: String
  var outcome: String
  var genotype: String
  var normalConvolutions: Int
  var reductionConvolutions: Int
  var validAccuracy: Double?
  var epochs: Int
  var steps: Int
  var seconds: Double
  private let path: String
  private let folder: URL
  private let location: StoreOptions

  private enum CodingKeys: String, CodingKey {
    case run, outcome, genotype, normalConvolutions, reductionConvolutions, validAccuracy, epochs,
      steps, seconds, path
  }

  init(_ result: RunResult, run: RunFolder, in location: StoreOptions) {
    self.location = location
    self.run = run.name
    path = run.url.relativePath
    folder = run.url
    outcome = result.outcome.rawValue
    genotype = result.genotype
    normalConvolutions = result.normalConvolutions
    reductionConvolutions = result.reductionConvolutions
    validAccuracy = result.validAccuracy
    epochs = result.epochs
    steps = result.steps
    seconds = result.seconds
  }

  var table: Table? { nil }

  var text: String {
    let accuracy =
      validAccuracy.map { String(format: "%.2f %%", 100 * $0) } ?? "none yet"
    let commands =
      outcome == RunResult.Outcome.interrupted.rawValue
      ? [location.command("search --resume", on: folder)]
      : [
        location.command("runs show", on: folder),
        location.command(
          "runs sql", on: folder, "'select epoch, valid_accuracy from epoch_curve'"),
        location.command("runs verify", on: folder),
      ]
    return """
      \(outcome) after \(steps) steps, \(epochs) epochs, \(Clock.text(seconds))
      validation accuracy  \(accuracy)
      size (n, r)          (\(normalConvolutions), \(reductionConvolutions))
      genotype             \(genotype)
      record               \(path)

      Next:
      \(commands.map { "  " + $0 }.joined(separator: "\n"))

      """
  }
}

/// Progress of a search: images per second, accuracy and the time that is left.
private struct SearchMeter {
  private let progress = Progress()
  private let steps: Int
  private let epochs: Int
  private let batch: Int
  private let began: ContinuousClock.Instant
  private var done = 0
  private var accuracy: Double?

  init(_ search: RecordedSearch, began: ContinuousClock.Instant) {
    let plan = search.plan
    steps = plan.stepsPerEpoch * plan.epochs
    epochs = plan.epochs
    batch = plan.batch
    self.began = began
  }

  mutating func report(_ report: RecordedSearch.Report) {
    switch report {
    case .notice(let sentence): progress.keep(sentence)
    case .event(.step(let step, _), let waiting):
      done += 1
      let perStep = (ContinuousClock().now - began).inSeconds / Double(done)
      let unwritten = waiting > 2 ? ", \(waiting) records not on disk yet" : ""
      let left = Clock.text(perStep * Double(steps - step.step - 1))
      let known = accuracy.map { String(format: ", accuracy %.1f %%", 100 * $0) } ?? ""
      progress.update(
        "epoch \(step.epoch + 1)/\(epochs), step \(step.step + 1)/\(steps), loss "
          + String(format: "%.3f, %.0f images/s", step.trainLoss, Double(batch) / perStep) + known
          + ", \(left) left" + unwritten)
    case .event(.epoch(let epoch), _):
      accuracy = epoch.validAccuracy
      progress.keep(
        String(
          format: "epoch %d/%d: train loss %.4f, accuracy %.2f %%; validation loss %.4f, "
            + "accuracy %.2f %%; size (%d, %d); %@", epoch.epoch + 1, epochs, epoch.trainLoss,
          100 * epoch.trainAccuracy, epoch.validLoss, 100 * epoch.validAccuracy,
          epoch.normalConvolutions, epoch.reductionConvolutions,
          Clock.text(epoch.trainSeconds + epoch.validSeconds)))
    }
  }
}

/// Durations for people.
enum Clock {
  static func text(_ seconds: Double) -> String {
    let total = Int(seconds.rounded())
    if total < 60 { return String(format: "%.1f s", seconds) }
    if total < 3600 { return "\(total / 60) min \(total % 60) s" }
    return "\(total / 3600) h \(total % 3600 / 60) min"
  }
}

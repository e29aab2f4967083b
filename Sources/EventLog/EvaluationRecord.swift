import Datasets
import Foundation
import GRDB
import Search
import Supernet

// What the log must know of the training of a derived network.

/// An evaluation and its record.
public typealias RecordedEvaluation = RecordedRun<DerivedTraining>

/// Reads the record of an evaluation: `manifest.configuration` has its genotype and shape, `epochs()` and `result()`
/// its accuracies.
public typealias EvaluationReader = RecordReader<DerivedTraining>

extension DerivedTraining: RecordedLoop {
  public static var kind: RunKind { .evaluation }
  public var data: DataIdentity { DataIdentity(name: source.name, sha256: source.sha256) }

  public static func open(
    _ manifest: RunManifest<DerivedTraining>, dataFolder: String?, threads: Int
  ) throws -> DerivedTraining {
    let source = try manifest.openSource(folder: dataFolder, strict: false, workers: threads)
    return try DerivedTraining(manifest.configuration, on: source, threads: threads)
  }

  public static func checkData(of manifest: RunManifest<DerivedTraining>, folder: String?) throws {
    _ = try manifest.openSource(folder: folder, strict: false, workers: 1)
  }

  public static func insertLegend(of configuration: TrainingConfiguration, in db: Database) {}

  // MARK: - Checkpoints

  private static let format = "milenas-lab training state 1"

  /// What the metadata hold.
  private struct Position: Codable {
    var step: Int
    var epoch: Int
    var stepInEpoch: Int
    var progress: SearchState.EpochProgress
    var last: TrainingState.EpochAccuracy?
    var best: TrainingState.EpochAccuracy?
    var epochs: [TrainingEpochRecord]
  }

  public static func file(of checkpoint: RunCheckpoint<DerivedTraining>, _ layout: ParameterLayout)
    throws -> StateFile
  {
    let state = checkpoint.state
    var file = try StateFile(
      format: format,
      position: Position(
        step: state.step, epoch: state.epoch, stepInEpoch: state.stepInEpoch,
        progress: state.progress, last: state.last, best: state.best, epochs: checkpoint.epochs))
    file.add("weights", state.weights, layout)
    file.add("momentum", state.momentum, layout)
    file.add("statistics.means", state.statistics.means)
    file.add("statistics.variances", state.statistics.variances)
    return file
  }

  public static func checkpoint(
    from file: StateFile, _ layout: ParameterLayout, _ configuration: TrainingConfiguration
  ) throws -> RunCheckpoint<DerivedTraining> {
    let position = try file.position(format: format, as: Position.self)
    let means = try file.vector("statistics.means")
    var state = TrainingState(
      weights: try file.vector("weights", layout), momentum: try file.vector("momentum", layout),
      statistics: BatchNormStatistics(
        means: means, variances: try file.vector("statistics.variances", means.count)))
    state.step = position.step
    state.epoch = position.epoch
    state.stepInEpoch = position.stepInEpoch
    state.progress = position.progress
    state.last = position.last
    state.best = position.best
    return RunCheckpoint(state, after: position.epochs)
  }
}

extension RunManifest<DerivedTraining> {
  /// Opens the images of the run, and checks that they are the same.
  ///
  /// - Parameters:
  ///   - folder: where they lie now; nil for where they lay.
  ///   - strict: whether a damaged image ends the training.
  ///   - workers: threads that decode images.
  /// - Throws: `DatasetError`; `EventLogError.otherData`.
  public func openSource(folder: String? = nil, strict: Bool, workers: Int) throws
    -> any TrainingSource
  {
    var configuration = configuration
    configuration.dataDirectory = folder ?? configuration.dataDirectory
    let source = try configuration.openSource(strict: strict, workers: workers)
    try data.check(source.sha256)
    return source
  }
}

extension TrainingConfiguration: RecordedConfiguration {
  public var alphaExtents: [Int]? { nil }

  public func parameterLayout() throws -> ParameterLayout {
    try ParameterLayout(genotype, as: shape, auxiliary: auxiliaryWeight > 0)
  }
}

extension TrainingState: RecordedState {
  public static var vectorNames: [String] { ["weights", "momentum", "bn-means", "bn-variances"] }

  public var vectors: [[Float]] { [weights, momentum, statistics.means, statistics.variances] }
}

// MARK: - Rows

extension TrainingStepRecord: RecordedStep {
  public var canonicalBytes: CanonicalBytes {
    var bytes = CanonicalBytes()
    for number in [step, epoch, stepInEpoch, correct, images] { bytes.append(number) }
    for number in [loss, auxiliaryLoss, rate, dropPath, gradientNorm] { bytes.append(number) }
    return bytes
  }

  public var quantities: [Quantity] {
    [
      Quantity("step_in_epoch", stepInEpoch), Quantity("epoch", epoch),
      Quantity("images", images), Quantity("rate", rate), Quantity("drop_path", dropPath),
      Quantity("train_loss", loss), Quantity("auxiliary_loss", auxiliaryLoss),
      Quantity("correct", correct), Quantity("gradient_norm", gradientNorm),
    ]
  }

  public var alphaVectors: [[Float]] { [] }

  public static var vectorNames: [String] { [] }

  public func vectors(named name: String) -> [(name: String, values: [Float])] { [] }

  public func insert(in db: Database, attempt: Int, state: StateHash, digest: Data) throws {
    try db.insert(
      EvaluationTables.steps,
      [
        step, attempt, epoch, stepInEpoch, loss, auxiliaryLoss, correct, images, rate, dropPath,
        gradientNorm, batchSeconds, seconds, state.bytes, digest,
      ])
  }

  public static func fetchAll(_ db: Database, steps: Range<Int>) throws -> [TrainingStepRecord] {
    try Row.fetchAll(
      db, sql: "SELECT * FROM steps WHERE step >= ? AND step < ? ORDER BY step",
      arguments: [steps.lowerBound, steps.upperBound]
    ).map { row in
      TrainingStepRecord(
        step: row["step"], epoch: row["epoch"], stepInEpoch: row["step_in_epoch"],
        loss: row["train_loss"] ?? .nan, auxiliaryLoss: row["auxiliary_loss"],
        correct: row["correct"], images: row["images"], rate: row["rate"],
        dropPath: row["drop_path"], gradientNorm: row["gradient_norm"],
        batchSeconds: row["batch_seconds"], seconds: row["seconds"])
    }
  }
}

extension TrainingEpochRecord: RecordedEpoch {
  public var accuracy: Double { testAccuracy }
  public var alphaVectors: [[Float]] { [] }
  public var found: (alpha: [Float], genotype: String)? { nil }

  public var canonicalBytes: CanonicalBytes {
    var bytes = CanonicalBytes()
    bytes.append(epoch)
    for number in [trainLoss, trainAccuracy, testLoss, testAccuracy, testTopFive] {
      bytes.append(number)
    }
    return bytes
  }

  public var quantities: [Quantity] {
    [
      Quantity("train_loss", trainLoss), Quantity("train_accuracy", trainAccuracy),
      Quantity("test_loss", testLoss), Quantity("test_accuracy", testAccuracy),
      Quantity("test_top_five", testTopFive),
    ]
  }

  public func insert(in db: Database, attempt: Int, state: StateHash, digest: Data) throws {
    try db.insert(
      EvaluationTables.epochs,
      [
        epoch, attempt, trainLoss, trainAccuracy, testLoss, testAccuracy, testTopFive,
        trainSeconds, testSeconds, state.bytes, digest,
      ])
  }

  public static func fetchAll(_ db: Database) throws -> [TrainingEpochRecord] {
    try Row.fetchAll(db, sql: "SELECT * FROM epochs ORDER BY epoch").map { row in
      TrainingEpochRecord(
        epoch: row["epoch"], trainLoss: row["train_loss"] ?? .nan,
        trainAccuracy: row["train_accuracy"], testLoss: row["test_loss"] ?? .nan,
        testAccuracy: row["test_accuracy"], testTopFive: row["test_top_five"],
        trainSeconds: row["train_seconds"], testSeconds: row["test_seconds"])
    }
  }
}

extension TrainingResult: RecordedResult {
  public var canonicalBytes: CanonicalBytes {
    var bytes = CanonicalBytes()
    bytes.append(outcome.rawValue)
    for number in [epochs, steps, bestEpoch ?? -1, parameters] { bytes.append(number) }
    for number in [lastAccuracy, bestAccuracy] { bytes.append(number) }
    return bytes
  }

  public var quantities: [Quantity] {
    [
      Quantity("outcome", outcome.rawValue), Quantity("epochs", epochs), Quantity("steps", steps),
      Quantity("test_accuracy", lastAccuracy), Quantity("best_accuracy", bestAccuracy),
      Quantity("best_epoch", bestEpoch ?? -1), Quantity("parameters", parameters),
    ]
  }

  public func insert(in db: Database, digest: Data) throws {
    try db.insert(
      EvaluationTables.result,
      [
        1, outcome.rawValue, epochs, steps, lastAccuracy, bestAccuracy, bestEpoch, parameters,
        seconds, digest,
      ])
  }

  public static func fetchOne(_ db: Database) throws -> TrainingResult? {
    guard let row = try Row.fetchOne(db, sql: "SELECT * FROM result") else { return nil }
    return TrainingResult(
      outcome: try outcome(of: row), epochs: row["epochs"], steps: row["steps"],
      lastAccuracy: row["test_accuracy"], bestAccuracy: row["best_accuracy"],
      bestEpoch: row["best_epoch"], parameters: row["parameters"], seconds: row["seconds"])
  }
}

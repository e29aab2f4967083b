import Datasets
import EventLog
import Foundation
import GRDB
import Search
import Supernet

/// Records of searches that take milliseconds, in a folder of their own that goes with it.
final class TinyRuns {
  let folder: URL
  var store: RunStore { RunStore(folder: folder) }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Searches on 64 of the shipped images, for two epochs of two steps.
  @discardableResult
  func search(
    _ name: String, level: LogLevel = .step, seed: UInt64 = 0,
    _ change: (inout SearchConfiguration) -> Void = { _ in }
  ) throws -> RunFolder {
    var settings = try SearchConfiguration.preset("demo")
    settings.shape.channels = 2
    settings.shape.cells = 1
    settings.shape.nodes = 2
    settings.batch = 4
    settings.trainImages = 64
    settings.epochs = 2
    settings.stepsPerEpoch = 2
    settings.seed = seed
    change(&settings)
    let loop = try SearchLoop(settings, dataset: Dataset.open(settings.data), threads: 1)
    let search = try RecordedSearch(
      loop, name: name, in: store, record: RecordOptions(level: level), threads: 1,
      environment: Self.environment)
    _ = try search.run()
    return search.run
  }

  /// Trains a published cell on 64 of the shipped images, for one epoch of two steps.
  @discardableResult
  func evaluate(_ name: String, cell origin: CellOrigin?, seed: UInt64 = 0) throws -> RunFolder {
    var settings = try TrainingConfiguration.preset(
      "demo", genotype: try KnownGenotypes()["DARTS_V2"].genotype)
    settings.shape.channels = 4
    settings.shape.cells = 2
    settings.batch = 4
    settings.trainImages = 64
    settings.epochs = 1
    settings.stepsPerEpoch = 2
    settings.seed = seed
    let training = try DerivedTraining(
      settings, on: settings.openSource(strict: true, workers: 1), threads: 1)
    let evaluation = try RecordedEvaluation(
      training, name: name, in: store, record: RecordOptions(), cell: origin, threads: 1,
      environment: Self.environment)
    _ = try evaluation.run()
    return evaluation.run
  }

  /// As if on a clean checkout, whatever the tests run on.
  private static var environment: RunEnvironment {
    var environment = RunEnvironment.current()
    environment.gitCommit = String(repeating: "c0ffee00", count: 5)
    environment.gitIsDirty = false
    environment.gitDiffSHA256 = nil
    return environment
  }

  /// Changes a record's log behind the program's back.
  static func execute(_ sql: String, _ arguments: StatementArguments, in run: RunFolder) throws {
    try DatabaseQueue(path: run.logFile.path).write {
      try $0.execute(sql: sql, arguments: arguments)
    }
  }

  /// Changes a record's manifest behind the program's back.
  static func edit(_ run: RunFolder, _ change: (inout Manifest) -> Void) throws {
    var manifest = try Manifest(contentsOf: run.manifestFile)
    change(&manifest)
    try JSONEncoder().encode(manifest).write(to: run.manifestFile)
  }
}

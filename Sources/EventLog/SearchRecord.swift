import Datasets
import Foundation
import GRDB
import Search
import Supernet

// What the log must know of a search.

extension SearchLoop: RecordedLoop {
  public static var kind: RunKind { .search }
  public var data: DataIdentity {
    DataIdentity(name: configuration.data, sha256: dataset.sha256)
  }

  public static func open(_ manifest: Manifest, dataFolder: String?, threads: Int) throws
    -> SearchLoop
  {
    try SearchLoop(
      manifest.configuration, dataset: manifest.openData(folder: dataFolder), threads: threads)
  }

  public static func checkData(of manifest: Manifest, folder: String?) throws {
    _ = try manifest.openData(folder: folder)
  }

  public static func insertLegend(of configuration: SearchConfiguration, in db: Database) throws {
    let shape = configuration.shape
    for kind in CellKind.allCases {
      for (index, edge) in shape.edges.enumerated() {
        for operation in Operation.allCases {
          try db.insert(
            Tables.alphaEntries,
            [
              shape.alphaIndex(kind, edge: index, operation), "\(kind)", index, edge.node,
              edge.source, operation.name,
            ])
        }
      }
    }
  }

  // MARK: - Checkpoints

  private static let format = "milenas-lab search state 1"

  /// What the metadata hold.
  private struct Position: Codable {
    var step: Int
    var epoch: Int
    var stepInEpoch: Int
    var adamSteps: Int
    var progress: SearchState.EpochProgress
    var epochs: [EpochRecord]
  }

  public static func file(of checkpoint: Checkpoint, _ layout: ParameterLayout) throws
    -> StateFile
  {
    let state = checkpoint.state
    var file = try StateFile(
      format: format,
      position: Position(
        step: state.step, epoch: state.epoch, stepInEpoch: state.stepInEpoch,
        adamSteps: state.adam.steps, progress: state.progress, epochs: checkpoint.epochs))
    file.add("weights", state.weights, layout)
    file.add("momentum", state.momentum, layout)
    for (name, vector) in [
      ("alpha", state.alpha), ("adam.first", state.adam.first), ("adam.second", state.adam.second),
    ] {
      file.add(name, vector, shape: SupernetShape.alphaExtents(count: vector.count))
    }
    file.add("statistics.means", state.statistics.means)
    file.add("statistics.variances", state.statistics.variances)
    return file
  }

  public static func checkpoint(
    from file: StateFile, _ layout: ParameterLayout, _ configuration: SearchConfiguration
  ) throws -> Checkpoint {
    let position = try file.position(format: format, as: Position.self)
    let entries = configuration.shape.alphaCount
    var adam = Adam.Moments(count: entries)
    adam.first = try file.vector("adam.first", entries)
    adam.second = try file.vector("adam.second", entries)
    adam.steps = position.adamSteps
    let means = try file.vector("statistics.means")
    var state = SearchState(
      weights: try file.vector("weights", layout), momentum: try file.vector("momentum", layout),
      alpha: try file.vector("alpha", entries), adam: adam,
      statistics: BatchNormStatistics(
        means: means, variances: try file.vector("statistics.variances", means.count)))
    state.step = position.step
    state.epoch = position.epoch
    state.stepInEpoch = position.stepInEpoch
    state.progress = position.progress
    return Checkpoint(state, after: position.epochs)
  }
}

extension SupernetShape {
  /// [2 kinds][edges][8 operations] of an α-shaped vector.
  static func alphaExtents(count: Int) -> [Int] {
    let operations = Operation.allCases.count
    return [2, count / (2 * operations), operations]
  }
}

extension SearchConfiguration: RecordedConfiguration {
  public var alphaExtents: [Int]? { SupernetShape.alphaExtents(count: shape.alphaCount) }
  public func parameterLayout() -> ParameterLayout { ParameterLayout(shape) }
}

extension SearchState: RecordedState {
  public static var vectorNames: [String] {
    ["weights", "momentum", "alpha", "adam-first", "adam-second", "bn-means", "bn-variances"]
  }

  public var vectors: [[Float]] {
    [
      weights, momentum, alpha, adam.first, adam.second, statistics.means, statistics.variances,
    ]
  }
}

extension Manifest {
  /// Opens the images of the run, and checks that they are the same.
  ///
  /// - Parameter folder: where they lie now; nil for where they lay.
  /// - Throws: `DatasetError`; `EventLogError.otherData`.
  public func openData(folder: String? = nil) throws -> Dataset {
    let dataset = try Dataset.open(
      configuration.data, folder: folder ?? configuration.dataDirectory)
    try data.check(dataset.sha256)
    return dataset
  }
}

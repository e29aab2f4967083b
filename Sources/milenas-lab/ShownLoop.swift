import EventLog
import Foundation
import Search

/// What the commands show of a kind of run.
protocol ShownLoop: RecordedLoop {
  /// What the run is and what came out of it, beside what all runs have; nil is left out.
  static func facts(of reader: RecordReader<Self>) throws -> [(name: String, value: String?)]
  /// A row for each epoch.
  static func curve(_ epochs: [Epoch]) -> Table
  /// A line for `runs tail`.
  static func line(_ step: Step) -> String
  static func line(_ epoch: Epoch) -> String
}

extension RunKind {
  var shownLoop: any ShownLoop.Type {
    switch self {
    case .search: SearchLoop.self
    case .evaluation: DerivedTraining.self
    }
  }
}

extension SearchLoop: ShownLoop {
  static func facts(of reader: RunReader) throws -> [(name: String, value: String?)] {
    let genotype = try reader.result()?.genotype ?? reader.epochs().last?.genotype
    return [("method", reader.manifest.configuration.method.rawValue), ("genotype", genotype)]
  }

  static func curve(_ epochs: [EpochRecord]) -> Table {
    Table(
      columns: ["epoch", "train loss", "train acc", "valid loss", "valid acc", "n", "r", "s"],
      rows: epochs.map { epoch in
        [
          .integer(Int64(epoch.epoch)), .real(epoch.trainLoss, decimals: 4),
          .real(epoch.trainAccuracy, decimals: 4), .real(epoch.validLoss, decimals: 4),
          .real(epoch.validAccuracy, decimals: 4), Table.Cell(epoch.normalConvolutions),
          Table.Cell(epoch.reductionConvolutions),
          .real(epoch.trainSeconds + epoch.validSeconds, decimals: 1),
        ]
      })
  }

  static func line(_ step: StepRecord) -> String {
    let valid = step.validLoss.map { String(format: "  validation loss %.4f", $0) } ?? ""
    return String(
      format: "epoch %d  step %d  train loss %.4f%@\n", step.epoch, step.step, step.trainLoss,
      valid)
  }

  static func line(_ epoch: EpochRecord) -> String {
    String(
      format: "epoch %d ends: train %.2f %%  validation %.2f %%  size (%d, %d)\n", epoch.epoch,
      100 * epoch.trainAccuracy, 100 * epoch.validAccuracy, epoch.normalConvolutions,
      epoch.reductionConvolutions)
  }
}

extension DerivedTraining: ShownLoop {
  static func facts(of reader: EvaluationReader) throws -> [(name: String, value: String?)] {
    let configuration = reader.manifest.configuration
    let shape = configuration.shape
    let result = try reader.result()
    func percent(_ accuracy: Double?) -> String? {
      accuracy.map { String(format: "%.2f %%", 100 * $0) }
    }
    return [
      ("genotype", "\(configuration.genotype)"), ("cell from", reader.manifest.cell?.words),
      ("preset", configuration.preset),
      ("network", "\(shape.stem.rawValue) stem, C \(shape.channels), \(shape.cells) cells"),
      ("parameters", result.map { "\($0.parameters)" }),
      ("test accuracy", percent(result?.lastAccuracy)),
      ("best epoch's", percent(result?.bestAccuracy)),
    ]
  }

  static func curve(_ epochs: [TrainingEpochRecord]) -> Table {
    Table(
      columns: ["epoch", "train loss", "train acc", "test loss", "test acc", "s"],
      rows: epochs.map { epoch in
        [
          .integer(Int64(epoch.epoch)), .real(epoch.trainLoss, decimals: 4),
          .real(epoch.trainAccuracy, decimals: 4), .real(epoch.testLoss, decimals: 4),
          .real(epoch.testAccuracy, decimals: 4),
          .real(epoch.trainSeconds + epoch.testSeconds, decimals: 1),
        ]
      })
  }

  static func line(_ step: TrainingStepRecord) -> String {
    String(
      format: "epoch %d  step %d  train loss %.4f  rate %.5f\n", step.epoch, step.step, step.loss,
      step.rate)
  }

  static func line(_ epoch: TrainingEpochRecord) -> String {
    String(
      format: "epoch %d ends: train %.2f %%  test %.2f %%\n", epoch.epoch,
      100 * epoch.trainAccuracy, 100 * epoch.testAccuracy)
  }
}

extension CellOrigin {
  fileprivate var words: String {
    switch self {
    case .published(let name): name
    case .run(let name, let epoch, _): name + (epoch.map { "@\($0)" } ?? "")
    }
  }
}

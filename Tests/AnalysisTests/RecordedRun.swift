import Datasets
import EventLog
import Foundation
import Search

/// A tiny recorded search with checkpoints: two epochs of four steps.
struct RecordedRun {
  let folder: URL
  let run: RunFolder

  /// - Parameters:
  ///   - limit: steps after which it is interrupted.
  ///   - change: of its settings.
  init(
    stoppedAfter limit: Int = .max, _ change: (inout SearchConfiguration) -> Void = { _ in }
  ) throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    var configuration = try SearchConfiguration.preset("demo")
    configuration.trainImages = 64
    configuration.batch = 8
    configuration.epochs = 2
    configuration.shape.channels = 4
    configuration.shape.cells = 3
    configuration.shape.nodes = 2
    change(&configuration)
    let loop = try SearchLoop(
      configuration, dataset: try Dataset.open("fashion-mini"), threads: 2)
    let search = try RecordedSearch(
      loop, name: "run", in: RunStore(folder: folder), threads: 2)
    var steps = 0
    _ = try search.run(isCancelled: {
      defer { steps += 1 }
      return steps >= limit
    })
    run = search.run
  }

  /// Made once for all suites.
  static let shared = Result { try RecordedRun() }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}

import Datasets
import EventLog
import Foundation
import Search

/// A tiny recorded search with checkpoints, made once for all suites.
struct RecordedRun {
  let folder: URL
  let run: RunFolder

  private init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    var configuration = try SearchConfiguration.preset("demo")
    configuration.trainImages = 64
    configuration.batch = 8
    configuration.epochs = 2
    configuration.shape.channels = 4
    configuration.shape.cells = 3
    configuration.shape.nodes = 2
    let loop = try SearchLoop(
      configuration, dataset: try Dataset.open("fashion-mini"), threads: 2)
    let search = try RecordedSearch(
      loop, name: "run", in: RunStore(folder: folder), threads: 2)
    _ = try search.run()
    run = search.run
  }

  static let shared = Result { try RecordedRun() }
}

import Datasets
import Supernet

@testable import Search

/// A search that takes milliseconds: 8×8 images of two classes, three narrow cells with two nodes.
enum TinySearch {
  static func dataset(images count: Int = 32) -> Dataset {
    let labels = (0..<count).map { UInt8($0 % 2) }
    let pixels = labels.enumerated().flatMap { image, label -> [UInt8] in
      (0..<64).map { pixel in
        let texture = UInt8((image * 31 + pixel * 37) % 60)
        return 60 + 80 * label + texture
      }
    }
    let images = ImageSet(
      pixels: pixels, labels: labels, rows: 8, columns: 8, channels: 1,
      classNames: ["dark", "bright"])
    return Dataset(
      name: "tiny", train: images, test: images, means: [0.5], deviations: [0.25],
      contents: [pixels, labels])
  }

  static func configuration(_ change: (inout SearchConfiguration) -> Void = { _ in })
    -> SearchConfiguration
  {
    guard var configuration = try? SearchConfiguration.preset("demo") else {
      preconditionFailure("there is no preset demo")
    }
    configuration.shape.channels = 4
    configuration.shape.cells = 3
    configuration.shape.nodes = 2
    configuration.batch = 4
    configuration.epochs = 2
    configuration.stepsPerEpoch = 3
    configuration.seed = 7
    change(&configuration)
    return configuration
  }

  static func loop(threads: Int = 1, _ change: (inout SearchConfiguration) -> Void = { _ in })
    throws -> SearchLoop
  {
    try SearchLoop(configuration(change), dataset: dataset(), threads: threads)
  }
}

/// Everything that a search told, and where it ended.
struct Trajectory {
  var steps: [StepRecord] = []
  var epochs: [EpochRecord] = []
  var result: RunResult
  var state: SearchState

  init(
    _ loop: SearchLoop, from start: SearchState? = nil, stopAfter limit: Int = .max
  ) throws {
    var (steps, epochs): ([StepRecord], [EpochRecord]) = ([], [])
    let start = try start ?? SearchState(loop.net, configuration: loop.configuration)
    let end = try loop.run(
      from: start, isCancelled: { steps.count >= limit },
      emit: { event, _ in
        switch event {
        case .step(let record, _): steps.append(record)
        case .epoch(let record): epochs.append(record)
        }
      })
    (self.steps, self.epochs, result, state) = (steps, epochs, end.result, end.state)
  }
}

extension SearchState {
  /// The same without the wall time, which no two runs share.
  var timeless: SearchState {
    var copy = self
    copy.progress.seconds = 0
    return copy
  }
}

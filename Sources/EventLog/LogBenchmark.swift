import Foundation
import Search

/// What the record costs: the same search steps with and without it, in turn.
public struct LogBenchmark {
  /// Steps at one level.
  public struct Result: Codable, Equatable, Sendable {
    /// "none" or the name of a log level.
    public var level: String
    /// Of one step, in seconds.
    public var medianSeconds: Double
    /// Of the whole step over that without a record, less one.
    public var overhead: Double
    /// What the log grew by, per step.
    public var bytesPerStep: Int
  }

  private let loop: SearchLoop
  private let threads: Int

  /// Sets the steps of a size up.
  public init(_ size: StepBenchmark.Size, threads: Int) throws {
    self.threads = threads
    loop = try StepBenchmark.loop(size, threads: threads)
  }

  /// Steps that are timed together, until the last one is on disk.
  private static let block = 4

  /// Times rounds of a few steps at each level in turn, so that all see the same machine.
  ///
  /// - Parameter folder: for the logs; they are removed.
  public func run(rounds: Int, in folder: URL) throws -> [Result] {
    let levels: [LogLevel?] = [nil, .step, .trace]
    let store = RunStore(folder: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let writers = try levels.map { level in
      try level.map { level in
        let manifest = Manifest(
          name: "bench-\(level.rawValue)", record: RecordOptions(level: level),
          configuration: loop.configuration,
          data: .init(name: loop.configuration.data, sha256: loop.dataset.sha256),
          threads: threads)
        return try Writer(
          creating: store.create(name: manifest.name), manifest: manifest,
          layout: loop.net.layout)
      }
    }
    let background = writers.map { writer in
      writer.map { writer in BackgroundWriter { try writer.store($0) } }
    }
    let start = try SearchState(loop.net, configuration: loop.configuration)
    var states = levels.map { _ in start }
    var seconds = levels.map { _ in [Double]() }
    for round in 0...rounds {
      for index in levels.indices {
        let began = ContinuousClock().now
        for _ in 0..<Self.block {
          let (record, trace) = try loop.tracedStep(&states[index])
          if states[index].stepInEpoch == loop.stepsPerEpoch {
            states[index].stepInEpoch = 0
            states[index].epoch += 1
          }
          if let background = background[index] {
            try background.submit(
              .step(record, levels[index] == .trace ? trace : nil, StateHash(states[index])))
          }
        }
        try background[index]?.drain()
        // The first round touches memory for the first time.
        if round > 0 {
          seconds[index].append((ContinuousClock().now - began).inSeconds / Double(Self.block))
        }
      }
    }
    for writer in writers { try writer?.fail(CancellationError()) }
    let medians = seconds.map { $0.sorted()[$0.count / 2] }
    return levels.indices.map { index in
      Result(
        level: levels[index]?.rawValue ?? "none", medianSeconds: medians[index],
        overhead: medians[index] / medians[0] - 1,
        bytesPerStep: writers[index].map { $0.run.logBytes / ((rounds + 1) * Self.block) } ?? 0)
    }
  }
}

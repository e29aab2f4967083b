import Foundation
import Search

/// Where loop and record meet: the only code that knows both.
public final class RecordedSearch {
  public let run: RunFolder
  private let loop: SearchLoop
  private let writer: Writer

  /// Makes the run's folder, writes its manifest and opens its log; nothing is computed yet.
  ///
  /// - Throws: `EventLogError.runExists`, `.impossibleName`, `.folderNotWritable`, `.diskFull`.
  public init(
    _ loop: SearchLoop, name: String, in store: RunStore, level: LogLevel, threads: Int
  ) throws {
    let manifest = Manifest(
      name: name, logLevel: level, configuration: loop.configuration,
      data: .init(name: loop.configuration.data, sha256: loop.dataset.sha256), threads: threads)
    self.loop = loop
    run = try store.create(name: name)
    writer = try Writer(creating: run, manifest: manifest, layout: loop.net.layout)
  }

  /// Runs the search to its end, or until `isCancelled`, which is asked between steps.
  ///
  /// - Parameter report: is told of each event once its record is on disk.
  /// - Throws: what the loop and the record throw; the log is closed then, and says why it failed.
  public func run(
    isCancelled: () -> Bool = { false }, report: (SearchEvent) -> Void = { _ in }
  ) throws -> RunResult {
    do {
      let start = try SearchState(loop.net, configuration: loop.configuration)
      let (result, _) = try loop.run(from: start, isCancelled: isCancelled) { event, state in
        switch event {
        case .step(let step): try writer.record(step, state: StateHash(state))
        case .epoch(let epoch): try writer.record(epoch, state: StateHash(state))
        }
        report(event)
      }
      try writer.finish(result)
      return result
    } catch {
      // The first error is the one to tell; a log that cannot even be closed is whole all the same.
      try? writer.fail(error)
      throw error
    }
  }
}

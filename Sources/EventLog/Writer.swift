import Foundation
import GRDB
import Search
import Supernet

/// Writes the record of one run: every record is on disk, in a transaction of its own, when the call returns.
///
/// Not to be shared by several threads. A step of the DARTS space takes less than 1 ms and 7 KB.
public final class Writer {
  private let run: RunFolder
  private let queue: DatabaseQueue
  private let level: LogLevel
  private let attempt: Int
  private var chain: DigestChain
  /// The last step that is on disk.
  private var lastStep: Int?

  /// Begins the record of a new run: the manifest first, then the log with what does not change.
  ///
  /// - Throws: `EventLogError.diskFull`, `.writeFailed`.
  public init(
    creating run: RunFolder, manifest: Manifest, layout: ParameterLayout
  ) throws {
    let json = try manifest.json()
    try AtomicFile.write(Data(json.utf8), to: run.manifestFile)
    self.run = run
    level = manifest.logLevel
    attempt = 0
    chain = DigestChain(from: try manifest.identity())
    queue = try LogDatabase.create(at: run.logFile)
    try transaction { [attempt, chain] db in
      try db.insert(
        Tables.run,
        [1, manifest.name, manifest.started, manifest.logLevel.rawValue, json, chain.digest])
      try db.insertAlphaEntries(of: manifest.configuration.shape)
      for (index, slice) in layout.slices.enumerated() {
        let shape = slice.shape.map(String.init).joined(separator: "x")
        try db.insert(Tables.layers, [index, slice.name, shape, slice.offset, slice.count])
      }
      let environment = manifest.environment
      try db.insert(
        Tables.attempts,
        [
          attempt, manifest.started, nil, nil, nil, 0, environment.host,
          Int(environment.processID), environment.slurmJob, environment.slurmTask,
        ])
    }
  }

  /// Whether `record` keeps a record of this level; if not, nobody needs to make one.
  public func keeps(_ level: LogLevel) -> Bool { level <= self.level }

  /// Stores a step; does nothing below level `step`.
  ///
  /// - Parameter state: after the step; asked for only when the step is kept.
  /// - Throws: `EventLogError.diskFull`, `.writeFailed`; what was stored before stays readable.
  public func record(_ step: StepRecord, state: @autoclosure () -> StateHash) throws {
    guard keeps(.step) else { return }
    let state = state()
    let digest = extended(by: step.canonicalBytes, state)
    try transaction { [attempt] db in
      try step.insert(in: db, attempt: attempt, state: state, digest: digest.digest)
    }
    chain = digest
    lastStep = step.step
  }

  /// Stores an epoch; does nothing at level `run`. State and errors as for a step.
  public func record(_ epoch: EpochRecord, state: @autoclosure () -> StateHash) throws {
    guard keeps(.epoch) else { return }
    let state = state()
    let digest = extended(by: epoch.canonicalBytes, state)
    try transaction { [attempt] db in
      try epoch.insert(in: db, attempt: attempt, state: state, digest: digest.digest)
    }
    chain = digest
  }

  /// Stores how the run ended, and closes the log into one file that opens anywhere.
  ///
  /// - Throws: as `record`; what was stored before stays readable.
  public func finish(_ result: RunResult) throws {
    _ = chain.append(result.canonicalBytes)
    try close(outcome: result.outcome.rawValue, message: nil) { [chain] db in
      try result.insert(in: db, digest: chain.digest)
    }
  }

  /// Stores that the run failed, and closes the log; it has no result.
  ///
  /// - Throws: as `record`; after a full disk it may well throw again, and nothing is lost by that.
  public func fail(_ error: any Error) throws {
    try close(outcome: "failed", message: "\(error)") { _ in }
  }

  private func close(
    outcome: String, message: String?, _ body: (Database) throws -> Void
  ) throws {
    let stored = Result {
      try transaction { [attempt] db in
        try body(db)
        try db.execute(
          sql: "UPDATE attempts SET ended = ?, outcome = ?, message = ? WHERE attempt = ?",
          arguments: [String.now(), outcome, message, attempt])
      }
    }
    try LogDatabase.closeAsOneFile(queue)
    try stored.get()
  }

  private func extended(by row: CanonicalBytes, _ state: StateHash) -> DigestChain {
    var (row, chain) = (row, chain)
    row.append(state.bytes)
    _ = chain.append(row)
    return chain
  }

  private func transaction(_ body: (Database) throws -> Void) throws {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath, lastStep: lastStep) {
      try queue.write(body)
    }
  }

  /// Makes the disk seem full once the file has so many pages of 4 KB, for the tests.
  func limit(pages: Int) throws {
    try queue.write { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") }
  }
}

extension Database {
  fileprivate func insertAlphaEntries(of shape: SupernetShape) throws {
    for kind in CellKind.allCases {
      for (index, edge) in shape.edges.enumerated() {
        for operation in Operation.allCases {
          try insert(
            Tables.alphaEntries,
            [
              shape.alphaIndex(kind, edge: index, operation), "\(kind)", index, edge.node,
              edge.source, operation.name,
            ])
        }
      }
    }
  }
}

import Datasets
import Foundation
import GRDB
import Search

/// Reads the record of a run, also while it is written; gives back the values that the writer took.
public struct RunReader {
  public let run: RunFolder
  public let manifest: Manifest
  private let queue: DatabaseQueue

  /// - Throws: `EventLogError.newerSchema`, `.damaged`, `.needsRecovery`, `.unreadableManifest`.
  public init(_ run: RunFolder) throws {
    self.run = run
    manifest = try Manifest(contentsOf: run.manifestFile)
    queue = try LogDatabase.openForReading(run.logFile)
  }

  /// The steps of a range, or all of them; a step of the DARTS space takes about 6 KB of memory.
  ///
  /// - Throws: `EventLogError.damaged`, as all that follow.
  public func steps(_ range: Range<Int> = 0..<Int.max) throws -> [StepRecord] {
    try read { try StepRecord.fetchAll($0, steps: range) }
  }

  public func stepCount() throws -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM steps") ?? 0 }
  }

  public func epochs() throws -> [EpochRecord] { try read(EpochRecord.fetchAll) }

  /// nil while the run works, and when it failed or was killed.
  public func result() throws -> RunResult? { try read(RunResult.fetchOne) }

  /// The last digest of the chain, as 64 hexadecimal digits: equal for two runs of the same bits.
  public func digest() throws -> String {
    let digest = try read { db in
      try Data.fetchOne(db, sql: "SELECT digest FROM result")
        ?? Data.fetchOne(
          db,
          sql: """
            SELECT digest FROM (
              SELECT epoch, step_in_epoch AS place, digest FROM steps
              UNION ALL SELECT epoch, \(Int64.max), digest FROM epochs)
            ORDER BY epoch DESC, place DESC LIMIT 1
            """) ?? Data.fetchOne(db, sql: "SELECT digest FROM run")
    }
    return SHA256Digest.hex(digest ?? Data())
  }

  func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath) { try queue.read(body) }
  }
}

import Datasets
import Foundation
import GRDB
import Search
import Supernet

/// Reads the record of a search.
public typealias RunReader = RecordReader<SearchLoop>

/// Reads the record of a run, also while it is written; gives back the values that the writer took.
public struct RecordReader<Loop: RecordedLoop> {
  /// Where the record lies.
  public let run: RunFolder
  /// As the file beside the log says.
  public let manifest: RunManifest<Loop>
  let queue: DatabaseQueue

  /// Opens a record read-only; another process may be writing it.
  ///
  /// - Throws: `EventLogError.newerSchema`, `.damaged`, `.needsRecovery`, `.unreadableManifest`, `.otherKind`.
  public init(_ run: RunFolder) throws {
    self.run = run
    manifest = try RunManifest(contentsOf: run.manifestFile)
    queue = try LogDatabase.openForReading(run.logFile)
    try FixedTables.checkColumns(in: queue, of: run, Loop.kind)
  }

  /// The state hash of a step's or an epoch's row.
  func states(_ steps: Range<Int>) throws -> [Int: StateHash] {
    let rows = try read {
      try Row.fetchAll(
        $0, sql: "SELECT step, state FROM steps WHERE step >= ? AND step < ?",
        arguments: [steps.lowerBound, steps.upperBound])
    }
    return Dictionary(
      rows.map { ($0["step"], StateHash(bytes: $0["state"])) }, uniquingKeysWith: { a, _ in a })
  }

  func epochStates() throws -> [Int: StateHash] {
    let rows = try read { try Row.fetchAll($0, sql: "SELECT epoch, state FROM epochs") }
    return Dictionary(
      rows.map { ($0["epoch"], StateHash(bytes: $0["state"])) }, uniquingKeysWith: { a, _ in a })
  }

  /// The weight gradient of a step, as level `trace` keeps it; nil where there is none.
  ///
  /// - Throws: `EventLogError.damaged` when its bytes are not those that were stored.
  public func trace(ofStep step: Int) throws -> StepTrace? {
    guard
      let row = try read({
        try Row.fetchOne($0, sql: "SELECT * FROM traces WHERE step = ?", arguments: [step])
      })
    else { return nil }
    let count = try manifest.configuration.parameterLayout().count
    guard let gradient = LosslessCompression.unpack(row["weight_gradient"], count: count),
      Digest.xxh3(gradient) == row["hash"]
    else {
      throw EventLogError.damaged(
        path: run.logFile.relativePath, reason: "the weight gradient of step \(step) is broken")
    }
    return StepTrace(weightGradient: gradient)
  }

  /// The steps of a range, or all of them; a step of the DARTS space takes about 6 KB of memory.
  ///
  /// - Throws: `EventLogError.damaged`, as all that follow.
  public func steps(_ range: Range<Int> = 0..<Int.max) throws -> [Loop.Step] {
    let steps = try read { try Loop.Step.fetchAll($0, steps: range) }
    for step in steps {
      try check([step.step, step.epoch], step.alphaVectors, of: "step \(step.step)")
    }
    return steps
  }

  /// How many steps the log holds.
  public func stepCount() throws -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM steps") ?? 0 }
  }

  /// Steps of an epoch, as far as they are recorded; 0 when none are.
  public func stepsPerEpoch() throws -> Int {
    try read {
      try Int.fetchOne($0, sql: "SELECT coalesce(max(step_in_epoch) + 1, 0) FROM steps") ?? 0
    }
  }

  /// All epochs that have ended, in order.
  public func epochs() throws -> [Loop.Epoch] {
    let epochs = try read(Loop.Epoch.fetchAll)
    for epoch in epochs {
      try check([epoch.epoch], epoch.alphaVectors, of: "epoch \(epoch.epoch)")
    }
    return epochs
  }

  /// Nobody computes with numbers that no run has, nor with vectors of other lengths than the network's.
  ///
  /// - Throws: `EventLogError.damaged`.
  private func check(_ numbers: [Int], _ alphaVectors: [[Float]], of row: String) throws {
    let count = manifest.configuration.alphaExtents?.reduce(1, *)
    guard numbers.allSatisfy({ 0..<(1 << 31) ~= $0 }),
      alphaVectors.allSatisfy({ $0.count == count })
    else {
      throw EventLogError.damaged(
        path: run.logFile.relativePath, reason: "\(row) has a number or a vector that no run has")
    }
  }

  /// nil while the run works, and when it failed or was killed.
  public func result() throws -> Loop.Result? { try read(Loop.Result.fetchOne) }

  /// The chain's digest of the result; nil where there is none.
  func resultDigest() throws -> Data? {
    try read { try Data.fetchOne($0, sql: "SELECT digest FROM result") }
  }

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

extension RunFolder {
  /// The last digest of its chain, whatever the run is of; see `RecordReader.digest`.
  ///
  /// - Throws: as `RecordReader`.
  public func digest() throws -> String {
    switch try kind() {
    case .search: try RunReader(self).digest()
    case .evaluation: try RecordReader<DerivedTraining>(self).digest()
    }
  }
}

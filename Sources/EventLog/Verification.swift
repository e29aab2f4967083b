import Datasets
import Foundation
import GRDB
import Search

/// Everything that can be checked of a record without computing the run again.
public struct Verification: Encodable, Equatable, Sendable {
  /// One thing that was looked at.
  public struct Finding: Encodable, Equatable, Sendable {
    /// What was found.
    public enum Verdict: String, Encodable, Sendable {
      /// As it should be.
      case good
      /// Not what was recorded.
      case wrong
      /// It could not be looked at, or it is no part of the record.
      case note
    }
    /// "chain of digests", "checkpoints/step-000010.safetensors", …
    public var subject: String
    /// What was found.
    public var verdict: Verdict
    /// In words.
    public var says: String
  }

  /// In the order in which they were made.
  public private(set) var findings: [Finding] = []

  /// Whether nothing is wrong.
  public var isWhole: Bool { !findings.contains { $0.verdict == .wrong } }

  /// Looks at all of a record; never stops at the first thing that is wrong.
  ///
  /// A run that another process writes is looked at as it is at one moment.
  ///
  /// - Parameter dataFolder: where the images lie now; nil for where they lay.
  public init(_ run: RunFolder, dataFolder: String? = nil) {
    // A checkpoint may go while it is read: what is wrong at one moment alone is not wrong.
    for _ in 0..<3 where findings.isEmpty || !isWhole {
      let snapshot = RunLock.isHeld(run) ? try? RunSnapshot(of: run) : nil
      findings = []
      look(at: snapshot?.run ?? run, dataFolder: dataFolder)
      guard snapshot != nil else { return }
      add("events.sqlite", .note, "is being written; it was looked at as it was at this moment")
    }
  }

  private mutating func look(at run: RunFolder, dataFolder: String?) {
    switch try? run.kind() {
    case .search, nil: look(at: run, as: SearchLoop.self, dataFolder: dataFolder)
    case .evaluation: look(at: run, as: DerivedTraining.self, dataFolder: dataFolder)
    }
  }

  private mutating func look<Loop: RecordedLoop>(
    at run: RunFolder, as _: Loop.Type, dataFolder: String?
  ) {
    let manifest = check("manifest.json", says: "reads") {
      try RunManifest<Loop>(contentsOf: run.manifestFile)
    }
    let queue = check("events.sqlite", says: "opens") {
      let queue = try LogDatabase.openForReading(run.logFile)
      try FixedTables.checkColumns(in: queue, of: run, Loop.kind)
      return queue
    }
    guard let queue else { return }
    check("events.sqlite", says: "SQLite finds it whole") { try Self.checkIntegrity(queue, run) }
    guard let manifest else { return }
    check("manifest.json", says: "is the one that the log has a copy of") {
      try LogDatabase.check(manifest, against: queue, of: run)
    }
    let reader = check("events.sqlite", says: "its rows can be read") {
      try RecordReader<Loop>(run)
    }
    check("events.sqlite", says: "its legends are those of the settings") {
      try FixedTables.check(in: queue, of: run, manifest)
    }
    for name in (try? FixedTables.strangers(in: queue, of: run, Loop.kind)) ?? [] {
      add(
        "events.sqlite", .note,
        "\(name) is not defined as this version does it: another one made it, or it was changed")
    }
    if let reader {
      if let end = check("chain of digests", { try Self.checkChain(reader) }) {
        add("chain of digests", .good, end)
      }
      check("result", says: "is that of the last attempt, with all its epochs and steps") {
        try Self.checkEnd(reader)
      }
      check("traces", says: "have the hashes they were stored with") {
        for step in try reader.tracedSteps() { _ = try reader.trace(ofStep: step) }
      }
      checkCheckpoints(reader, manifest, queue)
    }
    checkData(manifest, folder: dataFolder)
  }

  private mutating func add(_ subject: String, _ verdict: Finding.Verdict, _ says: String) {
    findings.append(Finding(subject: subject, verdict: verdict, says: says))
  }

  @discardableResult
  private mutating func check<Value>(
    _ subject: String, says: String? = nil, _ body: () throws -> Value
  ) -> Value? {
    do {
      let value = try body()
      if let says { add(subject, .good, says) }
      return value
    } catch {
      add(subject, .wrong, "\(error)")
      return nil
    }
  }

  private static func checkIntegrity(_ queue: DatabaseQueue, _ run: RunFolder) throws {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.read { db in
        let words = try String.fetchAll(db, sql: "PRAGMA integrity_check(3)")
        if words != ["ok"] {
          throw DatabaseError(
            resultCode: .SQLITE_CORRUPT, message: words.joined(separator: "; "))
        }
        let size = try Int.fetchOne(
          db, sql: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        if let size, size > run.logBytes, !run.hasWriteAheadLog {
          throw DatabaseError(
            resultCode: .SQLITE_CORRUPT, message: "it ends after \(run.logBytes) of \(size) bytes")
        }
        if let row = try Row.fetchOne(db, sql: "PRAGMA foreign_key_check") {
          let table: String = row["table"] ?? "a table"
          throw DatabaseError(
            resultCode: .SQLITE_CORRUPT, message: "a row of \(table) belongs to no other")
        }
      }
    }
  }

  /// Makes the chain again from the manifest and the rows.
  ///
  /// - Returns: what was covered, in words.
  private static func checkChain<Loop>(_ reader: RecordReader<Loop>) throws -> String {
    func broken(_ place: String) -> EventLogError {
      .damaged(
        path: reader.run.logFile.relativePath,
        reason:
          "the digest of \(place) is not that of its content: this row or one before it was changed"
      )
    }
    var chain = DigestChain(from: try reader.manifest.identity())
    guard try reader.digestOfManifest() == chain.digest else { throw broken("the manifest") }
    let level = reader.manifest.logLevel
    let epochs = try reader.epochs()
    let (digests, states) = (try reader.epochDigests(), try reader.epochStates())
    var stepsDone = 0
    func checkSteps(ofEpoch epoch: Int) throws {
      let range = try reader.stepRange(ofEpoch: epoch)
      guard range.lowerBound == stepsDone else {
        throw broken("step \(stepsDone), which is missing")
      }
      let (digests, states) = (try reader.stepDigests(range), try reader.states(range))
      let steps = try reader.steps(range)
      guard steps.map(\.step) == Array(range) else {
        throw broken("a step of epoch \(epoch), which is missing")
      }
      for step in steps {
        var row = step.canonicalBytes
        row.append(states[step.step]?.bytes ?? Data())
        guard chain.append(row) == digests[step.step] else { throw broken("step \(step.step)") }
      }
      stepsDone = range.upperBound
    }
    for (index, epoch) in epochs.enumerated() {
      guard epoch.epoch == index else { throw broken("epoch \(index), which is missing") }
      if level >= .step { try checkSteps(ofEpoch: index) }
      var row = epoch.canonicalBytes
      row.append(states[index]?.bytes ?? Data())
      guard chain.append(row) == digests[index] else { throw broken("epoch \(index)") }
    }
    if level >= .step, try reader.stepCount() > stepsDone {
      try checkSteps(ofEpoch: epochs.count)
    }
    guard try !(level >= .step) || reader.stepCount() == stepsDone else {
      throw broken("a step beyond the epochs")
    }
    if let result = try reader.result() {
      // An attempt that was interrupted before it had come as far as one before it leaves rows after its end.
      var end = DigestChain(
        from: try reader.read {
          try $0.chainDigest(afterSteps: result.steps, epochs: result.epochs) ?? Data()
        })
      guard end.append(result.canonicalBytes) == (try reader.resultDigest()) else {
        throw broken("the result")
      }
    }
    return "covers \(stepsDone) steps and \(epochs.count) epochs without a break"
  }

  /// How the last attempt ended, and how far it came, must be what the log holds: rows may be missing at its end, which no
  /// chain of digests tells.
  private static func checkEnd<Loop>(_ reader: RecordReader<Loop>) throws {
    func damaged(_ reason: String) -> EventLogError {
      .damaged(path: reader.run.logFile.relativePath, reason: reason)
    }
    let sql = "SELECT outcome FROM attempts ORDER BY attempt DESC LIMIT 1"
    let (outcome, result) = try reader.read {
      (try String.fetchOne($0, sql: sql), try Loop.Result.fetchOne($0))
    }
    guard let result else {
      guard outcome == nil || outcome == RunSummary.Status.failed.rawValue else {
        throw damaged("its last attempt is \(outcome ?? ""), and the result is missing")
      }
      return
    }
    // A log that could not be closed has failed after its result.
    guard [result.outcome.rawValue, RunSummary.Status.failed.rawValue].contains(outcome) else {
      throw damaged(
        "its result is \(result.outcome.rawValue), and its last attempt \(outcome ?? "has no end")")
    }
    guard result.outcome != .interrupted else { return }
    let level = reader.manifest.logLevel
    let (epochs, steps) = (try reader.epochs().count, try reader.stepCount())
    if level >= .epoch && epochs != result.epochs || level >= .step && steps != result.steps {
      throw damaged(
        "its result is that of \(result.epochs) epochs and \(result.steps) steps, "
          + "and it holds \(epochs) and \(steps)")
    }
  }

  private mutating func checkCheckpoints<Loop>(
    _ reader: RecordReader<Loop>, _ manifest: RunManifest<Loop>, _ queue: DatabaseQueue
  ) {
    guard
      let shelf = check(
        "checkpoints", { try CheckpointShelf(run: reader.run, manifest: manifest, queue: queue) }),
      let entries = check("checkpoints", { try shelf.entries() })
    else { return }
    for entry in entries {
      check(entry.file, says: "is the one that was written, of the state that its row names") {
        let checkpoint = try shelf.load(entry)
        let recorded = try reader.stateHash(after: checkpoint.state)
        if let recorded, recorded != StateHash(checkpoint.state) {
          throw EventLogError.badCheckpoint(
            path: entry.file, reason: "its state is not the one that the log has the hash of")
        }
      }
    }
    for stranger in (try? shelf.strangers()) ?? [] {
      add(
        "\(RunFolder.checkpointFolder)/\(stranger.lastPathComponent)", .note,
        "no row of the log speaks of it; a crash may have left it, and it counts for nothing")
    }
  }

  private mutating func checkData<Loop>(_ manifest: RunManifest<Loop>, folder: String?) {
    do {
      try Loop.checkData(of: manifest, folder: folder)
      add("images", .good, "\(manifest.data.name) has the SHA-256 of the manifest")
    } catch let error as EventLogError {
      add("images", .wrong, "\(error)")
    } catch {
      add("images", .note, "not looked at: \(error)")
    }
  }
}

extension RecordReader {
  fileprivate func digestOfManifest() throws -> Data? {
    try read { try Data.fetchOne($0, sql: "SELECT digest FROM run") }
  }

  fileprivate func epochDigests() throws -> [Int: Data] {
    try digests("SELECT epoch, digest FROM epochs", [])
  }

  fileprivate func stepDigests(_ steps: Range<Int>) throws -> [Int: Data] {
    try digests(
      "SELECT step, digest FROM steps WHERE step >= ? AND step < ?",
      [steps.lowerBound, steps.upperBound])
  }

  private func digests(_ sql: String, _ arguments: StatementArguments) throws -> [Int: Data] {
    let rows = try read { try Row.fetchAll($0, sql: sql, arguments: arguments) }
    return Dictionary(rows.map { ($0[0], $0[1]) }, uniquingKeysWith: { first, _ in first })
  }

  /// The steps that an epoch has, from its first to its last.
  fileprivate func stepRange(ofEpoch epoch: Int) throws -> Range<Int> {
    let row = try read {
      try Row.fetchOne(
        $0, sql: "SELECT min(step), max(step) FROM steps WHERE epoch = ?", arguments: [epoch])
    }
    guard let row, let first: Int = row[0], let last: Int = row[1] else { return 0..<0 }
    return first..<max(first, last &+ 1)
  }

  fileprivate func tracedSteps() throws -> [Int] {
    try read { try Int.fetchAll($0, sql: "SELECT step FROM traces ORDER BY step") }
  }

  /// What the log says of the state that a checkpoint holds; nil when its level says nothing.
  fileprivate func stateHash(after state: Loop.State) throws -> StateHash? {
    state.stepInEpoch == 0
      ? try epochStates()[state.epoch - 1]
      : try states((state.step - 1)..<state.step)[state.step - 1]
  }
}

import Foundation
import GRDB
import Glibc
import Search
import Supernet
import Synchronization

/// What the record of a run is made of, in the order in which it happens.
enum LogEntry<Loop: RecordedLoop>: Sendable {
  /// A step with the state after it; the trace is kept at level `trace` only.
  case step(Loop.Step, StepTrace?, StateHash)
  case epoch(Loop.Epoch, StateHash)
  case checkpoint(RunCheckpoint<Loop>)
}

/// How a run is recorded, beside what it computes.
public struct RecordOptions: Equatable, Sendable {
  /// How much is recorded.
  public var level: LogLevel
  /// Which checkpoints stay on disk.
  public var checkpoints: CheckpointPolicy
  /// Size of the log in bytes from which traces are left out; nil: half of the disk's free space.
  public var maxLogBytes: Int?

  /// Steps and all checkpoints, unless said otherwise.
  public init(
    level: LogLevel = .step, checkpoints: CheckpointPolicy = .all, maxLogBytes: Int? = nil
  ) {
    self.level = level
    self.checkpoints = checkpoints
    self.maxLogBytes = maxLogBytes
  }
}

/// Writes the record of one run: what was stored is on disk, in one transaction, when `store` returns.
///
/// Several threads may use it, one after the other. A step of the DARTS space takes less than 1 ms and 7 KB. A row that is there
/// already, because a run goes on from a checkpoint before it, is compared instead of written.
final class Writer<Loop: RecordedLoop>: Sendable {
  let run: RunFolder
  private let manifest: RunManifest<Loop>
  private let layout: ParameterLayout
  private let lock: RunLock
  private let queue: DatabaseQueue
  private let attempt: Int
  private let progress: Mutex<Progress>

  /// How far the record has come.
  private struct Progress {
    var chain: DigestChain
    /// The last step that is on disk.
    var lastStep: Int?
    var traceBudget: TraceBudget
  }

  /// Begins the record of a new run: the manifest first, then the log with what does not change.
  ///
  /// - Throws: `EventLogError.diskFull`, `.writeFailed`.
  convenience init(creating run: RunFolder, manifest: RunManifest<Loop>, layout: ParameterLayout)
    throws
  {
    try AtomicFile.write(Data(try manifest.json().utf8), to: run.manifestFile)
    try self.init(beginning: run, manifest: manifest, layout: layout, lock: try RunLock(run))
  }

  /// Begins the log of a run that has its manifest; a log without its first row is replaced.
  ///
  /// - Throws: `EventLogError.diskFull`, `.writeFailed`.
  init(
    beginning run: RunFolder, manifest: RunManifest<Loop>, layout: ParameterLayout, lock: RunLock
  ) throws {
    let json = try manifest.json()
    self.run = run
    self.manifest = manifest
    self.layout = layout
    self.lock = lock
    try LogDatabase.remove(run.logFile)
    attempt = 0
    let chain = DigestChain(from: try manifest.identity())
    queue = try LogDatabase.create(at: run.logFile, Schema.of(Loop.kind))
    largestLogBytes = manifest.maxLogBytes ?? run.freeBytes / 2
    progress = Mutex(
      Progress(chain: chain, traceBudget: TraceBudget(largestLogBytes, of: run)))
    try transaction { db in
      try db.insert(
        Tables.run,
        [1, manifest.name, manifest.started, manifest.logLevel.rawValue, json, chain.digest])
      try FixedTables.fill(of: Loop.self, manifest.configuration, layout, in: db)
    }
    try begin(manifest.environment, atStep: 0, since: manifest.started)
  }

  /// Goes on with the record of a run, from a checkpoint or, without one, from its first step.
  ///
  /// What a crash has left of the log is recovered first; a result that says "interrupted" is taken back.
  ///
  /// - Throws: `EventLogError.alreadyWriting`, `.nothingToResume`, and what opening a log throws.
  init(
    resuming run: RunFolder, manifest: RunManifest<Loop>, layout: ParameterLayout, lock: RunLock,
    queue: DatabaseQueue, from start: (step: Int, digest: Data)?, environment: RunEnvironment
  ) throws {
    self.run = run
    self.manifest = manifest
    self.layout = layout
    self.lock = lock
    self.queue = queue
    largestLogBytes = manifest.maxLogBytes ?? run.logBytes + run.freeBytes / 2
    progress = Mutex(
      Progress(
        chain: DigestChain(from: try start?.digest ?? manifest.identity()),
        traceBudget: TraceBudget(largestLogBytes, of: run)))
    attempt = try queue.read {
      try Int.fetchOne($0, sql: "SELECT max(attempt) + 1 FROM attempts") ?? 0
    }
    let step = start?.step ?? 0
    // Checkpoints after the one that is gone on from cannot be used: they will be written again.
    let gone = try transaction { db in
      let files = try String.fetchAll(
        db, sql: "SELECT file FROM checkpoints WHERE step > ?", arguments: [step])
      try db.execute(sql: "DELETE FROM checkpoints WHERE step > ?", arguments: [step])
      return files
    }
    removeCheckpoints(gone)
    try begin(environment, atStep: step, since: .now())
  }

  /// A crash before this leaves files of which no row speaks, and which count for nothing.
  private func removeCheckpoints(_ files: [String]) {
    for file in files {
      try? FileManager.default.removeItem(at: run.checkpointFile(named: file))
    }
  }

  private func begin(_ environment: RunEnvironment, atStep step: Int, since started: String) throws
  {
    try transaction { db in
      try db.execute(sql: "DELETE FROM result")
      try db.insert(
        Tables.attempts,
        [
          attempt, started, nil, nil, nil, step, environment.host,
          Int(environment.processID), environment.slurmJob, environment.slurmTask,
        ])
    }
  }

  /// Size of the log from which traces are left out.
  let largestLogBytes: Int

  /// Whether `store` keeps entries of this level; if not, nobody needs to make one.
  func keeps(_ level: LogLevel) -> Bool { level <= manifest.logLevel }

  /// Stores entries in one transaction (one more for each checkpoint), those that the level keeps.
  ///
  /// - Returns: what the user should know, a sentence each.
  /// - Throws: `EventLogError.diskFull`, `.writeFailed`, `.movedAway`, `.differs`; what was stored before stays readable.
  @discardableResult
  func store(_ entries: [LogEntry<Loop>]) throws -> [String] {
    try progress.withLock { progress in
      var notices: [String] = []
      var rows = entries[...]
      while !rows.isEmpty {
        let next = rows.prefix { if case .checkpoint = $0 { false } else { true } }
        if !next.isEmpty { notices += try storeRows(next, &progress) }
        rows = rows.dropFirst(next.count)
        if case .checkpoint(let checkpoint) = rows.first {
          try store(checkpoint, progress)
          rows = rows.dropFirst()
        }
      }
      return notices
    }
  }

  private func storeRows(_ entries: ArraySlice<LogEntry<Loop>>, _ progress: inout Progress) throws
    -> [String]
  {
    var next = progress
    var notices: [String] = []
    try checkPlace(progress)
    try transaction(after: progress.lastStep) { db in
      for entry in entries {
        switch entry {
        case .step(let step, let trace, let state):
          guard keeps(.step) else { continue }
          let digest = next.chain.append(step.canonicalBytes, state)
          if try !db.confirms(step, state, digest: digest, run: manifest) {
            try step.insert(in: db, attempt: attempt, state: state, digest: digest)
          }
          if keeps(.trace), let trace {
            notices += try next.traceBudget.spend(on: trace, of: step.step, in: db)
          }
          next.lastStep = step.step
        case .epoch(let epoch, let state):
          guard keeps(.epoch) else { continue }
          let digest = next.chain.append(epoch.canonicalBytes, state)
          if try !db.confirms(epoch, state, digest: digest, run: manifest) {
            try epoch.insert(in: db, attempt: attempt, state: state, digest: digest)
          }
        case .checkpoint: break
        }
      }
    }
    progress = next
    return notices
  }

  /// File first, then its row: a crash between the two leaves a file without a row, which counts for nothing.
  private func store(_ checkpoint: RunCheckpoint<Loop>, _ progress: Progress) throws {
    let state = checkpoint.state
    let file = run.checkpointFile(atStep: state.step)
    let data = try checkpoint.encoded(layout)
    try checkPlace(progress)
    try AtomicFile.createFolder(run.checkpoints)
    try AtomicFile.write(data, to: file)
    let row: [(any DatabaseValueConvertible)?] = [
      state.step, state.epoch, checkpoint.epochs.last?.accuracy,
      "\(RunFolder.checkpointFolder)/\(file.lastPathComponent)", data.count, Digest.sha256(data),
      progress.chain.digest, String.now(),
    ]
    // A power cut may take the last transactions back, but none from before a checkpoint.
    try setSynchronous("FULL")
    defer { try? setSynchronous("NORMAL") }
    let gone = try transaction(after: progress.lastStep) { db in
      try db.execute(sql: "DELETE FROM checkpoints WHERE step = ?", arguments: [state.step])
      try db.insert(Schema.of(Loop.kind).checkpoints, row)
      return try db.prune(manifest.checkpoints)
    }
    removeCheckpoints(gone)
  }

  /// SQLite goes on writing a file that was moved, or removed, and a checkpoint would make the folder anew.
  ///
  /// - Throws: `EventLogError.movedAway`.
  private func checkPlace(_ progress: Progress) throws {
    guard unsafe access(run.logFile.path, F_OK) != 0, errno == ENOENT else { return }
    throw EventLogError.movedAway(
      path: run.logFile.relativePath, lastStep: progress.lastStep)
  }

  private func setSynchronous(_ mode: String) throws {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = \(mode)") }
    }
  }

  /// Stores how the run ended, and closes the log into one file that opens anywhere.
  ///
  /// - Throws: as `store`; what was stored before stays readable.
  func finish(_ result: Loop.Result) throws {
    var chain = progress.withLock { $0.chain }
    let digest = chain.append(result.canonicalBytes)
    let keepsNone = manifest.checkpoints == .none && result.outcome != .interrupted
    var gone: [String] = []
    try close(outcome: result.outcome.rawValue, message: nil) { db in
      try result.insert(in: db, digest: digest)
      guard keepsNone else { return }
      gone = try String.fetchAll(db, sql: "SELECT file FROM checkpoints")
      try db.execute(sql: "DELETE FROM checkpoints")
    }
    removeCheckpoints(gone)
    if keepsNone { try? FileManager.default.removeItem(at: run.checkpoints) }
  }

  /// Stores that the run failed, and closes the log; it has no result.
  ///
  /// - Throws: as `store`; after a full disk it may well throw again, and nothing is lost by that.
  func fail(_ error: any Error) throws {
    try close(outcome: "failed", message: "\(error)") { _ in }
  }

  private func close(
    outcome: String, message: String?, _ body: (Database) throws -> Void
  ) throws {
    let stored = Result {
      try transaction { db in
        try body(db)
        try db.execute(
          sql: "UPDATE attempts SET ended = ?, outcome = ?, message = ? WHERE attempt = ?",
          arguments: [String.now(), outcome, message, attempt])
      }
    }
    defer { lock.release() }
    try LogDatabase.closeAsOneFile(queue)
    try stored.get()
  }

  private func transaction<Value>(
    after lastStep: Int? = nil, _ body: (Database) throws -> Value
  ) throws -> Value {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath, lastStep: lastStep) {
      try queue.write(body)
    }
  }

  /// Makes the disk seem full once the file has so many pages of 4 KB, for the tests.
  func limit(pages: Int) throws {
    try queue.write { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") }
  }
}

extension DigestChain {
  /// - Returns: the digest of a row and the state after it.
  fileprivate mutating func append(_ row: CanonicalBytes, _ state: StateHash) -> Data {
    var row = row
    row.append(state.bytes)
    return append(row)
  }
}

extension Database {
  /// Whether the step is there already, with these very bits.
  ///
  /// - Throws: `EventLogError.differs` when its bits are others.
  fileprivate func confirms<Loop>(
    _ step: Loop.Step, _ state: StateHash, digest: Data, run: RunManifest<Loop>
  ) throws -> Bool {
    let sql = "SELECT state, digest FROM steps WHERE step = ?"
    guard let row = try Row.fetchOne(cachedStatement(sql: sql), arguments: [step.step]) else {
      return false
    }
    if row["digest"] == digest { return true }
    let recorded = try Loop.Step.fetchAll(self, steps: step.step..<(step.step + 1))[0]
    throw EventLogError.differs(
      step.difference(from: recorded, state: state, recorded: StateHash(bytes: row["state"]))
        ?? RunDifference(step: step.step, epoch: nil, quantity: "digest", relative: nil),
      run: run.name, environment: run.environment.differences(from: .current()))
  }

  fileprivate func confirms<Loop>(
    _ epoch: Loop.Epoch, _ state: StateHash, digest: Data, run: RunManifest<Loop>
  ) throws -> Bool {
    let sql = "SELECT state, digest FROM epochs WHERE epoch = ?"
    guard let row = try Row.fetchOne(cachedStatement(sql: sql), arguments: [epoch.epoch]) else {
      return false
    }
    if row["digest"] == digest { return true }
    let recorded = try Loop.Epoch.fetchAll(self).first { $0.epoch == epoch.epoch }
    throw EventLogError.differs(
      recorded.flatMap {
        epoch.difference(from: $0, state: state, recorded: StateHash(bytes: row["state"]))
      } ?? RunDifference(step: nil, epoch: epoch.epoch, quantity: "digest", relative: nil),
      run: run.name, environment: run.environment.differences(from: .current()))
  }

  /// Forgets the checkpoints that the policy does not keep.
  ///
  /// - Returns: their files, inside the run's folder.
  fileprivate func prune(_ policy: CheckpointPolicy) throws -> [String] {
    let rows = try Row.fetchAll(self, sql: "SELECT * FROM checkpoints ORDER BY step")
    // The accuracy of a checkpoint is its third column, whatever it was measured on.
    let superfluous = Set(policy.superfluous(rows.map { (step: $0["step"], accuracy: $0[2]) }))
    for step in superfluous {
      try execute(sql: "DELETE FROM checkpoints WHERE step = ?", arguments: [step])
    }
    return rows.filter { superfluous.contains($0["step"]) }.map { $0["file"] }
  }
}

/// How much room the traces of a run may still take.
private struct TraceBudget {
  private var bytesLeft: Int
  private var isSpent = false

  /// - Parameter limit: of the whole log.
  init(_ limit: Int, of run: RunFolder) { bytesLeft = limit - run.logBytes }

  /// Stores a trace while there is room for it.
  ///
  /// - Returns: a warning at the first trace that is left out.
  mutating func spend(on trace: StepTrace, of step: Int, in db: Database) throws -> [String] {
    if isSpent { return [] }
    let packed = LosslessCompression.pack(trace.weightGradient)
    guard packed.count <= bytesLeft else {
      isSpent = true
      return [
        "the log has reached its largest size, so weight gradients are left out from step \(step) on; "
          + "--max-log-size allows more, `runs replay --dump grad-w` computes them again"
      ]
    }
    bytesLeft -= packed.count
    try db.execute(
      sql: "INSERT OR REPLACE INTO traces VALUES (?, ?, ?)",
      arguments: [step, packed, Digest.xxh3(trace.weightGradient)])
    return []
  }
}

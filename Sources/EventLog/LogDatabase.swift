import CSQLite
import Datasets
import Foundation
import GRDB

/// How the one database of a run is opened, and how it is closed into one file.
enum LogDatabase {
  /// "MiLN": tells a log from any other SQLite file (`PRAGMA application_id`).
  static let applicationID = 0x4D69_4C4E

  /// Creates the database of a new run, with its tables.
  ///
  /// - Parameter isOnNetwork: nil to look; the tests say so.
  /// - Throws: `EventLogError.writeFailed`, `.diskFull`.
  static func create(at url: URL, _ schema: Schema, isOnNetwork: Bool? = nil) throws
    -> DatabaseQueue
  {
    try translatingErrors(of: url.path) {
      let queue = try open(url, isOnNetwork: isOnNetwork)
      try queue.write { db in
        try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        try schema.create(in: db)
      }
      return queue
    }
  }

  /// Whether a log holds the row that every log begins with; a process that was killed early leaves one that does not.
  ///
  /// - Parameter opening: for writing, which recovers what a crash has left, or for reading, which touches nothing.
  static func isBegun(_ url: URL, opening: (URL) throws -> DatabaseQueue) -> Bool {
    guard let size = fileSize(url.path), size > 0 else { return false }
    guard let queue = try? opening(url) else {
      // A log that cannot be opened is not an early one, unless it is still without its mark.
      var configuration = Configuration()
      configuration.readonly = true
      let mark = try? DatabaseQueue(path: url.path, configuration: configuration).read {
        try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_schema")
      }
      return mark != 0
    }
    return (try? queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM run") }) != 0
  }

  /// - Throws: `EventLogError.unreadableManifest` when the file says other things than the log's copy.
  static func check<Loop>(
    _ manifest: RunManifest<Loop>, against queue: DatabaseQueue, of run: RunFolder
  ) throws {
    let row = try translatingErrors(of: run.logFile.relativePath) {
      try queue.read { try Row.fetchOne($0, sql: "SELECT manifest, name, log_level FROM run") }
    }
    guard let row, row["manifest"] == (try manifest.json()), row["name"] == manifest.name,
      row["log_level"] == manifest.logLevel.rawValue
    else {
      throw EventLogError.unreadableManifest(
        path: run.manifestFile.relativePath, reason: "it is not the one that the log has a copy of")
    }
  }

  /// How the run ended; nil while it works, and when it failed or was killed.
  static func outcome(in queue: DatabaseQueue, of run: RunFolder) throws -> String? {
    try translatingErrors(of: run.logFile.relativePath) {
      try queue.read { try String.fetchOne($0, sql: "SELECT outcome FROM result") }
    }
  }

  /// Removes a log and the files beside it, where they are.
  ///
  /// - Throws: `EventLogError.writeFailed`.
  static func remove(_ url: URL) throws {
    for suffix in ["", "-wal", "-shm", "-journal"] {
      let path = url.path + suffix
      guard FileManager.default.fileExists(atPath: path) else { continue }
      do {
        try FileManager.default.removeItem(atPath: path)
      } catch {
        throw EventLogError.writeFailed(path: path, reason: reason(of: error))
      }
    }
  }

  /// Opens the database of a run to continue it; recovers what a crash has left.
  ///
  /// - Throws: `EventLogError.newerSchema`, `.damaged`, `.inUse`.
  static func openForWriting(_ url: URL) throws -> DatabaseQueue {
    try translatingErrors(of: url.path) {
      let queue = try open(url)
      try queue.read { try checkVersion(in: $0, path: url.path) }
      return queue
    }
  }

  /// How long a writer gathers steps for one transaction, in seconds: no time at all, but where every transaction
  /// crosses a network.
  static func commitInterval(for url: URL) -> Double {
    Mount(holding: url)?.isNetwork == true ? 1 : 0
  }

  private static func open(_ url: URL, isOnNetwork: Bool? = nil) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "event log"
    let onNetwork = isOnNetwork ?? Mount(holding: url)?.isNetwork ?? false
    // Beside a WAL nobody waits for readers; with a journal one that copies a large log holds it for minutes.
    configuration.busyMode = .timeout(onNetwork ? 600 : 5)
    configuration.prepareDatabase { db in
      // WAL needs memory shared by all who have the file open, which no network file system gives.
      let mode = onNetwork ? "truncate" : "wal"
      let granted = try String.fetchOne(db, sql: "PRAGMA journal_mode = \(mode)")
      if granted != mode { throw DatabaseError(message: "journal mode \(mode) was not granted") }
      // In WAL mode a killed process loses nothing committed, and a power cut at most the last steps.
      try db.execute(
        sql: """
          PRAGMA synchronous = NORMAL;
          PRAGMA secure_delete = OFF;
          PRAGMA trusted_schema = OFF;
          """)
      _ = unsafe sqlite3_set_defensive(db.sqliteConnection)
    }
    return try DatabaseQueue(path: url.path, configuration: configuration)
  }

  /// Opens a log to read it, while it is written or from a folder that cannot be written.
  ///
  /// - Throws: `EventLogError.missing`, `.newerSchema`, `.damaged`, `.needsRecovery`.
  static func openForReading(_ url: URL) throws -> DatabaseQueue {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw EventLogError.missing(path: url.path)
    }
    return try translatingErrors(of: url.path) {
      do {
        return try openForReading(path: url.path, named: url.path)
      } catch let error as DatabaseError
        where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode.primaryResultCode)
      {
        // A WAL database cannot make its side files here; without a WAL the file alone is complete.
        if holds(url, "-wal") || FileManager.default.fileExists(atPath: sideFile(url, "-journal")) {
          throw EventLogError.needsRecovery(
            path: url.path, run: url.deletingLastPathComponent().lastPathComponent)
        }
        return try openForReading(path: immutableURI(of: url.path), named: url.path)
      }
    }
  }

  private static func openForReading(path: String, named name: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "event log"
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in
      // The file may come from a stranger: no schema of it runs code, none of its pages is believed.
      _ = unsafe sqlite3_set_defensive(db.sqliteConnection)
      try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.read { try checkVersion(in: $0, path: name) }
    return queue
  }

  /// The WAL or the journal of a log: SQLite puts them beside the file, not beside a symbolic link to it.
  private static func sideFile(_ url: URL, _ suffix: String) -> String {
    url.resolvingSymlinksInPath().path + suffix
  }

  /// Whether such a file is there, and not empty.
  static func holds(_ url: URL, _ suffix: String) -> Bool {
    (fileSize(sideFile(url, suffix)) ?? 0) > 0
  }

  private static func immutableURI(of path: String) -> String {
    let escaped = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
    return "file:\(escaped)?immutable=1"
  }

  private static func checkVersion(in db: Database, path: String) throws {
    let id = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    if id != applicationID {
      throw EventLogError.damaged(path: path, reason: "it does not bear the mark of an event log")
    }
    if version > Schema.latestVersion {
      throw EventLogError.newerSchema(path: path, found: version, known: Schema.latestVersion)
    }
  }

  /// Ends the write-ahead log: the file alone is the log, and opens from a read-only folder.
  ///
  /// A reader that holds the database puts this off to the next writer; the log stays complete.
  static func closeAsOneFile(_ queue: DatabaseQueue) throws {
    try translatingErrors(of: queue.path) {
      do {
        try queue.writeWithoutTransaction { db in
          _ = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
          _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE")
        }
      } catch let error as DatabaseError
        where error.resultCode.primaryResultCode == .SQLITE_BUSY
      {}
      try queue.close()
    }
  }

  /// Gives SQLite's errors the sentences of this module.
  static func translatingErrors<Result>(
    of path: String, lastStep: Int? = nil, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as DatabaseError {
      let reason = error.message ?? "\(error.resultCode)"
      switch (error.resultCode.primaryResultCode, error.extendedResultCode) {
      // SHMSIZE: the memory beside a WAL is a file, too.
      case (.SQLITE_FULL, _), (_, .SQLITE_IOERR_SHMSIZE):
        throw EventLogError.diskFull(path: path, lastStep: lastStep)
      case (.SQLITE_CORRUPT, _), (.SQLITE_NOTADB, _):
        throw EventLogError.damaged(path: path, reason: reason)
      case (.SQLITE_BUSY, _), (.SQLITE_LOCKED, _): throw EventLogError.inUse(path: path)
      case (_, .SQLITE_READONLY_DBMOVED):
        throw EventLogError.movedAway(path: path, lastStep: lastStep)
      case (.SQLITE_READONLY, _): throw EventLogError.writeFailed(path: path, reason: reason)
      default: throw EventLogError.cannotAccess(path: path, reason: reason)
      }
    }
  }
}

import Foundation
import GRDB

/// What analyses have found about a run, in `analysis.sqlite` beside its log, so that a rerun goes on where it ended.
public final class AnalysisStore {
  private let queue: DatabaseQueue
  private let path: String

  /// Whether results stay on disk: in a folder that cannot be written they go with the process.
  public let keepsResults: Bool

  /// Opens the file, or makes it; where it cannot be written, a copy in memory.
  ///
  /// - Throws: `EventLogError.damaged`, `.inUse`, `.writeFailed`.
  public init(_ run: RunFolder) throws {
    path = run.analysisFile.relativePath
    let file = run.analysisFile.path
    (queue, keepsResults) = try LogDatabase.translatingErrors(of: path) {
      do {
        return (try Self.opened(file), true)
      } catch let error as DatabaseError
        where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode.primaryResultCode)
      {
        return (try Self.copyInMemory(file), false)
      }
    }
  }

  private static func opened(_ file: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    let queue = try DatabaseQueue(path: file, configuration: configuration)
    try queue.write(createTable)
    return queue
  }

  private static func copyInMemory(_ file: String) throws -> DatabaseQueue {
    let copy = try DatabaseQueue()
    if FileManager.default.fileExists(atPath: file) {
      var configuration = Configuration()
      configuration.readonly = true
      try DatabaseQueue(path: file, configuration: configuration).backup(to: copy)
    }
    try copy.write(createTable)
    return copy
  }

  private static func createTable(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS results (
          kind TEXT NOT NULL,     -- "gradient-error", "curvature", …; "epsilon, part" until a sweep is finished
          key TEXT NOT NULL,      -- what decides the result: settings, step, digest of the run
          step INTEGER NOT NULL,  -- of the run, from 0
          result TEXT NOT NULL,   -- JSON
          written TEXT NOT NULL,
          PRIMARY KEY (kind, key)
        ) STRICT
        """)
  }

  /// Opens the file to read what is there; nil when nothing was analysed yet.
  ///
  /// - Throws: `EventLogError.damaged`, `.inUse`.
  public init?(reading run: RunFolder) throws {
    path = run.analysisFile.relativePath
    let file = run.analysisFile.path
    keepsResults = false
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    queue = try LogDatabase.translatingErrors(of: path) {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(5)
      return try DatabaseQueue(path: file, configuration: configuration)
    }
    // A process that was killed at its first result leaves a file without the table.
    let isBegun = try LogDatabase.translatingErrors(of: path) {
      try queue.read { try $0.tableExists("results") }
    }
    guard isBegun else { return nil }
  }

  /// A result with what decided it.
  public struct Entry<Result> {
    /// What decided the result.
    public var key: String
    /// Of the run, from 0.
    public var step: Int
    /// As it was stored.
    public var result: Result
  }

  /// All results of a kind in the order in which they were written, without those of an older form.
  ///
  /// - Throws: `EventLogError.damaged`, `.inUse`.
  public func results<Result: Decodable>(_ kind: String, as type: Result.Type) throws
    -> [Entry<Result>]
  {
    let rows = try LogDatabase.translatingErrors(of: path) {
      try queue.read {
        try Row.fetchAll(
          $0, sql: "SELECT key, step, result FROM results WHERE kind = ? ORDER BY rowid",
          arguments: [kind])
      }
    }
    return rows.compactMap { row in
      let text: String = row["result"]
      return (try? JSONDecoder.ofResults.decode(Result.self, from: Data(text.utf8))).map {
        Entry(key: row["key"], step: row["step"], result: $0)
      }
    }
  }

  /// A result that was stored with the same key; nil when there is none, or one of an older form.
  public func result<Result: Decodable>(_ kind: String, key: String, as type: Result.Type) throws
    -> Result?
  {
    let text = try LogDatabase.translatingErrors(of: path) {
      try queue.read {
        try String.fetchOne(
          $0, sql: "SELECT result FROM results WHERE kind = ? AND key = ?", arguments: [kind, key])
      }
    }
    return text.flatMap { try? JSONDecoder.ofResults.decode(Result.self, from: Data($0.utf8)) }
  }

  /// Whether a result was stored with the key.
  public func holds(_ kind: String, key: String) throws -> Bool {
    try LogDatabase.translatingErrors(of: path) {
      try queue.read {
        try Bool.fetchOne(
          $0, sql: "SELECT EXISTS (SELECT 1 FROM results WHERE kind = ? AND key = ?)",
          arguments: [kind, key])
      }
    } ?? false
  }

  /// Keeps a result, in place of one with the same key, and drops its parts.
  public func store(_ result: some Encodable, _ kind: String, key: String, step: Int) throws {
    let json = try Self.json(result)
    let parts = Self.part("", of: kind, key: key)
    try LogDatabase.translatingErrors(of: path) {
      try queue.write {
        try Self.insert(json, kind, key: key, step: step, into: $0)
        try $0.execute(
          sql: "DELETE FROM results WHERE kind = ? AND substr(key, 1, length(?)) = ?",
          arguments: [parts.kind, parts.key, parts.key])
      }
    }
  }

  // MARK: - Parts of a result that is not finished

  /// A part that was stored with the same name for the result of that key; nil as `result`.
  public func part<Part: Decodable>(
    _ name: String, of kind: String, key: String, as type: Part.Type
  ) throws -> Part? {
    let place = Self.part(name, of: kind, key: key)
    return try result(place.kind, key: place.key, as: type)
  }

  /// Keeps a part until its result is stored.
  public func store(
    _ part: some Encodable, part name: String, of kind: String, key: String, step: Int
  ) throws {
    let place = Self.part(name, of: kind, key: key)
    let json = try Self.json(part)
    try LogDatabase.translatingErrors(of: path) {
      try queue.write { try Self.insert(json, place.kind, key: place.key, step: step, into: $0) }
    }
  }

  private static func part(_ name: String, of kind: String, key: String) -> (
    kind: String, key: String
  ) {
    ("\(kind), part", "\(key): \(name)")
  }

  private static func insert(
    _ json: String, _ kind: String, key: String, step: Int, into db: Database
  ) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)",
      arguments: [kind, key, step, json, String.now()])
  }

  private static func json(_ result: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(result), as: UTF8.self)
  }
}

extension JSONDecoder {
  fileprivate static var ofResults: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }
}

extension RunStore {
  /// The newest search that has checkpoints, from which states can be had.
  ///
  /// - Throws: `EventLogError.noRuns`, `.folderNotReadable`, `.noCheckpoints`.
  public func newestWithCheckpoints() throws -> RunFolder {
    let runs = list()
    guard let newest = runs.last else {
      try checkFolder()
      throw EventLogError.noRuns(folder: folder.relativePath)
    }
    func holdsCheckpoints(_ run: RunFolder) -> Bool {
      let files = try? FileManager.default.contentsOfDirectory(atPath: run.checkpoints.path)
      return files?.contains { $0.hasSuffix(".safetensors") } ?? false
    }
    let searches = runs.filter { (try? $0.kind()) == .search }
    guard let run = searches.last(where: holdsCheckpoints) else {
      throw EventLogError.noCheckpoints(run: newest.name)
    }
    return run
  }

  /// The newest run that an analysis has looked at; where there is none, the one that an analysis would look at.
  ///
  /// - Throws: as `newestWithCheckpoints`.
  public func newestAnalysed() throws -> RunFolder {
    try list().last { FileManager.default.fileExists(atPath: $0.analysisFile.path) }
      ?? newestWithCheckpoints()
  }
}

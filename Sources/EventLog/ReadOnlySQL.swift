import CSQLite
import Foundation
import GRDB

/// Rows that a user's SELECT gives back.
public struct QueryResult: Equatable, Sendable {
  /// A value of SQLite's.
  public enum Value: Equatable, Sendable {
    /// NULL
    case null
    /// INTEGER
    case integer(Int64)
    /// REAL
    case real(Double)
    /// TEXT
    case text(String)
    /// BLOB
    case blob(Data)
  }
  /// As the statement names them.
  public var columns: [String]
  /// A value for every column.
  public var rows: [[Value]]
}

/// Runs one statement of a user on a log that may come from a stranger.
///
/// The file is open read-only, an authorizer lets only reading pass, and the statement has a time limit.
public struct ReadOnlySQL {
  private let queue: DatabaseQueue

  /// Opens a run's log read-only.
  ///
  /// - Throws: as `RunReader`.
  public init(_ run: RunFolder) throws {
    queue = try LogDatabase.openForReading(run.logFile)
  }

  /// Runs one SELECT, whole, within a time.
  ///
  /// - Parameter seconds: one of `timeLimits`.
  /// - Throws: `EventLogError.refusedSQL`, `.slowSQL`, `.damaged`.
  public func run(_ sql: String, timeLimit seconds: Double = 60) throws -> QueryResult {
    precondition(Self.timeLimits ~= seconds, "a time limit of \(seconds) s")
    return try LogDatabase.translatingErrors(of: queue.path) {
      try queue.unsafeRead { db in
        let guardian = Guardian(deadline: .now + .seconds(seconds))
        return try guardian.watching(db) {
          do {
            return try Self.rows(of: sql, in: db)
          } catch let error as DatabaseError {
            throw Self.explained(error, seconds: seconds)
          }
        }
      }
    }
  }

  /// Seconds that a statement may be given: up to thirty years.
  public static let timeLimits = 0.0...1e9

  private static func rows(of sql: String, in db: Database) throws -> QueryResult {
    let statements = try db.allStatements(sql: sql)
    guard let statement = try statements.next() else {
      throw EventLogError.refusedSQL(reason: "it is empty")
    }
    if try statements.next() != nil {
      throw EventLogError.refusedSQL(reason: "there is more than one")
    }
    var result = QueryResult(columns: statement.columnNames, rows: [])
    let cursor = try Row.fetchCursor(statement)
    while let row = try cursor.next() {
      result.rows.append(row.databaseValues.map(QueryResult.Value.init))
    }
    return result
  }

  private static func explained(_ error: DatabaseError, seconds: Double) -> any Error {
    switch error.resultCode.primaryResultCode {
    case .SQLITE_INTERRUPT: EventLogError.slowSQL(seconds: seconds)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: error
    default: EventLogError.refusedSQL(reason: error.message ?? "\(error.resultCode)")
    }
  }
}

extension QueryResult.Value {
  fileprivate init(_ value: DatabaseValue) {
    switch value.storage {
    case .null: self = .null
    case .int64(let value): self = .integer(value)
    case .double(let value): self = .real(value)
    case .string(let value): self = .text(value)
    case .blob(let value): self = .blob(value)
    }
  }
}

/// The door to SQLite's two call-backs: what a statement may do, and how long.
private final class Guardian {
  private let deadline: ContinuousClock.Instant
  /// How many instructions of SQLite's machine lie between two looks at the clock: about 0.1 ms.
  private static let instructions: Int32 = 10_000

  init(deadline: ContinuousClock.Instant) { self.deadline = deadline }

  /// Watches over every statement of `body`.
  ///
  /// The authorizer replaces GRDB's, which only takes notes on writes: the connection is not to be
  /// used for anything else.
  func watching<Result>(_ db: Database, _ body: () throws -> Result) rethrows -> Result {
    let connection = unsafe db.sqliteConnection
    unsafe sqlite3_set_authorizer(
      connection,
      { _, action, first, second, _, _ in
        let name = unsafe second.map { unsafe String(cString: $0) }
        return unsafe Guardian.allows(action, first.map { unsafe String(cString: $0) }, name)
          ? SQLITE_OK : SQLITE_DENY
      }, nil)
    unsafe sqlite3_progress_handler(
      connection, Self.instructions,
      { context in
        guard let context = unsafe context else { return 0 }
        let guardian = unsafe Unmanaged<Guardian>.fromOpaque(context).takeUnretainedValue()
        return ContinuousClock.now > guardian.deadline ? 1 : 0
      }, Unmanaged.passUnretained(self).toOpaque())
    defer {
      unsafe sqlite3_progress_handler(connection, 0, nil, nil)
      unsafe sqlite3_set_authorizer(connection, nil, nil)
    }
    return try body()
  }

  /// Pragmas that only tell what is in the file.
  private static let pragmas: Set<String> = [
    "table_list", "table_info", "table_xinfo", "index_list", "index_info", "foreign_key_list",
  ]

  private static func allows(_ action: Int32, _ first: String?, _ second: String?) -> Bool {
    switch action {
    case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: true
    case SQLITE_FUNCTION: second != "load_extension"
    case SQLITE_PRAGMA: pragmas.contains(first ?? "")
    default: false
    }
  }
}

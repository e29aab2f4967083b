import Foundation
import GRDB
import Testing

@testable import EventLog

@Suite struct ReadOnlySQLTests {
  let scratch: ScratchFolder
  let sql: ReadOnlySQL

  init() throws {
    scratch = try ScratchFolder()
    let run = RunFolder(scratch.url)
    try LogDatabase.closeAsOneFile(LogDatabase.create(at: run.logFile, .search))
    sql = try ReadOnlySQL(run)
  }

  @Test func aSelectGivesItsRows() throws {
    let result = try sql.run("SELECT value, hex(byte) AS digits FROM byte WHERE value IN (0, 255)")
    #expect(
      result
        == QueryResult(
          columns: ["value", "digits"],
          rows: [[.integer(0), .text("00")], [.integer(255), .text("FF")]]))
  }

  @Test func aRecursiveQueryIsReading() throws {
    let result = try sql.run(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT sum(i) FROM n"
    )
    #expect(result.rows == [[.integer(45)]])
  }

  @Test(arguments: [
    "DELETE FROM byte", "UPDATE byte SET value = 0", "INSERT INTO byte VALUES (x'00', 1)",
    "DROP TABLE byte", "CREATE TABLE t (x)", "CREATE TEMP TABLE t (x)",
    "ATTACH 'other.sqlite' AS other", "PRAGMA journal_mode = DELETE", "PRAGMA user_version = 99",
    "PRAGMA writable_schema = ON", "SELECT load_extension('x')", "VACUUM INTO 'copy.sqlite'",
    "BEGIN", "SELECT 1; SELECT 2", "SELECT 1; DELETE FROM byte", "", "SELEC 1",
    "SELECT * FROM no_such_table",
  ])
  func whatIsNoSingleSelectIsRefused(statement: String) {
    let error = #expect(throws: EventLogError.self) { try sql.run(statement) }
    guard case .refusedSQL = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.isBadInput == true)
  }

  @Test func anEndlessStatementIsStopped() {
    #expect(throws: EventLogError.slowSQL(seconds: 0.05)) {
      try sql.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        timeLimit: 0.05)
    }
  }

  @Test func theNextStatementAfterARefusalRuns() throws {
    #expect(throws: EventLogError.self) { try sql.run("DROP TABLE byte") }
    #expect(try sql.run("SELECT count(*) FROM byte").rows == [[.integer(256)]])
  }
}

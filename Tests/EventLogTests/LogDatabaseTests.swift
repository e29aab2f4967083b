import Foundation
import GRDB
import Testing

@testable import EventLog

@Suite struct LogDatabaseTests {
  let scratch: ScratchFolder
  let file: URL

  init() throws {
    scratch = try ScratchFolder()
    file = scratch.url.appending(path: "events.sqlite")
  }

  private func closedLog() throws {
    try LogDatabase.closeAsOneFile(LogDatabase.create(at: file, .search))
  }

  @Test func aClosedLogIsOneFileThatNeedsNoOther() throws {
    try closedLog()
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o555], ofItemAtPath: scratch.url.path)
    let queue = try LogDatabase.openForReading(file)
    #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM byte") } == 256)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == ["events.sqlite"])
    // Bytes 18 and 19 of the header: 1 for a rollback journal, 2 for a WAL, which needs side files.
    #expect(try Data(contentsOf: file)[18...19] == Data([1, 1]))
  }

  @Test func readersSeeWhatIsCommittedWhileTheWriterWrites() throws {
    let writer = try LogDatabase.create(at: file, .search)
    let reader = try LogDatabase.openForReading(file)
    let count = { try reader.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM layers") } }
    try writer.writeWithoutTransaction { db in
      try db.execute(sql: "BEGIN IMMEDIATE")
      try db.execute(sql: "INSERT INTO layers VALUES (0, 'stem.conv', '24x1x3x3', 0, 216)")
      #expect(try count() == 0)
      try db.execute(sql: "COMMIT")
    }
    #expect(try count() == 1)
  }

  @Test func aLogIsClosedWhileAReaderHoldsIt() throws {
    let writer = try LogDatabase.create(at: file, .search)
    let reader = try LogDatabase.openForReading(file)
    try reader.read { db in
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM byte") == 256)
      try LogDatabase.closeAsOneFile(writer)
    }
    let queue = try LogDatabase.openForReading(file)
    #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM byte") } == 256)
  }

  /// Without a WAL a reader keeps the writer from its commit; a search must not end because somebody looks at it.
  @Test func aWriterOnANetworkOutwaitsAReader() throws {
    let writer = try LogDatabase.create(at: file, .search, isOnNetwork: true)
    let reader = try LogDatabase.openForReading(file)
    let (holds, hasLetGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    DispatchQueue.global().async {
      try? reader.read { db in
        _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM byte")
        holds.signal()
        // A writer to a local file gives up after five.
        Thread.sleep(forTimeInterval: 5.5)
      }
      hasLetGo.signal()
    }
    holds.wait()
    try writer.write {
      try $0.execute(sql: "INSERT INTO layers VALUES (0, 'stem.conv', '24x1x3x3', 0, 216)")
    }
    hasLetGo.wait()
    #expect(try reader.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM layers") } == 1)
  }

  @Test func aLaterSchemaIsRefusedByItsNumber() throws {
    try closedLog()
    let queue = try DatabaseQueue(path: file.path)
    try queue.write { try $0.execute(sql: "PRAGMA user_version = 7") }
    try queue.close()
    #expect(
      throws: EventLogError.newerSchema(path: file.path, found: 7, known: Schema.latestVersion)
    ) {
      try LogDatabase.openForReading(file)
    }
    #expect(
      throws: EventLogError.newerSchema(path: file.path, found: 7, known: Schema.latestVersion)
    ) {
      try LogDatabase.openForWriting(file)
    }
  }

  @Test(arguments: [0, 50, 100, 4096, 10_000])
  func whatIsLeftOfATruncatedLogIsCalledDamaged(bytes: Int) throws {
    try closedLog()
    let whole = try Data(contentsOf: file)
    try whole.prefix(bytes).write(to: file)
    expectDamage()
  }

  @Test func aFileThatIsNoLogIsCalledDamaged() throws {
    try Data("seven wonders".utf8).write(to: file)
    expectDamage()
  }

  private func expectDamage() {
    let error = #expect(throws: EventLogError.self) {
      try ReadOnlySQL(RunFolder(scratch.url)).run("SELECT count(*) FROM float32_exponent")
    }
    guard case .damaged(file.path, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: RunKind.allCases)
  func everyRelationIsDescribedAndEveryViewSelects(kind: RunKind) throws {
    let schema = Schema.of(kind)
    let queue = try LogDatabase.create(at: file, schema)
    try queue.read { db in
      let names = try String.fetchAll(
        db, sql: "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY rowid")
      #expect(names == schema.relations.map(\.name))
      for relation in schema.relations {
        let columns = try db.makeStatement(sql: "SELECT * FROM \(relation.name)").columnNames
        #expect(columns == relation.columns.map(\.name))
        #expect(relation.columns.allSatisfy { !$0.meaning.isEmpty })
      }
    }
  }
}

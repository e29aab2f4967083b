import Foundation
import GRDB
import Supernet

/// The rows of a log that follow from its settings alone: a log that says other things was changed.
enum FixedTables {
  /// Stores the legends of vectors and layers; the schema brings the numbers that views decode with.
  static func fill<Loop: RecordedLoop>(
    of _: Loop.Type, _ configuration: Loop.Configuration, _ layout: ParameterLayout,
    in db: Database
  ) throws {
    try Loop.insertLegend(of: configuration, in: db)
    for (index, slice) in layout.slices.enumerated() {
      let shape = slice.shape.map(String.init).joined(separator: "x")
      try db.insert(Tables.layers, [index, slice.name, shape, slice.offset, slice.count])
    }
  }

  /// Compares them with those of a new log.
  ///
  /// - Throws: `EventLogError.damaged`, naming the table.
  static func check<Loop: RecordedLoop>(
    in queue: DatabaseQueue, of run: RunFolder, _ manifest: RunManifest<Loop>
  ) throws {
    let fresh = try DatabaseQueue()
    try fresh.write {
      try Schema.of(Loop.kind).create(in: $0)
      let layout = try manifest.configuration.parameterLayout()
      try fill(of: Loop.self, manifest.configuration, layout, in: $0)
    }
    for relation in Schema.of(Loop.kind).relations {
      guard case .table = relation.body else { continue }
      let expected = try rows(of: relation, in: fresh, run)
      guard try expected.isEmpty || rows(of: relation, in: queue, run) == expected else {
        throw EventLogError.damaged(
          path: run.logFile.relativePath, reason: "the table \(relation.name) was changed")
      }
    }
  }

  /// Whether the columns of a log hold what this program reads from them: those of other tables may hold anything, and
  /// nothing.
  ///
  /// - Throws: `EventLogError.damaged`, naming the table.
  static func checkColumns(in queue: DatabaseQueue, of run: RunFolder, _ kind: RunKind) throws {
    let path = run.logFile.relativePath
    let sql = """
      SELECT t.name AS "table", c.name, c.type, c."notnull" OR c.pk AS is_there
      FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
      WHERE t.schema = 'main' AND t.type = 'table' AND t.strict
      """
    let columns = try LogDatabase.translatingErrors(of: path) {
      Set(
        try queue.read { try Row.fetchAll($0, sql: sql) }.flatMap { row -> [String] in
          let (table, name, type): (String, String, String) = (
            row["table"], row["name"], row["type"]
          )
          return ["\(table).\(name) \(type)"]
            + (row["is_there"] ? ["\(table).\(name) \(type) NOT NULL"] : [])
        })
    }
    for relation in Schema.of(kind).relations {
      guard case .table = relation.body else { continue }
      let isOurs = relation.columns.allSatisfy { column in
        let words = column.definition.split(separator: " ")
        let needs = column.definition.contains("NOT NULL") || words.contains("PRIMARY")
        return columns.contains(
          "\(relation.name).\(column.name) \(words[0])" + (needs ? " NOT NULL" : ""))
      }
      guard isOurs else {
        throw EventLogError.damaged(
          path: path, reason: "the table \(relation.name) is not that of an event log")
      }
    }
  }

  private static func rows(of table: Relation, in queue: DatabaseQueue, _ run: RunFolder) throws
    -> [Row]
  {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.read { try Row.fetchAll($0, sql: "SELECT * FROM \(table.name) ORDER BY 1") }
    }
  }

  /// The tables and views that are not defined as this version does it: another version may have made them.
  static func strangers(in queue: DatabaseQueue, of run: RunFolder, _ kind: RunKind) throws
    -> [String]
  {
    let written = try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.read { db in
        try Row.fetchAll(db, sql: "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
      }
    }
    let known = Dictionary(
      Schema.of(kind).relations.map { ($0.name, $0.sql) }, uniquingKeysWith: { first, _ in first })
    return written.filter { known[$0["name"]] != $0["sql"] }.map { $0["name"] }
  }
}

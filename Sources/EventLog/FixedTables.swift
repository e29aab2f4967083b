import Foundation
import GRDB
import Supernet

/// The tables whose every value follows from the settings: a log that says other things was changed.
enum FixedTables {
  /// Compares the numbers that the views decode with, and the legends of vectors and layers.
  ///
  /// - Throws: `EventLogError.damaged`, naming the table.
  static func check(in queue: DatabaseQueue, of run: RunFolder, shape: SupernetShape) throws {
    let fresh = try DatabaseQueue()
    try fresh.write {
      try Schema.create(in: $0)
      try insertLegends(of: shape, in: $0)
    }
    for table in [Tables.alphaEntries, Tables.layers] + Float32Decoder.tables {
      let (found, expected) = try (rows(of: table, in: queue, run), rows(of: table, in: fresh, run))
      guard found == expected else {
        throw EventLogError.damaged(
          path: run.logFile.relativePath, reason: "the table \(table.name) was changed")
      }
    }
  }

  /// The tables and views that are not written as this version writes them: another version may have made them.
  static func strangers(in queue: DatabaseQueue, of run: RunFolder) throws -> [String] {
    let written = try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.read { db in
        try Row.fetchAll(db, sql: "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
      }
    }
    let known = Dictionary(
      Schema.relations.map { ($0.name, $0.sql) }, uniquingKeysWith: { first, _ in first })
    return written.filter { known[$0["name"]] != $0["sql"] }.map { $0["name"] }
  }

  private static func rows(of table: Relation, in queue: DatabaseQueue, _ run: RunFolder) throws
    -> [Row]
  {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.read { try Row.fetchAll($0, sql: "SELECT * FROM \(table.name) ORDER BY 1") }
    }
  }

  /// What each entry of an α-shaped vector and each slice of w belongs to.
  static func insertLegends(of shape: SupernetShape, in db: Database) throws {
    for kind in CellKind.allCases {
      for (index, edge) in shape.edges.enumerated() {
        for operation in Operation.allCases {
          try db.insert(
            Tables.alphaEntries,
            [
              shape.alphaIndex(kind, edge: index, operation), "\(kind)", index, edge.node,
              edge.source, operation.name,
            ])
        }
      }
    }
    for (index, slice) in ParameterLayout(shape).slices.enumerated() {
      let extents = slice.shape.map(String.init).joined(separator: "x")
      try db.insert(Tables.layers, [index, slice.name, extents, slice.offset, slice.count])
    }
  }
}

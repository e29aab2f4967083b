import GRDB

/// A column, with what a reader of the file must know of it: meaning, shape, unit.
struct Column: Sendable {
  var name: String
  /// Type and constraints in SQL; empty for a column of a view.
  var definition: String
  var meaning: String

  init(_ name: String, _ definition: String, _ meaning: String) {
    self.name = name
    self.definition = definition
    self.meaning = meaning
  }

  /// A column of a view.
  init(_ name: String, _ meaning: String) {
    self.init(name, "", meaning)
  }
}

/// A table or a view of the log.
struct Relation: Sendable {
  enum Body: Sendable {
    /// Constraints over several columns; `rowless` tables are stored in the order of their key.
    case table(constraints: [String] = [], rowless: Bool = false)
    case view(String)
  }
  var name: String
  var meaning: String
  var columns: [Column]
  var body: Body

  /// Stores a row with a value for every column, in order.
  var insertion: String {
    "INSERT INTO \(name) VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))"
  }

  /// The statement that creates it.
  var sql: String {
    switch body {
    case .table(let constraints, let rowless):
      let lines = columns.map { "\($0.name) \($0.definition)" } + constraints
      let options = rowless ? "STRICT, WITHOUT ROWID" : "STRICT"
      return "CREATE TABLE \(name) (\n  \(lines.joined(separator: ",\n  "))\n) \(options)"
    case .view(let select):
      return "CREATE VIEW \(name) (\(columns.map(\.name).joined(separator: ", "))) AS\n\(select)"
    }
  }
}

/// The tables and views of an event log, and what `runs schema` says about them.
///
/// What decided something is stored; what follows from it is a view. Vectors are BLOBs of
/// little-endian float32; α-shaped ones are [2 cell kinds][edges][8 operations], flattened row-major.
public struct Schema: Sendable {
  /// `PRAGMA user_version`; a reader refuses one that is later than the latest.
  let version: Int
  let relations: [Relation]
  let checkpoints: Relation
  /// Whether views decode vectors.
  let hasVectors: Bool
  /// What holds for all relations.
  let remarks: String

  static let latestVersion = evaluation.version

  /// The tables and views of a kind of run.
  public static func of(_ kind: RunKind) -> Schema {
    switch kind {
    case .search: search
    case .evaluation: evaluation
    }
  }

  static let search = Schema(
    version: 1, relations: Tables.all + Views.all, checkpoints: Tables.checkpoints,
    hasVectors: true,
    remarks: """
      Vectors are BLOBs of little-endian float32; α-shaped: [2 cell kinds][edges][8 operations].
      The views decode them in plain SQL; a NaN reads as NULL there, the BLOB keeps its bits.
      """)

  static let evaluation = Schema(
    version: 2, relations: EvaluationTables.all, checkpoints: EvaluationTables.checkpoints,
    hasVectors: false, remarks: "A NaN reads as NULL.")

  func create(in db: Database) throws {
    for relation in relations { try db.execute(sql: relation.sql) }
    if hasVectors { try Float32Decoder.fill(in: db) }
    try db.execute(sql: "PRAGMA user_version = \(version)")
  }

  /// A line of the description: a column of a table or view.
  public struct Entry: Equatable, Sendable, Encodable {
    /// The table's or the view's name.
    public var relation: String
    /// Whether it follows from tables.
    public var isView: Bool
    /// Its name.
    public var column: String
    /// In SQLite's word; empty in a view.
    public var type: String
    /// With shape and unit.
    public var meaning: String
  }

  /// Every column in the order of the schema.
  public var entries: [Entry] {
    relations.flatMap { relation in
      relation.columns.map { column in
        let isView = if case .view = relation.body { true } else { false }
        let type = column.definition.prefix { $0 != " " }
        return Entry(
          relation: relation.name, isView: isView, column: column.name, type: String(type),
          meaning: column.meaning)
      }
    }
  }

  /// The description for people: every relation with its meaning, every column with its unit.
  public var description: String {
    let relations = relations.map { relation in
      let kind = if case .view = relation.body { "view" } else { "table" }
      let width = relation.columns.map(\.name.count).max() ?? 0
      let columns = relation.columns.map { column in
        "    " + column.name + String(repeating: " ", count: width - column.name.count) + "  "
          + column.meaning
      }
      return "\(kind) \(relation.name): \(relation.meaning)\n\(columns.joined(separator: "\n"))\n"
    }
    return """
      events.sqlite, schema version \(version). Steps and epochs count from 0; times are UTC, ISO 8601.
      \(remarks)


      """ + relations.joined(separator: "\n")
  }
}

import Foundation
import GRDB

/// Decodes float32 BLOBs in plain SQL, so that any SQLite tool reads the log: no extension, no function.
enum Float32Decoder {
  static let tables = [
    Relation(
      name: "byte", meaning: "the value of every byte, for the views",
      columns: [
        Column("byte", "BLOB PRIMARY KEY", "one byte"),
        Column("value", "INTEGER NOT NULL", "0 to 255"),
      ],
      body: .table(rowless: true)),
    Relation(
      name: "float32_exponent", meaning: "what an exponent field of float32 means, for the views",
      columns: [
        Column("exponent", "INTEGER PRIMARY KEY", "the 8 bits, 0 to 255"),
        Column(
          "scale", "REAL NOT NULL", "worth of the last bit of the significand; infinite at 255"),
        Column(
          "leading", "INTEGER NOT NULL", "the significand's hidden bit: 8388608, 0 for subnormals"),
      ],
      body: .table()),
  ]

  static func fill(in db: Database) throws {
    for value in 0...255 {
      try db.execute(
        sql: "INSERT INTO byte VALUES (?, ?)", arguments: [Data([UInt8(value)]), value])
      let scale =
        value == 255
        ? Double.infinity : Double(sign: .plus, exponent: max(value, 1) - 150, significand: 1)
      try db.execute(
        sql: "INSERT INTO float32_exponent VALUES (?, ?, ?)",
        arguments: [value, scale, value == 0 ? 0 : 1 << 23])
    }
  }

  /// An SQL expression: the entry at `position` (from 0) of a BLOB, exact, as REAL; NULL for NaN.
  static func entry(of blob: String, at position: String) -> String {
    func byte(_ index: Int) -> String { "substr(\(blob), 4 * \(position) + \(index + 1), 1)" }
    return """
      (SELECT CASE
          WHEN exponent = 255 AND (b2.value & 127) + b1.value + b0.value > 0 THEN NULL
          ELSE (CASE WHEN b3.value > 127 THEN -1.0 ELSE 1.0 END) * scale
            * (leading + ((b2.value & 127) << 16) + (b1.value << 8) + b0.value) END
        FROM byte b0 CROSS JOIN byte b1 CROSS JOIN byte b2 CROSS JOIN byte b3
          CROSS JOIN float32_exponent
        WHERE b0.byte = \(byte(0)) AND b1.byte = \(byte(1)) AND b2.byte = \(byte(2))
          AND b3.byte = \(byte(3)) AND exponent = ((b3.value & 127) << 1) | (b2.value >> 7))
      """
  }
}

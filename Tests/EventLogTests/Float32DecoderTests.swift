import Foundation
import GRDB
import Testing

@testable import EventLog

@Suite struct Float32DecoderTests {
  /// Every exponent with the extreme and two middle significands, both signs: 2,048 values.
  static let everyKindOfFloat: [Float] = (0...255).flatMap { exponent in
    [0, 1, 0x2AAAAA, 0x7FFFFF].flatMap { significand in
      [UInt32(0), 1].map { Float(bitPattern: $0 << 31 | UInt32(exponent) << 23 | significand) }
    }
  }

  @Test func blobsKeepEveryBit() throws {
    let decoded = try #require(Float32Blob.decode(Float32Blob.encode(Self.everyKindOfFloat)))
    #expect(decoded.map(\.bitPattern) == Self.everyKindOfFloat.map(\.bitPattern))
  }

  @Test func blobsAreLittleEndian() {
    #expect(Float32Blob.encode([1, -2]) == Data([0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]))
  }

  @Test func aBlobOfBrokenLengthIsRefused() {
    #expect(Float32Blob.decode(Data(count: 7)) == nil)
  }

  /// A NaN reads as NULL; everything else, −0 and subnormals included, has the bits of the BLOB.
  @Test func plainSQLReadsEveryBit() throws {
    let decoded = try DatabaseQueue().write { db in
      for table in Float32Decoder.tables { try db.execute(sql: table.sql) }
      try Float32Decoder.fill(in: db)
      return try (0..<Self.everyKindOfFloat.count).map { position in
        try Double.fetchOne(
          db, sql: "SELECT \(Float32Decoder.entry(of: ":blob", at: ":position"))",
          arguments: ["blob": Float32Blob.encode(Self.everyKindOfFloat), "position": position])
      }
    }
    for (value, read) in zip(Self.everyKindOfFloat, decoded) {
      #expect(read?.bitPattern == (value.isNaN ? nil : Double(value).bitPattern), "\(value)")
    }
  }
}

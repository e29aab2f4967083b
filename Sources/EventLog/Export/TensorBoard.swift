import Foundation

/// Event files that TensorBoard opens: length-delimited records with masked CRC-32C, of Event messages (protobuf).
enum TensorBoard {
  /// One number of a curve.
  struct Scalar {
    var tag: String
    var value: Double
    var step: Int
  }

  /// - Parameter time: of all events, in seconds since 1970.
  static func file(_ scalars: [Scalar], time: Double) -> Data {
    var file = record(event(time: time) { $0.append(field: 3, text: "brain.Event:2") })
    for scalar in scalars {
      var value = Data()
      value.append(field: 1, text: scalar.tag)
      value.append(key: 2, wire: 5)
      value.append(littleEndian: Float(scalar.value).bitPattern)
      var summary = Data()
      summary.append(field: 1, bytes: value)
      file += record(
        event(time: time) { event in
          event.append(key: 2, wire: 0)
          event.append(varint: UInt64(scalar.step))
          event.append(field: 5, bytes: summary)
        })
    }
    return file
  }

  private static func event(time: Double, _ body: (inout Data) -> Void) -> Data {
    var event = Data()
    event.append(key: 1, wire: 1)
    event.append(littleEndian: time.bitPattern)
    body(&event)
    return event
  }

  /// Length, its checksum, data, their checksum.
  private static func record(_ data: Data) -> Data {
    var length = Data()
    length.append(littleEndian: UInt64(data.count))
    var record = length
    record.append(littleEndian: masked(CRC32C.of(length)))
    record += data
    record.append(littleEndian: masked(CRC32C.of(data)))
    return record
  }

  private static func masked(_ crc: UInt32) -> UInt32 {
    ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8
  }
}

/// The Castagnoli checksum (RFC 3720, B.4).
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
  }

  static func of(_ data: Data) -> UInt32 {
    ~data.reduce(~UInt32(0)) { crc, byte in crc >> 8 ^ table[Int((crc ^ UInt32(byte)) & 0xFF)] }
  }
}

extension Data {
  fileprivate mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Wire type 0: varint, 1: 8 bytes, 2: length first, 5: 4 bytes.
  fileprivate mutating func append(key field: Int, wire: Int) {
    append(varint: UInt64(field << 3 | wire))
  }

  fileprivate mutating func append(field: Int, bytes: Data) {
    append(key: field, wire: 2)
    append(varint: UInt64(bytes.count))
    append(bytes)
  }

  fileprivate mutating func append(field: Int, text: String) {
    append(field: field, bytes: Data(text.utf8))
  }
}

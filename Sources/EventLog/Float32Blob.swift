import Foundation

/// Vectors as BLOBs: 4 bytes per entry, IEEE 754 binary32, little-endian, bit for bit.
enum Float32Blob {
  static func encode(_ values: [Float]) -> Data {
    let bits = values.map(\.bitPattern.littleEndian)
    return unsafe bits.withUnsafeBytes { unsafe Data($0) }
  }

  /// - Returns: nil when the length is no multiple of 4.
  static func decode(_ data: Data) -> [Float]? {
    guard data.count % 4 == 0 else { return nil }
    return unsafe data.withUnsafeBytes { bytes in
      (0..<(data.count / 4)).map { index in
        let bits = unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
        return Float(bitPattern: UInt32(littleEndian: bits))
      }
    }
  }
}

import CZlib
import Foundation

/// Arrays for NumPy: `.npy` files, and `.npz` archives of them.
enum NumPy {
  /// The type of an array's entries, in NumPy's words.
  enum Values {
    case float32([Float])
    case float64([Double])
    case int64([Int])

    fileprivate var type: String {
      switch self {
      case .float32: "<f4"
      case .float64: "<f8"
      case .int64: "<i8"
      }
    }

    fileprivate var bytes: Data {
      switch self {
      case .float32(let values): Float32Blob.encode(values)
      case .float64(let values): Self.bytes(values.map(\.bitPattern.littleEndian))
      case .int64(let values): Self.bytes(values.map { UInt64(bitPattern: Int64($0)).littleEndian })
      }
    }

    private static func bytes(_ words: [UInt64]) -> Data {
      unsafe words.withUnsafeBytes { unsafe Data($0) }
    }
  }

  /// A `.npy` file, version 1.0, row-major.
  static func array(_ values: Values, shape: [Int]) -> Data {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    var header =
      "{'descr': '\(values.type)', 'fortran_order': False, 'shape': (\(extents)), }"
    // Magic, version and length take 10 bytes; the data begin at a multiple of 64.
    header += String(repeating: " ", count: (64 - (10 + header.utf8.count + 1) % 64) % 64) + "\n"
    var file = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
    file.append(contentsOf: [
      UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8),
    ])
    return file + Data(header.utf8) + values.bytes
  }

  /// A `.npz` archive: stored members of a zip file, without dates.
  static func archive(_ arrays: [(name: String, file: Data)]) -> Data {
    var (archive, directory) = (Data(), Data())
    for (name, file) in arrays {
      let member = Data("\(name).npy".utf8)
      let crc = unsafe file.withUnsafeBytes { bytes in
        unsafe crc32(0, bytes.bindMemory(to: UInt8.self).baseAddress, UInt32(file.count))
      }
      let offset = archive.count
      // Version 2.0, no flags, stored, 1980-01-01.
      var facts = Data()
      for value in [20, 0, 0, 0, 0x21] { facts.append(littleEndian: UInt16(value)) }
      for value in [UInt32(crc), UInt32(file.count), UInt32(file.count)] {
        facts.append(littleEndian: value)
      }
      facts.append(littleEndian: UInt16(member.count))
      facts.append(littleEndian: UInt16(0))
      archive.append(littleEndian: UInt32(0x0403_4B50))
      archive += facts + member + file
      directory.append(littleEndian: UInt32(0x0201_4B50))
      directory.append(littleEndian: UInt16(20))
      directory += facts
      for _ in 0..<3 { directory.append(littleEndian: UInt16(0)) }  // comment, disk, kind
      directory.append(littleEndian: UInt32(0))
      directory.append(littleEndian: UInt32(offset))
      directory += member
    }
    let start = archive.count
    archive += directory
    archive.append(littleEndian: UInt32(0x0605_4B50))
    for value in [0, 0, arrays.count, arrays.count] {
      archive.append(littleEndian: UInt16(value))
    }
    archive.append(littleEndian: UInt32(directory.count))
    archive.append(littleEndian: UInt32(start))
    archive.append(littleEndian: UInt16(0))
    return archive
  }
}

extension Data {
  mutating func append<Word: FixedWidthInteger>(littleEndian word: Word) {
    unsafe Swift.withUnsafeBytes(of: word.littleEndian) { unsafe append(contentsOf: $0) }
  }
}

import CZlib
import Foundation
import Testing

@testable import Datasets

/// A folder of its own for one test, removed with it.
final class ScratchFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and gives back its path.
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}

/// An IDX file of unsigned bytes.
func idx(_ sizes: [Int], _ values: [UInt8]) -> [UInt8] {
  let bigEndian = sizes.flatMap { size in
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
  }
  return [0, 0, 8, UInt8(sizes.count)] + bigEndian + values
}

/// A gzip file, written by zlib.
func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
  var stream = unsafe z_stream()
  try #require(
    unsafe deflateInit2_(
      &stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size)) == Z_OK)
  defer { _ = unsafe deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: bytes.count + 1024)
  let status = unsafe input.withUnsafeMutableBufferPointer { source in
    unsafe output.withUnsafeMutableBufferPointer { target in
      unsafe stream.next_in = source.baseAddress
      unsafe stream.avail_in = uInt(source.count)
      unsafe stream.next_out = target.baseAddress
      unsafe stream.avail_out = uInt(target.count)
      return unsafe deflate(&stream, Z_FINISH)
    }
  }
  try #require(status == Z_STREAM_END)
  return Array(output.prefix(unsafe Int(stream.total_out)))
}

/// The sentence of the error that `body` throws; a test fails when there is none.
func sentence(of body: () throws -> Void) throws -> String {
  "\(try #require(throws: DatasetError.self, performing: body))"
}

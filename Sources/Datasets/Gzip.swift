import CZlib
import Foundation

/// Decompression with a bound on the result, so that a small hostile file cannot fill the memory.
enum Gzip {
  static func isCompressed(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The decompressed bytes, at most `limit`.
  ///
  /// - Throws: `DatasetError.notGzip`; `.wrongSize` when there is more than `limit`.
  static func decompress(_ bytes: [UInt8], limit: Int, path: String) throws -> [UInt8] {
    var stream = unsafe z_stream()
    // 16: a gzip header is required.
    guard
      unsafe inflateInit2_(
        &stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw DatasetError.notGzip(path: path, reason: "zlib does not start") }
    defer { _ = unsafe inflateEnd(&stream) }
    // One byte more than allowed tells too much from enough.
    var output = [UInt8](repeating: 0, count: limit + 1)
    var input = bytes
    let status = unsafe input.withUnsafeMutableBufferPointer { source in
      unsafe output.withUnsafeMutableBufferPointer { target in
        unsafe stream.next_in = source.baseAddress
        unsafe stream.avail_in = uInt(source.count)
        unsafe stream.next_out = target.baseAddress
        unsafe stream.avail_out = uInt(target.count)
        return unsafe inflate(&stream, Z_FINISH)
      }
    }
    let count = unsafe Int(stream.total_out)
    if count > limit {
      throw DatasetError.wrongSize(path: path, expectedBytes: limit, foundBytes: count)
    }
    guard status == Z_STREAM_END else {
      throw DatasetError.notGzip(
        path: path, reason: status == Z_BUF_ERROR ? "it ends too early" : "it is damaged")
    }
    return Array(output.prefix(count))
  }
}

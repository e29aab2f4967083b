import CZlib
import Foundation

/// Decompression with a bound on the result, so that a small hostile file cannot fill the memory.
enum Gzip {
  static func isCompressed(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The first `count` decompressed bytes, fewer when there are no more.
  ///
  /// - Throws: `DatasetError.notGzip` when the file is damaged before that.
  static func prefix(of bytes: [UInt8], count: Int, path: String) throws -> [UInt8] {
    let (output, status) = try inflated(bytes, capacity: count, path: path)
    guard output.count == count || status == Z_STREAM_END else {
      throw DatasetError.notGzip(path: path, reason: reason(status))
    }
    return output
  }

  /// All decompressed bytes, at most `limit`.
  ///
  /// - Throws: `DatasetError.notGzip`; `.tooLong` when there is more than `limit`.
  static func decompress(_ bytes: [UInt8], limit: Int, path: String) throws -> [UInt8] {
    // One byte more than allowed tells too much from enough.
    let (output, status) = try inflated(bytes, capacity: limit + 1, path: path)
    guard output.count <= limit else { throw DatasetError.tooLong(path: path, largestBytes: limit) }
    guard status == Z_STREAM_END else {
      throw DatasetError.notGzip(path: path, reason: reason(status))
    }
    return output
  }

  private static func reason(_ status: Int32) -> String {
    status == Z_BUF_ERROR || status == Z_OK ? "it ends too early" : "it is damaged"
  }

  /// What fits into `capacity`, and zlib's status after it.
  private static func inflated(_ bytes: [UInt8], capacity: Int, path: String) throws
    -> (output: [UInt8], status: Int32)
  {
    var stream = unsafe z_stream()
    // 16: a gzip header is required.
    guard
      unsafe inflateInit2_(
        &stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw DatasetError.notGzip(path: path, reason: "zlib does not start") }
    defer { _ = unsafe inflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: capacity)
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
    output.removeLast(capacity - count)
    return (output, status)
  }
}

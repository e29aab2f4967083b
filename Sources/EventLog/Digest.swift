import CXXHash
import Datasets
import Foundation
import Search

/// The hash functions: SHA-256 where no one must forge, XXH3 where vectors are large.
enum Digest {
  static func sha256(_ data: Data) -> Data { Data(SHA256Digest.bytes(of: [[UInt8](data)])) }

  /// XXH3-128 in canonical (big-endian) order; 16 bytes.
  static func xxh3(_ values: [Float]) -> Data {
    let hash = unsafe values.withUnsafeBytes { unsafe XXH3_128bits($0.baseAddress, $0.count) }
    return [hash.high64, hash.low64].reduce(into: Data()) { data, word in
      unsafe withUnsafeBytes(of: word.bigEndian) { unsafe data.append(contentsOf: $0) }
    }
  }
}

/// All that a run carries from step to step, in 16 bytes: another bit anywhere gives other bytes.
public struct StateHash: Equatable, Sendable {
  let bytes: Data

  /// Hashes w, momentum, the batch norms' statistics, and whatever else a state carries.
  ///
  /// Cost: 1 ms for w and momentum of 1,930,618 entries each.
  public init(_ state: some RecordedState) { self.init(state.vectors) }

  init(bytes: Data) { self.bytes = bytes }

  /// The vectors' lengths and order count, too.
  init(_ vectors: [[Float]]) {
    var canonical = CanonicalBytes()
    for vector in vectors {
      canonical.append(vector.count)
      canonical.append(Digest.xxh3(vector))
    }
    bytes = Digest.sha256(canonical.data).prefix(16)
  }
}

/// The chain of digests: each covers the one before, a row without its times, and the state after it.
///
/// Runs of the same settings, seed and data have the same chain, whatever the machine's clock or the
/// number of threads; a row or a state that differs in one bit changes every digest that follows.
struct DigestChain {
  private(set) var digest: Data

  init(from digest: Data) { self.digest = digest }

  /// - Returns: the digest of the row.
  mutating func append(_ row: CanonicalBytes) -> Data {
    digest = Digest.sha256(digest + row.data)
    return digest
  }
}

/// A row as bytes of which no two different rows have the same: little-endian, lengths first.
///
/// Numbers count as SQLite keeps them, so that the bytes can be made again from the file: NaN is NULL,
/// −0 is 0.
public struct CanonicalBytes: Sendable {
  private(set) var data = Data()

  mutating func append(_ value: Int) { append(bits: UInt64(bitPattern: Int64(value))) }

  mutating func append(_ value: Double?) {
    let stored = value.flatMap { $0.isNaN ? nil : $0 }
    append(stored == nil ? 0 : 1)
    append(bits: ((stored ?? 0) + 0).bitPattern)
  }

  mutating func append(_ text: String) { append(Data(text.utf8)) }

  mutating func append(_ vector: [Float]) { append(Float32Blob.encode(vector)) }

  mutating func append(_ bytes: Data) {
    append(bytes.count)
    data.append(bytes)
  }

  private mutating func append(bits: UInt64) {
    unsafe withUnsafeBytes(of: bits.littleEndian) { unsafe data.append(contentsOf: $0) }
  }
}

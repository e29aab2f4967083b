import CCrypto

/// SHA-256 through OpenSSL.
public enum SHA256Digest {
  /// The 32 bytes of the digest of the pieces one after the other.
  public static func bytes(of pieces: [[UInt8]]) -> [UInt8] {
    guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory") }
    defer { unsafe EVP_MD_CTX_free(context) }
    var digest = [UInt8](repeating: 0, count: 32)
    var done = unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil)
    for piece in pieces {
      done &= unsafe piece.withUnsafeBytes { bytes in
        unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
      }
    }
    done &= unsafe digest.withUnsafeMutableBufferPointer { output in
      guard let start = output.baseAddress else { return 0 }
      return unsafe EVP_DigestFinal_ex(context, start, nil)
    }
    precondition(done == 1, "OpenSSL has no SHA-256")
    return digest
  }

  /// The same as 64 hexadecimal digits.
  public static func hex(of pieces: [[UInt8]]) -> String { hex(bytes(of: pieces)) }

  /// Two digits for each byte.
  public static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}

import CTurboJPEG
import CZlib
import Foundation
import Testing

@testable import Datasets

/// JPEG and PNG files as they come, and folders of them.
@Suite struct ImageFileTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A PNG file of 3×2 equal pixels; `type`: 0 grey, 2 RGB, 6 RGB with alpha (ISO 15948, 11.2.2).
  private func png(_ type: UInt8, bits: UInt8, pixel: [UInt8], columns: UInt8 = 3) throws -> [UInt8]
  {
    let row: [UInt8] = [0] + (0..<Int(columns)).flatMap { _ in pixel }
    let header: [UInt8] = [0, 0, 0, columns, 0, 0, 0, 2, bits, type, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
      + chunk("IDAT", try deflated(row + row)) + chunk("IEND", [])
  }

  private func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + data
    return bigEndian(UInt32(data.count)) + body
      + bigEndian(UInt32(unsafe crc32(0, body, UInt32(body.count))))
  }

  private func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private func deflated(_ bytes: [UInt8]) throws -> [UInt8] {
    var size = compressBound(UInt(bytes.count))
    var output = [UInt8](repeating: 0, count: Int(size))
    try #require(unsafe compress(&output, &size, bytes, UInt(bytes.count)) == Z_OK)
    return Array(output.prefix(Int(size)))
  }

  /// A JPEG file of 16×8 equal pixels.
  private func jpeg(_ format: TJPF, _ sampling: TJSAMP, pixel: [UInt8]) throws -> [UInt8] {
    let handle = try #require(unsafe tjInitCompress())
    defer { _ = unsafe tjDestroy(handle) }
    let pixels = (0..<128).flatMap { _ in pixel }
    var bytes: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    let status = unsafe tjCompress2(
      handle, pixels, 16, 0, 8, Int32(format.rawValue), &bytes, &size, Int32(sampling.rawValue), 90,
      0)
    defer { unsafe tjFree(bytes) }
    try #require(status == 0)
    return Array(unsafe UnsafeBufferPointer(start: bytes, count: Int(size)))
  }

  private func photograph(_ bytes: [UInt8]) throws -> Photograph {
    try Photograph(contentsOf: try folder.write(bytes, to: "image"))
  }

  private func pixels(_ pixel: [UInt8]) -> Photograph {
    Photograph(pixels: (0..<6).flatMap { _ in pixel }, rows: 2, columns: 3)
  }

  @Test func pixelsComeByRowsInRedGreenBlue() throws {
    #expect(try photograph(png(2, bits: 8, pixel: [10, 20, 30])) == pixels([10, 20, 30]))
  }

  /// 0x80 of 8 bits and 0x8080 of 16 are the same part of the largest value: 128/255 = 32896/65535.
  @Test func sixteenBitsAreTheSameShadeAsEight() throws {
    let grey = pixels([128, 128, 128])
    #expect(try photograph(png(0, bits: 8, pixel: [0x80])) == grey)
    #expect(try photograph(png(0, bits: 16, pixel: [0x80, 0x80])) == grey)
    #expect(
      try photograph(png(2, bits: 16, pixel: [10, 10, 20, 20, 30, 30])) == pixels([10, 20, 30]))
  }

  @Test func whatIsTransparentIsBlack() throws {
    #expect(try photograph(png(6, bits: 8, pixel: [10, 20, 30, 0])) == pixels([0, 0, 0]))
    #expect(try photograph(png(6, bits: 8, pixel: [10, 20, 30, 255])) == pixels([10, 20, 30]))
  }

  @Test func aGreyJPEGHasThreeEqualChannels() throws {
    let grey = try photograph(jpeg(TJPF_GRAY, TJSAMP_GRAY, pixel: [100]))
    #expect(grey.rows == 8 && grey.columns == 16)
    #expect(grey.pixels.allSatisfy { 98...102 ~= $0 })
    let channels = (0..<3).map { c in
      stride(from: c, to: grey.pixels.count, by: 3).map { grey.pixels[$0] }
    }
    #expect(channels[0] == channels[1] && channels[1] == channels[2])
  }

  @Test func whatCannotBeDecodedIsNamedWithTheReason() throws {
    let whole = try png(2, bits: 8, pixel: [1, 2, 3])
    let photo = try jpeg(TJPF_RGB, TJSAMP_444, pixel: [1, 2, 3])
    // Columns of 2^31 - 1 in the header, whose checksum is right.
    let huge =
      Array(whole.prefix(8))
      + chunk("IHDR", [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 2, 8, 2, 0, 0, 0]) + whole.dropFirst(33)
    let files: [([UInt8], String)] = [
      ([], "it is empty"), (Array("text".utf8), "it is neither JPEG nor PNG"),
      (Array(whole.dropLast(20)), ""), (Array(photo.prefix(photo.count / 2)), ""), (huge, ""),
      (try jpeg(TJPF_CMYK, TJSAMP_444, pixel: [1, 2, 3, 4]), "color conversion"),
    ]
    for (bytes, reason) in files {
      let said = try sentence { _ = try photograph(bytes) }
      #expect(said.contains("\(folder.path)/image cannot be decoded: "), "\(said)")
      #expect(reason.isEmpty || said.contains(reason), "\(said)")
    }
  }

  // MARK: - Folders

  private func write(_ text: String, to file: String) throws {
    let url = URL(filePath: "\(folder.path)/\(file)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  private func digest() throws -> String {
    try ImageFolder(folder: "\(folder.path)/set", seed: 0, batchSize: 1).sha256
  }

  /// A folder of links is the set that it links to, wherever that lies.
  @Test func theHashCoversTheSizesOfFilesBehindLinks() throws {
    for file in ["train/a/1.png", "train/b/1.png", "val/a/1.png"] {
      try write("12345", to: "set/\(file)")
    }
    let plain = try digest()
    let place = "\(folder.path)/set/train/b/1.png"
    func link(_ text: String, to file: String) throws {
      try write(text, to: file)
      try FileManager.default.removeItem(atPath: place)
      try FileManager.default.createSymbolicLink(
        atPath: place, withDestinationPath: "\(folder.path)/\(file)")
    }
    try link("abcde", to: "elsewhere/original.png")
    #expect(try digest() == plain)
    try link("abcdef", to: "elsewhere/other.png")
    #expect(try digest() != plain)
  }
}

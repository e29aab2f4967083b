import Foundation
import Testing

@testable import Datasets

@Suite struct IDXTests {
  let folder: ScratchFolder
  /// 100 images whose pixels do not compress to next to nothing.
  let uneven = idx([100, 2, 2], (0..<400).map { UInt8(truncatingIfNeeded: $0 * $0 / 3) })

  init() throws { folder = try ScratchFolder() }

  @Test func plainAndCompressedFilesHoldTheSame() throws {
    let bytes = idx([3, 2, 2], Array(1...12))
    let plain = try IDX.read(try folder.write(bytes, to: "plain"), item: [2, 2])
    let compressed = try IDX.read(try folder.write(try gzip(bytes), to: "gz"), item: [2, 2])
    #expect(plain.count == 3 && compressed.count == 3)
    #expect(Array(plain.values) == Array(1...12))
    #expect(plain.content == bytes && compressed.content == bytes)
    #expect(compressed.values == plain.values)
  }

  @Test func imagesAndLabelsBecomeASet() throws {
    let images = try folder.write(idx([3, 2, 1], [10, 11, 20, 21, 30, 31]), to: "images")
    let labels = try folder.write(idx([3], [1, 0, 1]), to: "labels")
    let (set, contents) = try IDX.imageSet(
      images: images, labels: labels, rows: 2, columns: 1, classNames: ["a", "b"])
    #expect(
      set
        == ImageSet(
          pixels: [10, 11, 20, 21, 30, 31], labels: [1, 0, 1], rows: 2, columns: 1, channels: 1,
          classNames: ["a", "b"]))
    #expect(contents.map(\.count) == [22, 11])
  }

  // MARK: - Bad input

  /// Bytes of a file, and what the sentence says between its path and the remedy.
  static let damages: [(bytes: [UInt8], said: String)] = [
    (idx([2, 2, 2], Array(1...7)), "holds 23 bytes where 24 were expected;"),
    (idx([2, 2, 2], Array(1...9)), "holds 25 bytes where 24 were expected;"),
    ([0, 0, 8], "holds 3 bytes where 16 were expected;"),
    ([], "holds 0 bytes where 16 were expected;"),
    (
      idx([2], Array(1...20)),
      "begins with 00 00 08 01 where 00 00 08 03 was expected; it is another kind of file:"
    ),
    (idx([2, 2, 3], Array(1...12)), "holds images of 2×3 where 2×2 were expected;"),
    (
      idx([0xFFFF_FFFF, 2, 2], []),
      "announces 4294967295 images where at most 60000 were expected;"
    ),
    (
      idx([1, 2, 2], .init(repeating: 0, count: 240_001)),
      "holds more than the 240016 bytes expected;"
    ),
  ]

  @Test(arguments: damages)
  func aDamagedFileIsNamedWithWhatWasFoundAndExpected(bytes: [UInt8], said: String) throws {
    let path = try folder.write(bytes, to: "images")
    #expect(
      try sentence { _ = try IDX.read(path, item: [2, 2]) }
        == "\(path) \(said) fetch it again, or set --data-dir")
  }

  @Test func aMissingFileIsNamedWithTheRemedy() throws {
    #expect(
      try sentence { _ = try IDX.read("\(folder.path)/images", item: [2, 2]) }
        == "\(folder.path)/images is not there; set --data-dir to the folder that holds it")
  }

  @Test func aCompressedFileThatEndsTooEarlyIsNotRead() throws {
    let whole = try gzip(uneven)
    // Inside the header, inside the pixels, inside the checksum at the end.
    for length in [12, whole.count / 2, whole.count - 4] {
      let path = try folder.write(Array(whole.prefix(length)), to: "images.gz")
      #expect(
        try sentence { _ = try IDX.read(path, item: [2, 2]) }
          == "\(path) cannot be decompressed: it ends too early; fetch it again, or set --data-dir",
        "\(length) of \(whole.count) bytes")
    }
  }

  @Test func aCompressedFileWithAFlippedBitIsNotRead() throws {
    var bytes = try gzip(uneven)
    bytes[bytes.count - 6] ^= 1  // in the checksum
    let path = try folder.write(bytes, to: "images.gz")
    #expect(
      try sentence { _ = try IDX.read(path, item: [2, 2]) }
        == "\(path) cannot be decompressed: it is damaged; fetch it again, or set --data-dir")
  }

  @Test func aBombIsNotInflatedBeyondWhatItAnnounces() throws {
    let bomb = try gzip(idx([2, 2, 2], [UInt8](repeating: 0, count: 10_000_000)))
    #expect(bomb.count < 20_000)
    let path = try folder.write(bomb, to: "images.gz")
    #expect(
      try sentence { _ = try IDX.read(path, item: [2, 2]) }
        == "\(path) holds more than the 24 bytes expected; fetch it again, or set --data-dir")
  }

  @Test func aLabelOutsideTheClassesIsNamedWithItsImage() throws {
    let images = try folder.write(idx([3, 1, 1], [0, 0, 0]), to: "images")
    let labels = try folder.write(idx([3], [1, 0, 2]), to: "labels")
    #expect(
      try sentence {
        _ = try IDX.imageSet(
          images: images, labels: labels, rows: 1, columns: 1, classNames: ["a", "b"])
      }
        == "\(labels) gives image 2 the label 2, but there are 2 classes; fetch it again, "
        + "or set --data-dir")
  }

  @Test func imagesAndLabelsOfDifferentNumberAreRefused() throws {
    let images = try folder.write(idx([3, 1, 1], [0, 0, 0]), to: "images")
    let labels = try folder.write(idx([2], [1, 0]), to: "labels")
    #expect(
      try sentence {
        _ = try IDX.imageSet(
          images: images, labels: labels, rows: 1, columns: 1, classNames: ["a", "b"])
      }
        == "\(images) holds 3 images but \(labels) 2 labels; fetch both again, or set --data-dir")
  }

  /// A seeded mutation test: whatever the bytes, the reader returns or throws its own error.
  @Test func noMutationOfAFileEscapesTheReader() throws {
    let whole = try gzip(idx([20, 2, 2], (0..<80).map { UInt8($0 * 3) }))
    for seed in 0..<400 {
      var bytes = whole
      for k in 0..<3 {
        bytes[(seed * 131 + k * 977 + seed * seed) % bytes.count] ^= UInt8(1 << ((seed + k) % 8))
      }
      let path = try folder.write(bytes, to: "images.gz")
      do {
        #expect(try IDX.read(path, item: [2, 2]).values.count == 80, "seed \(seed)")
      } catch is DatasetError {
      }
    }
  }
}

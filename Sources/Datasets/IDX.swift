import Foundation

/// IDX files of MNIST's kind: unsigned bytes, big-endian sizes, gzip or plain.
enum IDX {
  /// One file: its items, and the decompressed content as a whole.
  struct File {
    var count: Int
    var values: ArraySlice<UInt8>
    var content: [UInt8]
  }

  /// - Parameters:
  ///   - item: sizes behind the first: [28, 28] for images, none for labels.
  ///   - limit: the largest number of items; with it every size is bounded before anything is decompressed.
  /// - Throws: `DatasetError`.
  static func read(_ path: String, item: [Int], limit: Int = 60_000) throws -> File {
    let itemBytes = item.reduce(1, *)
    let headerBytes = 8 + 4 * item.count
    let stored = try readFile(path, largest: headerBytes + limit * itemBytes)
    let isCompressed = Gzip.isCompressed(stored)
    let header =
      isCompressed
      ? try Gzip.prefix(of: stored, count: headerBytes, path: path)
      : Array(stored.prefix(headerBytes))
    guard header.count == headerBytes else {
      throw DatasetError.wrongSize(
        path: path, expectedBytes: headerBytes, foundBytes: header.count)
    }
    let magic: [UInt8] = [0, 0, 8, UInt8(1 + item.count)]
    guard header.starts(with: magic) else {
      throw DatasetError.wrongMagic(
        path: path, expected: hex(magic[...]), found: hex(header.prefix(4)))
    }
    let sizes = (1...(1 + item.count)).map { place in
      header[(4 * place)..<(4 * place + 4)].reduce(0) { $0 << 8 | Int($1) }
    }
    guard Array(sizes.dropFirst()) == item else {
      throw DatasetError.wrongShape(path: path, expected: item, found: Array(sizes.dropFirst()))
    }
    guard sizes[0] <= limit else {
      throw DatasetError.tooManyImages(path: path, announced: sizes[0], largest: limit)
    }
    let expected = headerBytes + sizes[0] * itemBytes
    let content =
      isCompressed ? try Gzip.decompress(stored, limit: expected, path: path) : stored
    guard content.count == expected else {
      throw DatasetError.wrongSize(
        path: path, expectedBytes: expected, foundBytes: content.count)
    }
    return File(count: sizes[0], values: content[headerBytes...], content: content)
  }

  /// Images and labels that belong together, and the decompressed contents for the hash.
  static func imageSet(
    images: String, labels: String, rows: Int, columns: Int, classNames: [String]
  ) throws -> (set: ImageSet, contents: [[UInt8]]) {
    let pixels = try read(images, item: [rows, columns])
    let marks = try read(labels, item: [])
    guard pixels.count == marks.count else {
      throw DatasetError.countsDiffer(
        images: images, imageCount: pixels.count, labels: labels, labelCount: marks.count)
    }
    try check(marks.values, classes: classNames.count, path: labels)
    return (
      ImageSet(
        pixels: Array(pixels.values), labels: Array(marks.values), rows: rows, columns: columns,
        channels: 1, classNames: classNames),
      [pixels.content, marks.content]
    )
  }

  private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}

/// - Throws: `DatasetError.wrongLabel` for the first label outside the classes.
func check(_ labels: some Sequence<UInt8>, classes: Int, path: String) throws {
  for (image, label) in labels.enumerated() where Int(label) >= classes {
    throw DatasetError.wrongLabel(path: path, image: image, label: Int(label), classes: classes)
  }
}

/// Reads a whole file of at most `largest` bytes.
///
/// - Throws: `DatasetError.missing`, `.unreadable`, `.tooLong`.
func readFile(
  _ path: String, largest: Int, remedy: String = "set --data-dir to the folder that holds it"
) throws -> [UInt8] {
  guard let size = fileSize(path) else { throw DatasetError.missing(path: path, remedy: remedy) }
  guard size <= largest else { throw DatasetError.tooLong(path: path, largestBytes: largest) }
  do {
    return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  } catch {
    throw DatasetError.unreadable(path: path, reason: reason(of: error))
  }
}

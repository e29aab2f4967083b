import Foundation

/// IDX files of MNIST's kind: unsigned bytes, big-endian sizes, gzip or plain.
enum IDX {
  /// One file: its dimensions and bytes, and the decompressed content as a whole.
  struct File {
    var sizes: [Int]
    var values: ArraySlice<UInt8>
    var content: [UInt8]
  }

  /// - Parameters:
  ///   - dimensions: 3 for images, 1 for labels.
  ///   - largest: bound of the values in bytes, checked before anything is decompressed.
  /// - Throws: `DatasetError`.
  static func read(_ path: String, dimensions: Int, largest: Int = 60_000 * 28 * 28) throws -> File
  {
    let header = 4 + 4 * dimensions
    var content = try readFile(path, largest: largest + header)
    if Gzip.isCompressed(content) {
      content = try Gzip.decompress(content, limit: largest + header, path: path)
    }
    guard content.count >= header else {
      throw DatasetError.wrongSize(path: path, expectedBytes: header, foundBytes: content.count)
    }
    let magic: [UInt8] = [0, 0, 8, UInt8(dimensions)]
    guard content.starts(with: magic) else {
      throw DatasetError.wrongMagic(
        path: path, expected: hex(magic[...]), found: hex(content.prefix(4)))
    }
    let sizes = (0..<dimensions).map { d in
      content[(4 + 4 * d)..<(8 + 4 * d)].reduce(0) { $0 << 8 | Int($1) }
    }
    // Sizes of 32 bits: the product of three could overflow.
    var expected = 1
    for size in sizes {
      let (product, overflow) = expected.multipliedReportingOverflow(by: size)
      expected = overflow ? .max - header : product
    }
    guard content.count - header == expected else {
      throw DatasetError.wrongSize(
        path: path, expectedBytes: expected + header, foundBytes: content.count)
    }
    return File(sizes: sizes, values: content[header...], content: content)
  }

  /// Images and labels that belong together, and the decompressed contents for the hash.
  static func imageSet(images: String, labels: String, classNames: [String]) throws
    -> (set: ImageSet, contents: [[UInt8]])
  {
    let pixels = try read(images, dimensions: 3)
    let marks = try read(labels, dimensions: 1)
    guard pixels.sizes[0] == marks.sizes[0] else {
      throw DatasetError.countsDiffer(
        images: images, imageCount: pixels.sizes[0], labels: labels, labelCount: marks.sizes[0])
    }
    try check(marks.values, classes: classNames.count, path: labels)
    return (
      ImageSet(
        pixels: Array(pixels.values), labels: Array(marks.values), rows: pixels.sizes[1],
        columns: pixels.sizes[2], channels: 1, classNames: classNames),
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
/// - Throws: `DatasetError.missing`, `.unreadable`, `.wrongSize`.
func readFile(
  _ path: String, largest: Int, remedy: String = "set --data-dir to the folder that holds it"
) throws -> [UInt8] {
  let attributes: [FileAttributeKey: Any]
  do {
    attributes = try FileManager.default.attributesOfItem(atPath: path)
  } catch {
    throw DatasetError.missing(path: path, remedy: remedy)
  }
  if let size = attributes[.size] as? Int, size > largest {
    throw DatasetError.wrongSize(path: path, expectedBytes: largest, foundBytes: size)
  }
  do {
    return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  } catch {
    throw DatasetError.unreadable(path: path, reason: error.localizedDescription)
  }
}

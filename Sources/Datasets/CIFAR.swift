import Foundation

/// The official binary version of CIFAR-10 and CIFAR-100: records of labels and 3,072 bytes, planes of 32×32 in red,
/// green, blue.
enum CIFAR {
  /// - Parameters:
  ///   - labelBytes: 1 for CIFAR-10; 2 for CIFAR-100, coarse then fine.
  ///   - records: of each file: 10,000, or 50,000 in CIFAR-100's train.bin.
  /// - Throws: `DatasetError`.
  static func imageSet(
    files: [String], labelBytes: Int, records: Int, classNames: [String]
  ) throws -> (set: ImageSet, contents: [[UInt8]]) {
    let plane = 32 * 32
    let record = labelBytes + 3 * plane
    var pixels: [UInt8] = []
    var labels: [UInt8] = []
    var contents: [[UInt8]] = []
    pixels.reserveCapacity(files.count * records * 3 * plane)
    for path in files {
      let bytes = try readFile(
        path, largest: records * record,
        remedy: "fetch the binary version of the data set and set --data-dir to its folder")
      guard bytes.count == records * record else {
        throw DatasetError.wrongSize(
          path: path, expectedBytes: records * record, foundBytes: bytes.count)
      }
      let marks = (0..<records).map { bytes[$0 * record + labelBytes - 1] }
      try check(marks, classes: classNames.count, path: path)
      labels += marks
      for r in 0..<records {
        let first = r * record + labelBytes
        for p in 0..<plane {
          for c in 0..<3 { pixels.append(bytes[first + c * plane + p]) }
        }
      }
      contents.append(bytes)
    }
    return (
      ImageSet(
        pixels: pixels, labels: labels, rows: 32, columns: 32, channels: 3,
        classNames: classNames), contents
    )
  }
}

import Testing

@testable import Datasets

@Suite struct CIFARTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A record: its labels, then planes of red, green and blue, told apart by a constant and the place.
  private func record(_ labels: [UInt8], red: UInt8) -> [UInt8] {
    labels
      + (0..<3).flatMap { c in
        (0..<1024).map { UInt8(truncatingIfNeeded: Int(red) + 100 * c + $0 % 7) }
      }
  }

  @Test func planesBecomePixelsWithTheirChannelsTogether() throws {
    let path = try folder.write(record([1], red: 10) + record([0], red: 20), to: "a.bin")
    let (set, _) = try CIFAR.imageSet(
      files: [path], labelBytes: 1, records: 2, classNames: ["a", "b"])
    #expect(set.labels == [1, 0])
    #expect([set.rows, set.columns, set.channels, set.count] == [32, 32, 3, 2])
    for image in 0..<2 {
      for place in 0..<1024 {
        for c in 0..<3 {
          #expect(
            Int(set.pixels[(image * 1024 + place) * 3 + c]) == 10 + 10 * image + 100 * c + place % 7
          )
        }
      }
    }
  }

  @Test func filesFollowOneAnother() throws {
    let paths = try (0..<3).map {
      try folder.write(record([UInt8($0)], red: UInt8($0)), to: "\($0).bin")
    }
    let (set, contents) = try CIFAR.imageSet(
      files: paths, labelBytes: 1, records: 1, classNames: ["a", "b", "c"])
    #expect(set.labels == [0, 1, 2])
    #expect((0..<3).map { set.pixels[$0 * set.imageSize] } == [0, 1, 2])
    #expect(contents.map(\.count) == [3073, 3073, 3073])
  }

  @Test func theFineLabelOfTwoIsTaken() throws {
    let path = try folder.write(record([19, 99], red: 0), to: "train.bin")
    let names = (0..<100).map(String.init)
    let (set, _) = try CIFAR.imageSet(files: [path], labelBytes: 2, records: 1, classNames: names)
    #expect(set.labels == [99])
    #expect(Array(set.pixels.prefix(3)) == [0, 100, 200])
  }

  // MARK: - Bad input

  @Test func aWrongSizeIsNamed() throws {
    let short = try folder.write(Array(record([1], red: 0).dropLast()), to: "short.bin")
    #expect(
      try sentence(of: reading(short))
        == "\(short) holds 3072 bytes where 3073 were expected; fetch it again, or set --data-dir")
    let long = try folder.write(record([1], red: 0) + [0], to: "long.bin")
    #expect(
      try sentence(of: reading(long))
        == "\(long) holds more than the 3073 bytes expected; fetch it again, or set --data-dir")
  }

  @Test func aWrongLabelIsNamed() throws {
    let path = try folder.write(record([2], red: 0), to: "a.bin")
    #expect(
      try sentence(of: reading(path))
        == "\(path) gives image 0 the label 2, but there are 2 classes; fetch it again, "
        + "or set --data-dir")
  }

  @Test func aMissingFileIsNamedWithTheRemedy() throws {
    #expect(
      try sentence(of: reading("\(folder.path)/a.bin"))
        == "\(folder.path)/a.bin is not there; fetch the binary version of the data set and set "
        + "--data-dir to its folder")
  }

  /// Reads one file of one record.
  private func reading(_ path: String) -> () throws -> Void {
    { _ = try CIFAR.imageSet(files: [path], labelBytes: 1, records: 1, classNames: ["a", "b"]) }
  }

  /// The registry asks for the official files: five and one of 10,000 records, one and one of 50,000 and 10,000.
  @Test func theOfficialFoldersAreRead() throws {
    func constant(_ byte: UInt8, records: Int, of length: Int) -> [UInt8] {
      [UInt8](repeating: byte, count: records * length)
    }
    for k in 1...5 {
      _ = try folder.write(constant(UInt8(k), records: 10_000, of: 3073), to: "data_batch_\(k).bin")
    }
    _ = try folder.write(constant(9, records: 10_000, of: 3073), to: "test_batch.bin")
    let cifar10 = try Dataset.open("cifar10", folder: folder.path)
    #expect(cifar10.train.classNames.count == 10)
    #expect(cifar10.train.labels == (1...5).flatMap { constant($0, records: 10_000, of: 1) })
    #expect(cifar10.test.labels == constant(9, records: 10_000, of: 1))

    _ = try folder.write(constant(42, records: 50_000, of: 3074), to: "train.bin")
    _ = try folder.write(constant(99, records: 10_000, of: 3074), to: "test.bin")
    let cifar100 = try Dataset.open("cifar100", folder: folder.path)
    #expect(cifar100.train.classNames.count == 100)
    #expect(cifar100.train.labels == constant(42, records: 50_000, of: 1))
    #expect(cifar100.test.labels == constant(99, records: 10_000, of: 1))
  }
}

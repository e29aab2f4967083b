import Foundation
import Kernels
import Testing

@testable import Supernet

@Suite struct MemoryTests {
  @Test func theMemoryOfAControlGroupCounts() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: root) }
    let group = root.appending(path: "sys/fs/cgroup/user/job")
    let proc = root.appending(path: "proc/self")
    for folder in [group, proc] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    func write(_ text: String, _ path: String) throws {
      try Data(text.utf8).write(to: root.appending(path: path))
    }
    try write("MemTotal: 9 kB\nMemAvailable:    8000 kB\n", "proc/meminfo")
    try write("0::/user/job\n", "proc/self/cgroup")
    #expect(MemoryBudget.available(root: root) == 8_192_000)
    try write("max\n", "sys/fs/cgroup/user/job/memory.max")
    try write("1\n", "sys/fs/cgroup/user/job/memory.current")
    try write("5000000\n", "sys/fs/cgroup/user/memory.max")
    try write("1000000\n", "sys/fs/cgroup/user/memory.current")
    #expect(MemoryBudget.available(root: root) == 4_000_000)
    // Pages of files that were read count as used, and give way.
    try write(
      "anon 400000\nfile 600000\ninactive_file 300000\nactive_file 200000\n",
      "sys/fs/cgroup/user/memory.stat")
    #expect(MemoryBudget.available(root: root) == 4_500_000)
  }

  @Test func anArenaHoldsWhatWasAnnounced() throws {
    for (scalars, sums) in [(0, 0), (17, 9), (1 << 12, 64)] {
      let plain = try #require(Arena<PlainFloat>(scalars: scalars, sums: sums))
      #expect(
        plain.byteCount == Arena<PlainFloat>.byteCount(scalars: scalars, sums: sums)
          && plain.byteCount >= 4 * scalars + 8 * sums)
      let dual = try #require(Arena<DualDouble>(scalars: scalars, sums: sums))
      #expect(
        dual.byteCount == Arena<DualDouble>.byteCount(scalars: scalars, sums: sums)
          && dual.byteCount >= 16 * (scalars + sums))
    }
  }

  /// 40 TB that no system gives.
  @Test func anArenaThatDoesNotFitIsNone() {
    #expect(Arena<PlainFloat>(scalars: 10 << 40, sums: 0) == nil)
  }

  /// The stem alone has two planes of 10,000 · 32 · 32 · 3072 numbers, 252 GB.
  @Test func aNetworkThatDoesNotFitSaysWhatItNeeds() throws {
    let shape = SupernetShape(inputChannels: 3, imageSize: 32, channels: 1024, cells: 8)
    let net = try Supernet<Float>(shape, batchCapacity: 10_000, threads: 1)
    let error = #expect(throws: SupernetError.self) { try net.reserve(tangents: false) }
    guard case .tooLarge(let needed, let available?, 10_000) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(needed > 252_000_000_000 && available < needed)
    #expect(throws: SupernetError.self) {
      try DerivedNetwork<Float>(
        KnownGenotypes()["DARTS_V2"].genotype,
        as: DerivedShape(
          stem: .cifar, inputChannels: 3, imageSize: 32, classes: 10, channels: 1024, cells: 8),
        auxiliary: false, batchCapacity: 10_000, threads: 1)
    }
  }

  @Test func theSentenceOfATooLargeNetworkNamesNeedAndRemedy() {
    #expect(
      "\(SupernetError.tooLarge(neededBytes: 41_250_000_000, availableBytes: 6_100_000_000, batch: 400))"
        == "the network needs 41.3 GB of memory for a batch of 400, and 6.1 GB are free: "
        + "lower --batch, --channels, --cells or --nodes")
  }

  @Test(arguments: [0, -1, Int.max])
  func aBatchThatNoNetworkTakesIsRefused(batch: Int) {
    let shape = SupernetShape(inputChannels: 1, imageSize: 8, channels: 4, cells: 1)
    #expect(throws: SupernetError.impossible("--batch must be 1 to 1048576, not \(batch)")) {
      try Supernet<Float>(shape, batchCapacity: batch, threads: 1)
    }
  }
}

@Suite struct ShapeBoundsTests {
  private static let sample = SupernetShape(inputChannels: 1, imageSize: 8, channels: 4, cells: 3)

  @Test(
    arguments: [
      \SupernetShape.channels, \.cells, \.nodes, \.classes, \.inputChannels, \.imageSize,
    ] as [any WritableKeyPath<SupernetShape, Int> & Sendable], [Int.min, -1, 0, 1 << 40, Int.max])
  func shapesThatCannotBeBuiltAreNeitherValidNorDecoded(
    place: any WritableKeyPath<SupernetShape, Int> & Sendable, value: Int
  ) throws {
    var shape = Self.sample
    shape[keyPath: place] = value
    #expect(throws: SupernetError.self) { try shape.validate() }
    let json = try JSONEncoder().encode(shape)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(SupernetShape.self, from: json)
    }
  }

  @Test func aShapeSurvivesJSON() throws {
    let json = try JSONEncoder().encode(Self.sample.smoothTwin)
    #expect(
      try JSONDecoder().decode(SupernetShape.self, from: json) == Self.sample.smoothTwin)
  }
}

@Suite struct RunningStatisticsTests {
  /// One value has a mean and no variance.
  @Test func aBatchOfOneValueLeavesTheRunningStatisticsAsTheyAre() {
    var running = BatchNormStatistics<Double>(means: [1, 2, 3], variances: [4, 5, 6])
    running.absorb(BatchNormStatistics(means: [11, 7, .nan], variances: [14, .nan, .nan]))
    #expect(running == BatchNormStatistics(means: [2, 2, 3], variances: [5, 5, 6]))
  }
}

import EventLog
import Foundation
import Testing

@testable import Analysis

/// An analysis that is interrupted after any number of parts and run again ends with what one run finds, and makes no
/// part twice.
@Suite struct InterruptedAnalysisTests {
  private typealias Cancelled = () -> Bool

  /// A copy of the tiny run, so that nothing is kept with it yet.
  private func freshReplay() throws -> (folder: URL, replay: Replay) {
    let shared = try RecordedRun.shared.get().run
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    let copy = folder.appending(path: "run", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    for name in try FileManager.default.contentsOfDirectory(atPath: shared.url.path)
    where !name.hasPrefix("analysis") {
      try FileManager.default.copyItem(
        at: shared.url.appending(path: name), to: copy.appending(path: name))
    }
    return (folder, try Replay(RunFolder(copy), threads: 2))
  }

  /// What a result says, NaN and all.
  private func text(_ result: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(result), as: UTF8.self)
  }

  private struct Anything: Decodable { init(from decoder: any Decoder) {} }

  /// - Parameters:
  ///   - parts: that a whole run makes.
  ///   - isWhole: whether the whole is asked for as well, before its first part.
  private func check<Result: Encodable>(
    parts: Int, isWhole: Bool = true, kind: String,
    _ run: (Replay, @escaping Cancelled) throws -> Result
  ) throws {
    let before = isWhole ? 1 : 0
    let (folder, whole) = try freshReplay()
    defer { try? FileManager.default.removeItem(at: folder) }
    let expected = try text(run(whole) { false })
    for finished in [1, parts - 1] {
      let (folder, replay) = try freshReplay()
      defer { try? FileManager.default.removeItem(at: folder) }
      var asked = 0
      #expect(throws: CancellationError.self) {
        try run(replay) {
          asked += 1
          return asked > before + finished
        }
      }
      asked = 0
      let found = try run(replay) {
        asked += 1
        return false
      }
      #expect(asked == before + parts - finished, "\(finished) parts were kept")
      #expect(try text(found) == expected, "\(finished) parts were kept")
      // Kept now, it is not even begun again; and its parts are gone.
      #expect(try text(run(replay) { true }) == expected)
      let store = try #require(try AnalysisStore(reading: replay.reader.run))
      #expect(try store.results("\(kind), part", as: Anything.self).isEmpty)
    }
  }

  private func lastStep(_ replay: Replay) throws -> Int {
    try #require(try replay.checkpointedSteps().last)
  }

  @Test func aSweepOfTheRadius() throws {
    try check(parts: 6, kind: "epsilon") { replay, isCancelled in
      try EpsilonSweep.kept(
        replay, step: lastStep(replay), threads: 2, batches: 2, radii: [1e-3, 1e-2, 1e-1],
        isCancelled: isCancelled)
    }
  }

  @Test func aSweepOfTheUnroll() throws {
    try check(parts: 6, kind: "unroll") { replay, isCancelled in
      try UnrollSweep.kept(
        replay, step: lastStep(replay), threads: 2, batches: 2, largest: 2,
        isCancelled: isCancelled)
    }
  }

  @Test func aDescentTest() throws {
    try check(parts: 7, kind: "descent") { replay, isCancelled in
      try DescentTest.kept(
        replay, step: lastStep(replay), threads: 2, unroll: 2, batches: 2,
        isCancelled: isCancelled)
    }
  }

  @Test func aSpectrum() throws {
    try check(parts: 3, kind: "curvature") { replay, isCancelled in
      try AlphaSpectrum.kept(
        replay, step: lastStep(replay), threads: 2, batches: 2, iterations: 4,
        isCancelled: isCancelled)
    }
  }

  /// Seconds apart, which no two runs share.
  @Test func aTableOfEstimators() throws {
    let estimators = try Estimator.list("darts,neumann:1,cg:2")
    try check(parts: 6, isWhole: false, kind: "estimator") { replay, isCancelled in
      var table = try EstimatorTable.onRun(
        replay, step: lastStep(replay), threads: 2, estimators: estimators, unroll: 2, batches: 2,
        isCancelled: isCancelled)
      for index in table.rows.indices { table.rows[index].seconds = 0 }
      return table
    }
  }
}

import Foundation
import Search
import Supernet
import Testing

@testable import EventLog

/// What the views say is what was written, in this program and in the `sqlite3` shell.
@Suite struct ViewTests {
  let scratch: ScratchFolder
  let run: RunFolder
  let shape = Samples.shape

  /// Three steps, three epochs: (6,0) twice, the better one first, then (5,0).
  init() throws {
    scratch = try ScratchFolder()
    run = try RunStore(folder: scratch.url).create(name: "run")
    let writer = try Writer(creating: run, manifest: Samples.manifest(), layout: Samples.layout)
    for (number, (accuracy, n)) in [(0.75, 6), (0.5, 6), (0.25, 5)].enumerated() {
      try writer.store([.step(Samples.step(number, stepsPerEpoch: 1), nil, Samples.state)])
      let epoch = Samples.epoch(number, validAccuracy: accuracy, n: n)
      try writer.store([.epoch(epoch, Samples.state)])
    }
    try writer.finish(Samples.result())
  }

  private func rows(_ sql: String) throws -> [[QueryResult.Value]] {
    try ReadOnlySQL(run).run(sql).rows
  }

  private func reals(_ sql: String) throws -> [Double?] {
    try rows(sql).map { row in
      if case .real(let value) = row[0] { value } else { nil }
    }
  }

  private func expectSameBits(_ read: [Double?], _ written: [Float]) {
    #expect(
      read.map { $0?.bitPattern } == written.map { $0.isNaN ? nil : Double($0).bitPattern })
  }

  @Test func alphaAndItsGradientAreWhatTheStepHeld() throws {
    let step = Samples.step(2, stepsPerEpoch: 1)
    expectSameBits(try reals("SELECT value FROM alpha WHERE step = 2"), step.alpha)
    expectSameBits(try reals("SELECT gradient FROM alpha WHERE step = 2"), step.alphaGradient)
  }

  @Test func anEntryIsFoundByItsNames() throws {
    let index = shape.alphaIndex(.reduction, edge: 7, .dilConv3)
    let names = "kind = 'reduction' AND edge = 7 AND operation = 'dil_conv_3x3'"
    for step in 0..<3 {
      let record = Samples.step(step, stepsPerEpoch: 1)
      expectSameBits(
        try reals("SELECT value FROM alpha WHERE step = \(step) AND \(names)"),
        [record.alpha[index]])
      for term in record.terms {
        expectSameBits(
          try reals(
            """
            SELECT value FROM alpha_gradient_terms
            WHERE step = \(step) AND term = '\(term.name)' AND \(names)
            """), [term.gradient[index]])
      }
    }
  }

  @Test func everyLayerHasItsNorm() throws {
    let names = try rows("SELECT layer FROM gradient_norm WHERE step = 1")
    #expect(names == Samples.layout.slices.map { [.text($0.name)] })
    expectSameBits(
      try reals("SELECT value FROM gradient_norm WHERE step = 1"), Samples.step(1).gradientNorms)
  }

  @Test func noiseIsListedBySet() throws {
    #expect(
      try rows("SELECT noise_set, count(*) FROM gumbel_noise WHERE step = 0 GROUP BY 1")
        == [[.integer(0), .integer(112)], [.integer(1), .integer(112)]])
    let index = shape.alphaIndex(.reduction, edge: 3, .skipConnect)
    expectSameBits(
      try reals(
        """
        SELECT value FROM gumbel_noise WHERE step = 0 AND noise_set = 1 AND edge = 3
          AND operation = 'skip_connect' AND pass = 'weights'
        """), [Samples.step(0).samples[0].noise[index]])
  }

  @Test func theSoftmaxOfAnEpochSumsToOne() throws {
    let sums = try rows(
      "SELECT DISTINCT sum(value) FROM alpha_softmax GROUP BY epoch, kind, edge")
    #expect(sums == [[.real(1)]])
  }

  @Test func theBestEpochOfASizeIsTheFirstOfTheHighestAccuracy() throws {
    #expect(
      try rows("SELECT n, r, epoch, valid_accuracy FROM best_per_size ORDER BY n")
        == [
          [.integer(5), .integer(0), .integer(2), .real(0.25)],
          [.integer(6), .integer(0), .integer(0), .real(0.75)],
        ])
  }

  @Test func theGapAndTheTimeOfAnEpochFollow() throws {
    #expect(
      try rows("SELECT gap, seconds FROM epoch_curve WHERE epoch = 1") == [
        [.real(0.125), .real(4)]
      ])
  }

  @Test func theCostOfAStepIsListedByPhase() throws {
    #expect(
      try rows("SELECT phase, steps, mean_seconds, seconds FROM step_cost WHERE epoch = 1")
        == [
          [.text("train gradient"), .integer(1), .real(0.25), .real(0.25)],
          [.text("update"), .integer(1), .real(0.5), .real(0.5)],
        ])
  }

  @Test(.enabled("the sqlite3 shell is not installed") { ViewTests.shell != nil })
  func theStockShellReadsTheSameValues() throws {
    let shell = try #require(Self.shell)
    let sql =
      "SELECT value FROM alpha WHERE step = 0 AND kind = 'normal' AND edge = 3"
    let process = Process()
    process.executableURL = shell
    process.arguments = ["-readonly", run.logFile.path, sql]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(
      decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    let written = Samples.step(0).alpha[24..<32]
    let read = text.split(separator: "\n").map { Float($0) }
    #expect(read.map { $0?.bitPattern } == written.map(\.bitPattern))
  }

  private static var shell: URL? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { URL(filePath: "\($0)/sqlite3") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}

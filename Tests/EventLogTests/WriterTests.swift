import Foundation
import GRDB
import Search
import Testing

@testable import EventLog

@Suite struct WriterTests {
  let scratch: ScratchFolder
  let store: RunStore

  init() throws {
    scratch = try ScratchFolder()
    store = RunStore(folder: scratch.url)
  }

  private func writer(_ level: LogLevel = .step) throws -> (Writer<SearchLoop>, RunFolder) {
    let manifest = try Samples.manifest(level: level)
    let run = try store.create(name: manifest.name)
    return (try Writer(creating: run, manifest: manifest, layout: Samples.layout), run)
  }

  /// Eight steps in two epochs.
  private func finishedRun(_ level: LogLevel = .step) throws -> RunFolder {
    let (writer, run) = try writer(level)
    for number in 0..<8 {
      try writer.store([.step(Samples.step(number), nil, Samples.state)])
      if number % 4 == 3 { try writer.store([.epoch(Samples.epoch(number / 4), Samples.state)]) }
    }
    try writer.finish(Samples.result())
    return run
  }

  @Test func whatIsWrittenIsReadBackBitForBit() throws {
    let reader = try RunReader(finishedRun())
    let steps = try reader.steps()
    #expect(steps.map(\.bits) == (0..<8).map { Samples.step($0).bits })
    #expect(steps.map(\.phases) == (0..<8).map { Samples.step($0).phases })
    #expect(try reader.epochs().map(\.epoch) == [0, 1])
    #expect(
      try reader.epochs().map { $0.canonicalBytes.data }
        == [0, 1].map { Samples.epoch($0).canonicalBytes.data })
    #expect(try reader.result() == Samples.result())
    let manifest = try Manifest(contentsOf: reader.run.manifestFile)
    #expect(reader.manifest == manifest)
    #expect(manifest.configuration == (try Samples.configuration()))
  }

  @Test func aRangeOfStepsIsThatRange() throws {
    #expect(try RunReader(finishedRun()).steps(2..<5).map(\.step) == [2, 3, 4])
  }

  @Test func aLossThatIsNoNumberIsReadBackAsOne() throws {
    let (writer, run) = try writer()
    var step = Samples.step(0)
    step.trainLoss = .nan
    try writer.store([.step(step, nil, Samples.state)])
    #expect(try RunReader(run).steps().map(\.trainLoss.isNaN) == [true])
  }

  @Test(arguments: [(LogLevel.run, 0, 0), (.epoch, 0, 2), (.step, 8, 2)])
  func aLevelKeepsWhatItPromises(level: LogLevel, steps: Int, epochs: Int) throws {
    let reader = try RunReader(finishedRun(level))
    #expect(try reader.stepCount() == steps)
    #expect(try reader.epochs().count == epochs)
    #expect(try reader.result() == Samples.result())
  }

  @Test func theRunThatWasKilledHoldsEveryStepThatWasReported() throws {
    let (writer, run) = try writer()
    for number in 0..<3 { try writer.store([.step(Samples.step(number), nil, Samples.state)]) }
    let reader = try RunReader(run)
    #expect(try reader.stepCount() == 3)
    #expect(try reader.result() == nil)
    withExtendedLifetime(writer) {}
  }

  @Test func aFullDiskNamesTheLastStepAndLeavesItReadable() throws {
    let (writer, run) = try writer()
    try writer.limit(pages: 80)
    var written = 0
    let error = #expect(throws: EventLogError.self) {
      for number in 0..<100 {
        try writer.store([.step(Samples.step(number), nil, Samples.state)])
        written = number + 1
      }
    }
    #expect(written > 1)
    #expect(
      error == .diskFull(path: run.logFile.relativePath, lastStep: written - 1))
    #expect(error?.description.contains("the record holds every step up to \(written - 1)") == true)
    let reported = (0..<written).map { Samples.step($0).bits }
    #expect(try RunReader(run).steps().map(\.bits) == reported)
    // That the run failed takes less room than a step: it may still find some, and it may not.
    try? writer.fail(error ?? .diskFull(path: "", lastStep: nil))
    #expect(try RunReader(run).steps().map(\.bits) == reported)
  }

  @Test func aFinishedRunIsTwoFiles() throws {
    let run = try finishedRun()
    let files = try FileManager.default.contentsOfDirectory(atPath: run.url.path)
    #expect(files.sorted() == ["events.sqlite", "manifest.json"])
  }

  @Test func aFailedRunSaysWhyAndHasNoResult() throws {
    let (writer, run) = try writer()
    try writer.store([.step(Samples.step(0), nil, Samples.state)])
    try writer.fail(SearchError.notFiniteAtStep(term: "g1", step: 1))
    #expect(try RunReader(run).result() == nil)
    let summary = RunSummary(run)
    #expect(summary.status == .failed)
    #expect(summary.problem == "\(SearchError.notFiniteAtStep(term: "g1", step: 1))")
    #expect(!FileManager.default.fileExists(atPath: run.logFile.path + "-wal"))
  }

  @Test func aRunIsRunningUntilItEnds() throws {
    let (writer, run) = try writer()
    #expect(RunSummary(run).status == .running)
    try writer.finish(Samples.result(.interrupted))
    #expect(RunSummary(run).status == .interrupted)
  }

  @Test func aRunWhoseProcessIsGoneWasKilled() throws {
    // The operating system takes the lock back from a process that ends, as it does from a writer that is released.
    let run = try { try writer().1 }()
    #expect(RunSummary(run).status == .killed)
  }

  @Test func aListSurvivesABrokenRun() throws {
    let run = try finishedRun()
    try Data("not JSON".utf8).write(to: run.manifestFile)
    let summary = RunSummary(run)
    #expect(summary.status == .unreadable)
    #expect(summary.problem?.contains("manifest.json") == true)
  }

  @Test func theAttemptSaysHowItEnded() throws {
    let attempts = try ReadOnlySQL(finishedRun()).run(
      "SELECT attempt, outcome, ended IS NOT NULL, first_step, process FROM attempts")
    #expect(
      attempts.rows == [
        [
          .integer(0), .text("completed"), .integer(1), .integer(0),
          .integer(Int64(ProcessInfo.processInfo.processIdentifier)),
        ]
      ])
  }
}

@Suite struct ManifestTests {
  @Test func aManifestIsReadBack() throws {
    let scratch = try ScratchFolder()
    let file = scratch.url.appending(path: "manifest.json")
    let manifest = try Samples.manifest()
    try Data(manifest.json().utf8).write(to: file)
    #expect(try Manifest(contentsOf: file) == manifest)
  }

  @Test func aManifestWithoutItsSeedSaysSo() throws {
    let scratch = try ScratchFolder()
    let file = scratch.url.appending(path: "manifest.json")
    let json = try Samples.manifest().json().replacing("\"seed\" : 1", with: "\"sed\" : 1")
    try Data(json.utf8).write(to: file)
    #expect(
      throws: EventLogError.unreadableManifest(
        path: file.path, reason: "configuration.seed is missing")
    ) {
      try Manifest(contentsOf: file)
    }
  }

  /// A damaged number is told, not computed with.
  @Test(arguments: [
    ("cells", "-3", "--cells must be 1 to 100, not -3"),
    ("channels", "9000000000000000000", "--channels must be 1 to 1024, not 9000000000000000000"),
    ("nodes", "0", "--nodes must be 1 to 16, not 0"),
    ("imageSize", "-28", "the side of the images must be 1 to 2048, not -28"),
  ])
  func aManifestOfAnImpossibleNetworkSaysSo(key: String, value: String, reason: String) throws {
    let scratch = try ScratchFolder()
    let file = scratch.url.appending(path: "manifest.json")
    let json = try Samples.manifest().json()
      .replacing(try Regex("\"\(key)\" : [0-9]+"), with: "\"\(key)\" : \(value)")
    try Data(json.utf8).write(to: file)
    #expect(throws: EventLogError.unreadableManifest(path: file.path, reason: reason)) {
      try Manifest(contentsOf: file)
    }
  }

  @Test func theEnvironmentNamesWhatDecidesBits() {
    let environment = RunEnvironment.current()
    #expect(environment.sqlite.hasPrefix("3."))
    #expect(environment.glibc.hasPrefix("glibc 2."))
    #expect(environment.processor != "unknown")
    #expect(["native", "x86-64-v3", "x86-64-v4", "other"].contains(environment.cpuTarget))
  }
}

import Datasets
import Foundation
import GRDB
import Search
import Supernet
import Testing

@testable import EventLog

/// A run of two epochs of two steps, whose record something happens to.
protocol RecordedTinyRun {
  var store: RunStore { get }
  /// - Parameter limit: steps after which it is interrupted.
  func run(_ name: String, stopAfter limit: Int) throws -> RunFolder
  func resume(_ run: RunFolder, notice: (String) -> Void) throws
}

extension RecordedTinyRun {
  func run(_ name: String) throws -> RunFolder { try run(name, stopAfter: .max) }
  func resume(_ run: RunFolder) throws { try resume(run) { _ in } }
}

/// A tiny search on the shipped images, for what opens its data by name.
struct RecordedTinySearch: RecordedTinyRun {
  let scratch: ScratchFolder
  let store: RunStore

  init() throws {
    scratch = try ScratchFolder()
    store = RunStore(folder: scratch.url)
  }

  static func configuration(_ change: (inout SearchConfiguration) -> Void = { _ in }) throws
    -> SearchConfiguration
  {
    var configuration = try SearchConfiguration.preset("demo")
    configuration.trainImages = 24
    configuration.batch = 4
    configuration.epochs = 2
    configuration.stepsPerEpoch = 2
    configuration.shape.channels = 2
    configuration.shape.cells = 3
    configuration.shape.nodes = 1
    change(&configuration)
    return configuration
  }

  @discardableResult
  func run(
    _ name: String, threads: Int = 1, record: RecordOptions = .init(),
    stopAfter limit: Int = .max, _ change: (inout SearchConfiguration) -> Void = { _ in }
  ) throws -> RunFolder {
    let configuration = try Self.configuration(change)
    let loop = try SearchLoop(
      configuration, dataset: try TinyImages.dataset(), threads: threads)
    let search = try RecordedSearch(loop, name: name, in: store, record: record, threads: threads)
    var events = 0
    _ = try search.run(
      isCancelled: {
        defer { events += 1 }
        return events >= limit
      })
    return search.run
  }

  func run(_ name: String, stopAfter limit: Int) throws -> RunFolder {
    try run(name, threads: 1, stopAfter: limit)
  }

  func resume(_ run: RunFolder, notice: (String) -> Void) throws {
    let search = try RecordedSearch(
      resuming: run, dataset: try TinyImages.dataset(), threads: 1, notice: notice)
    _ = try search.run()
  }

  func resume(_ run: RunFolder, threads: Int = 1, stopAfter limit: Int = .max) throws {
    let search = try RecordedSearch(
      resuming: run, dataset: try TinyImages.dataset(), threads: threads)
    var steps = 0
    _ = try search.run(
      isCancelled: {
        defer { steps += 1 }
        return steps >= limit
      })
  }
}

/// The shipped images, opened once.
enum TinyImages {
  private static let shared = Result { try Dataset.open("fashion-mini") }
  static func dataset() throws -> Dataset { try shared.get() }
}

/// Every method on every space that it runs on.
struct MethodOnSpace: CustomTestStringConvertible {
  var method: SearchMethod
  var space: SearchSpace
  var testDescription: String { "\(method.rawValue) on \(space.rawValue)" }

  static let all = SearchMethod.allCases.flatMap { method in
    SearchSpace.allCases.map { MethodOnSpace(method: method, space: $0) }
  }.filter { $0.method != .randomSharing || $0.space == .darts }

  func apply(to configuration: inout SearchConfiguration) {
    configuration.method = method
    configuration.space = space
    configuration.unrollSteps = 2
    configuration.solverIterations = 2
  }
}

@Suite struct ReplayTests {
  let tiny: RecordedTinySearch

  init() throws { tiny = try RecordedTinySearch() }

  /// Made with one thread, interrupted in the middle of an epoch, taken up with two, replayed with one and two.
  @Test(arguments: MethodOnSpace.all)
  func anInterruptedRunEndsWithTheBitsOfOneThatWasNot(_ kind: MethodOnSpace) throws {
    let whole = try tiny.run("whole", threads: 1, kind.apply)
    let broken = try tiny.run("broken", threads: 2, stopAfter: 3, kind.apply)
    #expect(RunSummary(broken).status == .interrupted)
    #expect(Verification(broken).isWhole)
    try tiny.resume(broken, threads: 1)
    let (a, b) = (try RunReader(whole), try RunReader(broken))
    #expect(try a.digest() == b.digest())
    #expect(try a.steps().map(\.bits) == b.steps().map(\.bits))
    #expect(try b.result()?.outcome == .completed)
    for threads in [1, 2] {
      let answer = try Replay(broken, threads: threads).compare()
      #expect(answer == .identical(steps: 4, epochs: 2))
    }
    let verification = Verification(broken)
    #expect(verification.isWhole, "\(verification.findings)")
  }

  @Test(arguments: [LogLevel.run, .epoch, .step, .trace])
  func aRunOfAnyLevelIsTakenUp(level: LogLevel) throws {
    let whole = try tiny.run("whole", record: RecordOptions(level: level))
    let broken = try tiny.run("broken", record: RecordOptions(level: level), stopAfter: 1)
    #expect(Verification(broken).isWhole)
    try tiny.resume(broken, stopAfter: 2)
    #expect(Verification(broken).isWhole)
    try tiny.resume(broken)
    #expect(try RunReader(whole).digest() == RunReader(broken).digest())
    #expect(Verification(broken).isWhole)
    let attempts = try RunReader(broken).read {
      try Int.fetchAll($0, sql: "SELECT first_step FROM attempts ORDER BY attempt")
    }
    #expect(attempts == [0, 1, 3])
  }

  /// A run that was killed has steps after its last checkpoint; they are computed again.
  @Test func stepsAfterTheCheckpointAreComputedAgainAndKept() throws {
    let run = try tiny.run("run", stopAfter: 3)
    // As if the checkpoint of the interruption had not been written before the process died.
    try edit(run) {
      try $0.execute(sql: "DELETE FROM checkpoints WHERE step = 3; DELETE FROM result")
    }
    try tiny.resume(run)
    #expect(try RunReader(run).digest() == RunReader(tiny.run("whole")).digest())
    let attempts = try RunReader(run).read {
      try Int.fetchAll($0, sql: "SELECT attempt FROM steps ORDER BY step")
    }
    #expect(attempts == [0, 0, 0, 1])
  }

  /// Killed after step 3, taken up from step 2 and interrupted there: the row beyond is of the attempt before.
  @Test func anAttemptThatEndsBeforeTheOneBeforeItIsWhole() throws {
    let run = try tiny.run("run", stopAfter: 3)
    try edit(run) {
      try $0.execute(
        sql: """
          DELETE FROM checkpoints WHERE step = 3; DELETE FROM result;
          UPDATE attempts SET ended = NULL, outcome = NULL
          """)
    }
    try tiny.resume(run, stopAfter: 0)
    #expect(try RunReader(run).result()?.steps == 2 && RunReader(run).stepCount() == 3)
    let verification = Verification(run)
    #expect(verification.isWhole, "\(verification.findings)")
    try tiny.resume(run)
    #expect(try RunReader(run).digest() == RunReader(tiny.run("whole")).digest())
  }

  @Test func aRangeOfStepsHasNoStepThatIsNotRecorded() throws {
    let run = try tiny.run("run")
    let replay = try Replay(run, threads: 1)
    #expect(try replay.range(from: nil, to: nil) == 0..<4)
    #expect(try replay.range(from: 1, to: 2) == 1..<3)
    #expect(try replay.range(from: 3, to: 1).isEmpty)
    for step in [-1, 4, Int.max] {
      let error = EventLogError.noSuchStep(step, run: "run", steps: 4)
      #expect(throws: error) { try replay.range(from: step, to: nil) }
      #expect(throws: error) { try replay.range(from: nil, to: step) }
    }
  }

  @Test func aStepThatWasChangedIsNotTrusted() throws {
    let run = try tiny.run("run", stopAfter: 3)
    try edit(run) {
      try $0.execute(
        sql: """
          DELETE FROM checkpoints WHERE step = 3; DELETE FROM result;
          UPDATE steps SET train_loss = train_loss + 0.001, digest = randomblob(32) WHERE step = 2
          """)
    }
    let error = try #require(throws: EventLogError.self) { try tiny.resume(run) }
    guard case .differs(let difference, _, let environment) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(difference.step == 2 && difference.quantity == "train_loss")
    #expect(try #require(difference.relative) > 1e-5)
    #expect(environment.isEmpty)
  }

  @Test func aReplayNamesTheFirstStepAndQuantityThatDiffer() throws {
    let run = try tiny.run("run")
    try edit(run) {
      var alpha = try #require(
        try Data.fetchOne($0, sql: "SELECT alpha_gradient FROM steps WHERE step = 2"))
      alpha[3] ^= 1
      try $0.execute(
        sql: "UPDATE steps SET alpha_gradient = ? WHERE step = 2", arguments: [alpha])
    }
    guard case .differs(let difference) = try Replay(run, threads: 1).compare() else {
      Issue.record("the change was not seen")
      return
    }
    #expect(difference.step == 2 && difference.quantity == "alpha_gradient")
    #expect(difference.relative != nil)
    #expect(try Replay(run, threads: 1).compare(0..<2) == .identical(steps: 2, epochs: 1))
    #expect(!Verification(run).isWhole)
  }

  /// Identical is said of nothing that was not compared.
  @Test(arguments: LogLevel.allCases)
  func aReplayComparesTheResultAndSaysWhereNothingIsRecorded(level: LogLevel) throws {
    let run = try tiny.run("run", record: RecordOptions(level: level, checkpoints: .none))
    let replay = try Replay(run, threads: 1)
    #expect(try replay.compare() == .identical(steps: 4, epochs: 2))
    #expect(
      try replay.compare(0..<1)
        == (level < .step ? .nothingRecorded(steps: 1) : .identical(steps: 1, epochs: 0)))
    #expect(
      try replay.compare(0..<2)
        == (level < .epoch ? .nothingRecorded(steps: 2) : .identical(steps: 2, epochs: 1)))
    #expect(try replay.compare(3..<4) == .identical(steps: 1, epochs: 1))
    try edit(run) {
      try $0.execute(sql: "UPDATE result SET valid_accuracy = valid_accuracy + 0.5")
    }
    guard case .differs(let difference) = try Replay(run, threads: 1).compare() else {
      Issue.record("the change was not seen")
      return
    }
    #expect(difference.quantity == "valid_accuracy" && difference.step == nil)
  }

  @Test func anotherBuildIsNamedWhereBitsDiffer() throws {
    let run = try tiny.run("run")
    try edit(run) { try $0.execute(sql: "UPDATE steps SET state = zeroblob(16) WHERE step = 1") }
    var manifest = try Manifest(contentsOf: run.manifestFile)
    manifest.environment.processor = "Another Processor"
    let json = try manifest.json()
    try Data(json.utf8).write(to: run.manifestFile)
    try edit(run) { try $0.execute(sql: "UPDATE run SET manifest = ?", arguments: [json]) }
    guard
      case .incomparable(let difference, let environment) = try Replay(run, threads: 1).compare()
    else {
      Issue.record("the other processor was not named")
      return
    }
    #expect(difference.step == 1 && difference.relative == nil)
    #expect(environment.count == 1 && environment[0].contains("Another Processor"))
  }

  @Test func aReplayGivesWhatNoLevelStores() throws {
    let run = try tiny.run("run", record: RecordOptions(level: .trace))
    let reader = try RunReader(run)
    var seen = 0
    let visit = { (step: Replay.Step) throws -> Void in
      let traced = try #require(try reader.trace(ofStep: step.record.step))
      let vectors = try step.vectors("grad-w")
      #expect(vectors.map(\.values) == [traced.weightGradient])
      #expect(try step.vectors("alpha").map(\.values) == [step.record.alpha])
      #expect(try step.vectors("weights")[0].values.count == traced.weightGradient.count)
      seen += 1
    }
    _ = try Replay(run, threads: 2).compare(1..<3, visit: visit)
    #expect(seen == 2)
    #expect(throws: EventLogError.self) {
      try VectorDump(
        ["grad-v"], form: .npy, in: tiny.scratch.url, known: Replay.Step.quantityNames)
    }
  }

  @Test func aLogThatIsFullOfTracesGoesOnWithoutThem() throws {
    let run = try tiny.run(
      "run", record: RecordOptions(level: .trace, maxLogBytes: 100))
    let reader = try RunReader(run)
    #expect(try reader.stepCount() == 4)
    #expect(try reader.trace(ofStep: 0) == nil)
    #expect(Verification(run).isWhole)
  }

  @Test func onlyTheCheckpointsThatWereAskedForStay() throws {
    let run = try tiny.run("run", record: RecordOptions(checkpoints: .last(1)))
    let files = try FileManager.default.contentsOfDirectory(atPath: run.checkpoints.path)
    #expect(files == ["step-000004.safetensors"])
    #expect(Verification(run).isWhole)
    #expect(try Replay(run, threads: 1).compare() == .identical(steps: 4, epochs: 2))
  }

  @Test func runsAreComparedBySettingsStepsAndOutcome() throws {
    let a = try tiny.run("a", threads: 1)
    let b = try tiny.run("b", threads: 2)
    let same = try RunComparison(a, b)
    #expect(same.areSame && same.commonSteps == 4)
    #expect(same.epochs.map(\.alphaDistance) == [0, 0])
    let c = try tiny.run("c") { $0.alphaRate *= 2 }
    let other = try RunComparison(a, c)
    #expect(other.settings.map(\.name) == ["alphaRate"])
    #expect(other.firstDifference?.step == 0)
    #expect(!other.areSame)
  }

  @Test func runsThatEndElsewhereAreNotTheSame() throws {
    let whole = try tiny.run("whole")
    let three = try tiny.run("three", stopAfter: 3)
    let one = try tiny.run("one", stopAfter: 1)
    let interrupted = try RunComparison(three, one)
    #expect(interrupted.firstDifference == nil && interrupted.commonSteps == 1)
    #expect(interrupted.steps == [3, 1] && !interrupted.areSame)
    #expect(try !RunComparison(whole, three).areSame)
    #expect(try RunComparison(three, three).areSame)
    let cut = RunFolder(tiny.scratch.url.appending(path: "cut"))
    try FileManager.default.copyItem(at: whole.url, to: cut.url)
    try edit(cut) { try $0.execute(sql: "DELETE FROM result") }
    #expect(try !RunComparison(whole, cut).areSame)
  }

  /// At level `run` there is nothing but a result to compare.
  @Test func resultsAreComparedWhereNoStepIsRecorded() throws {
    let run = try tiny.run("run", record: RecordOptions(level: .run, checkpoints: .none))
    func compared(_ name: String, _ sql: String) throws -> RunComparison {
      let copy = RunFolder(tiny.scratch.url.appending(path: name))
      try FileManager.default.copyItem(at: run.url, to: copy.url)
      try edit(copy) { try $0.execute(sql: sql) }
      return try RunComparison(run, copy)
    }
    let same = try compared("same", "UPDATE result SET seconds = seconds + 1")
    #expect(same.areSame && same.haveResults)
    let accuracy = try compared("accuracy", "UPDATE result SET valid_accuracy = 0.123")
    #expect(accuracy.firstDifference?.quantity == "valid_accuracy" && !accuracy.areSame)
    let digest = try compared("digest", "UPDATE result SET digest = zeroblob(32)")
    #expect(digest.firstDifference?.quantity == "the chain of digests" && !digest.areSame)
    let killed = try compared("killed", "DELETE FROM result; UPDATE attempts SET outcome = NULL")
    #expect(!killed.isOfAnything && !killed.areSame)
  }

  @Test func aSearchThatHadEndedStaysEnded() throws {
    let run = try tiny.run("run")
    #expect(throws: EventLogError.nothingToResume(run: "run", outcome: "completed")) {
      try tiny.resume(run)
    }
  }

  /// A crash between the last epoch and the result must not make the search go on beyond its rule.
  @Test func aSearchThatHadStoppedEarlyStopsAgain() throws {
    let stops: (inout SearchConfiguration) -> Void = {
      $0.stopRule = .size(ConvolutionCounts(normal: 99, reduction: 99))
    }
    let run = try tiny.run("run", stops)
    let digest = try RunReader(run).digest()
    #expect(try RunReader(run).result()?.outcome == .stoppedEarly)
    try edit(run) { try $0.execute(sql: "DELETE FROM result") }
    try tiny.resume(run)
    #expect(try RunReader(run).digest() == digest)
    #expect(try RunReader(run).epochs().count == 1)
  }

  private func edit(_ run: RunFolder, _ body: (Database) throws -> Void) throws {
    let queue = try DatabaseQueue(path: run.logFile.path)
    try queue.write(body)
    try queue.close()
  }
}

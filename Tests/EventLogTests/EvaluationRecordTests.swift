import Datasets
import Foundation
import GRDB
import Search
import Supernet
import Testing

@testable import EventLog

/// A tiny evaluation on the shipped images, with all that a training has: cutout, drop-path, auxiliary head.
struct RecordedTinyEvaluation: RecordedTinyRun {
  let scratch: ScratchFolder
  let store: RunStore

  init() throws {
    scratch = try ScratchFolder()
    store = RunStore(folder: scratch.url)
  }

  static let genotype = """
    Genotype(normal=[('sep_conv_3x3', 0), ('max_pool_3x3', 1)], normal_concat=[2], \
    reduce=[('skip_connect', 0), ('dil_conv_3x3', 1)], reduce_concat=[2])
    """

  static func configuration(_ change: (inout TrainingConfiguration) -> Void = { _ in }) throws
    -> TrainingConfiguration
  {
    var configuration = try TrainingConfiguration.preset("demo", genotype: Genotype(genotype))
    configuration.trainImages = 150
    configuration.batch = 50
    configuration.epochs = 2
    configuration.stepsPerEpoch = 2
    configuration.shape.channels = 2
    configuration.shape.cells = 3
    configuration.dropPath = 0.3
    change(&configuration)
    return configuration
  }

  func evaluation(
    _ name: String, threads: Int = 1, record: RecordOptions = .init(),
    _ change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> RecordedEvaluation {
    let configuration = try Self.configuration(change)
    let training = try DerivedTraining(
      configuration, on: configuration.openSource(strict: true, workers: 1), threads: threads)
    return try RecordedEvaluation(
      training, name: name, in: store, record: record,
      cell: .run(name: "search", epoch: 3, digest: "ab"), threads: threads)
  }

  @discardableResult
  func run(
    _ name: String, threads: Int = 1, record: RecordOptions = .init(), stopAfter limit: Int = .max,
    _ change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> RunFolder {
    let evaluation = try evaluation(name, threads: threads, record: record, change)
    var steps = 0
    _ = try evaluation.run(
      isCancelled: {
        defer { steps += 1 }
        return steps >= limit
      })
    return evaluation.run
  }

  func run(_ name: String, stopAfter limit: Int) throws -> RunFolder {
    try run(name, threads: 1, stopAfter: limit)
  }

  func resume(_ run: RunFolder, notice: (String) -> Void) throws {
    try resume(run, threads: 1, notice: notice)
  }

  func resume(
    _ run: RunFolder, threads: Int, stopAfter limit: Int = .max,
    notice: (String) -> Void = { _ in }
  ) throws {
    let evaluation = try RecordedEvaluation(resuming: run, notice: notice) {
      try DerivedTraining.open($0, dataFolder: nil, threads: threads)
    }
    var steps = 0
    _ = try evaluation.run(
      isCancelled: {
        defer { steps += 1 }
        return steps >= limit
      })
  }
}

@Suite struct EvaluationRecordTests {
  let tiny: RecordedTinyEvaluation
  let searches: RecordedTinySearch

  init() throws {
    tiny = try RecordedTinyEvaluation()
    searches = try RecordedTinySearch()
  }

  @Test func theRecordHoldsWhatTheTrainingReported() throws {
    let evaluation = try tiny.evaluation("run")
    var steps: [TrainingStepRecord] = []
    var epochs: [TrainingEpochRecord] = []
    let result = try evaluation.run(report: { report in
      switch report {
      case .event(.step(let step, _), _): steps.append(step)
      case .event(.epoch(let epoch), _): epochs.append(epoch)
      case .notice: break
      }
    })
    let reader = try EvaluationReader(evaluation.run)
    #expect(steps.count == 4 && epochs.count == 2)
    #expect(steps.allSatisfy { $0.auxiliaryLoss != nil } && steps[2].dropPath > 0)
    #expect(try reader.steps() == steps)
    #expect(try reader.epochs() == epochs)
    #expect(try reader.result() == result)
    #expect(result.lastAccuracy == epochs.last?.testAccuracy)
    let manifest = reader.manifest
    #expect(manifest.configuration == evaluation.loop.configuration)
    #expect(manifest.configuration.shape.inputChannels == 1, "what the data decide is in it")
    #expect(manifest.cell == .run(name: "search", epoch: 3, digest: "ab"))
    let count = try NetworkCount(manifest.configuration.genotype, as: manifest.configuration.shape)
    #expect(result.parameters == count.parameters)
    #expect(RunSummary(evaluation.run).kind == .evaluation)
    #expect(RunSummary(evaluation.run).testAccuracy == result.lastAccuracy)
  }

  /// Made with two threads, interrupted in the middle of an epoch, taken up with one, replayed with one and two.
  @Test func anInterruptedEvaluationEndsWithTheBitsOfOneThatWasNot() throws {
    let whole = try tiny.run("whole", threads: 1)
    let broken = try tiny.run("broken", threads: 2, stopAfter: 3)
    #expect(RunSummary(broken).status == .interrupted)
    #expect(Verification(broken).isWhole)
    try tiny.resume(broken, threads: 1)
    let (a, b) = (try EvaluationReader(whole), try EvaluationReader(broken))
    #expect(try a.digest() == b.digest())
    #expect(
      try a.steps().map(\.canonicalBytes.data) == b.steps().map(\.canonicalBytes.data))
    for threads in [1, 2] {
      let answer = try RecordReplay<DerivedTraining>(broken, threads: threads).compare()
      #expect(answer == .identical(steps: 4, epochs: 2))
    }
    let verification = Verification(broken)
    #expect(verification.isWhole, "\(verification.findings)")
    let comparison = try RunComparison(whole, broken)
    #expect(comparison.areSame && comparison.commonSteps == 4)
  }

  @Test(arguments: LogLevel.allCases)
  func anEvaluationOfAnyLevelIsTakenUp(level: LogLevel) throws {
    let whole = try tiny.run("whole", record: RecordOptions(level: level))
    let broken = try tiny.run("broken", record: RecordOptions(level: level), stopAfter: 1)
    try tiny.resume(broken, threads: 1, stopAfter: 2)
    try tiny.resume(broken)
    #expect(try EvaluationReader(whole).digest() == EvaluationReader(broken).digest())
    #expect(Verification(broken).isWhole)
    let attempts = try ReadOnlySQL(broken).run("SELECT first_step FROM attempts ORDER BY attempt")
    #expect(attempts.rows == [[.integer(0)], [.integer(1)], [.integer(3)]])
  }

  @Test func aRecordWithoutCheckpointsIsVerifiedAndReplayedFromItsStart() throws {
    let run = try tiny.run("run", record: RecordOptions(level: .epoch, checkpoints: .none))
    #expect(!FileManager.default.fileExists(atPath: run.checkpoints.path))
    #expect(Verification(run).isWhole)
    let replay = try RecordReplay<DerivedTraining>(run, threads: 2)
    #expect(try replay.compare() == .identical(steps: 4, epochs: 2))
  }

  @Test func theBestCheckpointIsThatOfTheBestTestAccuracy() throws {
    let run = try tiny.run("run", record: RecordOptions(checkpoints: .best)) {
      $0.epochs = 6
      $0.rate = 0.2
    }
    let epochs = try EvaluationReader(run).epochs()
    let best = try #require(epochs.map(\.testAccuracy).max())
    let kept = try ReadOnlySQL(run).run("SELECT test_accuracy FROM checkpoints ORDER BY step")
    #expect(kept.rows.contains([.real(best)]))
    #expect(kept.rows.last == [.real(epochs[5].testAccuracy)] && kept.rows.count <= 2)
  }

  @Test func aReplayNamesTheFirstStepAndQuantityThatDiffer() throws {
    let run = try tiny.run("run")
    let edited = try LogDatabase.openForWriting(run.logFile)
    try edited.write {
      try $0.execute(sql: "UPDATE steps SET gradient_norm = gradient_norm * 1.5 WHERE step = 2")
    }
    try LogDatabase.closeAsOneFile(edited)
    let replay = try RecordReplay<DerivedTraining>(run, threads: 1)
    guard case .differs(let difference) = try replay.compare() else {
      Issue.record("the change was not seen")
      return
    }
    #expect(difference.step == 2 && difference.quantity == "gradient_norm")
    #expect(!Verification(run).isWhole)
  }

  @Test func aReplayGivesWhatNoLevelStores() throws {
    let run = try tiny.run("run", record: RecordOptions(level: .trace))
    let replay = try RecordReplay<DerivedTraining>(run, threads: 2)
    let names = RecordReplay<DerivedTraining>.Step.quantityNames
    let folder = tiny.scratch.url.appending(path: "vectors")
    let dump = try VectorDump(names, form: .npy, in: folder, known: names)
    let visit = { (step: RecordReplay<DerivedTraining>.Step) throws -> Void in
      let traced = try #require(try replay.reader.trace(ofStep: 1))
      #expect(try step.vectors("grad-w").map(\.values) == [traced.weightGradient])
      try dump.write(step, of: replay)
    }
    _ = try replay.compare(1..<2, visit: visit)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == names.count)
    #expect(names.count == 5)
  }

  @Test func otherImagesAreToldFromThoseOfTheRun() throws {
    let run = try tiny.run("run")
    var manifest = try RunManifest<DerivedTraining>(contentsOf: run.manifestFile)
    manifest.data.sha256 = String(repeating: "0", count: 64)
    #expect(throws: EventLogError.self) { try manifest.openSource(strict: true, workers: 1) }
  }

  // MARK: - Two kinds of record

  @Test func aSearchAndAnEvaluationAreNotTakenForEachOther() throws {
    let run = try tiny.run("run")
    let search = try searches.run("search")
    let error = EventLogError.otherKind(run: "run", found: .evaluation, needed: .search)
    #expect(throws: error) { try RunReader(run) }
    #expect(throws: error) { try Replay(run, threads: 1) }
    #expect(throws: error) { try RunComparison(search, run) }
    #expect(
      "\(error)"
        == "run is the record of an evaluation, and this needs that of a search: `milenas-lab runs list` tells them apart"
    )
    #expect(throws: EventLogError.otherKind(run: "search", found: .search, needed: .evaluation)) {
      try EvaluationReader(search)
    }
    #expect(RunSummary(search).kind == .search)
  }

  @Test func aSearchSaysNoKindAndKeepsTheFirstVersionOfItsSchema() throws {
    let run = try searches.run("search")
    let manifest = try JSONSerialization.jsonObject(with: Data(contentsOf: run.manifestFile))
    let keys = try #require(manifest as? [String: Any]).keys
    #expect(!keys.contains("kind") && !keys.contains("cell"))
    let version = try LogDatabase.openForReading(run.logFile).read {
      try Int.fetchOne($0, sql: "PRAGMA user_version")
    }
    #expect(version == 1)
  }

  /// The reference run was recorded before there were evaluations.
  @Test func aRecordOfTheFirstVersionIsStillWhole() throws {
    let checkout = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let run = RunFolder(checkout.appending(path: "runs/reference-gradient-error"))
    let verification = Verification(run)
    #expect(verification.isWhole, "\(verification.findings)")
    #expect(verification.findings.contains { $0.says.hasPrefix("covers ") })
  }

  // MARK: - Exports

  @Test func theExportsHoldTheNumbersOfTheLog() throws {
    let run = try tiny.run("run")
    let epochs = try EvaluationReader(run).epochs()
    let folder = tiny.scratch.url.appending(path: "export")
    for format in RunExport.Format.allCases { _ = try RunExport(run).write(format, to: folder) }
    func lines(_ name: String, separator: String) throws -> [String] {
      try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        .components(separatedBy: separator).filter { !$0.isEmpty }
    }
    let rows = try lines("epochs.csv", separator: "\r\n").map { $0.components(separatedBy: ",") }
    #expect(rows[0][4] == "test_accuracy" && rows.dropFirst().map(\.count) == [6, 6])
    #expect(rows.dropFirst().map { Double($0[4]) } == epochs.map(\.testAccuracy))
    #expect(try lines("steps.csv", separator: "\r\n").count == 5)
    #expect(try lines("steps.jsonl", separator: "\n").count == 4)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(files.contains("run.npz") && files.contains { $0.hasPrefix("events.out.tfevents") })
  }
}

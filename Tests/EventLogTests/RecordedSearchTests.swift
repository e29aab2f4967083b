import Datasets
import Foundation
import Search
import Testing

@testable import EventLog

@Suite(.serialized) struct RecordedSearchTests {
  let scratch: ScratchFolder
  let store: RunStore

  init() throws {
    scratch = try ScratchFolder()
    store = RunStore(folder: scratch.url)
  }

  private func search(
    _ name: String, threads: Int = 1, level: LogLevel = .step, seed: UInt64 = 1
  ) throws -> RecordedSearch {
    let loop = try SearchLoop(
      Samples.configuration(seed: seed), dataset: Samples.dataset(), threads: threads)
    return try RecordedSearch(
      loop, name: name, in: store, record: RecordOptions(level: level), threads: threads)
  }

  @Test func theRecordHoldsWhatTheLoopReported() throws {
    let search = try search("run")
    var steps: [StepRecord] = []
    var epochs: [EpochRecord] = []
    let result = try search.run(report: { report in
      switch report {
      case .event(.step(let step, _), _): steps.append(step)
      case .event(.epoch(let epoch), _): epochs.append(epoch)
      case .notice: break
      }
    })
    let reader = try RunReader(search.run)
    #expect(steps.count == result.steps && result.steps > 1)
    #expect(try reader.steps() == steps)
    #expect(try reader.epochs() == epochs)
    #expect(try reader.result() == result)
    #expect(RunSummary(search.run).status == .completed)
  }

  @Test func theThreadsDoNotChangeADigestAndTheSeedDoes() throws {
    func digest(_ name: String, threads: Int = 1, seed: UInt64 = 1) throws -> String {
      let search = try search(name, threads: threads, seed: seed)
      _ = try search.run()
      return try RunReader(search.run).digest()
    }
    let one = try digest("one")
    #expect(try one == digest("two", threads: 2))
    #expect(try one != digest("other", seed: 2))
  }

  @Test func aRecordWithoutCheckpointsIsVerifiedAndReplayedFromItsStart() throws {
    let loop = try SearchLoop(
      Samples.configuration(), dataset: Dataset.open("fashion-mini", folder: nil), threads: 1)
    let search = try RecordedSearch(
      loop, name: "run", in: store, record: RecordOptions(level: .epoch, checkpoints: .none),
      threads: 1)
    var wasThere = false
    let result = try search.run(report: { _ in
      wasThere = wasThere || FileManager.default.fileExists(atPath: search.run.checkpoints.path)
    })
    #expect(result.epochs > 1 && wasThere)
    #expect(!FileManager.default.fileExists(atPath: search.run.checkpoints.path))
    #expect(Verification(search.run).isWhole)
    #expect(
      try Replay(search.run, threads: 2).compare()
        == .identical(steps: result.steps, epochs: result.epochs))
  }

  @Test func anInterruptedSearchIsAReadableRecord() throws {
    let search = try search("run")
    var events = 0
    let result = try search.run(isCancelled: {
      defer { events += 1 }
      return events == 1
    })
    #expect(result.outcome == .interrupted)
    #expect(try RunReader(search.run).stepCount() == 1)
    #expect(RunSummary(search.run).status == .interrupted)
  }
}

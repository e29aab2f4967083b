import Kernels
import Testing

@testable import Supernet

/// Which order a phase's steps may be taken in, and that each is taken once on each sample.
@Suite struct ScheduleTests {
  /// What was done, in turn.
  private final class Log {
    var lines: [(step: String, sample: Int)] = []
    func index(_ step: String, _ sample: Int) -> Int? {
      lines.firstIndex { $0 == (step, sample) }
    }
  }

  /// The steps of a phase, taken on samples 3 ..< 3 + count.
  private func run(_ steps: [(Timing, String)], samples count: Int) -> Log {
    var script = Script<Log>()
    let plane = TermReads(TermList(plane: 0, sampleStep: 64))
    for (timing, name) in steps {
      let isActive = { (_: Log) in name != "inactive" }
      script.each(timing, reading: [plane], when: isActive) { log, context in
        log.lines.append((name, context.sample))
      }
    }
    script.barrier()
    let log = Log()
    let context = StepContext(sample: 0, sums: 0, gradients: -1, scratch: 0)
    Schedule(script.phases[0], of: log).run(3..<(3 + count), context, in: log)
    return log
  }

  private static let mixed: [(Timing, String)] = [
    (.sampleBefore, "value 0"), (.sampleBefore, "value 1"), (.inOrder, "plane"),
    (.computing, "first"), (.computing, "inactive"), (.inOrder, "pool"), (.computing, "second"),
    (.anywhere, "product 0"), (.anywhere, "product 1"), (.anywhere, "product 2"),
    (.inOrder, "last"),
  ]

  @Test(arguments: [true, false], [1, 2, 5])
  func everyActiveStepIsTakenOnceOnEachSample(computes: Bool, samples: Int) {
    let steps = Self.mixed.filter { computes || $0.0 != .computing }
    let log = run(steps, samples: samples)
    let active = steps.map(\.1).filter { $0 != "inactive" }
    #expect(log.lines.count == active.count * samples)
    for name in active {
      #expect(log.lines.filter { $0.step == name }.map(\.sample) == Array(3..<(3 + samples)))
    }
  }

  @Test(arguments: [true, false], [1, 2, 5])
  func whatASampleNeedsComesBeforeItAndInOrder(computes: Bool, samples: Int) throws {
    let steps = Self.mixed.filter { $0.1 != "inactive" && (computes || $0.0 != .computing) }
    let log = run(steps, samples: samples)
    let inOrder = steps.filter { $0.0 == .inOrder || $0.0 == .computing }.map(\.1)
    for sample in 3..<(3 + samples) {
      let values = try ["value 0", "value 1"].map { try #require(log.index($0, sample)) }
      let ordered = try inOrder.map { try #require(log.index($0, sample)) }
      #expect(values == values.sorted() && ordered == ordered.sorted())
      #expect(values[1] < ordered[0])
    }
  }

  @Test func planesAreMovedBetweenTheComputingSteps() throws {
    let log = run(Self.mixed, samples: 3)
    let first = try #require(log.index("first", 4))
    let second = try #require(log.index("second", 4))
    #expect(try (first..<second).contains(#require(log.index("product 0", 4))))
    #expect(try (first..<second).contains(#require(log.index("value 0", 5))))
    #expect(try #require(log.index("value 1", 5)) > second)
  }
}

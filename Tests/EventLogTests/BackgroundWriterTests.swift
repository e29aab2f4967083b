import Foundation
import Search
import Synchronization
import Testing

@testable import EventLog

@Suite struct BackgroundWriterTests {
  private typealias Background = BackgroundWriter<LogEntry<SearchLoop>>

  private func entry(_ number: Int) -> LogEntry<SearchLoop> {
    .step(Samples.step(number), nil, Samples.state)
  }

  @Test func entriesAreStoredOnceAndInOrder() throws {
    let stored = Mutex<[Int]>([])
    let writer = Background { entries in
      Thread.sleep(forTimeInterval: 0.001)
      stored.withLock { stored in
        for case .step(let step, _, _) in entries { stored.append(step.step) }
      }
      return []
    }
    for number in 0..<200 { try writer.submit(entry(number)) }
    try writer.drain()
    #expect(stored.withLock { $0 } == Array(0..<200))
    #expect(writer.stored == 200)
  }

  @Test func aSlowDiskMakesTheSearchWaitOnlyWhenTheQueueIsFull() throws {
    let gate = DispatchSemaphore(value: 0)
    let writer = Background { _ in
      gate.wait()
      return []
    }
    // The first batch blocks in the store; the rest of the queue takes the others without waiting.
    for number in 0..<Background.capacity { try writer.submit(entry(number)) }
    #expect(writer.stored == 0)
    for _ in 0..<Background.capacity { gate.signal() }
    try writer.drain()
    #expect(writer.stored == Background.capacity)
  }

  @Test func whatCouldNotBeStoredEndsTheSearchAndNothingFollowsIt() throws {
    let writer = Background { entries in
      if case .step(let step, _, _) = entries[0], step.step >= 3 {
        throw EventLogError.diskFull(path: "x", lastStep: 2)
      }
      return []
    }
    #expect(throws: EventLogError.diskFull(path: "x", lastStep: 2)) {
      for number in 0..<1000 {
        try writer.submit(entry(number))
        if number < 3 { try writer.drain() }
      }
    }
    #expect(throws: EventLogError.diskFull(path: "x", lastStep: 2)) { try writer.drain() }
    #expect(writer.stored == 3)
  }

  @Test func stepsOnANetworkShareATransaction() throws {
    let batches = Mutex<[Int]>([])
    let writer = Background(interval: 0.2) { entries in
      batches.withLock { $0.append(entries.count) }
      return []
    }
    for number in 0..<20 { try writer.submit(entry(number)) }
    try writer.drain()
    #expect(batches.withLock { $0 } == [20])
  }
}

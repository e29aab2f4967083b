import Dispatch
import Foundation
import Synchronization

/// Puts the record on disk beside the computation: entries queue up, and all that wait go into one transaction.
///
/// A disk that keeps up gets a transaction for each step. A slow one makes the queue grow to `capacity`, and then the
/// computation waits.
final class BackgroundWriter<Entry: Sendable>: Sendable {
  /// Entries that may wait: at level `trace` and the paper's size 0.5 GB.
  static var capacity: Int { 64 }

  private struct State {
    var waiting: [Entry] = []
    var isScheduled = false
    var stored = 0
    var notices: [String] = []
    var failure: (any Error)?
  }

  private let queue = DispatchQueue(label: "event log", qos: .utility)
  private let slots = DispatchSemaphore(value: 0)
  private let state = Mutex(State())
  private let store: @Sendable ([Entry]) throws -> [String]
  private let interval: Double

  /// - Parameters:
  ///   - interval: for how long entries are gathered for one transaction, in seconds.
  ///   - store: puts entries on disk, and is called by one thread at a time.
  init(
    interval: Double = 0, store: @escaping @Sendable ([Entry]) throws -> [String]
  ) {
    self.interval = interval
    self.store = store
    // A semaphore that dies below the value it was born with is an error of Dispatch's: this one was born with 0.
    for _ in 0..<Self.capacity { slots.signal() }
  }

  /// Queues an entry; waits while the queue is full.
  ///
  /// - Throws: what storing an earlier entry threw; nothing is stored after that.
  func submit(_ entry: Entry) throws {
    slots.wait()
    let schedules = try state.withLock { state in
      if let failure = state.failure { throw failure }
      state.waiting.append(entry)
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if schedules { queue.asyncAfter(deadline: .now() + interval) { self.storeWaiting() } }
  }

  /// How many entries are on disk.
  var stored: Int { state.withLock { $0.stored } }

  /// What happened that a user should know, each told once.
  func takeNotices() -> [String] {
    state.withLock { state in
      defer { state.notices = [] }
      return state.notices
    }
  }

  /// Waits until all that was submitted is on disk.
  ///
  /// - Throws: what storing threw.
  func drain() throws {
    queue.sync { storeWaiting() }
    try state.withLock { state in if let failure = state.failure { throw failure } }
  }

  private func storeWaiting() {
    let entries = state.withLock { state -> [Entry] in
      state.isScheduled = false
      defer { state.waiting = [] }
      return state.failure == nil ? state.waiting : []
    }
    guard !entries.isEmpty else { return }
    let outcome = Result { try store(entries) }
    state.withLock { state in
      switch outcome {
      case .success(let notices):
        state.stored += entries.count
        state.notices += notices
      case .failure(let error): state.failure = error
      }
    }
    for _ in entries { slots.signal() }
  }
}

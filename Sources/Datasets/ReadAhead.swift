import Foundation
import Synchronization

/// A pool of workers that prepare batches before they are asked for.
final class ReadAhead: Sendable {
  enum Part: Hashable {
    case train(epoch: Int)
    case test
  }
  struct Address: Hashable {
    var part: Part
    var step: Int
  }

  /// A batch on its way: images fill their places in any order.
  private final class Pending: Sendable {
    let done = DispatchGroup()
    let images: Mutex<[Result<[Float], any Error>?]>
    init(count: Int) { images = Mutex(Array(repeating: nil, count: count)) }
  }

  private let queue: OperationQueue
  private let pending = Mutex<[Address: Pending]>([:])

  init(workers: Int) {
    queue = OperationQueue()
    queue.maxConcurrentOperationCount = max(1, workers)
  }

  func holds(_ address: Address) -> Bool { pending.withLock { $0[address] != nil } }

  func start(_ address: Address, _ loads: [@Sendable () throws -> [Float]]) {
    let batch = Pending(count: loads.count)
    pending.withLock { $0[address] = batch }
    for (place, load) in loads.enumerated() {
      batch.done.enter()
      queue.addOperation {
        let image = Result { try load() }
        batch.images.withLock { $0[place] = image }
        batch.done.leave()
      }
    }
  }

  /// Forgets what an epoch that was left before its end had asked for.
  func forgetTraining(butOf epoch: Int) {
    pending.withLock { pending in
      pending = pending.filter { address, _ in
        switch address.part {
        case .train(let other): other == epoch
        case .test: true
        }
      }
    }
  }

  /// Batches that were started and not taken.
  var count: Int { pending.withLock { $0.count } }

  /// Waits for a batch that was started, and forgets it.
  func take(_ address: Address) -> [Result<[Float], any Error>] {
    guard let batch = pending.withLock({ $0.removeValue(forKey: address) }) else {
      preconditionFailure("batch \(address) was never started")
    }
    batch.done.wait()
    return batch.images.withLock { $0.compactMap { $0 } }
  }
}

import CCacheHints
import Glibc
import Synchronization

/// Workers that share the tasks of a phase: tasks in any order, so results must be kept per task.
///
/// The calling thread is worker 0. Between phases the others spin for about a millisecond (waking a sleeping
/// processor takes longer than most phases) and then sleep. One team serves one caller at a time.
public final class ThreadTeam: Sendable {
  /// Threads, the caller's among them.
  public let workers: Int
  private let shared = Shared()
  private let threads: Mutex<[pthread_t]>

  /// State that the workers see; kept alive by each of them.
  private final class Shared: Sendable {
    let generation = Atomic<Int>(0)
    let next = Atomic<Int>(0)
    let finished = Atomic<Int>(0)
    let count = Atomic<Int>(0)
    /// Address of the body of the present phase, a closure on the caller's stack; 0 ends the workers.
    let body = Atomic<UInt>(0)
    let sleepers = Atomic<Int>(0)
    nonisolated(unsafe) let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    nonisolated(unsafe) let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(wake, nil)
    }

    deinit {
      pthread_cond_destroy(wake)
      pthread_mutex_destroy(mutex)
      wake.deallocate()
      mutex.deallocate()
    }

    /// Waits for a generation after `seen`.
    func await(after seen: Int) -> Int {
      for spin in 0..<200_000 {
        let now = generation.load(ordering: .acquiring)
        if now != seen { return now }
        if spin % 1024 == 1023 { sched_yield() }
      }
      pthread_mutex_lock(mutex)
      sleepers.add(1, ordering: .sequentiallyConsistent)
      while generation.load(ordering: .sequentiallyConsistent) == seen {
        pthread_cond_wait(wake, mutex)
      }
      sleepers.subtract(1, ordering: .sequentiallyConsistent)
      pthread_mutex_unlock(mutex)
      return generation.load(ordering: .acquiring)
    }

    func begin() {
      generation.add(1, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(mutex)
      }
    }

    func work(_ body: (Int, Int) -> Void, worker: Int) {
      let count = count.load(ordering: .relaxed)
      while true {
        let task = next.add(1, ordering: .relaxed).oldValue
        if task >= count { break }
        body(task, worker)
      }
      stream_fence()
    }
  }

  private final class Start {
    let shared: Shared
    let worker: Int
    init(_ shared: Shared, _ worker: Int) {
      self.shared = shared
      self.worker = worker
    }
  }

  /// Starts the workers but the first, which is the caller.
  ///
  /// - Precondition: workers ≥ 1.
  public init(workers: Int) {
    precondition(workers >= 1, "a team of \(workers) workers")
    self.workers = workers
    var handles: [pthread_t] = []
    for worker in 1..<max(workers, 1) {
      let start = Unmanaged.passRetained(Start(shared, worker))
      var handle = pthread_t()
      let status = pthread_create(
        &handle, nil,
        { argument in
          guard let argument else { return nil }
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
          let shared = start.shared
          var seen = 0
          while true {
            seen = shared.await(after: seen)
            let address = shared.body.load(ordering: .acquiring)
            guard let body = UnsafePointer<(Int, Int) -> Void>(bitPattern: address) else {
              return nil
            }
            shared.work(body.pointee, worker: start.worker)
            shared.finished.add(1, ordering: .releasing)
          }
        }, start.toOpaque())
      precondition(status == 0, "no thread could be started: \(String(cString: strerror(status)))")
      handles.append(handle)
    }
    threads = Mutex(handles)
  }

  deinit {
    shared.body.store(0, ordering: .releasing)
    shared.begin()
    threads.withLock { for handle in $0 { pthread_join(handle, nil) } }
  }

  /// Runs `body(task, worker)` for each task in 0 ..< tasks and returns when all are done.
  public func run(_ tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    if workers == 1 || tasks <= 1 {
      for task in 0..<tasks { body(task, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { address in
        shared.count.store(tasks, ordering: .relaxed)
        shared.next.store(0, ordering: .relaxed)
        shared.finished.store(0, ordering: .relaxed)
        shared.body.store(UInt(bitPattern: address), ordering: .releasing)
        shared.begin()
        shared.work(address.pointee, worker: 0)
        var spins = 0
        while shared.finished.load(ordering: .acquiring) < workers - 1 {
          spins += 1
          if spins % 1024 == 0 { sched_yield() }
        }
      }
    }
  }
}

import Datasets
import EventLog
import Foundation
import Search

/// Runs the tasks of a study in processes of this machine, so many at a time.
///
/// Each worker is the program itself, on cores of its own, with its own log. What is done is left alone, what was begun
/// is taken up, and a worker that dies is started again from its task's last checkpoint.
public final class LocalWorkers {
  /// How many processes there are, and of which program.
  public struct Options: Sendable {
    /// The executable that each worker runs: this program itself.
    public var program: URL
    /// Processes at a time.
    public var workers: Int
    /// Threads of each worker, and cores it is bound to.
    public var threadsPerWorker: Int
    /// How often a task is taken up again after its worker died.
    public var retries = 3
    /// Where the images lie, for tasks that do not say.
    public var dataFolder: String?

    /// Options with three retries, and data looked for where the program looks.
    public init(program: URL, workers: Int, threadsPerWorker: Int) {
      (self.program, self.workers, self.threadsPerWorker) = (program, workers, threadsPerWorker)
    }
  }

  /// A task that is given up.
  public struct Failure: Equatable, Sendable {
    /// The name of its record.
    public var task: String
    /// Why it is given up.
    public var reason: String
    /// Of its log.
    public var lastLines: [String]
  }

  /// How it ended.
  public struct Outcome: Equatable, Sendable {
    /// Tasks that are done, with those that were done before.
    public var done = 0
    /// Tasks that are given up, in the order of their failing.
    public var failures: [Failure] = []
    /// Tasks that other processes work on.
    public var elsewhere: [String] = []
    /// Evaluations whose search is not done.
    public var waiting = 0
    /// Whether it was asked to stop while something was left to do.
    public var isInterrupted = false

    /// Whether every task of the study is done.
    public var isComplete: Bool {
      failures.isEmpty && elsewhere.isEmpty && waiting == 0 && !isInterrupted
    }
  }

  /// What is told while the workers run.
  public enum Report: Sendable {
    /// A worker began a task, or took up its record; `worker` counts from 0.
    case began(task: String, resumed: Bool, worker: Int)
    /// A task was done after so many seconds of this worker; `done` tasks of the study's `of` are done by now.
    case ended(task: String, seconds: Double, done: Int, of: Int)
    /// A worker died; its task is taken up again.
    case died(task: String, reason: String)
    /// A task is given up.
    case failed(Failure)
    /// Where the study stands: every two seconds, less often where reading the records takes long.
    case progress(StudyProgress)
  }

  private let folder: StudyFolder
  private let options: Options
  private let cores: [Int]
  /// Whether a task whose record says that it is at work on another machine is taken up all the same.
  private let takesOver: Bool
  private var queue: [(task: Study.Task, retries: Int)] = []
  private var pending: [Study.Evaluation]
  private var workers: [Worker] = []
  private var outcome = Outcome()

  /// Makes the folder of the study, and looks at what is done; nothing is started yet.
  ///
  /// - Parameter index: the one task that is to be run, nil for all. Whoever asks for one knows that no other machine
  ///   works on it, as a batch system does; the record's lock has the last word.
  /// - Throws: `StudyError.otherSettings`, `.notWritable`, `.noSuchTask`.
  public init(_ folder: StudyFolder, options: Options, index: Int? = nil) throws {
    (self.folder, self.options) = (folder, options)
    cores = CPUAffinity.allowed()
    takesOver = index != nil
    try folder.checkSettings()
    try folder.create()
    guard let index else {
      pending = folder.study.evaluations
      for task in folder.study.searches { try admit(task) }
      return
    }
    pending = []
    switch try folder.resolution(ofIndex: index) {
    case .task(let task): try admit(task)
    case .waiting: outcome.waiting = 1
    case .noSuchCell: break
    }
  }

  /// Runs until nothing is left that can be done, or until `isCancelled`, which is asked ten times a second.
  ///
  /// - Throws: what reading the records throws.
  public func run(isCancelled: () -> Bool = { false }, report: (Report) -> Void = { _ in }) throws
    -> Outcome
  {
    let clock = ContinuousClock()
    var nextLook = clock.now
    var wasAsked = false
    try admitEvaluations()
    while true {
      if isCancelled(), !wasAsked {
        wasAsked = true
        for worker in workers { worker.interrupt() }
      }
      if try collect(wasAsked: wasAsked, report), !wasAsked { try admitEvaluations() }
      if !wasAsked { start(report) }
      if workers.isEmpty && (wasAsked || queue.isEmpty) { break }
      if clock.now > nextLook {
        let began = clock.now
        report(.progress(try progress()))
        // Reading all records takes a while in a large study: no more than a fiftieth of the time.
        nextLook = clock.now + max(.seconds(2), (clock.now - began) * 50)
      }
      Thread.sleep(forTimeInterval: 0.1)
    }
    outcome.isInterrupted = wasAsked && !(queue.isEmpty && pending.isEmpty)
    if !pending.isEmpty { outcome.waiting += pending.count }
    return outcome
  }

  /// Where the study stands, from the records of its tasks.
  private func progress() throws -> StudyProgress {
    try StudyProgress(folder, running: workers.map(\.task.name), workers: options.workers)
  }

  private func admit(_ task: Study.Task) throws {
    switch try folder.state(of: task) {
    case .done: outcome.done += 1
    case .running where !takesOver: outcome.elsewhere.append(task.name)
    case .waiting, .begun, .running: queue.append((task, 0))
    case .unreadable(let reason): fail(task, reason) { _ in }
    case .otherSettings(let differences):
      fail(task, "its record has other settings: \(differences.joined(separator: ", "))") { _ in }
    }
  }

  private func admitEvaluations() throws {
    var left: [Study.Evaluation] = []
    for evaluation in pending {
      switch try folder.resolve(evaluation) {
      case .waiting: left.append(evaluation)
      case .noSuchCell: break
      case .task(let task): try admit(task)
      }
    }
    pending = left
  }

  private func start(_ report: (Report) -> Void) {
    while workers.count < options.workers, !queue.isEmpty {
      let (task, retries) = queue.removeFirst()
      let taken = Set(workers.map(\.place))
      let place = (0..<options.workers).first { !taken.contains($0) } ?? 0
      do {
        let resumes = try folder.canResume(task)
        let arguments = folder.arguments(
          of: task, resumes: resumes, threads: options.threadsPerWorker,
          dataFolder: options.dataFolder)
        workers.append(
          try Worker(
            task, place: place, retries: retries, program: options.program, arguments: arguments,
            log: folder.logFile(of: task.name), cores: cores(ofPlace: place)))
        report(.began(task: task.name, resumed: resumes, worker: place))
      } catch {
        fail(task, (error as? StudyError)?.description ?? reason(of: error), report)
      }
    }
  }

  private func cores(ofPlace place: Int) -> [Int] {
    let first = place * options.threadsPerWorker
    return first + options.threadsPerWorker <= cores.count
      ? Array(cores[first..<(first + options.threadsPerWorker)]) : cores
  }

  /// Takes leave of the workers that have ended.
  ///
  /// - Returns: whether there were any.
  private func collect(wasAsked: Bool, _ report: (Report) -> Void) throws -> Bool {
    let before = workers.count
    for worker in workers {
      guard let end = worker.end else { continue }
      workers.removeAll { $0 === worker }
      let task = worker.task
      let state = try folder.state(of: task)
      switch (end, state) {
      case (.exit(0), .done):
        outcome.done += 1
        report(
          .ended(
            task: task.name, seconds: (ContinuousClock().now - worker.began).inSeconds,
            done: outcome.done, of: folder.study.count))
      case (_, _) where wasAsked:
        queue.append((task, worker.retries))
      case (.signal(let number), _) where worker.retries < options.retries:
        report(.died(task: task.name, reason: "its worker was ended by signal \(number)"))
        queue.insert((task, worker.retries + 1), at: 0)
      case (.exit(130), _) where worker.retries < options.retries:
        report(.died(task: task.name, reason: "its worker was interrupted"))
        queue.insert((task, worker.retries + 1), at: 0)
      case (.signal(let number), _):
        fail(
          task, "its workers died \(worker.retries + 1) times, last by signal \(number)", report)
      case (.exit(let code), _):
        fail(task, "its worker ended with exit code \(code)", report)
      }
    }
    return workers.count < before
  }

  private func fail(_ task: Study.Task, _ reason: String, _ report: (Report) -> Void) {
    let failure = Failure(
      task: task.name, reason: reason, lastLines: folder.lastLines(of: task.name))
    outcome.failures.append(failure)
    report(.failed(failure))
  }
}

extension StudyFolder {
  /// Whether a task has a record to go on with; what a worker left that died before its manifest is removed.
  fileprivate func canResume(_ task: Study.Task) throws -> Bool {
    let run = run(of: task)
    if FileManager.default.fileExists(atPath: run.manifestFile.path) { return true }
    let left = try? FileManager.default.contentsOfDirectory(atPath: run.url.path)
    // Nothing, or the manifest under its temporary name.
    if let left, left.allSatisfy({ $0.hasPrefix(".manifest.json.") }) {
      try FileManager.default.removeItem(at: run.url)
    }
    return false
  }
}

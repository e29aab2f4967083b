import Datasets
import EventLog
import Foundation

/// A study as job arrays of Slurm: one array of searches, and one of evaluations that waits for it.
///
/// The index of an array task is the index of a task of the study. Slurm's accounting is not needed: what is done is
/// read from the run folders.
public struct SlurmArray: Sendable {
  /// What the scripts ask Slurm for.
  public struct Options: Sendable {
    /// The executable that each array task runs, by a path that is valid on the nodes.
    public var program: URL
    /// Tasks of an array that may run at once; nil for any number.
    public var parallelism: Int?
    /// As sbatch takes it: "12:00:00"; nil for the partition's own.
    public var time: String?
    /// As sbatch takes it; nil for the cluster's default.
    public var partition: String?
    /// Threads of a task, and its `--cpus-per-task`.
    public var threads = 4
    /// As sbatch takes it: "8G"; nil for the partition's own.
    public var memory: String?
    /// Seconds before the limit at which a task writes its checkpoint and is queued again.
    public var warningSeconds = 120
    /// How often a task that met its time limit is queued again.
    public var requeues = 20
    /// Further options of sbatch, each a word: "--account=lab".
    public var sbatchOptions: [String] = []
    /// Where the images lie on the nodes, for tasks that do not say.
    public var dataFolder: String?

    /// Four threads, two minutes of warning, twenty requeues, and the partition's own limits.
    public init(program: URL) { self.program = program }
  }

  /// Which tasks an array holds; the raw value names its script, "searches.sbatch".
  public enum Part: String, Codable, Sendable {
    /// The study's searches.
    case searches
    /// The study's evaluations, which begin when the searches have ended.
    case evaluations
  }

  /// One array: its script, and the tasks that it runs.
  public struct Script: Equatable, Sendable {
    /// Which part of the study it runs.
    public var part: Part
    /// Where it is written: "searches.sbatch" or "evaluations.sbatch" in the study's folder.
    public var url: URL
    /// The study's tasks that it runs, by index.
    public var indices: [Int]
    /// The whole script.
    public var text: String
  }

  private let folder: StudyFolder
  private let options: Options

  /// Nothing is written yet.
  public init(_ folder: StudyFolder, options: Options) {
    (self.folder, self.options) = (folder, options)
  }

  /// Writes a script for each part that has something left to do and is not in the queue.
  ///
  /// - Throws: `StudyError.otherSettings`, `.notWritable`.
  public func write(queue: SlurmQueue?) throws -> [Script] {
    try folder.checkSettings()
    try folder.create()
    let left = try (0..<folder.study.count).filter { index in
      if queue?.entry(ofIndex: index) != nil { return false }
      switch try folder.resolution(ofIndex: index) {
      case .noSuchCell: return false
      case .waiting: return true
      case .task(let task):
        switch try folder.state(of: task) {
        case .done: return false
        // A task that Slurm does not know was on a node that is gone; one that is at work refuses to be taken up.
        case .running: return queue != nil
        default: return true
        }
      }
    }
    let searches = left.filter { $0 < folder.study.searches.count }
    let evaluations = left.filter { $0 >= folder.study.searches.count }
    let scripts = [(Part.searches, searches), (.evaluations, evaluations)]
      .filter { !$0.1.isEmpty }
      .map { part, indices in
        Script(
          part: part, url: folder.url.appending(path: "\(part.rawValue).sbatch"), indices: indices,
          text: text(part, indices))
      }
    for script in scripts {
      do {
        try Data(script.text.utf8).write(to: script.url, options: .atomic)
      } catch {
        throw StudyError.notWritable(
          path: script.url.relativePath, reason: reason(of: error))
      }
    }
    return scripts
  }

  /// Hands the scripts to sbatch; evaluations wait for the searches, those in the queue as well.
  ///
  /// - Returns: the number of each script's job.
  /// - Throws: `StudyError.noSlurm`, `.slurmRefused`.
  public func submit(_ scripts: [Script], queue: SlurmQueue?) throws -> [String] {
    var awaited = queue?.jobs(ofIndicesBelow: folder.study.searches.count) ?? []
    return try scripts.map { script in
      var arguments = ["--parsable"]
      if script.part == .evaluations, !awaited.isEmpty {
        arguments.append("--dependency=afterany:\(awaited.joined(separator: ":"))")
      }
      guard let output = ProgramOutput(of: "sbatch", arguments + [script.url.path]) else {
        throw StudyError.noSlurm(command: "sbatch")
      }
      // "123", or "123;cluster".
      let job = output.text.split(separator: ";").first?
        .trimmingCharacters(in: .whitespacesAndNewlines)
      guard output.status == 0, let job, Int(job) != nil else {
        throw StudyError.slurmRefused(command: "sbatch", reason: output.errors)
      }
      if script.part == .searches { awaited.append(job) }
      try SlurmQueue.remember(job, of: folder)
      return job
    }
  }

  private func text(_ part: Part, _ indices: [Int]) -> String {
    let path = folder.url.standardizedFileURL.path
    let parallelism = options.parallelism.map { "%\($0)" } ?? ""
    var directives = [
      Self.directive("job-name", SlurmQueue.jobName(of: folder)),
      "--array=\(Self.ranges(indices))\(parallelism)", "--cpus-per-task=\(options.threads)",
      "--signal=B:USR1@\(options.warningSeconds)", "--requeue", "--open-mode=append",
      Self.directive(
        "output", path.replacing("%", with: "%%") + "/logs/slurm-%A_%a.out"),
    ]
    let limits = [
      ("mem", options.memory), ("time", options.time), ("partition", options.partition),
    ]
    directives += limits.compactMap { name, value in value.map { Self.directive(name, $0) } }
    directives += options.sbatchOptions
    var command = [
      options.program.path, "study", "task", path, "--threads", "\(options.threads)",
      "--max-requeues", "\(options.requeues)",
    ]
    command += options.dataFolder.map { ["--data-dir", $0] } ?? []
    return """
      #!/bin/bash
      # The \(part.rawValue) of the study \(folder.name), an array task for each that was not done.
      # Written by `milenas-lab study submit`; it may be edited and handed to sbatch again.
      \(directives.map { "#SBATCH \($0)" }.joined(separator: "\n"))

      # \(options.warningSeconds) s before the limit Slurm sends USR1 to this process: the task ends its step, writes a
      # checkpoint and is queued again, at most \(options.requeues) times. exec: so that it is this process.
      exec \(ShellWord.line(command)) --index "$SLURM_ARRAY_TASK_ID"

      """
  }

  /// An option as sbatch reads it from a script: white space, # and quotes lose their meaning between double quotes and
  /// behind backslashes (`_get_argument` in Slurm's `sbatch/opt.c`).
  static func directive(_ name: String, _ value: String) -> String {
    guard value.contains(where: { $0.isWhitespace || "#'\"\\".contains($0) }) else {
      return "--\(name)=\(value)"
    }
    let escaped = value.map { "#\"\\".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    return "--\(name)=\"\(escaped)\""
  }

  /// "0-3,7".
  static func ranges(_ indices: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for index in indices.sorted() {
      if let last = ranges.last, last.upperBound + 1 == index {
        ranges[ranges.count - 1] = last.lowerBound...index
      } else {
        ranges.append(index...index)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}

/// The tasks of a study that lie in Slurm's queue.
public struct SlurmQueue: Equatable, Sendable {
  /// One task in the queue.
  public struct Entry: Equatable, Sendable {
    /// The number of its array's job.
    public var job: String
    /// The index of the study's task.
    public var index: Int
    /// As squeue says it: "PENDING".
    public var state: String
    /// "Resources", "BeginTime", …
    public var reason: String

    var isRunning: Bool { state == "RUNNING" }
  }

  /// In squeue's order.
  public private(set) var entries: [Entry] = []

  /// The entry of one task of the study; nil when it is not in the queue.
  public func entry(ofIndex index: Int) -> Entry? { entries.first { $0.index == index } }

  /// The jobs that tasks below an index belong to, each once.
  func jobs(ofIndicesBelow count: Int) -> [String] {
    Set(entries.filter { $0.index < count }.map(\.job)).sorted()
  }

  /// Asks squeue; nil where there is none, and for a study that was never submitted.
  ///
  /// Jobs are asked for by their name: squeue takes a number that it no longer knows for an error.
  ///
  /// - Throws: `StudyError.queueUnknown` where squeue fails; `.jobsUnreadable`.
  public init?(_ folder: StudyFolder) throws {
    let jobs = try Self.jobs(of: folder)
    guard !jobs.isEmpty,
      let output = ProgramOutput(
        of: "squeue",
        [
          "--noheader", "--array", "--name=\(Self.jobName(of: folder))", "--format=%F|%K|%T|%r",
        ])
    else { return nil }
    guard output.status == 0 else {
      throw StudyError.queueUnknown(
        reason: output.errors, file: Self.file(of: folder).relativePath)
    }
    self.init(text: output.text, jobs: jobs)
  }

  /// - Parameters:
  ///   - text: lines of job, index, state and reason, between bars.
  ///   - jobs: those of the study.
  init(text: String, jobs: [String]) {
    entries = text.split(whereSeparator: \.isNewline).compactMap { line in
      let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 4, jobs.contains(fields[0]), let index = Int(fields[1]) else {
        return nil
      }
      return Entry(job: fields[0], index: index, state: fields[2], reason: fields[3])
    }
  }

  /// squeue takes names between commas.
  static func jobName(of folder: StudyFolder) -> String {
    "study-\(folder.name.replacing(",", with: "-"))"
  }

  private static func file(of folder: StudyFolder) -> URL {
    folder.url.appending(path: "slurm-jobs.txt")
  }

  /// The jobs that a study was submitted as; none where it never was.
  ///
  /// - Throws: `StudyError.jobsUnreadable`: taken for none, they would be submitted again.
  static func jobs(of folder: StudyFolder) throws -> [String] {
    let file = file(of: folder)
    guard FileManager.default.fileExists(atPath: file.path) else { return [] }
    do {
      return try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
        .map(String.init)
    } catch {
      throw StudyError.jobsUnreadable(path: file.relativePath, reason: reason(of: error))
    }
  }

  /// - Throws: `StudyError.notWritable`, `.jobsUnreadable`.
  static func remember(_ job: String, of folder: StudyFolder) throws {
    let text = try (jobs(of: folder) + [job]).joined(separator: "\n") + "\n"
    do {
      try Data(text.utf8).write(to: file(of: folder), options: .atomic)
    } catch {
      throw StudyError.notWritable(
        path: file(of: folder).relativePath, reason: reason(of: error))
    }
  }
}

/// The array task of Slurm that this process is.
public struct SlurmTask: Equatable, Sendable {
  /// "123_4".
  public var job: String
  /// How often it was queued again.
  public var restarts: Int

  /// nil outside of an array task.
  public init?(environment: [String: String] = ProcessInfo.processInfo.environment) {
    guard let job = environment["SLURM_ARRAY_JOB_ID"],
      let index = environment["SLURM_ARRAY_TASK_ID"]
    else { return nil }
    self.job = "\(job)_\(index)"
    restarts = environment["SLURM_RESTART_COUNT"].flatMap { Int($0) } ?? 0
  }

  /// Puts the task back into the queue; Slurm ends this process then.
  ///
  /// - Throws: `StudyError.noSlurm`, `.slurmRefused`, also after `limit` times.
  public func requeue(limit: Int) throws {
    guard restarts < limit else {
      throw StudyError.slurmRefused(
        command: "the task",
        reason: "it reached its time limit and was queued again \(restarts) times already; "
          + "submit the study again to go on, with a longer --time or a larger --max-requeues")
    }
    guard let output = ProgramOutput(of: "scontrol", ["requeue", job]) else {
      throw StudyError.noSlurm(command: "scontrol")
    }
    guard output.status == 0 else {
      throw StudyError.slurmRefused(command: "scontrol requeue \(job)", reason: output.errors)
    }
  }
}

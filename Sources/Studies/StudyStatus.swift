import EventLog
import Foundation

/// Where every task of a study stands: from the run folders, and from Slurm's queue where there is one.
public struct StudyStatus: Encodable, Equatable, Sendable {
  /// Where one task stands; the raw value is the word that `study status` prints.
  public enum State: String, Encodable, Sendable {
    /// Its record is complete: all epochs, or stopped early as the settings ask.
    case done
    /// A living process writes its record.
    case running
    /// It has no record; of an evaluation also: its search is not done.
    case waiting
    /// Ended by Ctrl-C or a signal after a checkpoint.
    case interrupted
    /// Ended with an error.
    case failed
    /// Its process is gone without having said that it ends.
    case killed
    /// Its record cannot be read.
    case unreadable
    /// In Slurm's queue.
    case queued
    /// A record of its name was made with other settings than the study's.
    case otherSettings = "other settings"
  }

  /// One task; values are nil where its record does not tell them.
  public struct Row: Encodable, Equatable, Sendable {
    /// The name of its record, or what it is called until its cell is known.
    public var task: String
    /// The setting it belongs to.
    public var setting: String
    /// Whether it is a search or an evaluation.
    public var command: Study.Task.Command
    /// Of the search, or of the training.
    public var seed: UInt64
    /// Where it stands.
    public var state: State
    /// Epochs recorded.
    public var epochs: Int?
    /// Epochs that its settings ask for.
    public var ofEpochs: Int?
    /// Recorded steps; nil where the log level keeps none.
    public var steps: Int?
    /// Mean over the epochs recorded.
    public var secondsPerEpoch: Double?
    /// Of a task that is running.
    public var secondsLeft: Double?
    /// Why it failed or waits.
    public var reason: String?
    /// Of the log, of a task that failed.
    public var lastLines: [String]?
  }

  /// The name of the study's folder.
  public var study: String
  /// The size of the study; nil when its file comes in one.
  public var size: String?
  /// Searches first, then evaluations, each in the order of the study.
  public var rows: [Row]

  /// How many tasks are in a state.
  public func count(of state: State) -> Int { rows.count { $0.state == state } }

  /// Reads where every task stands now.
  ///
  /// - Parameter queue: what Slurm says; nil where it is not asked.
  /// - Throws: `StudyError.twoTasksOfOneName`; what reading the records throws.
  public init(_ folder: StudyFolder, queue: SlurmQueue?) throws {
    study = folder.name
    size = folder.study.size
    rows = []
    for (index, task) in folder.study.searches.enumerated() {
      rows.append(try Self.row(task, index: index, folder, queue))
    }
    for (place, evaluation) in folder.study.evaluations.enumerated() {
      let index = folder.study.searches.count + place
      switch try folder.resolve(evaluation) {
      case .task(let task): rows.append(try Self.row(task, index: index, folder, queue))
      case .noSuchCell: break
      case .waiting:
        rows.append(
          Row(
            task: evaluation.title, setting: evaluation.setting, command: .evaluate,
            seed: evaluation.seed, state: .waiting, reason: "for \(evaluation.search)"))
      }
    }
    try folder.checkNames(rows.map(\.task))
    let speeds = Speeds(rows)
    for index in rows.indices where rows[index].state == .running {
      rows[index].secondsLeft = speeds.secondsLeft(of: rows[index])
    }
  }

  private static func row(
    _ task: Study.Task, index: Int, _ folder: StudyFolder, _ queue: SlurmQueue?
  ) throws -> Row {
    let state = try folder.state(of: task)
    var row = Row(
      task: task.name, setting: task.setting, command: task.command, seed: task.seed,
      state: State(state))
    row.ofEpochs = try folder.settings(of: task)["epochs"].flatMap { Int($0) }
    if state != .waiting, let pace = RecordPace(folder.run(of: task), of: task.command) {
      row.epochs = pace.epochs
      row.steps = pace.steps
      row.secondsPerEpoch = pace.secondsPerEpoch
    }
    switch state {
    case .begun:
      row.reason = RunSummary(folder.run(of: task)).problem
      if row.state != .interrupted { row.lastLines = folder.lastLines(of: task.name) }
    case .otherSettings(let differences): row.reason = differences.joined(separator: ", ")
    case .unreadable(let reason): row.reason = reason
    case .waiting, .running, .done: break
    }
    if let entry = queue?.entry(ofIndex: index), row.state != .running, row.state != .done {
      row.state = entry.isRunning ? .running : .queued
      row.reason = "Slurm job \(entry.job): \(entry.state.lowercased()), \(entry.reason)"
      row.lastLines = nil
    }
    return row
  }
}

extension StudyStatus.State {
  fileprivate init(_ state: TaskState) {
    self =
      switch state {
      case .waiting: .waiting
      case .running: .running
      case .done: .done
      case .otherSettings: .otherSettings
      case .unreadable: .unreadable
      case .begun(.failed): .failed
      case .begun(.killed): .killed
      case .begun: .interrupted
      }
  }
}

/// How fast a run is, by its record; nil for one that cannot be read.
struct RecordPace {
  var epochs: Int
  var steps: Int?
  var secondsPerEpoch: Double?

  init?(_ run: RunFolder, of command: Study.Task.Command) {
    let pace =
      switch command {
      case .search: try? RecordPace(RunReader(run)) { $0.trainSeconds + $0.validSeconds }
      case .evaluate: try? RecordPace(EvaluationReader(run)) { $0.trainSeconds + $0.testSeconds }
      }
    guard let pace else { return nil }
    self = pace
  }

  private init<Loop: RecordedLoop>(
    _ reader: RecordReader<Loop>, seconds: (Loop.Epoch) -> Double
  ) throws {
    let all = try reader.epochs()
    epochs = all.count
    steps = reader.manifest.logLevel >= .step ? try reader.stepCount() : nil
    if !all.isEmpty { secondsPerEpoch = all.map(seconds).reduce(0, +) / Double(all.count) }
  }
}

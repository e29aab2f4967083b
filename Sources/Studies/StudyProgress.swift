import EventLog
import Foundation

/// How far a study has come, and how long it will take.
public struct StudyProgress: Encodable, Equatable, Sendable {
  /// A task that a worker is at.
  public struct Running: Encodable, Equatable, Sendable {
    /// The name of its record.
    public var task: String
    /// Epochs done.
    public var epochs: Int
    /// Epochs it will have.
    public var of: Int
    /// Its own mean, or that of its setting or command before its first epoch ends; nil when none was measured.
    public var secondsPerEpoch: Double?
    /// Until it ends, at that pace.
    public var secondsLeft: Double?
  }

  /// Tasks that are done.
  public var done: Int
  /// With evaluations whose cells are not known yet, each size counted that the study allows.
  public var tasks: Int
  /// Tasks that this process's workers are at.
  public var running: [Running]
  /// Of all workers together; nil until an epoch of each kind of task was measured.
  public var secondsLeft: Double?

  /// - Parameter names: of the tasks that are at work.
  init(_ folder: StudyFolder, running names: [String], workers: Int) throws {
    let rows = try StudyStatus(folder, queue: nil).rows
    done = rows.count { $0.state == .done }
    tasks = rows.count
    let speeds = Speeds(rows)
    self.running = rows.filter { names.contains($0.task) }.map { row in
      let speed = speeds.secondsPerEpoch(of: row)
      return Running(
        task: row.task, epochs: row.epochs ?? 0, of: row.ofEpochs ?? 0, secondsPerEpoch: speed,
        secondsLeft: speeds.secondsLeft(of: row))
    }
    secondsLeft = speeds.secondsLeft(of: rows.filter { $0.state != .done }, workers: workers)
  }
}

/// Seconds per epoch by what was measured: the task's own, those of its setting, those of its command.
struct Speeds {
  private let bySetting: [String: Double]
  private let byCommand: [Study.Task.Command: Double]

  init(_ rows: [StudyStatus.Row]) {
    func means<Key: Hashable>(_ key: (StudyStatus.Row) -> Key) -> [Key: Double] {
      Dictionary(grouping: rows.filter { $0.secondsPerEpoch != nil }, by: key).mapValues { rows in
        rows.compactMap(\.secondsPerEpoch).reduce(0, +) / Double(rows.count)
      }
    }
    bySetting = means { "\($0.command.rawValue) \($0.setting)" }
    byCommand = means(\.command)
  }

  func secondsPerEpoch(of row: StudyStatus.Row) -> Double? {
    row.secondsPerEpoch ?? bySetting["\(row.command.rawValue) \(row.setting)"]
      ?? byCommand[row.command]
  }

  func secondsLeft(of row: StudyStatus.Row) -> Double? {
    guard let speed = secondsPerEpoch(of: row), let epochs = row.ofEpochs else { return nil }
    return speed * Double(max(0, epochs - (row.epochs ?? 0)))
  }

  /// The work shared out among workers, and never less than the longest task; nil while a kind was not measured.
  func secondsLeft(of rows: [StudyStatus.Row], workers: Int) -> Double? {
    let times = rows.map { secondsLeft(of: $0) }
    guard !times.isEmpty, !times.contains(nil) else { return nil }
    let known = times.compactMap { $0 }
    return max(known.max() ?? 0, known.reduce(0, +) / Double(max(1, workers)))
  }
}

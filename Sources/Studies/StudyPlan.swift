import Foundation

/// What is left to do of a study, and what it takes.
public struct StudyPlan: Encodable, Equatable, Sendable {
  /// Tasks that differ in nothing but seed and cell, and what one of them takes.
  public struct Row: Encodable, Equatable, Sendable {
    /// The setting, or "evaluations of" it.
    public var setting: String
    /// Whether they are searches or evaluations.
    public var command: Study.Task.Command
    /// How many there are.
    public var tasks: Int
    /// How many of them are done.
    public var done: Int
    /// Of one task, measured now.
    public var cost: TaskCost
  }

  /// The name of the study's folder.
  public var study: String
  /// The size of the study; nil when its file comes in one.
  public var size: String?
  /// One for each group with something left to do.
  public var rows: [Row]
  /// The workers that the time is estimated for.
  public var workers: WorkerPlan

  /// Of one task after another on one core, by the threads they were measured with.
  public var coreSeconds: Double {
    rows.reduce(0) {
      $0 + Double($1.tasks - $1.done) * $1.cost.seconds * Double($1.cost.threads)
    }
  }

  /// Of all that is left, by so many workers; never less than the longest task.
  public var wallSeconds: Double {
    let left = rows.filter { $0.tasks > $0.done }
    let total = left.reduce(0) { $0 + Double($1.tasks - $1.done) * $1.cost.seconds }
    return max(total / Double(workers.workers), left.map(\.cost.seconds).max() ?? 0)
  }

  /// Of the task that takes most.
  public var bytesPerWorker: Int { rows.filter { $0.tasks > $0.done }.map(\.cost.bytes).max() ?? 0 }

  /// Measures one task of each setting and evaluation that is not done.
  ///
  /// - Throws: as `TaskCost.measure`.
  public init(
    _ folder: StudyFolder, program: URL, workers: WorkerPlan, dataFolder: String?,
    report: (String) -> Void = { _ in }
  ) throws {
    (study, size) = (folder.name, folder.study.size)
    self.workers = workers
    rows = []
    let groups = try Self.groups(of: folder)
    for group in groups where group.done < group.tasks.count {
      report("measuring two steps of \(group.title)")
      rows.append(
        Row(
          setting: group.title, command: group.tasks[0].command, tasks: group.tasks.count,
          done: group.done,
          cost: try TaskCost.measure(
            group.tasks[0], of: folder, program: program, threads: workers.threadsPerWorker,
            dataFolder: dataFolder)))
    }
  }

  private struct Group {
    var title: String
    var tasks: [Study.Task]
    var done: Int
  }

  /// Tasks that differ in nothing but seed and cell.
  private static func groups(of folder: StudyFolder) throws -> [Group] {
    var groups: [Group] = []
    func add(_ task: Study.Task, title: String, isDone: Bool) {
      let index = groups.firstIndex { $0.title == title } ?? groups.count
      if index == groups.count { groups.append(Group(title: title, tasks: [], done: 0)) }
      groups[index].tasks.append(task)
      groups[index].done += isDone ? 1 : 0
    }
    for task in folder.study.searches {
      add(task, title: task.setting, isDone: try folder.state(of: task) == .done)
    }
    for evaluation in folder.study.evaluations {
      let title = "evaluations of \(evaluation.setting)"
      switch try folder.resolve(evaluation) {
      case .noSuchCell: break
      case .task(let task): add(task, title: title, isDone: try folder.state(of: task) == .done)
      case .waiting:
        add(
          Study.Task(
            name: evaluation.title, setting: evaluation.setting, seed: evaluation.seed,
            command: .evaluate, options: evaluation.options, cell: "DARTS_V2"),
          title: title, isDone: false)
      }
    }
    return groups
  }
}

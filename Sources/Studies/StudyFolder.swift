import Datasets
import EventLog
import Foundation
import Search

/// A study on disk: `runs/<study>/` with `study.yaml`, a run folder per task, and `logs/`.
///
/// It is a runs folder: `--runs-dir runs/fig2` works with every other command.
public struct StudyFolder: Sendable {
  /// The folder itself: `runs/<study>/`.
  public let url: URL
  /// The study that the folder is of, in the size that was chosen.
  public let study: Study
  let commands: StudyCommands

  static let fileName = "study.yaml"

  /// Nothing is read or written; the folder need not exist.
  public init(_ url: URL, study: Study, commands: StudyCommands) {
    (self.url, self.study, self.commands) = (url, study, commands)
  }

  /// The folder's name, which is the study's own unless another was asked for.
  public var name: String { url.lastPathComponent }
  /// The runs folder that its tasks' records lie in.
  public var store: RunStore { RunStore(folder: url) }
  var file: URL { url.appending(path: Self.fileName) }
  var logs: URL { url.appending(path: "logs", directoryHint: .isDirectory) }

  func logFile(of task: String) -> URL { logs.appending(path: "\(task).log") }

  func run(of task: Study.Task) -> RunFolder { RunFolder(url.appending(path: task.name)) }

  /// Makes the folder, and keeps the study's file in it with the size that was chosen.
  ///
  /// - Throws: `StudyError.notWritable`.
  public func create() throws {
    do {
      try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
      let text = Data(fileText.utf8)
      if (try? Data(contentsOf: file)) != text { try text.write(to: file, options: .atomic) }
    } catch {
      throw StudyError.notWritable(path: url.relativePath, reason: reason(of: error))
    }
  }

  /// The file, with a key `size` that names the size chosen.
  private var fileText: String {
    guard let size = study.size else { return study.text }
    // Lines may end as on Windows.
    var lines = study.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
    if let index = lines.firstIndex(where: { $0.hasPrefix("size:") }) {
      lines[index] = "size: \(size)"
    } else {
      let name = lines.firstIndex { $0.hasPrefix("name:") } ?? -1
      lines.insert("size: \(size)", at: name + 1)
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Tasks

  /// What an evaluation is once its search is done.
  public enum Resolution: Equatable, Sendable {
    /// The search is not done.
    case waiting
    /// The search has fewer sizes than the study allows.
    case noSuchCell
    /// The task that trains the cell, which is known now.
    case task(Study.Task)
  }

  /// Reads from the record of its search which cell an evaluation trains.
  ///
  /// - Throws: what reading the search's record throws.
  public func resolve(_ evaluation: Study.Evaluation) throws -> Resolution {
    let run = RunFolder(url.appending(path: evaluation.search))
    guard [.completed, .stoppedEarly].contains(RunSummary(run).status) else { return .waiting }
    var name = evaluation.search
    var cell = evaluation.search
    if case .ofEachSize(let place, let atMost) = evaluation.choice {
      let cells = CellChoice.bestOfEachSize(try RunReader(run).epochs(), atMost: atMost)
      guard place < cells.count else { return .noSuchCell }
      let epoch = cells[place]
      let size = "n\(epoch.normalConvolutions)r\(epoch.reductionConvolutions)"
      name = evaluation.namesSearch ? "\(name)-\(size)" : size
      cell += "@\(epoch.epoch)"
    }
    return .task(
      Study.Task(
        name: "eval-\(name)-s\(evaluation.seed)", setting: evaluation.setting,
        seed: evaluation.seed, command: .evaluate,
        options: evaluation.options, cell: cell))
  }

  /// Every task that is known by now, searches first.
  ///
  /// - Throws: `StudyError.twoTasksOfOneName`.
  public func tasks() throws -> [Study.Task] {
    let tasks =
      try study.searches
      + study.evaluations.compactMap {
        if case .task(let task) = try resolve($0) { task } else { nil }
      }
    try checkNames(tasks.map(\.name))
    return tasks
  }

  /// No two tasks may share a record.
  ///
  /// - Throws: `StudyError.twoTasksOfOneName`.
  func checkNames(_ names: [String]) throws {
    var seen: Set<String> = []
    guard let name = names.first(where: { !seen.insert($0).inserted }) else { return }
    throw StudyError.twoTasksOfOneName(.init(file: file.relativePath, line: nil), name: name)
  }

  /// Tasks that are not done, with every evaluation whose cell is not known yet.
  public func openTaskCount() throws -> Int {
    let searches = try study.searches.count { try state(of: $0) != .done }
    return try searches
      + study.evaluations.count { evaluation in
        switch try resolve(evaluation) {
        case .waiting: true
        case .noSuchCell: false
        case .task(let task): try state(of: task) != .done
        }
      }
  }

  /// The task that an index of a job array stands for; nil for a cell that there is not.
  ///
  /// - Throws: `StudyError.noSuchTask`.
  public func resolution(ofIndex index: Int) throws -> Resolution {
    guard 0..<study.count ~= index else {
      throw StudyError.noSuchTask(index: index, study: study.name, tasks: study.count)
    }
    return index < study.searches.count
      ? .task(study.searches[index])
      : try resolve(study.evaluations[index - study.searches.count])
  }

  /// What the program is called with to begin a task, or to go on with it.
  func arguments(
    of task: Study.Task, resumes: Bool, threads: Int?, dataFolder: String?, store: URL? = nil
  ) -> [String] {
    var arguments = [task.command.rawValue]
    if resumes {
      arguments += ["--resume", task.name]
    } else {
      arguments += task.arguments + ["--name", task.name]
    }
    arguments += ["--runs-dir", (store ?? url).relativePath]
    if let threads { arguments += ["--threads", "\(threads)"] }
    if let dataFolder, !(!resumes && task.options.contains("--data-dir")) {
      arguments += ["--data-dir", dataFolder]
    }
    return arguments
  }

  /// The command lines of what is not done, for other runners; evaluations only where their cells are known.
  ///
  /// - Throws: `StudyError.otherSettings`.
  public func commandLines(program: String, threads: Int?, dataFolder: String?) throws -> [String] {
    try checkSettings()
    return try tasks().compactMap { task in
      let state = try state(of: task)
      if state == .done || state == .running { return nil }
      return ShellWord.line(
        [program]
          + arguments(
            of: task, resumes: state != .waiting, threads: threads, dataFolder: dataFolder))
    }
  }
}

import EventLog
import Foundation

/// How far a task has come, as its run folder tells.
public enum TaskState: Equatable, Sendable {
  /// It has no record yet.
  case waiting
  /// It was interrupted, failed or was killed, and can be taken up.
  case begun(RunSummary.Status)
  /// A living process writes its record.
  case running
  /// Its record is complete.
  case done
  /// A record of that name was made with other settings: what differs, in words.
  case otherSettings([String])
  /// Its record cannot be read, and why.
  case unreadable(String)
}

extension StudyFolder {
  /// Where a task stands by its record, whose settings are compared with those of the study.
  ///
  /// - Throws: what the command says of the task's options.
  public func state(of task: Study.Task) throws -> TaskState {
    let run = run(of: task)
    guard FileManager.default.fileExists(atPath: run.manifestFile.path) else { return .waiting }
    let expected = try settings(of: task)
    let found: Settings
    do {
      found = try Settings(of: run)
    } catch {
      return .unreadable("\(error)")
    }
    let differences = found.without(Self.notCompared(in: expected))
      .differences(from: expected.without(Self.notCompared(in: expected)))
    guard differences.isEmpty else {
      return .otherSettings(
        differences.map {
          "\($0.name) \($0.first ?? "unset") there, \($0.second ?? "unset") in the study"
        })
    }
    let summary = RunSummary(run)
    return switch summary.status {
    case .completed, .stoppedEarly: .done
    case .running: .running
    case .interrupted, .failed, .killed: .begun(summary.status)
    case .unreadable: .unreadable(summary.problem ?? "unreadable")
    }
  }

  /// The settings that a task's options give.
  func settings(of task: Study.Task) throws -> Settings {
    switch task.command {
    case .search: try commands.search.settings(task.arguments, store)
    case .evaluate: try commands.evaluate.settings(task.arguments, store)
    }
  }

  /// The folder of the data is the machine's; what the data decide of the network is not known from the options.
  private static func notCompared(in settings: Settings) -> Set<String> {
    let ofData: Set = ["dataDirectory", "shape.inputChannels", "shape.classes"]
    return settings["data"] == "image-folder" ? ofData : ofData.union(["shape.imageSize"])
  }

  /// Says no when a record of the study was made with other settings, or another size of the study lies there.
  ///
  /// - Throws: `StudyError.otherSettings`, naming every task and what differs.
  public func checkSettings() throws {
    let different = try tasks().compactMap { task -> String? in
      guard case .otherSettings(let differences) = try state(of: task) else { return nil }
      return "\(task.name) (\(differences.prefix(4).joined(separator: ", ")))"
    }
    guard different.isEmpty else {
      throw StudyError.otherSettings(folder: url.relativePath, tasks: different)
    }
  }

  /// The last lines of the log of a task's worker; empty when it has none.
  public func lastLines(of task: String, count: Int = 5) -> [String] {
    guard let file = try? FileHandle(forReadingFrom: logFile(of: task)),
      let end = try? file.seekToEnd()
    else { return [] }
    try? file.seek(toOffset: end > 16_384 ? end - 16_384 : 0)
    let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).suffix(count).map(String.init)
  }
}

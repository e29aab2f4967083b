import EventLog
import Foundation

/// What a task takes, as the program's own plan says (`--dry-run`): two steps are computed for it.
public struct TaskCost: Codable, Equatable, Sendable {
  /// Epochs that the task's settings ask for.
  public var epochs: Int
  /// Steps of all epochs.
  public var steps: Int
  /// Wall time of all steps, with the threads it was measured with.
  public var seconds: Double
  /// Threads that the two steps were computed with.
  public var threads: Int
  /// Of the passes' memory, the images and the program.
  public var bytes: Int

  /// The images of CIFAR-10, and the program itself.
  static let baseBytes = 250_000_000

  /// - Parameter task: of an evaluation whose cell is not known yet, a published cell stands for it.
  /// - Throws: `StudyError.taskRefused` with the program's own words.
  static func measure(
    _ task: Study.Task, of folder: StudyFolder, program: URL, threads: Int, dataFolder: String?
  ) throws -> TaskCost {
    var arguments = [task.command.rawValue] + task.arguments
    arguments += ["--threads", "\(threads)", "--runs-dir", folder.url.relativePath]
    if let dataFolder, !task.options.contains("--data-dir") {
      arguments += ["--data-dir", dataFolder]
    }
    let output = ProgramOutput(
      of: program.path, arguments + ["--dry-run", "--format", "json"])
    guard let output, output.status == 0,
      let answer = try? JSONDecoder().decode(Answer.self, from: Data(output.text.utf8))
    else {
      throw StudyError.taskRefused(
        task: task.name, reason: output?.errors ?? "\(program.path) cannot be run")
    }
    let plan = answer.plan
    return TaskCost(
      epochs: plan.epochs, steps: plan.steps, seconds: plan.seconds, threads: threads,
      bytes: plan.bytes + baseBytes)
  }

  private struct Answer: Decodable {
    struct Plan: Decodable {
      var epochs: Int
      var steps: Int
      var seconds: Double
      var bytes: Int
    }
    var plan: Plan
  }
}

import EventLog
import Foundation

/// The results of a study: every record verified, and listed.
public struct StudyCollection: Encodable, Equatable, Sendable {
  /// One task and what its record holds; values are nil where the task is not done.
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
    public var state: StudyStatus.State
    /// Whether `runs verify` finds the record whole; nil for one that is not there.
    public var isWhole: Bool?
    /// The last digest of its chain.
    public var digest: String?
    /// Epochs in its record.
    public var epochs: Int?
    /// After the last epoch, 0 to 1: of the search's validation half, or of an evaluation's test images.
    public var accuracy: Double?
    /// Training less validation accuracy after the last epoch; of an evaluation, less test accuracy.
    public var gap: Double?
    /// n: convolutions of the normal cell that was found or trained.
    public var normalConvolutions: Int?
    /// r: convolutions of the reduction cell.
    public var reductionConvolutions: Int?
    /// Of an evaluation's network; of a search, of its cell's at C 36 and 20 cells.
    public var parameters: Int?
    /// Wall seconds of training and validation or testing, mean over the epochs.
    public var secondsPerEpoch: Double?
  }

  /// The name of the study's folder.
  public var study: String
  /// The size of the study that was run; nil when its file comes in one.
  public var size: String?
  /// Searches first, as in `StudyStatus`.
  public var rows: [Row] = []
  /// What is wrong: tasks that are not done, records that are not whole.
  public var problems: [String] = []
  /// What may keep runs from being compared: other builds, other processors.
  public var warnings: [String] = []

  /// Reads and verifies the record of every task.
  ///
  /// - Parameter dataFolder: where the images lie now; nil for where they lay.
  /// - Throws: what reading the study throws; what is wrong with a record is a problem instead.
  public init(_ folder: StudyFolder, dataFolder: String? = nil) throws {
    study = folder.name
    size = folder.study.size
    var environments: [(task: String, environment: RunEnvironment)] = []
    for row in try StudyStatus(folder, queue: nil).rows {
      var collected = Row(
        task: row.task, setting: row.setting, command: row.command, seed: row.seed,
        state: row.state, secondsPerEpoch: row.secondsPerEpoch)
      if row.state == .done {
        do {
          environments.append(
            (row.task, try collected.read(folder.url.appending(path: row.task), dataFolder)))
          if collected.isWhole == false {
            problems.append(
              "\(row.task) is not whole: `milenas-lab runs verify \(row.task) --runs-dir \(ShellWord.quoted(folder.url.relativePath))`"
            )
          }
        } catch {
          problems.append("\(row.task): \(error)")
        }
      } else {
        problems.append(
          "\(row.task) is \(row.state.rawValue)" + (row.reason.map { ": \($0)" } ?? ""))
      }
      rows.append(collected)
    }
    warnings = Self.warnings(environments)
  }

  /// Groups of tasks by what may give other bits, where there is more than one.
  private static func warnings(_ environments: [(task: String, environment: RunEnvironment)])
    -> [String]
  {
    guard let first = environments.first else { return [] }
    var groups: [(differences: String, tasks: [String])] = []
    for (task, environment) in environments.dropFirst() {
      let differences = first.environment.differences(from: environment)
        .map { $0.replacing(" then,", with: " there,").replacing(" now", with: " here") }
        .joined(separator: "; ")
      guard !differences.isEmpty else { continue }
      if let index = groups.firstIndex(where: { $0.differences == differences }) {
        groups[index].tasks.append(task)
      } else {
        groups.append((differences, [task]))
      }
    }
    return groups.map { differences, tasks in
      let names =
        tasks.count > 3 ? "\(tasks[0]) and \(tasks.count - 1) more" : tasks.joined(separator: ", ")
      return "\(names): made with another environment than \(first.task): \(differences)"
    }
  }
}

extension StudyCollection.Row {
  fileprivate mutating func read(_ url: URL, _ dataFolder: String?) throws -> RunEnvironment {
    let run = RunFolder(url)
    isWhole = Verification(run, dataFolder: dataFolder).isWhole
    let summary = RunSummary(run)
    epochs = summary.epochs
    normalConvolutions = summary.normalConvolutions
    reductionConvolutions = summary.reductionConvolutions
    switch command {
    case .search:
      let reader = try RunReader(run)
      digest = try reader.digest()
      let all = try reader.epochs()
      let result = try reader.result()
      accuracy = all.last?.validAccuracy ?? result?.validAccuracy
      gap = all.last.map { $0.trainAccuracy - $0.validAccuracy }
      parameters = all.first { $0.epoch == result?.genotypeEpoch }?.parameters
      return reader.manifest.environment
    case .evaluate:
      let reader = try EvaluationReader(run)
      digest = try reader.digest()
      let last = try reader.epochs().last
      let result = try reader.result()
      accuracy = last?.testAccuracy ?? result?.lastAccuracy
      gap = last.map { $0.trainAccuracy - $0.testAccuracy }
      parameters = result?.parameters
      return reader.manifest.environment
    }
  }
}

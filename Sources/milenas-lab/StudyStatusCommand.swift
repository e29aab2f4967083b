import Analysis
import ArgumentParser
import Foundation
import Studies

private typealias Cell = Table.Cell

/// `study status`
struct StudyStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show how far each task of a study has come.",
    discussion: """
      Example:
        milenas-lab study status fig2

      Reads the run folders, and Slurm's queue where the study was submitted to one.
      """)

  @OptionGroup var argument: StudyArgument
  @OptionGroup var output: OutputOptions

  func run() throws {
    let folder = try argument.folder()
    var queue: SlurmQueue?
    do {
      queue = try SlurmQueue(folder)
    } catch {
      // The records tell more than nothing.
      StandardStream.error.write("warning: \(error)\n")
    }
    let status = try StudyStatus(folder, queue: queue)
    try output.render(StudyStatusReport(status: status))
  }
}

private struct StudyStatusReport: Report {
  var status: StudyStatus

  var table: Table? {
    Table(
      columns: ["task", "state", "epochs", "of", "steps", "s_per_epoch", "s_left", "reason"],
      rows: status.rows.map { row in
        [
          .text(row.task), .text(row.state.rawValue), Cell(row.epochs), Cell(row.ofEpochs),
          Cell(row.steps), Cell(row.secondsPerEpoch, decimals: 2),
          Cell(row.secondsLeft, decimals: 0),
          Cell(row.reason),
        ]
      })
  }

  var text: String {
    let states = Dictionary(grouping: status.rows, by: \.state.rawValue).mapValues(\.count)
    let summary = states.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    let failed = status.rows.flatMap { row -> [String] in
      guard let lines = row.lastLines, !lines.isEmpty, row.state != .interrupted else { return [] }
      return ["", "\(row.task), the last lines of its log:"] + lines.map { "  \($0)" }
    }
    return (table?.text ?? "") + failed.map { $0 + "\n" }.joined()
      + "\n\(status.study)\(status.size.map { " (\($0))" } ?? ""): \(summary.joined(separator: ", "))\n"
  }

  func encode(to encoder: any Encoder) throws { try status.encode(to: encoder) }
}

/// `study collect`
struct StudyCollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect", abstract: "Verify every record of a study and list its results.",
    discussion: """
      Examples:
        milenas-lab study collect fig2
        milenas-lab study collect fig2 --format csv > fig2.csv

      Text shows each setting's mean with its 95 % t interval over seeds; JSON has both, CSV a row per run. Exit code 1 \
      when a task is not done or a record is not whole; a warning when builds or processors differ.
      """)

  @OptionGroup var argument: StudyArgument
  @Option(help: "Folder that holds the images now.") var dataDir: String?
  @OptionGroup var output: OutputOptions

  func run() throws {
    let collection = try StudyCollection(argument.folder(), dataFolder: dataDir)
    for warning in collection.warnings { StandardStream.error.write("warning: \(warning)\n") }
    try output.render(StudyCollectionReport(collection))
    if !collection.problems.isEmpty { throw ExitCode(1) }
  }
}

private struct StudyCollectionReport: Report {
  struct Setting: Encodable {
    var setting: String
    var runs: Int
    /// Of all values: mean and 95 % t interval over runs.
    var accuracy: Estimate?
    var gap: Estimate?
    var parameters: Estimate?
    var secondsPerEpoch: Estimate?
  }

  var settings: [Setting]
  var collection: StudyCollection

  init(_ collection: StudyCollection) {
    self.collection = collection
    var names: [String] = []
    for row in collection.rows where !names.contains(Self.title(row)) {
      names.append(Self.title(row))
    }
    settings = names.map { name in
      let rows = collection.rows.filter { Self.title($0) == name && $0.state == .done }
      func estimate(_ value: (StudyCollection.Row) -> Double?) -> Estimate? {
        let values = rows.compactMap(value)
        return values.isEmpty ? nil : Estimate(values)
      }
      return Setting(
        setting: name, runs: rows.count, accuracy: estimate(\.accuracy), gap: estimate(\.gap),
        parameters: estimate { $0.parameters.map(Double.init) },
        secondsPerEpoch: estimate(\.secondsPerEpoch))
    }
  }

  /// Each evaluation is a cell of its own.
  private static func title(_ row: StudyCollection.Row) -> String {
    row.command == .search ? row.setting : row.task
  }

  var table: Table? {
    Table(
      columns: [
        "task", "setting", "command", "seed", "state", "whole", "epochs", "accuracy", "gap", "n",
        "r", "parameters", "s_per_epoch", "digest",
      ],
      rows: collection.rows.map { row in
        [
          .text(row.task), .text(row.setting), .text(row.command.rawValue),
          .integer(Int64(row.seed)), .text(row.state.rawValue), Cell(row.isWhole.map { "\($0)" }),
          Cell(row.epochs), Cell(row.accuracy, decimals: 4), Cell(row.gap, decimals: 4),
          Cell(row.normalConvolutions), Cell(row.reductionConvolutions), Cell(row.parameters),
          Cell(row.secondsPerEpoch, decimals: 3), Cell(row.digest),
        ]
      })
  }

  var text: String {
    func interval(_ estimate: Estimate?, _ factor: Double, _ decimals: Int) -> Cell {
      guard let estimate else { return .missing }
      let mean = String(format: "%.\(decimals)f", factor * estimate.mean)
      guard estimate.count > 1 else { return .text(mean) }
      return .text(
        mean + String(format: " ± %.\(decimals)f", factor * (estimate.high - estimate.mean)))
    }
    let summary = Table(
      columns: ["setting", "runs", "accuracy %", "gap %", "parameters M", "s per epoch"],
      rows: settings.map { setting in
        [
          .text(setting.setting), .integer(Int64(setting.runs)),
          interval(setting.accuracy, 100, 2), interval(setting.gap, 100, 2),
          interval(setting.parameters, 1e-6, 3), interval(setting.secondsPerEpoch, 1, 2),
        ]
      })
    let whole = collection.rows.count { $0.isWhole == true }
    let end =
      collection.problems.isEmpty
      ? "all \(whole) runs are done and whole\n"
      : collection.problems.map { $0 + "\n" }.joined()
    return summary.text + "\nmeans with 95 % t intervals over runs, after the last epoch\n" + end
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(collection.study, forKey: .study)
    try container.encode(collection.size, forKey: .size)
    try container.encode(settings, forKey: .settings)
    try container.encode(collection.rows, forKey: .runs)
    try container.encode(collection.problems, forKey: .problems)
    try container.encode(collection.warnings, forKey: .warnings)
  }

  private enum CodingKeys: String, CodingKey {
    case study, size, settings, runs, problems, warnings
  }
}

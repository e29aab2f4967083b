import ArgumentParser
import Foundation
import Studies

struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Run several settings with several seeds, here or on a cluster.",
    discussion: """
      Examples:
        milenas-lab study run fig2
        milenas-lab study status fig2
        milenas-lab study collect fig2
        milenas-lab study run fig2 --size paper --name fig2-paper --data-dir cifar-10-batches-bin
        milenas-lab study show fig2 > mine.yaml

      A study is a YAML file: settings, seeds, and the options of search and evaluate. Its folder runs/<study>/ holds a \
      run per task, so every command takes it as --runs-dir.
      """,
    subcommands: [
      StudyListCommand.self, StudyShowCommand.self, StudyPlanCommand.self, StudyRunCommand.self,
      StudyStatusCommand.self, StudyCollectCommand.self, StudySubmitCommand.self,
      StudyTaskCommand.self,
    ])
}

/// `study list`
struct StudyListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the studies that come with the program and those begun.",
    discussion: """
      Example:
        milenas-lab study list
      """)

  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let shelf = StudyShelf(folder: location.store.folder, commands: .ofThisProgram)
    var rows: [[Table.Cell]] = try StudyShelf.shippedNames.map { name in
      let file = try shelf.shipped(name)
      return [
        .text(name), .text("shipped"), .text(file.sizes.joined(separator: ", ")),
        Table.Cell(file.about),
      ]
    }
    rows += shelf.begunNames().map { name in
      do {
        let folder = try shelf.study(name)
        let status = try StudyStatus(folder, queue: nil)
        return [
          .text(name), .text("\(status.count(of: .done)) of \(status.rows.count) done"),
          Table.Cell(folder.study.size), Table.Cell(folder.study.about),
        ]
      } catch {
        return [.text(name), .text("unreadable"), .missing, .text(Failure.sentence(of: error))]
      }
    }
    try output.render(Table(columns: ["study", "state", "size", "about"], rows: rows))
  }
}

/// `study show`
struct StudyShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print a study's file, to begin one's own from.",
    discussion: """
      Example:
        milenas-lab study show fig2 > mine.yaml
      """)

  @OptionGroup var argument: StudyArgument

  func run() throws { StandardStream.output.write(try argument.folder().study.text) }
}

/// `study plan`
struct StudyPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Print what is left to do, how long it takes and what it needs.",
    discussion: """
      Examples:
        milenas-lab study plan fig2
        milenas-lab study plan fig2 --commands | parallel --joblog log --resume

      Two steps of each setting are computed to measure time and memory; with --commands nothing is computed.
      """)

  @OptionGroup var argument: StudyArgument
  @OptionGroup var workers: WorkerOptions
  @Flag(
    help: "Print a command line for each task that is not done, for GNU parallel or another runner."
  )
  var commands = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let folder = try argument.folder()
    guard commands else {
      let (_, plan) = try workers.plan(for: folder, measuresAlways: true)
      if let plan { try output.render(StudyPlanReport(plan: plan)) }
      return
    }
    let lines = try folder.commandLines(
      program: WorkerOptions.program.path, threads: workers.threadsPerWorker,
      dataFolder: workers.dataDir)
    try output.render(CommandLinesReport(lines: lines))
    let hidden = try folder.study.evaluations.count { try folder.resolve($0) == .waiting }
    if hidden > 0 {
      StandardStream.error.write(
        "\(hidden) evaluations wait for their searches: ask again when those are done\n")
    }
  }
}

/// What `study plan --commands` prints.
private struct CommandLinesReport: Report {
  var lines: [String]

  var text: String { lines.map { $0 + "\n" }.joined() }
  var table: Table? { Table(columns: ["command"], rows: lines.map { [.text($0)] }) }

  func encode(to encoder: any Encoder) throws { try lines.encode(to: encoder) }
}

/// What `study plan` and `study run --dry-run` print.
struct StudyPlanReport: Report {
  var plan: StudyPlan

  var table: Table? {
    Table(
      columns: ["setting", "tasks", "done", "epochs", "steps", "hours", "memory_mb"],
      rows: plan.rows.map { row in
        [
          .text(row.setting), .integer(Int64(row.tasks)), .integer(Int64(row.done)),
          .integer(Int64(row.cost.epochs)), .integer(Int64(row.cost.steps)),
          .real(row.cost.seconds / 3600, decimals: 2), .integer(Int64(row.cost.bytes / 1_000_000)),
        ]
      })
  }

  var text: String {
    guard !plan.rows.isEmpty else { return "\(plan.study) is done\n" }
    return (table?.text ?? "") + """

      hours are those of one task, without validation; evaluations are measured with a published cell
      workers      \(plan.workers.workers) of \(plan.workers.threadsPerWorker) threads\(plan.workers.remark.map { ": \($0)" } ?? "")
      time         about \(Clock.text(plan.wallSeconds)), \(String(format: "%.1f", plan.coreSeconds / 3600)) core-hours

      """
  }

  func encode(to encoder: any Encoder) throws { try plan.encode(to: encoder) }
}

import ArgumentParser
import EventLog
import Foundation
import Studies

/// `study run`
struct StudyRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run all that is not done, in processes of this machine.",
    discussion: """
      Examples:
        milenas-lab study run fig2
        milenas-lab study run mine.yaml --workers 4 --threads-per-worker 2
        milenas-lab study run fig2 --dry-run

      What is done is left alone, what was interrupted is taken up to the same bits, and a worker that dies is started \
      again from its last checkpoint. Ctrl-C ends every worker after its step. Exit code 1 when a task has failed.
      """)

  @OptionGroup var argument: StudyArgument
  @OptionGroup var workers: WorkerOptions
  @Option(help: "How often a task is taken up again after its worker died.") var retries = 3
  @Flag(help: "Print what would be done, how long it takes and what it needs; run nothing.")
  var dryRun = false
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard dryRun || output.format != .csv else {
      throw ValidationError("--format csv is for --dry-run: `study collect` has a row per run")
    }
  }

  func run() throws {
    let folder = try argument.folder()
    try folder.checkSettings()
    let (plan, costs) = try workers.plan(for: folder, measuresAlways: dryRun)
    if dryRun {
      if let costs { try output.render(StudyPlanReport(plan: costs)) }
      return
    }
    let progress = Progress()
    if let remark = plan.remark { progress.keep(remark) }
    var options = LocalWorkers.Options(
      program: WorkerOptions.program, workers: plan.workers,
      threadsPerWorker: plan.threadsPerWorker)
    options.retries = retries
    options.dataFolder = workers.dataDir
    let local = try LocalWorkers(folder, options: options)
    let interruption = Interruption(
      says: "ending every worker after its step; press Ctrl-C again to end at once")
    let outcome = try local.run(
      isCancelled: { interruption.isRequested },
      report: { StudyMeter.report($0, on: progress) })
    progress.clear()
    try output.render(StudyOutcome(outcome, of: folder, in: argument.location))
    if outcome.isInterrupted { throw Interrupted() }
    if !outcome.failures.isEmpty { throw ExitCode(1) }
  }
}

/// What workers tell while they work.
enum StudyMeter {
  static func report(_ report: LocalWorkers.Report, on progress: Progress) {
    switch report {
    case .began(let task, let resumed, let worker):
      progress.keep("\(task) \(resumed ? "is taken up" : "begins") (worker \(worker))")
    case .ended(let task, let seconds, let done, let all):
      progress.keep("\(task) is done after \(Clock.text(seconds)): \(done) of \(all)")
    case .died(let task, let reason):
      progress.keep("\(task): \(reason); it is taken up again from its last checkpoint")
    case .failed(let failure):
      progress.keep("\(failure.task) has failed: \(failure.reason)")
    case .progress(let study): progress.update(line(study))
    }
  }

  private static func line(_ study: StudyProgress) -> String {
    let running = study.running.map { "\($0.task) \($0.epochs)/\($0.of)" }
    let left = study.secondsLeft.map { ", about \(Clock.text($0)) left" } ?? ""
    return "\(study.done) of \(study.tasks) done\(left); "
      + (running.isEmpty ? "none running" : running.joined(separator: ", "))
  }
}

/// How `study run` has ended.
private struct StudyOutcome: Report {
  struct Failed: Encodable {
    var task: String
    var reason: String
    var lastLines: [String]
  }

  var study: String
  var folder: String
  var done: Int
  var failed: [Failed]
  var elsewhere: [String]
  var waiting: Int
  var isInterrupted: Bool
  private let url: URL
  private let location: StoreOptions

  private enum CodingKeys: CodingKey {
    case study, folder, done, failed, elsewhere, waiting, isInterrupted
  }

  init(_ outcome: LocalWorkers.Outcome, of folder: StudyFolder, in location: StoreOptions) {
    self.location = location
    url = folder.url
    study = folder.name
    self.folder = folder.url.relativePath
    done = outcome.done
    failed = outcome.failures.map {
      Failed(task: $0.task, reason: $0.reason, lastLines: $0.lastLines)
    }
    elsewhere = outcome.elsewhere
    waiting = outcome.waiting
    isInterrupted = outcome.isInterrupted
  }

  var table: Table? { nil }

  var text: String {
    var lines = ["\(done) tasks of \(study) are done"]
    for failure in failed {
      lines.append("\(failure.task) has failed: \(failure.reason)")
      lines += failure.lastLines.map { "  \($0)" }
    }
    if !elsewhere.isEmpty {
      lines.append(
        "other processes work on \(elsewhere.joined(separator: ", ")); where their machine is gone, "
          + "`milenas-lab study task` takes one up, as --resume does")
    }
    if waiting > 0 { lines.append("\(waiting) evaluations wait for searches that are not done") }
    lines += ["", "Next:"]
    if isInterrupted || !failed.isEmpty {
      lines.append("  " + location.command("study run", on: url))
    }
    lines.append("  " + location.command("study status", on: url))
    lines.append("  " + location.command("study collect", on: url))
    lines.append("  milenas-lab runs list --runs-dir \(ShellWord.quoted(folder))")
    return lines.joined(separator: "\n") + "\n"
  }
}

import ArgumentParser
import Foundation
import Glibc
import Studies

/// `study submit`
struct StudySubmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit", abstract: "Hand a study to Slurm as job arrays.",
    discussion: """
      Examples:
        milenas-lab study submit fig2 --size paper --time 12:00:00 --array-parallelism 28
        milenas-lab study submit mine.yaml --partition long --sbatch-option=--account=lab --print

      Writes runs/<study>/searches.sbatch and evaluations.sbatch, which may be edited, and submits them. Call it again \
      to submit what has failed since; what is done or in the queue is left alone.
      """)

  @OptionGroup var argument: StudyArgument
  @Option(help: "Tasks of an array that may run at once.") var arrayParallelism: Int?
  @Option(help: "Time limit of a task: 12:00:00; a task that reaches it is queued again.")
  var time: String?
  @Option(help: "Slurm's partition.") var partition: String?
  @Option(help: "Cores and threads of a task.") var threadsPerWorker = 4
  @Option(help: "Memory of a task, as sbatch takes it: 8G.") var memory: String?
  @Option(help: "Seconds before the time limit at which a task writes its checkpoint.")
  var warning = 120
  @Option(help: "How often a task may be queued again at its time limit.") var maxRequeues = 20
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "A further option of sbatch, such as --sbatch-option=--account=lab; may be repeated.",
      valueName: "option"))
  var sbatchOption: [String] = []
  @Option(help: "Folder that holds the images, for tasks that do not say.") var dataDir: String?
  @Flag(name: .customLong("print"), help: "Write the scripts and print them; submit nothing.")
  var printOnly = false
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard threadsPerWorker >= 1, (arrayParallelism ?? 1) >= 1, warning >= 0, maxRequeues >= 0 else {
      throw ValidationError(
        "--threads-per-worker and --array-parallelism must be at least 1, --warning and --max-requeues at least 0"
      )
    }
  }

  func run() throws {
    let folder = try argument.folder()
    var options = SlurmArray.Options(program: WorkerOptions.program)
    options.parallelism = arrayParallelism
    options.time = time
    options.partition = partition
    options.threads = threadsPerWorker
    options.memory = memory
    options.warningSeconds = warning
    options.requeues = maxRequeues
    options.sbatchOptions = sbatchOption
    // The job's working folder may be another one.
    options.dataFolder = dataDir.map { URL(filePath: $0).standardizedFileURL.path }
    let array = SlurmArray(folder, options: options)
    let queue = try SlurmQueue(folder)
    let scripts = try array.write(queue: queue)
    if printOnly {
      return try output.render(ScriptsReport(scripts: scripts))
    }
    let jobs = try array.submit(scripts, queue: queue)
    try output.render(
      SubmissionReport(
        submitted: zip(scripts, jobs).map { script, job in
          .init(
            part: script.part, job: job, tasks: script.indices.count,
            script: script.url.relativePath)
        }, study: folder.name, folder: folder.url, location: argument.location))
  }
}

/// What `--print` prints.
private struct ScriptsReport: Report {
  struct Script: Encodable {
    var part: SlurmArray.Part
    var script: String
    var tasks: [Int]
    var text: String
  }

  var scripts: [Script]

  init(scripts: [SlurmArray.Script]) {
    self.scripts = scripts.map {
      Script(part: $0.part, script: $0.url.relativePath, tasks: $0.indices, text: $0.text)
    }
  }

  var text: String { scripts.map(\.text).joined() }
  var table: Table? {
    Table(
      columns: ["part", "script", "tasks"],
      rows: scripts.map {
        [.text($0.part.rawValue), .text($0.script), .integer(Int64($0.tasks.count))]
      })
  }

  func encode(to encoder: any Encoder) throws { try scripts.encode(to: encoder) }
}

private struct SubmissionReport: Report {
  struct Part: Encodable {
    var part: SlurmArray.Part
    var job: String
    var tasks: Int
    var script: String
  }

  var submitted: [Part]
  var study: String
  var folder: URL
  var location: StoreOptions

  var table: Table? {
    Table(
      columns: ["part", "job", "tasks", "script"],
      rows: submitted.map {
        [.text($0.part.rawValue), .text($0.job), .integer(Int64($0.tasks)), .text($0.script)]
      })
  }

  var text: String {
    guard !submitted.isEmpty else { return "nothing is left to submit of \(study)\n" }
    let next = ["study status", "study collect"].map { "  \(location.command($0, on: folder))\n" }
    return (table?.text ?? "") + "\nNext:\n" + next.joined()
  }

  func encode(to encoder: any Encoder) throws { try submitted.encode(to: encoder) }
}

/// `study task`
struct StudyTaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task", abstract: "Run or take up one task of a study; what job arrays call.",
    discussion: """
      Example:
        milenas-lab study task runs/fig2 --index 3

      Tasks are counted from 0, searches first, in the order of `study status`. On SIGUSR1, which Slurm sends before \
      the time limit, the task ends its step, writes a checkpoint and is queued again.
      """)

  @OptionGroup var argument: StudyArgument
  @Option(help: "Which task, from 0.") var index: Int
  @Option(help: "Threads of the task; the cores of this process when left out.") var threads: Int?
  @Option(help: "How often a task may be queued again.") var maxRequeues = 20
  @Option(help: "Folder that holds the images, for tasks that do not say.") var dataDir: String?

  func run() throws {
    let interruption = Interruption(says: "ending the task after its step")
    let folder = try argument.folder()
    let plan = try WorkerPlan(workers: 1, threads: threads, tasks: 1)
    var options = LocalWorkers.Options(
      program: WorkerOptions.program, workers: 1, threadsPerWorker: plan.threadsPerWorker)
    options.dataFolder = dataDir
    let progress = Progress()
    let outcome = try LocalWorkers(folder, options: options, index: index).run(
      isCancelled: { interruption.isRequested },
      report: { StudyMeter.report($0, on: progress) })
    progress.clear()
    if outcome.isInterrupted {
      if interruption.signal == SIGUSR1, let task = SlurmTask() {
        try task.requeue(limit: maxRequeues)
        progress.keep("queued again, for the \(task.restarts + 1). time")
      }
      throw Interrupted()
    }
    if outcome.waiting > 0 {
      progress.keep("the search that it evaluates is not done")
    }
    if !outcome.isComplete { throw ExitCode(1) }
  }
}

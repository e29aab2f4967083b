import ArgumentParser
import EventLog
import Foundation
import Notebooks

/// `notebook`
struct NotebookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notebook",
    abstract: "Run Markdown notebooks, and check that their outputs still hold.",
    discussion: """
      Examples:
        milenas-lab notebook new notes.md --run my-run
        milenas-lab notebook run notes.md
        milenas-lab notebook check notebooks-md/*.md

      A cell is a fenced block in sql, milenas (a command of this program) or sh, with options in braces:

        ```sql {run=my-run name=curve tolerance=1e-6 digits=4}
        SELECT epoch, valid_accuracy FROM epoch_curve
        ```

      Its output stands below it, between HTML comments. Cells run from top to bottom in the root of the notebook's
      repository, or else in the current folder. Options:

        name=NAME          what --only and messages call the cell
        run=NAME           the run that it reads; study=FOLDER: every run in a folder; study=FOLDER/NAME*
        makes=NAME,…       runs that it makes, removed before it makes them again
        figure=PATH,…      pictures that it draws, shown below it
        table, digits=N    the CSV that it prints, as a table; significant digits in tables
        tolerance=T        numbers that differ by at most this part of the larger one are equal
        ignore             the output is not compared
        mask=REGEX         what matches is shown as …; keep=REGEX: only lines or rows with a match
        exit=N, stderr     the exit code that is expected; messages belong to the output
        timeout=SECONDS    for this cell
        skip               shown, never run
      """,
    subcommands: [RunNotebook.self, CheckNotebook.self, NewNotebook.self])
}

/// What `notebook run` and `notebook check` have in common.
private struct NotebookOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Notebooks, one after the other.", valueName: "file.md"),
    completion: .file(extensions: ["md"]))
  var files: [String]
  @Option(
    help: ArgumentHelp(
      "Only this cell, and those above that make what is missing; may be repeated.",
      valueName: "name|number"))
  var only: [String] = []
  @Option(help: ArgumentHelp("Seconds that a cell may take.", valueName: "seconds"))
  var timeout = 600.0
  @Flag(
    help:
      "Run sh cells, and commands that write, of notebooks outside of the repository that you are in."
  )
  var allowShell = false
  @Flag(help: "List the cells and whether they would run; run nothing.")
  var dryRun = false
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard !files.isEmpty else { throw ValidationError("name at least one notebook") }
    guard timeout > 0, timeout < 1e6 else {
      throw ValidationError("--timeout must be above 0 and below 1000000, not \(timeout)")
    }
  }

  /// Runs every notebook; the exit code is 1 when a check finds a difference.
  func run(_ mode: NotebookRunner.Mode) throws {
    guard ProcessInfo.processInfo.environment[NotebookRunner.nestingVariable] == nil else {
      throw NotebookError.nested
    }
    let runners = files.map { ($0, runner(of: $0, mode)) }
    if dryRun {
      try output.render(
        NotebookPlans(cells: try runners.flatMap { try $1.plan(of: URL(filePath: $0)) }))
      return
    }
    let interruption = Interruption(
      says: "ending this cell; the notebook stays as it is; press Ctrl-C again to end at once")
    let progress = Progress()
    defer { progress.clear() }
    var reports: [NotebookRunner.Report] = []
    var exitCode: Int32 = 0
    for (file, runner) in runners {
      do {
        let report = try runner.run(
          URL(filePath: file), isCancelled: { interruption.isRequested },
          progress: { progress.update("\(file): \($0.label)") })
        if mode == .check, report.differs { exitCode = 1 }
        reports.append(report)
        progress.clear()
      } catch let error as NotebookError {
        // What others say is not lost for one that fails.
        progress.clear()
        let code = Failure(error).report()
        reports.append(NotebookRunner.Report(path: file, failure: error))
        if error.isInterruption {
          exitCode = code
          break
        }
        if exitCode != 1 { exitCode = code }
      }
    }
    try output.render(NotebookReports(notebooks: reports, mode: mode))
    if exitCode != 0 { throw ExitCode(exitCode) }
  }

  private func runner(of file: String, _ mode: NotebookRunner.Mode) -> NotebookRunner {
    let place = NotebookPlace(of: URL(filePath: file))
    let program = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
    var runner = NotebookRunner(
      in: place,
      interpreters: [
        .milenas: ProgramInterpreter(program: program, in: place),
        .sh: ShellInterpreter(program: program, in: place),
        .sql: SQLInterpreter(in: place),
      ], version: ProgramVersion.current)
    runner.mode = mode
    runner.only = only
    runner.allowsShell = allowShell
    runner.timeout = timeout
    return runner
  }
}

/// `notebook run`
private struct RunNotebook: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run the cells that have changed and write their outputs.",
    discussion: """
      Examples:
        milenas-lab notebook run notes.md
        milenas-lab notebook run notes.md --only curve
        milenas-lab notebook run notes.md --accept

      A cell runs when its text, a cell above it, a run that it reads or the program has changed. When a cell \
      fails, its file, line and name are told and the document stays as it was.
      """)

  @OptionGroup var options: NotebookOptions
  @Flag(help: "Run every cell, write nothing, and print what would change: notebook check.")
  var check = false
  @Flag(help: "Run every cell, print what changes, and write it.")
  var accept = false

  mutating func validate() throws {
    guard !(check && accept) else {
      throw ValidationError("--check writes nothing and --accept writes: give one")
    }
  }

  func run() throws { try options.run(check ? .check : accept ? .accept : .run) }
}

/// `notebook check`
private struct CheckNotebook: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Run every cell and compare with the outputs in the document.",
    discussion: """
      Example:
        milenas-lab notebook check notebooks-md/*.md

      Nothing is written. What would change is printed as a unified diff, and the exit code is 1 then, as when a cell \
      fails; the other notebooks are checked all the same.
      """)

  @OptionGroup var options: NotebookOptions
  @Flag(help: "Write what differs.") var accept = false

  func run() throws { try options.run(accept ? .accept : .check) }
}

/// `notebook new`
private struct NewNotebook: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Write a first notebook on a run.",
    discussion: """
      Example:
        milenas-lab notebook new notes.md --run my-run
      """)

  @Argument(help: ArgumentHelp("The notebook to write.", valueName: "file.md")) var file: String
  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "The run that it is about: name or path; the newest when left out.", valueName: "run"))
  var about: String?
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: RowlessOutputOptions

  func run() throws {
    let found = try location.store.find(about)
    // A name is found in the runs folder wherever the document lies; another folder takes a path.
    let subject = location.runsDir == "runs" ? about ?? found.name : found.url.relativePath
    try NotebookTemplate.write(to: URL(filePath: file), on: subject, of: found.kind())
    try output.render(NewReport(file: file, run: subject))
  }
}

private struct NewReport: Report {
  var file: String
  var run: String
  var table: Table? { nil }
  var text: String { "\(file) is about \(run); next: milenas-lab notebook run \(file)\n" }
}

private struct NotebookPlans: Report {
  var cells: [NotebookRunner.Plan]

  func encode(to encoder: any Encoder) throws { try cells.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["notebook", "cell", "name", "line", "language", "runs", "begins"],
      rows: cells.map {
        [
          .text($0.path), .integer(Int64($0.number)), Table.Cell($0.name),
          .integer(Int64($0.line)), .text($0.language.rawValue), .text($0.isRun ? "yes" : "no"),
          .text($0.code),
        ]
      })
  }

  var text: String { table?.text ?? "" }
}

private struct NotebookReports: Report {
  var notebooks: [NotebookRunner.Report]
  var mode: NotebookRunner.Mode

  func encode(to encoder: any Encoder) throws { try notebooks.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["notebook", "cell", "name", "line", "status", "seconds"],
      rows: notebooks.flatMap { notebook in
        notebook.cells.map {
          [
            .text(notebook.path), .integer(Int64($0.number)), Table.Cell($0.name),
            .integer(Int64($0.line)), .text($0.status.rawValue), .real($0.seconds, decimals: 2),
          ]
        }
      })
  }

  /// One line per notebook that ran; before it, where outputs were compared, what differs.
  var text: String {
    notebooks.filter { $0.failure == nil }.map { notebook in
      let ran = notebook.cells.filter { $0.status != .kept && $0.status != .leftOut }
      let seconds = ran.reduce(0) { $0 + $1.seconds }
      let differing = ran.count { $0.status == .changed || $0.status == .new }
      let verdict =
        switch mode {
        case .check: differing == 0 ? "outputs hold" : "\(differing) outputs differ"
        case .run, .accept:
          notebook.isWritten ? "\(differing) outputs written" : "nothing to write"
        }
      return (mode == .run ? "" : notebook.diff)
        + "\(notebook.path): \(ran.count) of \(notebook.cells.count) cells run in "
        + "\(Clock.text(seconds)), \(verdict)\n"
    }.joined()
  }
}

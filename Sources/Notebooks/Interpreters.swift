import Datasets
import EventLog
import Foundation

/// Runs the cells of one language.
public protocol Interpreter {
  /// Runs one cell, and gives what it printed.
  ///
  /// - Throws: `CellFailure`, or any error whose description says what is wrong.
  func run(_ cell: Cell, within limits: CellLimits) throws -> CellResult
}

/// The process that a cell runs as: what it prints, if it ends as the cell expects.
private struct CellProcess {
  let folder: URL
  let program: URL

  /// Cells print for a document: no colours, always the same width; `milenas-lab` is this program.
  private var environment: [String: String] {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return [
      "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100", NotebookRunner.nestingVariable: "1",
      "PATH": "\(program.deletingLastPathComponent().path):\(path)",
    ]
  }

  func run(
    _ executable: URL, _ arguments: [String], expecting exitCode: Int32, of cell: Cell,
    within limits: CellLimits
  ) throws -> String {
    let outcome = try ChildProcess(
      executable: executable, arguments: arguments, folder: folder, environment: environment
    ).run(within: limits)
    guard outcome.exitCode == exitCode else {
      throw CellFailure.failed(
        reason: "exit code \(outcome.exitCode)"
          + (exitCode == 0 ? "" : " where \(exitCode) was expected")
          + ChildProcess.lastLines(of: outcome.messages.isEmpty ? outcome.output : outcome.messages)
      )
    }
    return outcome.output + (cell.options.hasMessages ? outcome.messages : "")
  }
}

/// Cells in `milenas`: command lines of this program, one process each, without a shell.
public struct ProgramInterpreter: Interpreter {
  private let process: CellProcess

  /// The program, and where it runs.
  public init(program: URL, in place: NotebookPlace) {
    process = CellProcess(folder: place.folder, program: program)
  }

  public func run(_ cell: Cell, within limits: CellLimits) throws -> CellResult {
    let commands = try CommandWords.commands(of: cell.code)
    let deadline = ContinuousClock.now + .seconds(limits.seconds)
    var text = ""
    for (index, words) in commands.enumerated() {
      var left = limits
      left.seconds = (deadline - .now) / .seconds(1)
      text += try process.run(
        process.program, words,
        expecting: index == commands.count - 1 ? cell.options.exitCode : 0, of: cell, within: left)
    }
    return try CellResult(printed: text, by: cell)
  }
}

/// Cells in `sh`: the shell, which stops at the first command that fails.
public struct ShellInterpreter: Interpreter {
  private let process: CellProcess

  /// The shell's `milenas-lab`, and where it runs.
  public init(program: URL, in place: NotebookPlace) {
    process = CellProcess(folder: place.folder, program: program)
  }

  public func run(_ cell: Cell, within limits: CellLimits) throws -> CellResult {
    let text = try process.run(
      URL(filePath: "/bin/sh"), ["-e", "-c", cell.code], expecting: cell.options.exitCode,
      of: cell, within: limits)
    return try CellResult(printed: text, by: cell)
  }
}

/// Cells in `sql`: one SELECT on a run, or on every run of a study with the run's name in front.
public struct SQLInterpreter: Interpreter {
  private let place: NotebookPlace

  /// Where runs are looked for.
  public init(in place: NotebookPlace) { self.place = place }

  public func run(_ cell: Cell, within limits: CellLimits) throws -> CellResult {
    if let study = cell.options.study {
      var table = ResultTable(columns: [], rows: [])
      for run in try place.study(study) {
        if limits.isCancelled() { throw CellFailure.interrupted }
        let result = try rows(of: cell, on: run, within: limits)
        table.columns = ["run"] + result.columns
        table.rows += result.rows.map { [run.name] + $0 }
      }
      return .table(table)
    }
    return .table(try rows(of: cell, on: place.run(cell.options.run ?? ""), within: limits))
  }

  private func rows(of cell: Cell, on run: RunFolder, within limits: CellLimits) throws
    -> ResultTable
  {
    do {
      let result = try ReadOnlySQL(run).run(cell.code, timeLimit: limits.seconds)
      return ResultTable(
        columns: result.columns, rows: result.rows.map { $0.map(Self.text) })
    } catch EventLogError.slowSQL(let seconds) {
      throw CellFailure.timedOut(seconds: seconds)
    }
  }

  private static func text(_ value: QueryResult.Value) -> String {
    switch value {
    case .null: ""
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .text(let text): text
    case .blob(let data):
      SHA256Digest.hex(data.prefix(16)) + (data.count > 16 ? "… (\(data.count) bytes)" : "")
    }
  }
}

import Datasets
import EventLog
import Foundation
import Glibc

/// One worker: the program itself at work on a task, with a log of its own.
final class Worker {
  let task: Study.Task
  /// Which of the local places it has.
  let place: Int
  /// How often the task was begun again because its worker died.
  let retries: Int
  let began = ContinuousClock().now
  private let process: Process

  /// - Parameter cores: those it may use.
  /// - Throws: `StudyError.notWritable` for the log; what the operating system says of the program.
  init(
    _ task: Study.Task, place: Int, retries: Int, program: URL, arguments: [String], log: URL,
    cores: [Int]
  ) throws {
    (self.task, self.place, self.retries) = (task, place, retries)
    let file = try Self.begin(
      log, "== \(String.now()) \(ShellWord.line(["milenas-lab"] + arguments))\n")
    process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = file
    process.standardError = file
    try CPUAffinity.pinned(to: cores) { [process] in
      try Self.withNothingBlocked { try process.run() }
    }
    try file.close()
  }

  /// Opens a log, which may have been begun by an earlier worker, and writes a line at its end.
  private static func begin(_ log: URL, _ line: String) throws -> FileHandle {
    do {
      if !FileManager.default.fileExists(atPath: log.path) {
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
      }
      let file = try FileHandle(forWritingTo: log)
      try file.seekToEnd()
      try file.write(contentsOf: Data(line.utf8))
      return file
    } catch {
      throw StudyError.notWritable(path: log.relativePath, reason: reason(of: error))
    }
  }

  /// Runs `body` with no signal blocked in this thread: a process inherits what the thread blocks that starts it, and
  /// threads of a pool block SIGTERM.
  private static func withNothingBlocked<R>(_ body: () throws -> R) rethrows -> R {
    var nothing = sigset_t()
    var before = sigset_t()
    unsafe sigemptyset(&nothing)
    unsafe pthread_sigmask(SIG_SETMASK, &nothing, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
  }

  enum End: Equatable {
    case exit(Int32)
    case signal(Int32)
  }

  /// nil while it works.
  var end: End? {
    guard !process.isRunning else { return nil }
    return process.terminationReason == .uncaughtSignal
      ? .signal(process.terminationStatus) : .exit(process.terminationStatus)
  }

  /// Asks it to end after its step, with a checkpoint.
  func interrupt() { kill(process.processIdentifier, SIGTERM) }
}

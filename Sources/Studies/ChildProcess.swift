import Foundation
import Glibc
import Synchronization

/// Programs that a study calls.
enum ChildProcess {
  struct Output {
    var status: Int32
    var text: String
    var errors: String
  }

  /// Runs a program to its end.
  ///
  /// - Parameter command: a path, or a name that is looked for in PATH.
  /// - Returns: nil when there is no such program.
  static func output(of command: String, _ arguments: [String]) -> Output? {
    guard let url = find(command) else { return nil }
    let process = Process()
    process.executableURL = url
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    guard (try? process.run()) != nil else { return nil }
    // Both are drained at once: a pipe that nobody reads would stop the program.
    let said = Mutex(Data())
    let finished = DispatchSemaphore(value: 0)
    let reader = Thread {
      let data = (try? errors.fileHandleForReading.readToEnd()) ?? Data()
      said.withLock { $0 = data }
      finished.signal()
    }
    reader.start()
    let text = (try? output.fileHandleForReading.readToEnd()) ?? Data()
    finished.wait()
    process.waitUntilExit()
    return Output(
      status: process.terminationStatus, text: String(decoding: text, as: UTF8.self),
      errors: String(decoding: said.withLock { $0 }, as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// The file that a command name stands for.
  static func find(_ command: String) -> URL? {
    guard !command.contains("/") else { return URL(filePath: command) }
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { URL(filePath: String($0)).appending(path: command) }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}

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
  /// - Throws: what the operating system says.
  init(
    _ task: Study.Task, place: Int, retries: Int, program: URL, arguments: [String], log: URL,
    cores: [Int]
  ) throws {
    (self.task, self.place, self.retries) = (task, place, retries)
    if !FileManager.default.fileExists(atPath: log.path) {
      _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    }
    let file = try FileHandle(forWritingTo: log)
    try file.seekToEnd()
    try file.write(
      contentsOf: Data(
        "== \(String.now()) \(ShellWord.line(["milenas-lab"] + arguments))\n".utf8))
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

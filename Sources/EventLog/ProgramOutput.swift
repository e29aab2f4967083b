import Foundation
import Synchronization

/// What another program printed, run to its end with nothing to read: git, Slurm's commands, Python.
public struct ProgramOutput: Sendable {
  /// Its exit code, or the number of the signal that ended it.
  public var status: Int32
  /// Standard output.
  public var text: String
  /// Standard error, without white space around it.
  public var errors: String

  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - command: a path, or a name that is looked for in PATH.
  ///   - arguments: its arguments.
  /// - Returns: nil when there is no such program.
  public init?(of command: String, _ arguments: [String]) {
    guard let url = Self.find(command) else { return nil }
    let process = Process()
    process.executableURL = url
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    // `waitUntilExit` looks only every 50 ms whether the program has ended.
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    guard (try? process.run()) != nil else { return nil }
    // Both are drained at once: a pipe that nobody reads would stop the program.
    let said = Mutex(Data())
    let drained = DispatchSemaphore(value: 0)
    let reader = Thread {
      let data = (try? errors.fileHandleForReading.readToEnd()) ?? Data()
      said.withLock { $0 = data }
      drained.signal()
    }
    reader.start()
    let text = (try? output.fileHandleForReading.readToEnd()) ?? Data()
    drained.wait()
    ended.wait()
    status = process.terminationStatus
    self.text = String(decoding: text, as: UTF8.self)
    self.errors = String(decoding: said.withLock { $0 }, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The file that a command name stands for.
  private static func find(_ command: String) -> URL? {
    guard !command.contains("/") else { return URL(filePath: command) }
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { URL(filePath: String($0)).appending(path: command) }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}

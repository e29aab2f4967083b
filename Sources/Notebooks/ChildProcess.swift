import Datasets
import Foundation
import Glibc

/// How long a cell may take, and whether the user wants it to end.
public struct CellLimits {
  /// Wall time.
  public var seconds: Double
  /// Asked while a cell runs.
  public var isCancelled: () -> Bool

  /// Both.
  public init(seconds: Double, isCancelled: @escaping () -> Bool = { false }) {
    self.seconds = seconds
    self.isCancelled = isCancelled
  }
}

/// A process that ends within limits, with all that it has started.
struct ChildProcess {
  struct Outcome {
    var exitCode: Int32
    var output: String
    var messages: String
  }

  var executable: URL
  var arguments: [String]
  var folder: URL
  /// Beside the environment of this process.
  var environment: [String: String]

  /// More than this on one stream is no output of a document.
  private static let mostBytes = 1_000_000
  /// How long a process has to end by itself after it was asked to.
  private static let graceSeconds = 5.0

  /// - Throws: `CellFailure`.
  func run(within limits: CellLimits) throws -> Outcome {
    let scratch = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-cell-\(UUID().uuidString)", directoryHint: .isDirectory)
    let files = try Self.failing("cannot write in \(scratch.deletingLastPathComponent().path)") {
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      let files = [scratch.appending(path: "output"), scratch.appending(path: "messages")]
      for file in files { try Data().write(to: file) }
      return files
    }
    defer { try? FileManager.default.removeItem(at: scratch) }
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    // Files, because a pipe that a forgotten background process holds open would never end.
    try Self.failing("cannot start \(executable.path)") {
      process.standardOutput = try FileHandle(forWritingTo: files[0])
      process.standardError = try FileHandle(forWritingTo: files[1])
      try process.run()
    }
    let group = ProcessGroup(of: process)
    defer { group.send(SIGKILL) }
    try wait(for: process, group, files: files, limits)
    let texts = try Self.failing("cannot read what it has printed") {
      try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
    }
    guard process.terminationReason == .exit else {
      throw CellFailure.failed(
        reason: "ended by signal \(process.terminationStatus)" + Self.lastLines(of: texts[1]))
    }
    return Outcome(exitCode: process.terminationStatus, output: texts[0], messages: texts[1])
  }

  private func wait(
    for process: Process, _ group: ProcessGroup, files: [URL], _ limits: CellLimits
  ) throws {
    let deadline = ContinuousClock.now + .seconds(limits.seconds)
    var pause = 0.002
    while process.isRunning {
      // Foundation goes on waiting while something in the background lives on.
      if group.leaderHasEnded { group.send(SIGKILL) }
      if limits.isCancelled() {
        group.end(process, SIGINT, graceSeconds: Self.graceSeconds)
        throw CellFailure.interrupted
      }
      if ContinuousClock.now > deadline {
        group.end(process, SIGTERM, graceSeconds: Self.graceSeconds)
        throw CellFailure.timedOut(seconds: limits.seconds)
      }
      if let size = files.map(Self.bytes).max(), size > Self.mostBytes {
        group.end(process, SIGTERM, graceSeconds: Self.graceSeconds)
        throw Self.tooLong
      }
      Thread.sleep(forTimeInterval: pause)
      pause = min(2 * pause, 0.05)
    }
    if files.contains(where: { Self.bytes($0) > Self.mostBytes }) { throw Self.tooLong }
  }

  private static let tooLong = CellFailure.failed(
    reason: "it prints more than \(mostBytes / 1000) KB: print less")

  private static func bytes(_ file: URL) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
    return attributes?[.size] as? Int ?? 0
  }

  private static func failing<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      throw CellFailure.failed(reason: "\(what) (\(reason(of: error)))")
    }
  }

  /// ": " and the last lines of a text, where there are any.
  static func lastLines(of text: String) -> String {
    let lines = text.split(separator: "\n").suffix(5)
    return lines.isEmpty ? "" : ": " + lines.joined(separator: " / ")
  }
}

/// A process and what it starts, which Foundation puts into a group of their own.
private struct ProcessGroup {
  private let leader: pid_t
  private let target: pid_t

  init(of process: Process) {
    let id = process.processIdentifier
    leader = id
    // A leader that has ended already has no group to ask for; only where it shares ours it stands alone.
    target = getpgid(id) == getpgrp() ? id : -id
  }

  var leaderHasEnded: Bool {
    var info = unsafe siginfo_t()
    let answer = unsafe waitid(P_PID, id_t(leader), &info, WEXITED | WNOHANG | WNOWAIT)
    // No signal number: it has not. An error: it has, and was waited for.
    return unsafe answer != 0 || info.si_signo != 0
  }

  func send(_ signal: Int32) {
    // A group outlives its leader, an id of a process does not.
    if target < -1 { kill(target, signal) }
  }

  /// Asks all of it to end, and kills what has not ended in time.
  func end(_ process: Process, _ signal: Int32, graceSeconds: Double) {
    kill(target, signal)
    let deadline = ContinuousClock.now + .seconds(graceSeconds)
    while process.isRunning {
      if ContinuousClock.now > deadline { kill(target, SIGKILL) }
      Thread.sleep(forTimeInterval: 0.01)
    }
  }
}

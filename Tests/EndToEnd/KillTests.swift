import Foundation
import Testing

/// A process that dies in the midst of its work, or finds the disk full: what it has reported stays, and the run ends
/// with the bits of one that was not disturbed.
///
/// `MILENAS_KILLS=50 swift test … --filter KillTests` tries more moments than the usual eight.
@Suite(.serialized) final class KillTests {
  private let folder: URL
  private static let settings = [
    "--batch", "4", "--train-images", "32", "--channels", "2", "--cells", "2", "--nodes", "1",
    "--epochs", "12", "--steps-per-epoch", "4", "--threads", "2",
  ]

  /// A command that makes a record, the word before its settings, and these.
  struct Work: CustomTestStringConvertible {
    var command: String
    var cell: [String] = []
    var settings: [String]
    var testDescription: String { command }
  }

  private static let works = [
    Work(command: "search", settings: settings),
    Work(
      command: "evaluate", cell: ["DARTS_V2"],
      settings: [
        "--batch", "50", "--train-images", "100", "--channels", "2", "--cells", "3", "--epochs",
        "6", "--drop-path", "0.2", "--threads", "2",
      ]),
  ]

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func run(_ arguments: [String]) throws -> BuiltProgram.Outcome {
    try BuiltProgram.run(arguments, in: folder)
  }

  private func digest(_ name: String) throws -> String {
    let shown = try run(["runs", "show", name, "--format", "json"])
    #expect(shown.exitCode == 0, "\(shown.errors)")
    let report = try JSONSerialization.jsonObject(with: Data(shown.output.utf8))
    return try #require((report as? [String: Any])?["digest"] as? String)
  }

  /// Starts the program and kills it after a time, unless it has ended.
  private func kill(_ arguments: [String], after seconds: Double) throws {
    let process = Process()
    process.executableURL = BuiltProgram.url
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    Thread.sleep(forTimeInterval: seconds)
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  @Test(arguments: KillTests.works)
  func aRunThatWasKilledAtAnyMomentEndsWithTheSameBits(_ work: Work) throws {
    let start = [work.command] + work.cell
    let began = ContinuousClock().now
    let whole = try run(start + ["--name", "whole"] + work.settings)
    #expect(whole.exitCode == 0, "\(whole.errors)")
    let (seconds, attoseconds) = (ContinuousClock().now - began).components
    let duration = Double(seconds) + Double(attoseconds) * 1e-18
    let expected = try digest("whole")
    let kills = ProcessInfo.processInfo.environment["MILENAS_KILLS"].flatMap(Int.init) ?? 8
    var resumed = 0
    for index in 0..<kills {
      let name = "run\(index)"
      // The moments lie all over the run, and a little beyond, as another load may slow it.
      let moment = duration * 1.2 * (Double(index) + 0.5) / Double(kills)
      try kill(start + ["--name", name] + work.settings, after: moment)
      let log = folder.appending(path: "runs/\(name)/manifest.json")
      // Before the manifest there is no run yet.
      guard FileManager.default.fileExists(atPath: log.path) else { continue }
      // Every other run is killed again while it is taken up.
      if index % 2 == 1 { try kill([work.command, "--resume", name], after: moment / 2) }
      let end = try run([work.command, "--resume", name])
      let wasOver = end.exitCode == 2 && end.errors.contains("nothing to resume")
      #expect(end.exitCode == 0 || wasOver, "killed after \(moment) s: \(end.errors)")
      resumed += wasOver ? 0 : 1
      #expect(try digest(name) == expected, "killed after \(moment) s")
      let verified = try run(["runs", "verify", name])
      #expect(verified.exitCode == 0, "killed after \(moment) s: \(verified.output)")
    }
    #expect(resumed >= kills / 3, "only \(resumed) of \(kills) runs were killed while they worked")
  }

  /// The file may grow to a size that a few steps fill (bash: ulimit -f, in units of 1,024 bytes).
  @Test func aFullDiskIsNamedAndTheRunGoesOnWhenThereIsRoom() throws {
    let whole = try run(["search", "--name", "whole"] + Self.settings)
    #expect(whole.exitCode == 0)
    let command =
      "ulimit -f 200; exec '\(BuiltProgram.url.path)' search --name full "
      + Self.settings.joined(separator: " ")
    let full = try BuiltProgram.run(
      ["-c", command], in: folder, program: URL(filePath: "/bin/bash"))
    #expect(full.exitCode == 1)
    #expect(full.errors.contains("events.sqlite"), "\(full.errors)")
    let resumed = try run(["search", "--resume", "full"])
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    #expect(try digest("full") == digest("whole"))
    #expect(try run(["runs", "verify", "full"]).exitCode == 0)
  }
}

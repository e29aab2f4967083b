import EventLog
import Foundation
import Search
import Testing

@testable import milenas_lab

/// Options that nothing reads, and options of a run that goes on.
@Suite struct OptionTests {
  @Test(arguments: [
    ["--log-level", "step"], ["--keep-checkpoints", "all"], ["--max-log-size", "5MB"],
    ["--name", "other"], ["--seed", "0"], ["--preset", "demo"], ["--epochs", "6"],
    ["--steps-per-epoch", "1"], ["--channels", "8"], ["--dry-run"],
  ])
  func aRunThatGoesOnTakesNoSetting(option: [String]) {
    for command in ["search", "evaluate"] {
      let error = #expect(throws: (any Error).self) {
        try MilenasLab.parseAsRoot([command, "--resume", "run"] + option)
      }
      #expect(
        error.map { Failure.sentence(of: $0).contains("leave out \(option[0]);") } == true,
        "\(command) \(option)")
    }
  }

  @Test func aRunThatGoesOnMayLieElsewhereAndUseOtherThreads() throws {
    let free = [
      "--threads", "1", "--data-dir", "images", "--runs-dir", "records", "--format", "json",
    ]
    _ = try MilenasLab.parseAsRoot(["search", "--resume", "run"] + free)
    _ = try MilenasLab.parseAsRoot(["evaluate", "--resume", "run", "--strict"] + free)
  }

  @Test(arguments: [
    ["--lambda", "1", "--method", "darts-1st"], ["--lambda-train", "1", "--method", "darts-2nd"],
    ["--solver", "cg"], ["--solver-iterations", "10"], ["--damping", "0.1"],
    ["--unroll-steps", "5", "--method", "darts-2nd"], ["--radius", "0.01"],
    ["--random-cells", "20"], ["--temperature-start", "10"], ["--temperature-end", "1"],
    ["--noise", "kind"], ["--updates-see-next-batches"],
    ["--weight-rate-end", "0.1", "--weight-rate", "0.05"],
  ])
  func anOptionThatNothingReadsIsNamed(arguments: [String]) throws {
    let command = try #require(
      try MilenasLab.parseAsRoot(["search"] + arguments) as? SearchCommand)
    let configuration = try command.settings.configuration(seed: nil)
    let error = #expect(throws: SearchError.self) {
      try command.settings.refuseUnread(by: configuration)
    }
    #expect(error.map { "\($0)".contains(arguments[0]) } == true)
  }

  @Test(arguments: [
    ["--lambda", "1"], ["--lambda-train", "2", "--method", "milenas-2nd"],
    ["--solver", "minres", "--damping", "0", "--method", "implicit"],
    ["--unroll-steps", "2", "--switch-to", "unrolled", "--switch-epoch", "1"],
    ["--radius", "0.1", "--method", "darts-2nd"], ["--noise", "cell", "--space", "gdas"],
    ["--weight-rate-end", "0", "--weight-rate", "0.0005"],
    ["--updates-see-next-batches", "--weight-updates", "2"],
  ])
  func anOptionThatIsReadIsTaken(arguments: [String]) throws {
    let command = try #require(
      try MilenasLab.parseAsRoot(["search"] + arguments) as? SearchCommand)
    let configuration = try command.settings.configuration(seed: nil)
    try command.settings.refuseUnread(by: configuration)
    try configuration.validate()
  }

  @Test func theSizeOfTheLogIsBoundedWhereTracesAreKept() throws {
    _ = try MilenasLab.parseAsRoot(["search", "--log-level", "trace", "--max-log-size", "5MB"])
    let error = #expect(throws: (any Error).self) {
      try MilenasLab.parseAsRoot(["search", "--max-log-size", "5MB"])
    }
    #expect(error.map { Failure.sentence(of: $0).contains("--log-level trace") } == true)
  }

  @Test(arguments: [
    ("--cutout", ["--cutout", "4", "--data", "image-folder", "--data-dir", "images"]),
    ("--image-size", ["--image-size", "32"]), ("--strict", ["--strict"]),
  ])
  func anOptionThatTheImagesDoNotReadIsNamed(option: String, arguments: [String]) throws {
    let outcome = try BuiltProgram.run(["evaluate", "DARTS_V2", "--dry-run"] + arguments)
    #expect(outcome.exitCode == 2 && outcome.errors.hasPrefix("milenas-lab: \(option)"))
  }

  /// One sentence, no crash, and no folder that would keep the name.
  @Test(arguments: [
    ["search", "--channels", "1024", "--cells", "8", "--batch", "2000"],
    ["search", "--channels", "99999999999"], ["search", "--cells", "99999999999"],
    ["search", "--nodes", "999999", "--dry-run"],
    ["search", "--epochs", "9223372036854775807", "--dry-run"],
    ["search", "--clip", "nan"], ["search", "--weight-rate", "inf"],
    ["evaluate", "DARTS_V2", "--cells", "30", "--channels", "1024", "--batch", "1000"],
    ["evaluate", "DARTS_V2", "--rate", "inf"],
  ])
  func impossibleSettingsLeaveNothingBehind(arguments: [String]) throws {
    try inScratchFolder { folder in
      let records = folder.appending(path: "records")
      let outcome = try BuiltProgram.run(
        arguments + ["--name", "impossible", "--runs-dir", records.path])
      #expect(outcome.exitCode == 2 && outcome.output.isEmpty)
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: records.appending(path: "impossible").path))
    }
  }
}

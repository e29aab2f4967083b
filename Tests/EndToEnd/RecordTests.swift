import Foundation
import Testing

/// One tiny search, and what the other commands make of its record.
@Suite(.serialized) final class RecordTests {
  private let folder: URL
  private static let search = [
    "search", "--name", "tiny", "--batch", "4", "--train-images", "16", "--channels", "2",
    "--cells", "1", "--nodes", "1",
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

  @Test func aRecordIsListedShownAndQueried() throws {
    let search = try run(Self.search + ["--epochs", "1", "--steps-per-epoch", "2"])
    #expect(search.exitCode == 0, "\(search.errors)")
    #expect(search.output.contains("Genotype(normal="))

    #expect(try run(["runs", "list"]).output.contains("tiny  completed"))
    let shown = try run(["runs", "show", "--format", "json"]).output
    let report = try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: Any]
    #expect((report?["digest"] as? String)?.count == 64)

    let losses = try run(["runs", "sql", "select step, train_loss from losses", "--format", "csv"])
    #expect(losses.exitCode == 0)
    #expect(losses.output.split(separator: "\r\n").map { $0.prefix(2) } == ["st", "0,", "1,"])

    let twice = try run(
      ["runs", "sql", "tiny", "select 1 as a, 2 as a, 3 as a_2", "--format", "json"])
    let rows = try JSONSerialization.jsonObject(with: Data(twice.output.utf8)) as? [[String: Int]]
    #expect(rows == [["a": 1, "a_3": 2, "a_2": 3]])
    for limit in ["nan", "inf", "-1"] {
      let refused = try run(["runs", "sql", "tiny", "select 1", "--time-limit=\(limit)"])
      #expect(refused.exitCode == 2 && refused.errors.contains("--time-limit takes seconds"))
    }
    for (steps, says) in [
      (["--from-step", "2"], "tiny has no step 2: its steps are 0 to 1"),
      (["--from-step", "1", "--to-step", "0"], "--from-step 1 lies after --to-step 0"),
    ] {
      let refused = try run(["runs", "replay", "tiny"] + steps)
      #expect(refused.exitCode == 2 && refused.errors.contains(says), "\(refused.errors)")
    }
    let listed = try run(["runs", "export", "tiny", "--to", "csv", "--format", "json"]).output
    let files = try JSONSerialization.jsonObject(with: Data(listed.utf8)) as? [String]
    #expect(files?.contains("tiny-csv/epochs.csv") == true, "\(listed)")

    let refused = try run(["runs", "sql", "tiny", "drop table steps"])
    #expect(refused.exitCode == 2)
    #expect(refused.errors.contains("only one SELECT is run"))

    // The commands that it prints work as they are, in a shell.
    let spaced = try run(
      Self.search + ["--epochs", "1", "--steps-per-epoch", "1", "--runs-dir", "my runs"])
    let next = spaced.output.split(separator: "\n").map(String.init)
      .filter { $0.hasPrefix("  milenas-lab ") }
    #expect(next.count == 3)
    for line in next {
      let typed = try BuiltProgram.run(
        ["-c", line.replacing("milenas-lab", with: "\"$0\""), BuiltProgram.url.path], in: folder,
        program: URL(filePath: "/bin/bash"))
      #expect(typed.exitCode == 0, "\(line): \(typed.errors)")
    }

    let again = try run(Self.search)
    #expect(again.exitCode == 2)
    #expect(again.errors.contains("a run called tiny exists already in runs"))

    let misspelt = try run(["runs", "show", "tny"])
    #expect(misspelt.exitCode == 2)
    #expect(misspelt.errors.contains("did you mean tiny?"))
  }

  @Test func aSearchThatIsInterruptedEndsWith130AndARecordThatOpens() throws {
    let process = Process()
    process.executableURL = BuiltProgram.url
    process.arguments = Self.search + ["--epochs", "100000"]
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    let steps = ["runs", "sql", "select count(*) > 3 from steps", "--format", "csv"]
    var waits = 0
    while try run(steps).output.split(separator: "\r\n").last != "1" {
      waits += 1
      try #require(waits < 600 && process.isRunning)
      Thread.sleep(forTimeInterval: 0.1)
    }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    #expect(try run(["runs", "list"]).output.contains("tiny  interrupted"))
    let files = try FileManager.default.contentsOfDirectory(
      atPath: folder.appending(path: "runs/tiny").path)
    #expect(files.sorted() == ["checkpoints", "events.sqlite", "manifest.json"])
    #expect(try run(["runs", "verify", "tiny"]).exitCode == 0)

    let refused = try run(["search", "--resume", "tiny", "--epochs", "3"])
    #expect(refused.exitCode == 2)
    #expect(refused.errors.contains("--resume goes on with the settings of the run"))
  }

  @Test func aRunIsVerifiedReplayedComparedAndRemoved() throws {
    let settings = ["--epochs", "2", "--steps-per-epoch", "2"]
    for (name, more) in [("a", ["--threads", "1"]), ("b", ["--threads", "2"])] {
      let search = try run(Self.search + settings + more + ["--name", name])
      #expect(search.exitCode == 0, "\(search.errors)")
    }
    #expect(try run(["runs", "verify", "a"]).output.contains("a is whole"))
    let same = try run(["runs", "diff", "a", "b"])
    #expect(same.exitCode == 0)
    #expect(
      same.output.contains(
        "all 4 steps and 2 epochs and the results that both have are the same in every bit\n"))
    let replay = try run(["runs", "replay", "a", "--threads", "2"])
    #expect(replay.output.contains("a is identical in every bit: 4 steps"))
    let part = try run(
      ["runs", "replay", "b", "--from-step", "1", "--to-step", "2", "--dump", "grad-w,alpha"])
    #expect(part.exitCode == 0)
    let vectors = try FileManager.default.contentsOfDirectory(
      atPath: folder.appending(path: "vectors").path)
    #expect(vectors.count == 4)
    #expect(try run(["runs", "replay", "a", "--to-step", "9"]).exitCode == 2)
    #expect(try run(["runs", "tail", "a", "--once"]).output.contains("epoch 1 ends"))

    let checkpoint = folder.appending(path: "runs/a/checkpoints/step-000002.safetensors")
    var bytes = try Data(contentsOf: checkpoint)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: checkpoint)
    let damaged = try run(["runs", "verify", "a", "--format", "json"])
    #expect(damaged.exitCode == 1)
    #expect(damaged.output.contains("SHA-256"))

    #expect(try run(["runs", "remove", "a"]).exitCode == 2)
    let removed = try run(["runs", "remove", "a", "--yes", "--format", "json"])
    #expect(removed.exitCode == 0 && removed.output == "[\n  \"runs/a\"\n]\n", "\(removed.output)")
    #expect(!(try run(["runs", "list"]).output.contains("a  completed")))
  }

  @Test func anEvaluationIsRecordedShownQueriedAndComparedLikeASearch() throws {
    let settings = [
      "--batch", "50", "--train-images", "100", "--channels", "2", "--cells", "3", "--epochs",
      "2",
    ]
    for threads in ["1", "2"] {
      let end = try run(
        ["evaluate", "DARTS_V2", "--name", "e\(threads)", "--threads", threads] + settings)
      #expect(end.exitCode == 0, "\(end.errors)")
      #expect(end.output.contains("milenas-lab runs verify e\(threads)"))
    }
    #expect(try run(["runs", "list"]).output.contains("e1    completed  evaluation"))
    let shown = try run(["runs", "show", "e1"]).output
    #expect(shown.contains("cell from     DARTS_V2") && shown.contains("test acc"))
    let sql = ["runs", "sql", "e1", "select step, train_loss from losses", "--format", "csv"]
    #expect(try run(sql).output.split(separator: "\r\n").count == 5)
    #expect(try run(["runs", "schema", "--of", "evaluation"]).output.contains("test_accuracy"))
    #expect(try run(["runs", "verify", "e1"]).output.contains("e1 is whole"))
    #expect(try run(["runs", "diff", "e1", "e2"]).exitCode == 0)
    let replay = try run(["runs", "replay", "e1", "--dump", "grad-w"])
    #expect(replay.output.contains("e1 is identical in every bit: 4 steps"), "\(replay.errors)")
    #expect(try run(["runs", "tail", "e1", "--once"]).output.contains("epoch 1 ends: train"))
    #expect(try run(["runs", "export", "e1", "--to", "csv"]).output.contains("epochs.csv"))
    #expect(try run(["genotype", "show", "e1"]).output.contains("published as DARTS_V2"))
    #expect(
      try run(["table", "1", "--format", "csv"]).output.contains("this program: fashion-mini"))
    #expect(try run(["curvature", "e1"]).errors.contains("e1 is the record of an evaluation"))

    // A cell that was drawn is evaluated like any other.
    let drawn = try run(
      Self.search + ["--name", "drawn", "--method", "random", "--epochs", "1"]
        + ["--steps-per-epoch", "1"])
    #expect(drawn.exitCode == 0, "\(drawn.errors)")
    #expect(try run(["evaluate", "drawn"] + settings).exitCode == 0)
    #expect(try run(["runs", "show"]).output.contains("cell from     drawn@0"))

    let ended = try run(["evaluate", "--resume", "e1"])
    #expect(ended.exitCode == 2 && ended.errors.contains("e1 is completed"))
    let refused = try run(["evaluate", "DARTS_V2", "--resume", "e1"])
    #expect(refused.exitCode == 2)
    #expect(refused.errors.contains("--resume goes on with the settings of the run"))
    #expect(try run(["evaluate"]).exitCode == 2)
    #expect(try run(["runs", "remove", "e1", "--yes"]).exitCode == 0)
  }

  @Test func anEvaluationThatIsInterruptedSaysHowItGoesOn() throws {
    let (output, errors) = (Pipe(), Pipe())
    let process = Process()
    process.executableURL = BuiltProgram.url
    process.arguments = [
      "evaluate", "DARTS_V2", "--name", "long", "--batch", "50", "--train-images", "100",
      "--channels", "2", "--cells", "3", "--epochs", "100000", "--runs-dir", "records",
    ]
    process.currentDirectoryURL = folder
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let steps = [
      "runs", "sql", "select count(*) > 3 from steps", "--format", "csv", "--runs-dir", "records",
    ]
    var waits = 0
    while try run(steps).output.split(separator: "\r\n").last != "1" {
      waits += 1
      try #require(waits < 600 && process.isRunning)
      Thread.sleep(forTimeInterval: 0.1)
    }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    #expect(
      String(decoding: said, as: UTF8.self)
        .contains("  milenas-lab evaluate --resume long --runs-dir records\n"))
    #expect(try run(["runs", "verify", "long", "--runs-dir", "records"]).exitCode == 0)
  }

  /// Root may write everywhere, so the program runs as a user who may not.
  @Test(.enabled("needs root and setpriv") { getuid() == 0 && RecordTests.setpriv != nil })
  func aRecordIsReadFromAFolderThatCannotBeWritten() throws {
    let search = try run(Self.search + ["--epochs", "1", "--steps-per-epoch", "1"])
    #expect(search.exitCode == 0, "\(search.errors)")
    let shown = try BuiltProgram.run(
      ["--reuid=65534", BuiltProgram.url.path, "runs", "show", "tiny"], in: folder,
      program: Self.setpriv)
    #expect(shown.exitCode == 0, "\(shown.errors)")
    #expect(shown.output.contains("completed"))
  }

  private static var setpriv: URL? {
    let url = URL(filePath: "/usr/bin/setpriv")
    return FileManager.default.isExecutableFile(atPath: url.path) ? url : nil
  }
}

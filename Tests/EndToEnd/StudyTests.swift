import Foundation
import Testing

/// Studies as a user runs them: tiny searches in worker processes.
@Suite(.serialized) final class StudyTests {
  private let folder: URL
  private static let tiny = """
    name: tiny
    seeds: [0, 1]
    search:
      batch: 4
      train-images: 32
      channels: 2
      cells: 2
      nodes: 1
      epochs: 3
      steps-per-epoch: 4
    settings:
      bilevel: { method: darts-1st }
      mixed: { method: milenas-1st }

    """

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write(Self.tiny)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func write(_ text: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: "tiny.yaml"))
  }

  private func run(_ arguments: String...) throws -> BuiltProgram.Outcome {
    try BuiltProgram.run(arguments, in: folder)
  }

  private func json(_ arguments: String...) throws -> [String: Any] {
    let outcome = try BuiltProgram.run(arguments + ["--format", "json"], in: folder)
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
    return try #require(object as? [String: Any])
  }

  private func digests(_ study: String) throws -> [String: String] {
    let runs = try #require(try json("study", "collect", study)["runs"] as? [[String: Any]])
    return Dictionary(
      runs.map { ($0["task"] as? String ?? "", $0["digest"] as? String ?? "") },
      uniquingKeysWith: { first, _ in first })
  }

  @Test func aStudyRunsOnceAndIsThenLeftAlone() throws {
    let first = try run("study", "run", "tiny.yaml", "--workers", "2", "--threads-per-worker", "1")
    #expect(first.exitCode == 0, "\(first.errors)\(first.output)")
    #expect(first.output.hasPrefix("4 tasks of tiny are done\n"))
    let log = folder.appending(path: "runs/tiny/logs/mixed-s1.log")
    let before = try Data(contentsOf: log)
    #expect(try run("study", "run", "tiny").exitCode == 0)
    #expect(try Data(contentsOf: log) == before)
    #expect(try run("study", "plan", "tiny", "--commands").output == "")
    // It is a runs folder, and its records are those of plain searches.
    let alone = try run(
      "search", "--method", "milenas-1st", "--batch", "4", "--train-images", "32", "--channels",
      "2",
      "--cells", "2", "--nodes", "1", "--epochs", "3", "--steps-per-epoch", "4", "--seed", "1",
      "--name", "alone", "--runs-dir", "runs/tiny")
    #expect(alone.exitCode == 0, "\(alone.errors)")
    let same = try run("runs", "diff", "mixed-s1", "alone", "--runs-dir", "runs/tiny")
    #expect(same.exitCode == 0, "\(same.output)")
    let collected = try json("study", "collect", "tiny")
    let settings = try #require(collected["settings"] as? [[String: Any]])
    #expect(settings.map { $0["runs"] as? Int } == [2, 2])
    #expect(collected["problems"] as? [String] == [])
  }

  @Test func otherSettingsAreRefusedWithWhatDiffers() throws {
    #expect(try run("study", "run", "tiny.yaml").exitCode == 0)
    try write(Self.tiny.replacing("epochs: 3", with: "epochs: 4"))
    let refused = try run("study", "run", "tiny.yaml")
    #expect(refused.exitCode == 2)
    #expect(
      refused.errors.contains("bilevel-s0 (epochs 3 there, 4 in the study)"), "\(refused.errors)")
  }

  /// Runs the study with one worker, and does something to it as soon as the first task has a checkpoint.
  private func disturbed(_ act: (Process) throws -> Void) throws -> (
    exitCode: Int32, errors: String
  ) {
    let process = Process()
    process.executableURL = BuiltProgram.url
    process.arguments = ["study", "run", "tiny.yaml", "--workers", "1"]
    process.currentDirectoryURL = folder
    let said = folder.appending(path: "said")
    try Data().write(to: said)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: said)
    try process.run()
    let checkpoints = folder.appending(path: "runs/tiny/bilevel-s0/checkpoints")
    while process.isRunning {
      Thread.sleep(forTimeInterval: 0.02)
      let files = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
      if files.contains(where: { $0.hasSuffix(".safetensors") }) { break }
    }
    try act(process)
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOf: said, encoding: .utf8))
  }

  @Test func aWorkerThatIsKilledIsTakenUpToTheSameBits() throws {
    try write(Self.tiny.replacing("epochs: 3", with: "epochs: 40"))
    #expect(try run("study", "run", "tiny.yaml", "--name", "whole").exitCode == 0)
    let end = try disturbed { process in
      let children = try BuiltProgram.run(
        ["-P", "\(process.processIdentifier)"], program: URL(filePath: "/usr/bin/pgrep"))
      let workers = children.output.split(separator: "\n").compactMap { Int32($0) }
      #expect(workers.count == 1)
      for worker in workers { kill(worker, SIGKILL) }
    }
    #expect(end.exitCode == 0)
    #expect(end.errors.contains("bilevel-s0: its worker was ended by signal 9"), "\(end.errors)")
    #expect(try digests("tiny") == digests("whole"))
  }

  @Test func anInterruptedStudyGoesOnToTheSameBits() throws {
    try write(Self.tiny.replacing("epochs: 3", with: "epochs: 40"))
    #expect(try run("study", "run", "tiny.yaml", "--name", "whole").exitCode == 0)
    let end = try disturbed { kill($0.processIdentifier, SIGINT) }
    #expect(end.exitCode == 130, "\(end.errors)")
    let states = try run("study", "status", "tiny", "--format", "csv").output
    #expect(states.contains("bilevel-s0,interrupted,"), "\(states)")
    #expect(states.contains("mixed-s1,waiting,"), "\(states)")
    #expect(try run("study", "run", "tiny").exitCode == 0)
    #expect(try digests("tiny") == digests("whole"))
  }

  @Test func aTaskThatFailsIsNamedWithItsLastWords() throws {
    try write(
      Self.tiny.replacing(
        "method: darts-1st", with: "method: darts-1st, data: cifar10, data-dir: nowhere"))
    let outcome = try run("study", "run", "tiny.yaml", "--workers", "1")
    #expect(outcome.exitCode == 1)
    #expect(outcome.output.contains("bilevel-s0 has failed: its worker ended with exit code 2\n"))
    #expect(outcome.output.contains("nowhere"), "\(outcome.output)")
    let collected = try run("study", "collect", "tiny")
    #expect(collected.exitCode == 1)
    #expect(collected.output.contains("bilevel-s0 is waiting"))
  }

  /// Both searches draw one cell each, and cells of the same size are told apart by their search.
  @Test func twoGroupsOfEvaluationsHaveRecordsOfTheirOwn() throws {
    try write(
      """
      name: tiny
      seeds: [0]
      search:
        { batch: 4, train-images: 32, channels: 2, cells: 3, nodes: 1, epochs: 1, steps-per-epoch: 1 }
      settings: { a: { method: darts-1st }, b: { method: milenas-1st } }
      evaluate:
        { batch: 50, train-images: 100, channels: 2, cells: 3, epochs: 1, steps-per-epoch: 1 }
      evaluations:
        one: { of: a, cells: each-size, at-most: 2 }
        two: { of: b, cells: each-size, at-most: 2 }

      """)
    let ran = try run("study", "run", "tiny.yaml", "--workers", "1", "--runs-dir", "my runs")
    #expect(ran.exitCode == 0, "\(ran.errors)\(ran.output)")
    #expect(ran.output.contains("  milenas-lab study collect tiny --runs-dir 'my runs'\n"))
    #expect(ran.output.contains("  milenas-lab runs list --runs-dir 'my runs/tiny'\n"))
    let collected = try json("study", "collect", "tiny", "--runs-dir", "my runs")
    let runs = try #require(collected["runs"] as? [[String: Any]])
    let names = runs.compactMap { $0["task"] as? String }
    #expect(names.count == 4 && Set(names).count == 4)
    #expect(names[2].hasPrefix("eval-a-s0-n") && names[3].hasPrefix("eval-b-s0-n"), "\(names)")
  }

  @Test func aBrokenStudyIsListedAsUnreadable() throws {
    #expect(try run("study", "submit", "tiny.yaml", "--print").exitCode == 0)
    let broken = folder.appending(path: "runs/broken")
    try FileManager.default.createDirectory(at: broken, withIntermediateDirectories: true)
    try Data("name: [".utf8).write(to: broken.appending(path: "study.yaml"))
    let list = try run("study", "list", "--format", "csv")
    #expect(list.exitCode == 0, "\(list.errors)")
    #expect(list.output.contains("broken,unreadable,,"), "\(list.output)")
    #expect(list.output.contains("tiny,0 of 4 done,"), "\(list.output)")
  }

  /// The command lines of the study behind the committed figures.
  @Test func theShippedStudiesAreTheirCommandLines() throws {
    let lines = try run("study", "plan", "fig2", "--commands").output.split(separator: "\n")
    #expect(lines.count == 28)
    let common =
      " --data fashion-mini --train-images 1024 --channels 4 --cells 3 --nodes 2 --batch 16"
      + " --epochs 16 --alpha-rate 3e-3 --method "
    let late = lines.first { $0.contains(" --name darts-2nd-then-milenas-s2 ") }
    #expect(
      late?.contains(
        common + "darts-2nd --switch-to milenas-1st --switch-epoch 11 --seed 2 --name ") == true,
      "\(late ?? "none")")
    #expect(lines.allSatisfy { $0.contains(" --log-level epoch --keep-checkpoints none ") })
    for name in ["fig2", "fig3"] {
      for size in ["small", "paper"] {
        let plan = try run("study", "plan", name, "--size", size, "--commands")
        #expect(plan.exitCode == 0, "\(name) \(size): \(plan.errors)")
      }
    }
  }

  /// A stand-in for sbatch notes what it was called with, and gives out job numbers.
  @Test func aStudyIsSubmittedAsArraysThatWaitForEachOther() throws {
    try write(Self.tiny + "evaluations: { final: { of: mixed } }\n")
    let bin = folder.appending(path: "bin")
    try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
    let calls = folder.appending(path: "calls")
    let stand = bin.appending(path: "sbatch")
    try Data(
      "#!/bin/bash\necho \"$@\" >> '\(calls.path)'\necho $((40 + $(wc -l < '\(calls.path)')))\n"
        .utf8
    )
    .write(to: stand)
    let queue = bin.appending(path: "squeue")
    try Data("#!/bin/bash\n".utf8).write(to: queue)
    for file in [stand, queue] {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }
    func submit(_ arguments: String...) throws -> BuiltProgram.Outcome {
      try BuiltProgram.run(
        ["PATH=\(bin.path):/usr/bin:/bin", BuiltProgram.url.path, "study", "submit", "tiny.yaml"]
          + arguments, in: folder, program: URL(filePath: "/usr/bin/env"))
    }
    let printed = try submit("--print", "--time", "1:00")
    #expect(
      printed.exitCode == 0 && printed.output.contains("#SBATCH --time=1:00\n"), "\(printed.errors)"
    )
    #expect(!FileManager.default.fileExists(atPath: calls.path))
    let submitted = try submit("--format", "json")
    #expect(submitted.exitCode == 0, "\(submitted.errors)")
    let said = try String(contentsOf: calls, encoding: .utf8).split(separator: "\n")
    #expect(said.count == 2)
    #expect(said[0].hasPrefix("--parsable ") && said[0].hasSuffix("/runs/tiny/searches.sbatch"))
    #expect(said[1].hasPrefix("--parsable --dependency=afterany:41 "))
    // What the array would call.
    let task = try run("study", "task", "runs/tiny", "--index", "1", "--threads", "1")
    #expect(task.exitCode == 0, "\(task.errors)")
    #expect(
      try run("study", "status", "tiny", "--format", "csv").output.contains(
        "bilevel-s1,done,3,3,12,"))
    let early = try run("study", "task", "runs/tiny", "--index", "4")
    #expect(early.exitCode == 1 && early.errors.contains("is not done"))
    #expect(try submit("--print").output.contains("#SBATCH --array=0,2-3\n"))
    let scripts = try submit("--print", "--format", "json").output
    let parts = try JSONSerialization.jsonObject(with: Data(scripts.utf8)) as? [[String: Any]]
    #expect(parts?.map { $0["part"] as? String } == ["searches", "evaluations"])
    let commands = try run("study", "plan", "tiny", "--commands", "--format", "json").output
    let lines = try JSONSerialization.jsonObject(with: Data(commands.utf8)) as? [String]
    #expect(lines?.count == 3)
    // A queue that does not answer is not an empty one.
    try Data("#!/bin/bash\necho 'no controller' >&2; exit 1\n".utf8).write(to: queue)
    let unknown = try submit()
    #expect(unknown.exitCode == 1 && unknown.errors.contains("squeue failed (no controller)"))
    #expect(try String(contentsOf: calls, encoding: .utf8).split(separator: "\n").count == 2)
    let status = try BuiltProgram.run(
      ["PATH=\(bin.path):/usr/bin:/bin", BuiltProgram.url.path, "study", "status", "tiny"],
      in: folder, program: URL(filePath: "/usr/bin/env"))
    #expect(status.exitCode == 0 && status.errors.hasPrefix("warning: squeue failed"))
    try Data("#!/bin/bash\n".utf8).write(to: queue)
    try Data("#!/bin/bash\necho 'no such partition' >&2; exit 1\n".utf8).write(to: stand)
    let refused = try submit()
    #expect(refused.exitCode == 1 && refused.errors.contains("sbatch failed: no such partition"))
  }
}

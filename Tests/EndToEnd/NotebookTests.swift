import ArgumentParser
import Foundation
import Testing

@testable import Notebooks
@testable import milenas_lab

/// `notebook` as a user runs it, each in a folder of its own.
@Suite final class NotebookTests {
  let folder: URL
  var file: URL { folder.appending(path: "n.md") }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func write(_ text: String) throws { try Data(text.utf8).write(to: file) }

  private func text() throws -> String { try String(contentsOf: file, encoding: .utf8) }

  private func notebook(_ arguments: String...) throws -> BuiltProgram.Outcome {
    try BuiltProgram.run(["notebook"] + arguments, in: folder)
  }

  private static let runs =
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../runs")
    .standardizedFileURL
  private static let referenceRun = runs.appending(path: "reference-gradient-error").path

  @Test func aStaleOutputMakesACheckFailAndAcceptMendsIt() throws {
    try write(
      """
      # Cells

      ```milenas {table name=cells}
      genotype count DARTS_V2 --format csv
      ```

      ```sql {run=\(Self.referenceRun) tolerance=1e-6}
      SELECT epoch, valid_accuracy FROM epoch_curve
      ```

      """)
    #expect(try notebook("run", "n.md").exitCode == 0)
    let fresh = try text()
    #expect(fresh.contains("| epoch | valid_accuracy |\n| ---: | ---: |\n| 0 | "))
    let holds = try notebook("check", "n.md")
    #expect(holds.exitCode == 0)
    #expect(holds.output.hasSuffix("outputs hold\n"))

    let stale = fresh.replacing("| epoch | valid_accuracy |", with: "| epoch | accuracy |")
    try write(stale)
    let differs = try notebook("check", "n.md")
    #expect(differs.exitCode == 1)
    #expect(differs.output.hasPrefix("--- n.md\n+++ n.md (as it runs now)\n@@ "))
    #expect(differs.output.contains("\n-| epoch | accuracy |\n+| epoch | valid_accuracy |\n"))
    #expect(differs.errors.isEmpty)
    #expect(try text() == stale)

    #expect(try notebook("check", "--accept", "n.md").exitCode == 0)
    #expect(try text() == fresh)
  }

  @Test func aFailingCellIsNamedAndTheDocumentStays() throws {
    let before = "Text.\n\n```milenas {name=bad}\nruns show no-such-run\n```\n"
    try write(before)
    let outcome = try notebook("run", "n.md")
    #expect(outcome.exitCode == 1)
    #expect(
      outcome.errors.hasPrefix(
        "milenas-lab: n.md, line 3, cell 1 (bad): exit code 2: milenas-lab: no run is called no-such-run"
      ))
    #expect(outcome.errors.hasSuffix("; the document is as it was\n"))
    #expect(try text() == before)
  }

  @Test func theShellOfANotebookOutsideOfTheRepositoryNeedsPermission() throws {
    try write("```sh\nmilenas-lab --version; touch ran\n```\n")
    let refused = try notebook("run", "n.md")
    #expect(refused.exitCode == 2)
    #expect(refused.errors.contains("--allow-shell"))
    let listed = try notebook("run", "n.md", "--dry-run")
    #expect(listed.exitCode == 0)
    #expect(listed.output.contains("milenas-lab --version; touch ran"))
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "ran").path))
    #expect(try notebook("run", "n.md", "--allow-shell").exitCode == 0)
    #expect(FileManager.default.fileExists(atPath: folder.appending(path: "ran").path))
    let version = try BuiltProgram.run("--version").output
    #expect(try text().contains("```text\n\(version)```"))
  }

  @Test func aNotebookThatRunsNotebooksIsRefused() throws {
    try write("```milenas\nnotebook check n.md\n```\n")
    let outcome = try notebook("run", "n.md", "--allow-shell")
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors.contains("a cell cannot run notebooks"))
  }

  @Test func ctrlCEndsTheCellAndLeavesTheDocument() throws {
    let before = "```sh\ntouch began; sleep 60; touch ended\n```\n"
    try write(before)
    let process = Process()
    process.executableURL = BuiltProgram.url
    process.arguments = ["notebook", "run", "n.md", "--allow-shell"]
    process.currentDirectoryURL = folder
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let deadline = ContinuousClock.now + .seconds(30)
    while !FileManager.default.fileExists(atPath: folder.appending(path: "began").path) {
      try #require(ContinuousClock.now < deadline)
      Thread.sleep(forTimeInterval: 0.02)
    }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 130)
    #expect(try text() == before)
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "ended").path))
  }

  @Test func aNewNotebookRuns() throws {
    #expect(try notebook("new", "n.md", "--run", Self.referenceRun).exitCode == 0)
    #expect(try notebook("run", "n.md").exitCode == 0)
    #expect(try text().contains("| completed | 4 | 64 | "))
    #expect(try notebook("new", "n.md", "--run", Self.referenceRun).exitCode == 2)
  }

  @Test func aNewNotebookOnAnEvaluationWithASpaceInItsNameRuns() throws {
    let runs = folder.appending(path: "runs")
    try FileManager.default.createDirectory(at: runs, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Self.runs.appending(path: "reference-fig3/eval-n5r2-s0"),
      to: runs.appending(path: "my evaluation"))
    #expect(try notebook("new", "n.md", "--run", "my evaluation").exitCode == 0)
    let outcome = try notebook("run", "n.md")
    #expect(outcome.exitCode == 0, "\(outcome)")
    #expect(try text().contains("| epoch | train_accuracy | test_accuracy |\n"))
  }

  @Test func aNotebookThatFailsKeepsNoOtherFromBeingChecked() throws {
    for (name, code) in [
      ("a", "genotype list"), ("b", "runs show no-such-run"), ("c", "data list"),
    ] {
      try Data("```milenas\n\(code)\n```\n".utf8).write(to: folder.appending(path: "\(name).md"))
    }
    let outcome = try notebook("check", "a.md", "b.md", "c.md", "--format", "json")
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors.hasPrefix("milenas-lab: b.md, line 1, cell 1: exit code 2"))
    let reports = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
    #expect(reports.map { $0["path"] as? String } == ["a.md", "b.md", "c.md"])
    #expect(reports.map { ($0["cells"] as? [Any])?.count } == [1, 0, 1])
    #expect((reports[1]["failure"] as? String)?.contains("no-such-run") == true)
    #expect(reports[0]["failure"] == nil && reports[2]["failure"] == nil)
    let text = try notebook("run", "a.md", "missing.md", "c.md")
    #expect(text.exitCode == 2, "a file that is not there is bad input")
    #expect(text.output.contains("a.md: 1 of 1 cells") && text.output.contains("c.md: 1 of 1"))
    #expect(!text.output.contains("missing.md"))
  }

  @Test func aCommandThatRemovesNeedsPermissionOutsideOfTheRepository() throws {
    let run = folder.appending(path: "runs/x9")
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    try Data("{}".utf8).write(to: run.appending(path: "manifest.json"))
    try write("```milenas\nruns remove x9 --yes\n```\n")
    let refused = try notebook("run", "n.md")
    #expect(refused.exitCode == 2 && refused.errors.contains("--allow-shell"))
    #expect(FileManager.default.fileExists(atPath: run.path))
    #expect(try notebook("run", "n.md", "--allow-shell").exitCode == 0)
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test func theCommandsThatNeedNoPermissionExistWithTheirOptions() throws {
    for (words, options) in CommandWords.reading where words[0] != "help" && words[0].first != "-" {
      var command: any ParsableCommand.Type = MilenasLab.self
      for word in words {
        command = try #require(
          command.configuration.subcommands.first { $0.configuration.commandName == word },
          "\(words)")
      }
      for option in options { #expect(command.helpMessage().contains(option)) }
    }
  }

  @Test func reportsComeInEveryFormat() throws {
    try write("```milenas\ngenotype list\n```\n")
    let json = try notebook("check", "n.md", "--format", "json")
    #expect(json.exitCode == 1)
    let reports = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
    #expect((reports?.first?["cells"] as? [[String: Any]])?.first?["status"] as? String == "new")
    let csv = try notebook("run", "n.md", "--format", "csv")
    #expect(csv.output.hasPrefix("notebook,cell,name,line,status,seconds\r\nn.md,1,,1,new,"))
  }
}

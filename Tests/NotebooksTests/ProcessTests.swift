import Foundation
import Testing

@testable import Notebooks

/// Cells that run as processes; `sh` stands for the program, too.
@Suite struct ProcessTests {
  private static func run(
    _ code: String, language: String = "sh", options: String = "", seconds: Double = 20,
    isCancelled: @escaping () -> Bool = { false }
  ) throws -> CellResult {
    let cell = try #require(
      try Notebook("```\(language) \(options)\n\(code)\n```\n", path: "n.md").cells.first)
    let place = NotebookPlace(folder: FileManager.default.temporaryDirectory, isOwn: true)
    let program = URL(filePath: "/bin/echo")
    let interpreter: any Interpreter =
      language == "sh"
      ? ShellInterpreter(program: program, in: place)
      : ProgramInterpreter(program: program, in: place)
    return try interpreter.run(
      cell, within: CellLimits(seconds: seconds, isCancelled: isCancelled))
  }

  @Test func theShellGivesItsOutputAndKeepsMessagesApart() throws {
    #expect(try Self.run("echo out; echo err >&2") == .text("out\n"))
    #expect(try Self.run("echo out; echo err >&2", options: "{stderr}") == .text("out\nerr\n"))
  }

  @Test func theShellStopsAtTheFirstFailure() {
    let error = #expect(throws: CellFailure.self) {
      try Self.run("echo lost >&2; false; echo more >&2")
    }
    #expect(error == .failed(reason: "exit code 1: lost"))
  }

  @Test func anExpectedExitCodeIsNoFailureAndItsAbsenceIsOne() throws {
    #expect(try Self.run("echo x; exit 3", options: "{exit=3}") == .text("x\n"))
    #expect(
      throws: CellFailure.failed(reason: "exit code 0 where 3 was expected: x")
    ) { try Self.run("echo x", options: "{exit=3}") }
  }

  @Test func commandsOfTheProgramRunOneAfterTheOther() throws {
    #expect(try Self.run("milenas-lab a 'b  c'\nd", language: "milenas") == .text("a b  c\nd\n"))
  }

  @Test(arguments: ["milenas", "sh"]) func aTableComesFromTheCSVThatIsPrinted(language: String)
    throws
  {
    let code = language == "sh" ? "echo a,b; echo 1,2" : "a,b\n1,2"
    #expect(
      try Self.run(code, language: language, options: "{table}")
        == .table(ResultTable(columns: ["a", "b"], rows: [["1", "2"]])))
  }

  /// Whether a process still runs; one that has ended and waits for its parent does not.
  private static func isRunning(_ id: String) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8) else {
      return false
    }
    return stat.split(separator: ")").last?.hasPrefix(" Z") == false
  }

  private static func ends(_ id: String) -> Bool {
    for _ in 0..<250 where isRunning(id) { Thread.sleep(forTimeInterval: 0.02) }
    return !isRunning(id)
  }

  @Test func aCellThatTakesTooLongIsEndedWithWhatItHasStarted() throws {
    let note = FileManager.default.temporaryDirectory.appending(path: "note-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: note) }
    #expect(throws: CellFailure.timedOut(seconds: 1)) {
      try Self.run("sleep 60 & echo $! > \(note.path); sleep 60", seconds: 1)
    }
    let id = try String(contentsOf: note, encoding: .utf8).trimmingCharacters(in: .newlines)
    #expect(Self.ends(id))
  }

  @Test func whatACellLeavesInTheBackgroundEndsWithIt() throws {
    guard case .text(let id) = try Self.run("sleep 60 & echo $!") else {
      Issue.record("a shell gives text")
      return
    }
    #expect(Self.ends(id.trimmingCharacters(in: .newlines)))
  }

  @Test func aCancelledCellIsInterruptedAndMayCleanUp() throws {
    let mark = FileManager.default.temporaryDirectory.appending(path: "mark-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: mark) }
    let ready = mark.path + ".ready"
    defer { try? FileManager.default.removeItem(atPath: ready) }
    #expect(throws: CellFailure.interrupted) {
      try Self.run(
        "trap 'touch \(mark.path); exit 130' INT; touch \(ready); while :; do sleep 0.05; done",
        isCancelled: { FileManager.default.fileExists(atPath: ready) })
    }
    #expect(FileManager.default.fileExists(atPath: mark.path))
  }

  @Test func anEndlessOutputIsStopped() {
    let error = #expect(throws: CellFailure.self) { try Self.run("yes") }
    #expect(error == .failed(reason: "it prints more than 1000 KB: print less"))
  }

  @Test func aSignalIsNoExitCode() {
    let error = #expect(throws: CellFailure.self) {
      try Self.run("kill -9 $$", options: "{exit=9}")
    }
    #expect(error == .failed(reason: "ended by signal 9"))
  }
}

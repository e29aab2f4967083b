import Foundation
import Testing

@testable import Notebooks

@Suite struct NotebookRunnerTests {
  private static func cells(_ codes: String..., options: String = "") -> String {
    codes.map { "Text.\n\n```milenas \(options)\n\($0)\n```\n" }.joined(separator: "\n")
  }

  /// The code of the cells that ran, in order.
  private final class Log {
    var codes: [String] = []
    func echo(_ cell: Cell) -> CellResult {
      codes.append(cell.code.trimmingCharacters(in: .newlines))
      return .text("said " + cell.code)
    }
  }

  @Test func outputsStandBelowTheirCellsAndASecondRunRunsNothing() throws {
    let folder = try NotebookFolder(Self.cells("a", "b"))
    let log = Log()
    let first = try folder.runner(.run, log.echo).run(folder.file)
    #expect(log.codes == ["a", "b"])
    #expect(first.cells.map(\.status) == [.new, .new])
    #expect(first.isWritten)
    let written = try folder.text()
    #expect(
      written.hasPrefix(
        "Text.\n\n```milenas \na\n```\n<!-- output -->\n\n```text\nsaid a\n```\n\n<!-- /output "))
    let second = try folder.runner(.run, log.echo).run(folder.file)
    #expect(log.codes == ["a", "b"])
    #expect(second.cells.map(\.status) == [.kept, .kept])
    #expect(!second.isWritten)
    #expect(try folder.text() == written)
  }

  @Test func aChangedCellRunsWithAllBelowItAndNoneAbove() throws {
    let folder = try NotebookFolder(Self.cells("a", "b", "c"))
    let log = Log()
    _ = try folder.runner(.run, log.echo).run(folder.file)
    try folder.write(folder.text().replacing("\nb\n", with: "\nB\n"))
    log.codes = []
    _ = try folder.runner(.run, log.echo).run(folder.file)
    #expect(log.codes == ["B", "c"])
  }

  @Test func proseAndPlaceChangeNoKeyAndAnotherProgramChangesAll() throws {
    let folder = try NotebookFolder(Self.cells("a", "b"))
    let log = Log()
    _ = try folder.runner(.run, log.echo).run(folder.file)
    try folder.write("# Title\n\n" + folder.text().replacing("Text.", with: "Other text."))
    log.codes = []
    _ = try folder.runner(.run, log.echo).run(folder.file)
    #expect(log.codes.isEmpty)
    _ = try folder.runner(.run, version: "2", log.echo).run(folder.file)
    #expect(log.codes == ["a", "b"])
  }

  @Test func aCheckRunsEverythingAndWritesNothing() throws {
    let folder = try NotebookFolder(Self.cells("a", "b"))
    let log = Log()
    _ = try folder.runner(.run, log.echo).run(folder.file)
    let written = try folder.text()
    log.codes = []
    #expect(try !folder.runner(.check, log.echo).run(folder.file).differs)
    #expect(log.codes == ["a", "b"])
    let stale = written.replacing("said b", with: "said what")
    try folder.write(stale)
    let report = try folder.runner(.check, log.echo).run(folder.file)
    #expect(report.cells.map(\.status) == [.same, .changed])
    #expect(report.diff.contains("\n-said what\n+said b\n"))
    #expect(!report.isWritten)
    #expect(try folder.text() == stale)
    #expect(try folder.runner(.accept, log.echo).run(folder.file).diff == report.diff)
    #expect(try folder.text() == written)
  }

  @Test func anOutputThatIsMissingDiffers() throws {
    let folder = try NotebookFolder(Self.cells("a"))
    #expect(try folder.runner(.check, Log().echo).run(folder.file).differs)
  }

  @Test func numbersWithinTheToleranceKeepTheirOldText() throws {
    let folder = try NotebookFolder(Self.cells("a", options: "{tolerance=1e-3}"))
    _ = try folder.runner { _ in .text("loss 1.0000") }.run(folder.file)
    let written = try folder.text()
    #expect(
      try !folder.runner(.check) { _ in .text("loss 1.0004") }.run(folder.file).differs)
    #expect(try folder.runner(.check) { _ in .text("loss 1.004") }.run(folder.file).differs)
    _ = try folder.runner(version: "2") { _ in .text("loss 1.0004") }.run(folder.file)
    #expect(try folder.text().contains("loss 1.0000"))
    #expect(try folder.text() != written, "the key is new")
  }

  @Test func whatIsIgnoredIsNotComparedAndRenewedWithItsCell() throws {
    let folder = try NotebookFolder(Self.cells("a", options: "{ignore}"))
    _ = try folder.runner { _ in .text("1 s") }.run(folder.file)
    #expect(try !folder.runner(.check) { _ in .text("2 s") }.run(folder.file).differs)
    #expect(try !folder.runner(.accept) { _ in .text("2 s") }.run(folder.file).isWritten)
    try folder.write(folder.text().replacing("\na\n", with: "\nA\n"))
    _ = try folder.runner { _ in .text("3 s") }.run(folder.file)
    #expect(try folder.text().contains("3 s"))
  }

  @Test func aFailureNamesFileLineAndCellAndLeavesTheDocument() throws {
    let folder = try NotebookFolder(
      Self.cells("a") + "\n```milenas {name=bad}\nb\n```\n")
    let before = try folder.text()
    let runner = folder.runner { cell in
      if cell.number == 2 { throw CellFailure.failed(reason: "no such thing") }
      return .text("fine")
    }
    #expect(
      throws: NotebookError.cellFailed(
        path: folder.file.relativePath, line: 7, cell: "cell 2 (bad)", reason: "no such thing")
    ) { try runner.run(folder.file) }
    #expect(try folder.text() == before)
  }

  @Test func aDocumentThatWasEditedMeanwhileIsLeftAlone() throws {
    let folder = try NotebookFolder(Self.cells("a"))
    let runner = folder.runner { _ in
      try folder.write("edited")
      return .text("x")
    }
    #expect(throws: NotebookError.changedMeanwhile(path: folder.file.relativePath)) {
      try runner.run(folder.file)
    }
    #expect(try folder.text() == "edited")
  }

  @Test func onlyTheCellsAskedForRun() throws {
    let folder = try NotebookFolder(
      "```sh {name=one}\na\n```\n\n```sh\nb\n```\n\n```sh {name=three}\nc\n```\n")
    let log = Log()
    var runner = folder.runner(.run, log.echo)
    runner.only = ["three", "2"]
    let report = try runner.run(folder.file)
    #expect(log.codes == ["b", "c"])
    #expect(report.cells.map(\.status) == [.leftOut, .new, .new])
    runner.only = ["four"]
    #expect(
      throws: NotebookError.noSuchCell(
        "four", path: folder.file.relativePath, known: ["one", "2", "three"])
    ) { try runner.run(folder.file) }
  }

  @Test(arguments: [
    "```sh\nb\n```", "```milenas\nruns remove b --yes\n```", "```milenas\nsearch\n```",
    "```milenas\nruns list\nmilenas-lab runs verify --repair b\n```",
    "```milenas\nruns replay b --dump=w\n```", "```milenas\nno-such-command\n```",
    "```milenas {makes=b}\nruns list\n```", "```milenas {figure=b.svg}\nruns list\n```",
  ])
  func cellsOfAForeignNotebookThatMayWriteNeedPermission(cell: String) throws {
    let folder = try NotebookFolder(
      "```milenas\nmilenas-lab runs verify a\n```\n\n\(cell)\n")
    let log = Log()
    let interpreter = NotebookFolder.interpreter(log.echo)
    var runner = NotebookRunner(
      in: NotebookPlace(folder: folder.url, isOwn: false),
      interpreters: [.sh: interpreter, .milenas: interpreter], version: "1")
    #expect(
      throws: NotebookError.writingNotAllowed(
        path: folder.file.relativePath, line: 5, cell: "cell 2")
    ) { try runner.run(folder.file) }
    #expect(log.codes.isEmpty)
    runner.only = ["1"]
    _ = try runner.run(folder.file)
    #expect(log.codes == ["milenas-lab runs verify a"])
  }

  @Test func permissionIsForAllCells() throws {
    let folder = try NotebookFolder("```milenas\nsearch\n```\n\n```sh\nb\n```\n")
    let log = Log()
    let interpreter = NotebookFolder.interpreter(log.echo)
    var runner = NotebookRunner(
      in: NotebookPlace(folder: folder.url, isOwn: false),
      interpreters: [.sh: interpreter, .milenas: interpreter], version: "1")
    runner.allowsShell = true
    _ = try runner.run(folder.file)
    #expect(log.codes == ["search", "b"])
  }

  @Test func aRepositoryIsTheNearestFolderWithGit() throws {
    let folder = try NotebookFolder("")
    let inner = folder.url.appending(path: "inner/notes", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    let outside = NotebookPlace(of: inner.appending(path: "n.md"), currentFolder: folder.url)
    #expect(!outside.isOwn)
    #expect(outside.folder.path == folder.url.path)
    try Data().write(to: folder.url.appending(path: ".git"))
    let own = NotebookPlace(of: inner.appending(path: "n.md"), currentFolder: folder.url)
    #expect(own.isOwn)
    #expect(own.folder.path == folder.url.path)
    // A stranger's clone within ours is not ours.
    try Data().write(to: folder.url.appending(path: "inner/.git"))
    let foreign = NotebookPlace(of: inner.appending(path: "n.md"), currentFolder: folder.url)
    #expect(!foreign.isOwn)
    #expect(foreign.folder.lastPathComponent == "inner")
  }

  // MARK: Runs that cells make

  @Test func aRunThatACellMakesIsMadeAnewAndNothingElseIsRemoved() throws {
    let folder = try NotebookFolder("```milenas {makes=mine}\na\n```\n")
    let marker = folder.url.appending(path: "runs/mine/marker")
    let runner = folder.runner(.accept) { _ in
      #expect(!FileManager.default.fileExists(atPath: marker.path))
      try folder.makeFolder("mine")
      try Data().write(to: marker)
      return .text("made")
    }
    _ = try runner.run(folder.file)
    _ = try runner.run(folder.file)
    #expect(FileManager.default.fileExists(atPath: marker.path))
    // The user removes it and makes a run of that name.
    try FileManager.default.removeItem(at: folder.url.appending(path: "runs/mine"))
    try folder.makeFolder("mine")
    try Data().write(to: marker)
    let error = #expect(throws: NotebookError.self) { try runner.run(folder.file) }
    #expect(error?.description.contains("was not made by a notebook") == true)
    #expect(FileManager.default.fileExists(atPath: marker.path))
  }

  @Test func whatACellLeftThatFailedIsMadeAnew() throws {
    let folder = try NotebookFolder("```milenas {makes=mine}\na\n```\n")
    let marker = folder.url.appending(path: "runs/mine/marker")
    let failing = folder.runner(.run) { _ in
      try folder.makeFolder("mine")
      try Data().write(to: marker)
      throw CellFailure.failed(reason: "x")
    }
    #expect(throws: NotebookError.self) { try failing.run(folder.file) }
    let runner = folder.runner(.run) { _ in
      #expect(!FileManager.default.fileExists(atPath: marker.path))
      try folder.makeFolder("mine")
      return .text("made")
    }
    #expect(try runner.run(folder.file).cells.map(\.status) == [.new])
  }

  /// The note of a run goes with its copy, which is none that a notebook has made.
  @Test func aCopyOfARunThatACellMadeIsNotRemoved() throws {
    let folder = try NotebookFolder("```milenas {makes=mine}\na\n```\n")
    let runner = folder.runner(.run) { cell in
      try folder.makeFolder(cell.options.makes[0])
      return .text("made")
    }
    _ = try runner.run(folder.file)
    let copy = folder.url.appending(path: "runs/copy")
    try FileManager.default.copyItem(at: folder.url.appending(path: "runs/mine"), to: copy)
    try folder.write("```milenas {makes=copy}\na\n```\n")
    #expect(throws: NotebookError.self) { try runner.run(folder.file) }
    #expect(FileManager.default.fileExists(atPath: copy.path))
  }

  @Test func theRunThatACellMakesIsNoneThatItFollowsFrom() throws {
    let folder = try NotebookFolder(
      "```milenas {makes=mine}\nsearch --name mine\n```\n\n```milenas\nruns verify runs/mine\n```\n"
    )
    let log = Log()
    let runner = folder.runner(.run) { cell in
      if cell.number == 1 {
        try folder.makeFolder("mine")
        try Data().write(to: folder.url.appending(path: "runs/mine/manifest.json"))
      }
      return log.echo(cell)
    }
    _ = try runner.run(folder.file)
    #expect(log.codes.count == 2)
    // The run is there now, and was not before.
    _ = try runner.run(folder.file)
    #expect(log.codes.count == 2)
  }

  @Test func aCellThatMakesNothingHasFailed() throws {
    let folder = try NotebookFolder("```milenas {makes=mine}\na\n```\n")
    let error = #expect(throws: NotebookError.self) {
      try folder.runner(.run, Log().echo).run(folder.file)
    }
    #expect(error?.description.contains("made none") == true)
  }

  @Test func whatACellNeedsIsMadeAgainWhereItIsMissing() throws {
    let folder = try NotebookFolder(
      "```milenas {makes=mine}\nmake\n```\n\n```milenas\nlook\n```\n\n```sql {run=mine}\nread\n```\n"
    )
    let log = Log()
    let runner = folder.runner(.run) { cell in
      if cell.number == 1 { try folder.makeFolder("mine") }
      return log.echo(cell)
    }
    _ = try runner.run(folder.file)
    let edited = try folder.text().replacing("\nread\n", with: "\nread more\n")
    try folder.write(edited)
    log.codes = []
    _ = try runner.run(folder.file)
    #expect(log.codes == ["read more"], "the run is still there")
    // On a fresh clone the outputs are there and the runs are not.
    try FileManager.default.removeItem(at: folder.url.appending(path: "runs"))
    log.codes = []
    _ = try runner.run(folder.file)
    #expect(log.codes.isEmpty)
    try folder.write(folder.text().replacing("\nread more\n", with: "\nread\n"))
    _ = try runner.run(folder.file)
    #expect(log.codes == ["make", "read"])
  }

  // MARK: Pictures

  @Test func aPictureIsLinkedFromTheNotebooksFolder() throws {
    let folder = try NotebookFolder("")
    let notes = folder.url.appending(path: "notes/n.md")
    try FileManager.default.createDirectory(
      at: notes.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("```milenas {figure=figures/a.svg}\ndraw\n```\n".utf8).write(to: notes)
    let picture = folder.url.appending(path: "figures/a.svg")
    try FileManager.default.createDirectory(
      at: picture.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("old".utf8).write(to: picture)
    let runner = { (mode: NotebookRunner.Mode, content: String) in
      folder.runner(mode) { _ in
        try Data(content.utf8).write(to: picture)
        return .text("")
      }
    }
    _ = try runner(.run, "abc").run(notes)
    // SHA-256 of "abc": FIPS 180-2, appendix B.1.
    #expect(
      try String(contentsOf: notes, encoding: .utf8).contains(
        "\n![a](../figures/a.svg \"sha256 ba7816bf8f01\")\n"))
    // A check tells that the picture is another, and leaves the one that was there.
    #expect(try runner(.check, "other").run(notes).differs)
    #expect(try String(contentsOf: picture, encoding: .utf8) == "abc")
    let failing = folder.runner(.accept) { _ in
      try Data("broken".utf8).write(to: picture)
      throw CellFailure.failed(reason: "x")
    }
    #expect(throws: NotebookError.self) { try failing.run(notes) }
    #expect(try String(contentsOf: picture, encoding: .utf8) == "abc")
  }

  @Test func aPictureThatWasNotDrawnIsAFailure() throws {
    let folder = try NotebookFolder("```sh {figure=a.svg}\ndraw\n```\n")
    #expect(throws: NotebookError.self) {
      try folder.runner(.run, Log().echo).run(folder.file)
    }
  }

  @Test func thePlanTellsWhatWouldRun() throws {
    let folder = try NotebookFolder(Self.cells("a", "b"))
    _ = try folder.runner(.run, Log().echo).run(folder.file)
    try folder.write(folder.text().replacing("\nb\n", with: "\nB\n"))
    let plan = try folder.runner(.run, Log().echo).plan(of: folder.file)
    #expect(plan.map(\.isRun) == [false, true])
    #expect(plan.map(\.code) == ["a", "B"])
  }

  @Test func aFileThatIsNoTextIsRefused() throws {
    let folder = try NotebookFolder("")
    try Data([0x61, 0xFF]).write(to: folder.file)
    #expect(
      throws: NotebookError.unreadable(
        path: folder.file.relativePath, reason: "it is not in UTF-8")
    ) { try folder.runner(.run, Log().echo).run(folder.file) }
  }
}

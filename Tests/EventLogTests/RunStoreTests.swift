import Foundation
import Testing

@testable import EventLog

@Suite struct RunStoreTests {
  let scratch: ScratchFolder
  let store: RunStore

  init() throws {
    scratch = try ScratchFolder()
    store = RunStore(folder: scratch.url.appending(path: "runs"))
  }

  @discardableResult
  private func makeRun(_ name: String) throws -> RunFolder {
    let run = try store.create(name: name)
    try Data().write(to: run.logFile)
    return run
  }

  @Test func aNameOrAPathFindsARun() throws {
    let first = try makeRun("first")
    try makeRun("second")
    #expect(try store.find("first").url.path == first.url.path)
    #expect(try store.find(first.url.path).name == "first")
  }

  @Test func nothingFindsTheRunThatStartedLast() throws {
    for (name, day) in [("b", 1), ("a", 3), ("c", 2)] {
      let manifest = try Samples.manifest(started: "2026-01-0\(day)T00:00:00.000Z")
      try manifest.json().write(
        to: makeRun(name).manifestFile, atomically: true, encoding: .utf8)
    }
    #expect(try store.find(nil).name == "a")
    #expect(store.list().map(\.name) == ["b", "c", "a"])
  }

  @Test func aWrongNameSuggestsTheNearest() throws {
    try makeRun("milenas-seed-1")
    try makeRun("darts")
    let error = #expect(throws: EventLogError.self) { try store.find("milenas-sed-1") }
    #expect(error?.description.hasSuffix("did you mean milenas-seed-1?") == true)
    #expect(error?.isBadInput == true)
  }

  @Test func nothingIsSuggestedForANameThatResemblesNone() throws {
    try makeRun("darts")
    let folder = store.folder.relativePath
    #expect(throws: EventLogError.noSuchRun(name: "zzz", folder: folder, nearest: nil)) {
      try store.find("zzz")
    }
  }

  @Test func anEmptyStoreSaysHowToStart() throws {
    let error = #expect(throws: EventLogError.self) { try store.find(nil) }
    #expect(error?.description.contains("start one with `milenas-lab search`") == true)
  }

  @Test func aNameThatExistsIsRefused() throws {
    try makeRun("twice")
    let folder = store.folder.relativePath
    #expect(throws: EventLogError.runExists(name: "twice", path: folder)) {
      try store.create(name: "twice")
    }
  }

  @Test(arguments: ["", ".hidden", "a/b", "..", "a b", "naïve"])
  func aNameThatIsNoFolderNameIsRefused(name: String) {
    #expect(throws: EventLogError.impossibleName(name)) { try store.create(name: name) }
  }

  @Test func aFolderThatCannotBeMadeIsNamedWithTheReason() throws {
    try Data().write(to: scratch.url.appending(path: "file"))
    let store = RunStore(folder: scratch.url.appending(path: "file/runs"))
    let error = #expect(throws: EventLogError.self) { try store.create(name: "run") }
    #expect(error?.description.contains("Not a directory") == true)
    #expect(error?.description.contains("set --runs-dir") == true)
  }

  /// The remedy names the option of the command that writes there.
  @Test func anExportThatCannotBeWrittenNamesItsOwnOption() throws {
    try Data().write(to: scratch.url.appending(path: "file"))
    let error = #expect(throws: EventLogError.self) {
      try AtomicFile.createFolder(scratch.url.appending(path: "file/out"), option: "--out")
    }
    #expect(error?.description.contains("set --out to a folder that can be written") == true)
  }

  @Test func aFolderIsRemovedOnlyWhenItIsEmpty() throws {
    let run = try store.create(name: "run")
    try Data().write(to: run.manifestFile)
    run.removeIfEmpty()
    #expect(run.isRun)
    try FileManager.default.removeItem(at: run.manifestFile)
    run.removeIfEmpty()
    #expect(store.freeName("run") == "run")
  }

  @Test func aFileInPlaceOfTheFolderIsNamed() throws {
    let file = scratch.url.appending(path: "file")
    try Data().write(to: file)
    #expect(
      throws: EventLogError.folderNotWritable(path: file.relativePath, reason: "it is a file")
    ) { try RunStore(folder: file).create(name: "run") }
  }

  /// Where the folder cannot be written, here because it is gone.
  @Test func analysesOfARunThatCannotBeWrittenGoWithTheProcess() throws {
    let store = try AnalysisStore(RunFolder(scratch.url.appending(path: "gone")))
    #expect(!store.keepsResults)
    try store.store([1.5], "kind", key: "key", step: 3)
    #expect(try store.result("kind", key: "key", as: [Double].self) == [1.5])
    #expect(try AnalysisStore(makeRun("run")).keepsResults)
  }

  /// The file that a process leaves which was killed before its first result.
  @Test func anAnalysisThatWasNotBegunIsNone() throws {
    let run = try makeRun("run")
    #expect(try AnalysisStore(reading: run) === nil)
    try Data().write(to: run.analysisFile)
    #expect(try AnalysisStore(reading: run) === nil)
    try AnalysisStore(run).store([1.5], "kind", key: "key", step: 3)
    let store = try #require(try AnalysisStore(reading: run))
    #expect(try store.result("kind", key: "key", as: [Double].self) == [1.5])
  }

  @Test func aFreeNameIsTheFirstThatNoRunHas() throws {
    #expect(store.freeName("demo") == "demo")
    try makeRun("demo")
    try makeRun("demo-2")
    #expect(store.freeName("demo") == "demo-3")
  }
}

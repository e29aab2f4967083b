import Foundation
import GRDB
import Search
import Testing

@testable import EventLog

/// Where a record lies, and what becomes of it there: behind links, moved while it is written, out of reach.
@Suite struct PlaceTests {
  let tiny: RecordedTinySearch

  init() throws { tiny = try RecordedTinySearch() }

  private func link(_ name: String, to url: URL) throws -> URL {
    let link = tiny.scratch.url.appending(path: name)
    try FileManager.default.createSymbolicLink(at: link, withDestinationURL: url)
    return link
  }

  @Test func runsBehindASymbolicLinkAreListedAndFound() throws {
    let runs = RunStore(folder: tiny.scratch.url.appending(path: "runs"))
    let run = try runs.create(name: "run")
    try Data(try Samples.manifest().json().utf8).write(to: run.manifestFile)
    let linked = RunStore(folder: try link("link", to: runs.folder))
    #expect(linked.list().map(\.name) == ["run"])
    #expect(try linked.find(nil).name == "run")
  }

  @Test func whatACrashLeftAmongCheckpointsBehindALinkIsNamedAndRemoved() throws {
    let run = try tiny.run("run")
    let place = tiny.scratch.url.appending(path: "checkpoints")
    try FileManager.default.moveItem(at: run.checkpoints, to: place)
    try FileManager.default.createSymbolicLink(at: run.checkpoints, withDestinationURL: place)
    try Data().write(to: place.appending(path: ".step-000004.safetensors.1.tmp"))
    #expect(
      Verification(run).findings.contains { $0.verdict == .note && $0.says.contains("a crash") })
    #expect(try run.repair() == ["removed the half-written .step-000004.safetensors.1.tmp"])
    #expect(Verification(run).isWhole)
  }

  /// As git-annex keeps large files.
  @Test func aLogThatIsASymbolicLinkIsWhole() throws {
    let run = try tiny.run("run", stopAfter: 3)
    let place = tiny.scratch.url.appending(path: "object")
    try FileManager.default.moveItem(at: run.logFile, to: place)
    try FileManager.default.createSymbolicLink(at: run.logFile, withDestinationURL: place)
    #expect(Verification(run).isWhole, "\(Verification(run).findings)")
    try tiny.resume(run)
    #expect(Verification(run).isWhole)
    #expect(try run.digest() == tiny.run("whole").digest())
  }

  @Test func aFolderThatCannotBeListedIsNamedWithTheReason() throws {
    let file = tiny.scratch.url.appending(path: "file")
    try Data().write(to: file)
    let store = RunStore(folder: file)
    let expected = EventLogError.folderNotReadable(
      path: file.relativePath, reason: "Not a directory")
    #expect(throws: expected) { try store.checkFolder() }
    #expect(throws: expected) { try store.find(nil) }
    #expect(throws: expected) { try store.find("run") }
    #expect(throws: expected) { try store.newestWithCheckpoints() }
    #expect(expected.description.contains("make it readable, or set --runs-dir"))
    try RunStore(folder: tiny.scratch.url.appending(path: "none")).checkFolder()
  }

  /// Reading is no writing, and what a reader meets needs other remedies.
  @Test func aLogThatCannotBeOpenedIsNotCalledUnwritable() throws {
    let run = try tiny.run("run")
    try FileManager.default.removeItem(at: run.logFile)
    try FileManager.default.createDirectory(at: run.logFile, withIntermediateDirectories: true)
    let error = #expect(throws: EventLogError.self) { try RunReader(run) }
    #expect(error?.description.hasPrefix("cannot work with \(run.logFile.path)") == true)
  }

  /// The index of a WAL is a file of its own, for which the room may be missing first.
  @Test func noRoomBesideTheLogIsAFullDisk() {
    #expect(throws: EventLogError.diskFull(path: "log", lastStep: 3)) {
      try LogDatabase.translatingErrors(of: "log", lastStep: 3) {
        throw DatabaseError(resultCode: .SQLITE_IOERR_SHMSIZE)
      }
    }
  }

  @Test func aFolderThatIsMovedEndsTheSearchThatGoesOnWhereItLies() throws {
    let configuration = try RecordedTinySearch.configuration { $0.epochs = 40 }
    let loop = try SearchLoop(configuration, dataset: TinyImages.dataset(), threads: 1)
    let search = try RecordedSearch(loop, name: "run", in: tiny.store, threads: 1)
    let moved = RunFolder(tiny.store.folder.appending(path: "moved"))
    let error = #expect(throws: EventLogError.self) {
      try search.run(report: { report in
        guard case .event(.step(let step, _), _) = report, step.step == 5 else { return }
        #expect(rename(search.run.url.path, moved.url.path) == 0)
      })
    }
    guard case .movedAway(search.run.logFile.relativePath, let lastStep?) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!FileManager.default.fileExists(atPath: search.run.url.path))
    #expect(try RunReader(moved).steps().last?.step == lastStep)
    #expect(Verification(moved).isWhole)
    try tiny.resume(moved)
    #expect(
      try RunReader(moved).digest() == RunReader(tiny.run("whole") { $0.epochs = 40 }).digest())
  }

  @Test func aRunThatIsMovedBeforeItsEndSaysSo() throws {
    let manifest = try Samples.manifest()
    let run = try tiny.store.create(name: manifest.name)
    let writer = try Writer(creating: run, manifest: manifest, layout: Samples.layout)
    let moved = RunFolder(tiny.store.folder.appending(path: "moved"))
    try FileManager.default.moveItem(at: run.url, to: moved.url)
    #expect(throws: EventLogError.movedAway(path: run.logFile.relativePath, lastStep: nil)) {
      try writer.store([.step(Samples.step(0), nil, Samples.state)])
    }
    let error = #expect(throws: EventLogError.self) { try writer.finish(Samples.result()) }
    guard case .movedAway = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try RunReader(moved).result() == Samples.result())
  }

  /// What a process leaves that was killed before its log began: a study takes it up again.
  @Test func aRunThatWasKilledBeforeItsLogBeganIsTakenUp() throws {
    let whole = try tiny.run("whole")
    for leavesFile in [false, true] {
      let run = try tiny.run("run-\(leavesFile)")
      try FileManager.default.removeItem(at: run.logFile)
      try FileManager.default.removeItem(at: run.checkpoints)
      if leavesFile { try Data().write(to: run.logFile) }
      let summary = RunSummary(run)
      #expect(summary.status == .killed && summary.kind == .search)
      #expect(summary.problem?.contains("--resume begins it anew") == true)
      let lock = try RunLock(run)
      #expect(RunSummary(run).status == .running)
      lock.release()
      try tiny.resume(run)
      #expect(try run.digest() == whole.digest())
    }
  }

  @Test func goingOnWithAnotherBuildIsTold() throws {
    let run = try tiny.run("run", stopAfter: 3)
    var environment = RunEnvironment.current()
    environment.programVersion = "another"
    var notices: [String] = []
    let search = try RecordedSearch(
      resuming: run, dataset: TinyImages.dataset(), threads: 1, environment: environment,
      notice: { notices.append($0) })
    #expect(notices.count == 1)
    #expect(
      notices.first?.contains(
        "was begun with another environment (program: \(ProgramVersion.current) then, another now)")
        == true)
    withExtendedLifetime(search) {}
  }
}

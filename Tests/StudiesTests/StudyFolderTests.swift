import EventLog
import Foundation
import Search
import Testing

@testable import Studies

@Suite struct StudyFolderTests {
  private static let text = """
    name: mine
    seeds: [0, 1]
    settings:
      plain: { method: darts-1st, epochs: 3 }
    evaluations:
      final: { of: plain, seeds: [0, 1] }
    sizes:
      small: {}
      large: { search: { data: big } }
    """

  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func shelf() -> StudyShelf { StudyShelf(folder: scratch.url, commands: Samples.commands) }

  @Test func theFolderRemembersItsSize() throws {
    let file = scratch.url.appending(path: "mine.yaml")
    try Data(Self.text.utf8).write(to: file)
    let folder = try shelf().study(file.path, size: "large")
    try folder.create()
    let again = try shelf().study("mine")
    #expect(again.study.size == "large")
    #expect(again.study.searches == folder.study.searches)
    #expect(try shelf().study(file.path).study.size == "large")
    let held = try String(contentsOf: folder.file, encoding: .utf8)
    #expect(held.replacing("size: large\n", with: "") == Self.text)
    #expect(
      throws: StudyError.otherSize(folder: folder.url.relativePath, holds: "large", asked: "small")
    ) {
      try shelf().study("mine", size: "small")
    }
    #expect(
      try shelf().study(file.path, size: "small", name: "other").url.lastPathComponent == "other")
    #expect(shelf().begunNames() == ["mine"])
  }

  @Test func aFileWithTheLineEndsOfWindowsKeepsOneSize() throws {
    let text = Self.text.replacing("sizes:", with: "size: small\nsizes:")
      .replacing("\n", with: "\r\n")
    let file = scratch.url.appending(path: "mine.yaml")
    try Data(text.utf8).write(to: file)
    for _ in 1...2 {
      try shelf().study(file.path, size: "large").create()
      #expect(try shelf().study("mine").study.size == "large")
    }
  }

  @Test func theNameOfAStudyIsAFolderInTheRunsFolderAndGivenOnce() throws {
    let file = scratch.url.appending(path: "mine.yaml")
    try Data(Self.text.utf8).write(to: file)
    for name in ["../esc", "a/b", ""] {
      #expect(throws: StudyError.impossibleName(name)) { try shelf().study(file.path, name: name) }
    }
    let folder = try shelf().study(file.path)
    try folder.create()
    #expect(
      throws: StudyError.nameOfBegunStudy(folder: folder.url.relativePath, name: "other")
    ) { try shelf().study("mine", name: "other") }
  }

  @Test func twoTasksOfOneNameAreRefused() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    try folder.checkNames(["a", "b"])
    let error = #expect(throws: StudyError.self) { try folder.checkNames(["a", "b", "a"]) }
    #expect(error?.description.contains("two tasks would be called a: rename a setting") == true)
  }

  @Test func aStudyThatThereIsNotIsNamedWithTheNearest() throws {
    #expect(
      throws: StudyError.noSuchStudy(name: "fig22", known: ["fig2", "fig3"], nearest: "fig2")
    ) {
      try shelf().study("fig22")
    }
  }

  @Test func tasksAreCommandLinesThatAShellReadsBack() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    let lines = try folder.commandLines(program: "my program", threads: 2, dataFolder: nil)
    #expect(
      lines.first
        == "'my program' search --method darts-1st --epochs 3 --seed 0 --name plain-s0 --runs-dir "
        + "\(folder.url.path) --threads 2")
    #expect(lines.count == 2)
    #expect(ShellWord.line(["it's", "", "a=b"]) == #"'it'\''s' '' a=b"#)
  }

  /// A manifest of other settings under a task's name is refused with what differs.
  @Test func aRecordOfOtherSettingsIsRefused() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    let run = folder.url.appending(path: "plain-s1")
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    let manifest = #"{"configuration": {"method": "darts-1st", "epochs": "4", "seed": "1"}}"#
    try Data(manifest.utf8).write(to: run.appending(path: "manifest.json"))
    #expect(
      throws: StudyError.otherSettings(
        folder: folder.url.relativePath,
        tasks: ["plain-s1 (epochs 4 there, 3 in the study)"])
    ) { try folder.checkSettings() }
    // With the same settings it is a record, though a damaged one: nothing but its manifest is there.
    let same = manifest.replacing(#""4""#, with: #""3""#)
    try Data(same.utf8).write(to: run.appending(path: "manifest.json"))
    try folder.checkSettings()
    guard case .unreadable = try folder.state(of: folder.study.searches[1]) else {
      Issue.record("a run without a log is not readable")
      return
    }
    #expect(try folder.state(of: folder.study.searches[0]) == .waiting)
  }

  @Test func evaluationsWaitForTheirSearch() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    #expect(try folder.resolve(folder.study.evaluations[0]) == .waiting)
    #expect(try folder.openTaskCount() == 6)
    #expect(
      try StudyStatus(folder, queue: nil).rows.map(\.state) == Array(repeating: .waiting, count: 6))
    #expect(throws: StudyError.noSuchTask(index: 6, study: "mine", tasks: 6)) {
      try folder.resolution(ofIndex: 6)
    }
  }
}

@Suite struct CellChoiceTests {
  private func epoch(_ number: Int, n: Int, r: Int, _ accuracy: Double, _ parameters: Int)
    -> EpochRecord
  {
    EpochRecord(
      epoch: number, trainLoss: 1, trainAccuracy: 0.5, validLoss: 1, validAccuracy: accuracy,
      alpha: [], alphaSoftmax: [], genotype: "", normalConvolutions: n, reductionConvolutions: r,
      parameters: parameters, multiplyAdds: 0, curvature: nil, trainSeconds: 1, validSeconds: 1)
  }

  @Test func theBestEpochOfEachSizeIsChosenAndTheFirstOfEquals() {
    let epochs = [
      epoch(0, n: 2, r: 1, 0.4, 200), epoch(1, n: 2, r: 1, 0.6, 200),
      epoch(2, n: 2, r: 1, 0.6, 210),
      epoch(3, n: 1, r: 1, 0.7, 100), epoch(4, n: 1, r: 2, 0.1, 150),
    ]
    #expect(CellChoice.bestOfEachSize(epochs, atMost: 9).map(\.epoch) == [3, 4, 1])
  }

  @Test func fewerThanThereAreLieSpreadOverTheSizes() {
    let sizes = [1.0, 1.1, 1.2, 2, 4, 4.1, 8]
    #expect(CellChoice.spread(sizes, count: 4) { log($0) } == [1, 2, 4, 8])
    #expect(CellChoice.spread(sizes, count: 1) { $0 } == [8])
    #expect(CellChoice.spread(sizes, count: 7) { $0 } == sizes)
    for count in 1...7 {
      let chosen = CellChoice.spread(sizes, count: count) { $0 }
      #expect(chosen.count == count && chosen == chosen.sorted())
    }
  }
}

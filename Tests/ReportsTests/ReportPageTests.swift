import EventLog
import Figures
import Foundation
import Supernet
import Testing

@testable import Reports

@Suite(.serialized) struct ReportPageTests {
  private let runs: TinyRuns

  init() throws { runs = try TinyRuns() }

  private func page(_ name: String?) throws -> ReportPage {
    try ReportPage(ReportSubject(name, in: runs.store))
  }

  @Test(arguments: [LogLevel.run, .epoch, .step])
  func aRunOfEveryLevelMakesAPageThatIsWellFormedAndLoadsNothing(level: LogLevel) throws {
    try runs.search("tiny", level: level)
    let html = try page("tiny").html
    let parsed = ParsedPage(html)
    #expect(parsed.isWellFormed, "\(parsed.problem ?? "")")
    #expect(parsed.dangers.isEmpty)
    #expect(!html.contains("@import") && !html.contains("url(h"))
    let digest = try RunReader(runs.store.find("tiny")).digest()
    #expect(parsed.texts.contains(digest))
  }

  @Test func aRunWithEpochsIsDrawn() throws {
    try runs.search("tiny")
    let parsed = ParsedPage(try page("tiny").html)
    #expect(parsed.elements.count { $0.name == "svg" } == 3)
    #expect(!parsed.texts.contains { $0.hasPrefix("Not drawn") })
    let names = parsed.elements.compactMap { $0.attributes["id"] }
    #expect(Set(names).count == names.count)
  }

  @Test func anEvaluationMakesAPageOfItsOwn() throws {
    try runs.evaluate("final", cell: .published(name: "DARTS_V2"))
    let parsed = ParsedPage(try page("final").html)
    #expect(parsed.isWellFormed, "\(parsed.problem ?? "")")
    #expect(parsed.dangers.isEmpty)
    #expect(parsed.texts.contains { $0.contains("Training of the published cell DARTS_V2") })
  }

  @Test func theSameRecordGivesTheSameBytes() throws {
    try runs.search("tiny")
    #expect(try page("tiny").html == page("tiny").html)
  }

  @Test func textOfAStrangersRecordStaysText() throws {
    let run = try runs.search("tiny")
    let hostile = "\"><script>alert('x')</script><img src=x onerror=alert(1)>&\u{1B}"
    try TinyRuns.execute("UPDATE epochs SET genotype = ?", [hostile], in: run)
    try TinyRuns.execute("UPDATE result SET genotype = ?", [hostile], in: run)
    try TinyRuns.execute("UPDATE step_seconds SET phase = ?", [hostile], in: run)
    try TinyRuns.edit(run) { manifest in
      manifest.data.name = hostile
      manifest.environment.host = hostile
      manifest.environment.gitCommit = hostile
      manifest.environment.libraries = [hostile: hostile]
      manifest.configuration.dataDirectory = hostile
      manifest.configuration.preset = hostile
    }
    let parsed = ParsedPage(try page("tiny").html)
    #expect(parsed.isWellFormed, "\(parsed.problem ?? "")")
    #expect(parsed.dangers.isEmpty)
    #expect(!parsed.elements.contains { $0.name == "script" || $0.name == "img" })
    let shown = hostile.replacing("\u{1B}", with: "\u{FFFD}")
    #expect(parsed.texts.count { $0 == shown } >= 4)
  }

  @Test func aChangedRecordIsCalledDamaged() throws {
    let run = try runs.search("tiny")
    #expect(!(try page("tiny").html.contains("The record is damaged")))
    try TinyRuns.execute("UPDATE epochs SET valid_accuracy = 0.99 WHERE epoch = 1", [], in: run)
    #expect(try page("tiny").html.contains("The record is damaged"))
  }

  @Test func aStudyShowsMeanAndIntervalOfItsSeeds() throws {
    for (seed, accuracy) in [(UInt64(0), 0.5), (1, 0.7), (2, 0.9)] {
      let run = try runs.search("a-s\(seed)", seed: seed)
      try TinyRuns.execute("UPDATE epochs SET valid_accuracy = ?", [accuracy], in: run)
    }
    try runs.search("b-s0") { $0.method = .singleLevel }
    let parsed = ParsedPage(try page(runs.folder.path).html)
    #expect(parsed.isWellFormed, "\(parsed.problem ?? "")")
    // 70 ± 4.3027 · 20/√3, the 97.5 % point of Student's t with 2 degrees of freedom.
    #expect(parsed.texts.contains("70.00 ± 49.68"))
    #expect(parsed.texts.contains("4 searches with 2 settings on fashion-mini; all have ended."))
    #expect(parsed.texts.contains("single-level") && parsed.texts.contains("milenas-1st"))
  }

  private func leave(cellOfEpoch epoch: Int?, n: Int, r: Int, in run: RunFolder) throws {
    try TinyRuns.execute(
      """
      UPDATE result
      SET genotype = ?, genotype_epoch = ?, normal_convolutions = ?, reduction_convolutions = ?
      """, ["\(KnownGenotypes()["DARTS_V2"].genotype)", epoch, n, r], in: run)
  }

  /// As a stop by curvature leaves the cell of an earlier epoch, and Ctrl-C within an epoch that of none.
  @Test(arguments: [0, nil] as [Int?])
  func theSizeIsThatOfTheCellThatIsShown(epoch: Int?) throws {
    try leave(cellOfEpoch: epoch, n: 6, r: 0, in: runs.search("tiny"))
    let texts = ParsedPage(try page("tiny").html).texts
    // 3.349342 million, as the public DARTS code counts its cell.
    #expect(texts.contains("3.349 M"))
    #expect(texts.contains("0 (tiny@0)") == (epoch == 0))
  }

  @Test func aStudyComparesTheCellsThatItsSearchesLeave() throws {
    for (seed, n, r) in [(UInt64(0), 2, 0), (1, 3, 1)] {
      try leave(
        cellOfEpoch: 0, n: n, r: r, in: runs.search("a-s\(seed)", level: .epoch, seed: seed))
    }
    let texts = ParsedPage(try page(runs.folder.path).html).texts
    // ± 12.7062 · ½, the 97.5 % point of Student's t with 1 degree of freedom.
    #expect(texts.contains("2.5 ± 6.4") && texts.contains("0.5 ± 6.4"))
    #expect(texts.contains("3.349 ± 0.000"))
  }

  /// 10 % and 90 % of two seeds: Student's interval would go from −458 to 558 %.
  @Test func bandsOfAccuraciesEndWhereAccuraciesDo() throws {
    for (seed, accuracy) in [(UInt64(0), 0.1), (1, 0.9)] {
      let run = try runs.search("a-s\(seed)", level: .epoch, seed: seed)
      try TinyRuns.execute(
        "UPDATE epochs SET valid_accuracy = ?, train_accuracy = ?", [accuracy, accuracy], in: run)
    }
    let settings = try ReportSubject(runs.folder.path, in: runs.store).settings
    let style = FigureStyle(width: 560)
    let canvas = try Figure.curves(of: settings, theme: style.theme).content.draw(
      width: 560, theme: style.theme, typesetter: Typesetter())
    let numbers = canvas.items.compactMap { item -> Double? in
      guard case .words(let words, _, _, _) = item.shape else { return nil }
      return Double(words.text.plain.replacing("−", with: "-"))
    }
    #expect(numbers.contains { $0 >= 50 })
    #expect(numbers.allSatisfy { (-100...100).contains($0) }, "\(numbers)")
  }

  /// A name that may be broken anywhere is a column of letters beside numbers that may not.
  @Test func namesInTablesAreBrokenBetweenWordsAlone() throws {
    try runs.search("tiny", level: .epoch)
    let html = try page("tiny").html
    let rules = html.split(separator: "}").filter { $0.contains("anywhere") }
    #expect(!rules.isEmpty && !rules.contains { $0.contains("th, td {") })
  }

  @Test func switchesAreTrueOrFalse() throws {
    try runs.search("tiny", level: .epoch) { $0.augmentsValidation = true }
    let texts = ParsedPage(try page("tiny").html).texts
    func value(_ name: String) -> String? {
      texts.firstIndex(of: name).map { texts[$0 + 1] }
    }
    #expect(value("augmentsValidation") == "true")
    #expect(value("updatesSeeNextBatches") == "false")
    #expect(value("shape.cells") == "1")
  }

  @Test func theSettingOfARunIsItsNameWithoutTheSeed() {
    #expect(StudySetting.name(ofRun: "lambda-0.1-s12") == "lambda-0.1")
    #expect(StudySetting.name(ofRun: "darts-s3-late-s0") == "darts-s3-late")
    #expect(StudySetting.name(ofRun: "my-run") == "my-run")
  }

  @Test func aFolderWithoutRunsIsNamed() throws {
    try FileManager.default.createDirectory(
      at: runs.folder.appending(path: "empty"), withIntermediateDirectories: true)
    let path = runs.folder.appending(path: "empty").path
    let error = #expect(throws: ReportsError.self) { try page(path) }
    #expect(
      error?.description
        == "\(path) holds no search that can be read: name a run, or a folder that holds one folder per run"
    )
  }

  @Test func aMissingRunIsTheStoresError() throws {
    try runs.search("tiny")
    #expect(throws: EventLogError.self) { try page("tinny") }
  }

  @Test func aPageIsWrittenWholeOrRefusedWithAReason() throws {
    try runs.search("tiny")
    let page = try page("tiny")
    let file = runs.folder.appending(path: "tiny.html")
    try page.write(to: file)
    #expect(try String(contentsOf: file, encoding: .utf8) == page.html)
    let nowhere = runs.folder.appending(path: "no/such/folder/tiny.html")
    #expect(
      throws: ReportsError.notWritable(
        path: nowhere.relativePath, reason: "No such file or directory")
    ) { try page.write(to: nowhere) }
  }
}

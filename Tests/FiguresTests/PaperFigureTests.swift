import Analysis
import Foundation
import Testing

@testable import Figures

@Suite struct PaperFigureTests {
  private static let venues = [Venue.cvpr, .neurips, .eccv, .jmlr, .nature]

  @Test(arguments: venues, Venue.Column.allCases)
  func nothingCoversAnythingInFigure2(venue: Venue, column: Venue.Column) throws {
    let style = FigureStyle(venue: venue, column: column)
    for letters in [Figure2.Letter.allCases, [.a], [.b], [.c]] {
      try expectTidy(try Figure2.figure(letters, of: .paper, theme: style.theme), style)
    }
  }

  @Test(arguments: venues, Venue.Column.allCases)
  func nothingCoversAnythingInFigure3(venue: Venue, column: Venue.Column) throws {
    let style = FigureStyle(venue: venue, column: column)
    for letters in [Figure3.Letter.allCases, [.a], [.b], [.c]] {
      try expectTidy(try Figure3.figure(letters, of: .paper, theme: style.theme), style)
    }
  }

  /// Slides leave room for few ticks, and for few names in the panels.
  @Test func slidesCountConvolutionsWholeAndNameTheRangeOnce() throws {
    let style = FigureStyle(column: .double, theme: .slides)
    let canvas = try Figure3.figure(of: .paper, theme: style.theme).content.draw(
      width: style.width, theme: style.theme, typesetter: try Typesetter())
    let words = canvas.items.compactMap { item in
      if case .words(let words, _, _, _) = item.shape { words.text.plain } else { nil }
    }
    #expect(!words.contains("7.5"))
    #expect(words.count { $0 == "optimal range" } == 2)
  }

  private func expectTidy(_ figure: Figure, _ style: FigureStyle) throws {
    let canvas = figure.content.draw(
      width: style.width, theme: style.theme, typesetter: try Typesetter())
    #expect(canvas.size.width == style.width && canvas.size.height < 640)
    try Overlaps(canvas).expectNone()
    for case .words(let words, _, _, _) in canvas.items.map(\.shape) { #expect(words.size >= 5) }
  }

  /// The paper prints neither; numpy's fit of its 21 points gives them (certified cases).
  @Test func theParabolaOfFigure3cIsThePapers() throws {
    let figure = try Figure3.figure([.c], of: .paper, theme: FigureStyle().theme)
    #expect(figure.caption.contains("parameters, b0 = 4.478041, b1 = -0.927465, b2 = 0.106788"))
    #expect(figure.caption.contains("minimum, 2.46 %, at 4.34 M"))
    let curve = figure.data.rows.filter { $0[1] == "quadratic fit" }
    #expect(curve.count == 121)
    for row in curve {
      guard case .number(let x) = row[3], case .number(let y) = row[4] else {
        Issue.record("\(row)")
        continue
      }
      #expect(abs(y - (4.478041 - 0.927465 * x + 0.106788 * x * x)) < 2e-5)
    }
    // Within 0.05 % of the minimum: 4.3426 ∓ √(0.05 / 0.106788), and no further than the data.
    let ends = figure.data.rows.filter { $0[1] == "optimal range" }.map { $0[3] }
    guard case .number(let low) = ends[0], case .number(let high) = ends[1] else { return }
    #expect(abs(low - (4.34255 - (0.05 / 0.106788).squareRoot())) < 0.002)
    #expect(high == 4.51)
  }

  @Test func allPointsOfThePaperAreInTheData() throws {
    let theme = FigureStyle().theme
    let two = try Figure2.figure(of: .paper, theme: theme).data
    func count(_ letter: String) -> Int { two.rows.filter { $0[0] == .text(letter) }.count }
    #expect(count("a") == 5 * 49 && count("b") == 4 * 24 + 196 && count("c") == 50 + 49 + 55)
    let three = try Figure3.figure(of: .paper, theme: theme).data
    #expect(three.rows.filter { $0[0] == "a" }.count == 2 * 124)
    #expect(three.rows.filter { $0[0] == "b" }.count == 2 * 13)
    #expect(three.rows.filter { $0[0] == "c" && $0[1] == "cells" }.count == 21)
  }

  @Test func aStudyThatIsNotThereIsNamedWithWhatToDo() throws {
    let error = try #require(throws: FigureError.self) {
      try Figure2.figure(
        of: .runs(URL(filePath: "/nowhere/study"), withPaper: false), theme: FigureStyle().theme)
    }
    #expect("\(error)".hasPrefix("/nowhere/study holds no finished run of milenas-0.1, "))
    #expect("\(error)".contains("--data paper"))
  }

  @Test(arguments: [
    ("size,error\n1,3\n", "there are 1 points, and a curve needs at least 5"),
    ("size,error\n2,3\n2,4\n2,5\n2,3\n2,4\n", "all sizes are the same"),
    ("size,error\n1,nan\n", "“nan” is no number"),
    ("a,b\n1,2\n", "names no columns size and error"),
  ])
  func pointsThatMakeNoFigureAreRefused(csv: String, words: String) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).csv")
    try Data(csv.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let error = try #require(throws: AnalysisError.self) {
      try Figure3.figure(
        [.c], of: .runs(URL(filePath: "/nowhere"), withPaper: false),
        points: EvaluatedSizes(csv: file), theme: FigureStyle().theme)
    }
    #expect("\(error)".contains(words))
  }

  @Test func namesOfTasksAreSettingAndSeed() {
    #expect(StudyRuns.task("darts-2nd-s3")?.setting == "darts-2nd")
    #expect(StudyRuns.task("darts-2nd-s3")?.seed == 3)
    #expect(StudyRuns.task("darts-2nd-then-milenas-s10")?.setting == "darts-2nd-then-milenas")
    #expect(StudyRuns.task("single-level") == nil)
    #expect(StudyRuns.task("my-search") == nil)
  }
}

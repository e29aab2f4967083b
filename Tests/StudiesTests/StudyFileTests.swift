import Testing

@testable import Studies

@Suite struct StudyFileTests {
  private static let whole = """
    name: mine
    seeds: [0, 3]
    record:
      log-level: epoch
    search:
      method: milenas-1st
      epochs: 5
    settings:
      plain:
      strong: { lambda: 10, updates-see-next-batches: true }
      long:
        epochs: 50
        seeds: [7]
    evaluations:
      best:
        of: [plain, long]
        cells: each-size
        at-most: 2
        evaluate: { preset: demo }
    sizes:
      small: { search: { epochs: 2 } }
      large:
        seeds: [0]
        settings:
          plain: { epochs: 9 }
        evaluations:
          best: { at-most: 1, evaluate: { epochs: 600 } }
    """

  @Test func aTaskIsACommandLineForEachSettingAndSeed() throws {
    let study = try Samples.file(Self.whole).study(size: "small")
    #expect(
      study.searches.map(\.name) == ["plain-s0", "plain-s3", "strong-s0", "strong-s3", "long-s7"])
    #expect(
      study.searches[3].arguments == [
        "--log-level", "epoch", "--method", "milenas-1st", "--epochs", "2", "--lambda", "10",
        "--updates-see-next-batches", "--seed", "3",
      ])
    #expect(
      study.evaluations.map(\.search) == [
        "plain-s0", "plain-s0", "plain-s3", "plain-s3", "long-s7", "long-s7",
      ])
  }

  /// The setting's own options come before common ones, those of the size before those of the file.
  @Test func theNearestOptionWins() throws {
    func epochs(_ size: String, _ task: Int) throws -> String? {
      let options = try Samples.file(Self.whole).study(size: size).searches[task].options
      return options.firstIndex(of: "--epochs").map { options[$0 + 1] }
    }
    #expect(try epochs("small", 0) == "2")
    #expect(try epochs("small", 4) == "50")
    #expect(try epochs("large", 0) == "9")
    #expect(try epochs("large", 1) == "5")
  }

  @Test func aSizeChangesSeedsAndEvaluations() throws {
    let study = try Samples.file(Self.whole).study(size: "large")
    #expect(study.searches.map(\.name) == ["plain-s0", "strong-s0", "long-s7"])
    #expect(study.evaluations.map(\.search) == ["plain-s0", "long-s7"])
    #expect(
      study.evaluations[0].options == [
        "--log-level", "epoch", "--preset", "demo", "--epochs", "600",
      ])
  }

  @Test func theFirstSizeIsMeantUnlessTheFileSaysAnother() throws {
    #expect(try Samples.file(Self.whole).study().size == "small")
    #expect(try Samples.file("size: large\n" + Self.whole).study().size == "large")
  }

  /// A file that is wrong in one place.
  struct Spoiled: Sendable {
    var line: String
    var by: String
    var says: String

    init(_ line: String, _ by: String, _ says: String) {
      (self.line, self.by, self.says) = (line, by, says)
    }
  }

  /// The sentence begins with file and line, and names the way out.
  @Test(arguments: [
    Spoiled(
      "1st\n  epochs: 5\n", "1st\n  epoch: 5\n",
      "mine.yaml:7: search has no key “epoch”; did you mean epochs?"),
    Spoiled(
      "    epochs: 50", "    epochs: many",
      "mine.yaml:12: settings.long: --epochs takes a whole number"),
    Spoiled(
      "1st\n  epochs: 5\n", "1st\n  epochs: [5]\n",
      "mine.yaml:7: search.epochs is a list, and must be one value"),
    Spoiled(
      "seeds: [0, 3]", "seeds: [0, 0]",
      "mine.yaml:2: seeds is a list, and must be a list of seeds, none of them twice"),
    Spoiled(
      "seeds: [0, 3]", "seeds: [0, -1]",
      "mine.yaml:2: seeds[1] is “-1”, and must be a whole number from 0 on"),
    Spoiled(
      "seeds: [0, 3]", "seed: [0, 3]",
      "mine.yaml:2: the study has no key “seed”; did you mean seeds?"),
    Spoiled(
      "  method: milenas-1st", "  seed: 3",
      "mine.yaml:6: the option seed is the study's own: use `seeds:`"),
    Spoiled(
      "name: mine", "name: a/b",
      "mine.yaml:1: name is “a/b”, and must be a folder's name: letters, digits, '-', '_' and '.'"),
    Spoiled("name: mine", "about: mine", "mine.yaml: the study lacks the key “name”"),
    Spoiled(
      "batches: true", "batches: yes",
      "mine.yaml:10: settings.strong.updates-see-next-batches is “yes”, and must be true or false"),
    Spoiled(
      "cells: each-size", "cells: all",
      "mine.yaml:17: evaluations.best.cells is “all”, and must be one of final, each-size"),
    Spoiled(
      "at-most: 2", "at-most: 0",
      "mine.yaml:18: evaluations.best.at-most is “0”, and must be a whole number from 1 to 1000"),
    Spoiled(
      "of: [plain, long]", "of: [plan]",
      "mine.yaml:16: settings of the study has no key “plan”; did you mean plain?"),
    Spoiled(
      "plain: { epochs: 9 }", "plains: { epochs: 9 }",
      "mine.yaml:25: settings of the study has no key “plains”; did you mean plain?"),
    Spoiled(
      "log-level: epoch", "level: epoch",
      "mine.yaml:4: record has no key “level”: there are log-level, keep-checkpoints"),
  ])
  func whatIsWrongIsNamedWithItsLine(spoiled: Spoiled) throws {
    let text = Self.whole.replacing(spoiled.line, with: spoiled.by)
    #expect(text != Self.whole)
    var said = ""
    do {
      let file = try Samples.file(text)
      _ = try file.study()
      _ = try file.study(size: "large")
    } catch {
      said = "\(error)"
    }
    #expect(said == spoiled.says)
  }

  @Test(arguments: ["name: mine\nseeds: [0, 1\n", "name: mine\nname: other\n"])
  func brokenYAMLIsNamedWithItsLine(text: String) throws {
    let error = #expect(throws: StudyError.self) { try Samples.file(text) }
    guard case .notYAML(let place, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(place.file == "mine.yaml" && place.line != nil)
  }

  @Test func anEmptyFileIsNoStudy() {
    #expect(
      throws: StudyError.notYAML(.init(file: "mine.yaml", line: nil), problem: "it is empty")
    ) { try Samples.file("# nothing\n") }
  }

  @Test func twoEvaluationsOfOneCellAreRefused() throws {
    let text = """
      name: mine
      seeds: [0]
      settings: { plain: { method: darts-1st } }
      evaluations:
        a: { of: plain }
        b: { of: plain, seeds: [0, 1] }
      """
    #expect(
      throws: StudyError.twoTasksOfOneName(
        .init(file: "mine.yaml", line: nil), name: "an evaluation of plain-s0, seed 0")
    ) { try Samples.file(text).study() }
  }

  /// The sizes that one search finds tell its evaluations apart; two searches may find the same size.
  @Test(arguments: [
    ("best: { of: a, cells: each-size, at-most: 2 }", false),
    ("best: { of: a, cells: each-size, at-most: 2 }, final: { of: b }", false),
    ("best: { of: [a, b], cells: each-size, at-most: 2 }", true),
    (
      "best: { of: a, cells: each-size, at-most: 2 }, more: { of: b, cells: each-size, at-most: 1 }",
      true
    ),
  ])
  func evaluationsNameTheirSearchWhereSeveralFindCells(text: String, named: Bool) throws {
    let study = try Samples.file(
      """
      name: mine
      seeds: [0]
      settings: { a: { method: darts-1st }, b: { method: darts-2nd } }
      evaluations: { \(text) }
      """
    ).study()
    #expect(study.evaluations.allSatisfy { $0.namesSearch == named })
  }

  @Test func aSizeThatThereIsNotIsRefused() throws {
    #expect(
      throws: StudyError.noSuchSize("huge", study: "mine", known: ["small", "large"])
    ) { try Samples.file(Self.whole).study(size: "huge") }
  }
}

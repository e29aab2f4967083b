import EventLog
import Foundation
import Search
import Testing

@testable import Reports

@Suite(.serialized) struct ChecklistTests {
  private let runs: TinyRuns

  init() throws { runs = try TinyRuns() }

  private func checklist(_ name: String? = nil) throws -> Checklist {
    try Checklist(ReportSubject(name ?? runs.folder.path, in: runs.store))
  }

  private func item(_ number: String, _ list: Checklist) throws -> Checklist.Item {
    try #require(list.items.first { $0.number == number })
  }

  @Test func everyQuestionIsAskedOnceAndInOrder() throws {
    try runs.search("tiny")
    let numbers = try checklist("tiny").items.map(\.number)
    #expect(
      numbers == (1...5).map { "1.\($0)" } + (1...8).map { "2.\($0)" } + (1...3).map { "3.\($0)" })
  }

  @Test func everyAnswerHasItsPlaceAndEveryGapItsRemedy() throws {
    try runs.search("tiny")
    for item in try checklist("tiny").items {
      #expect(item.evidence.isEmpty == (item.verdict == .open))
      #expect((item.add == nil) == (item.verdict == .answered))
      #expect(item.evidence.allSatisfy { !$0.value.isEmpty && !$0.place.isEmpty })
    }
  }

  @Test func oneRunComparesNothing() throws {
    try runs.search("tiny")
    let list = try checklist("tiny")
    for number in ["2.1", "2.3", "2.6"] { #expect(try item(number, list).verdict == .open) }
    #expect(try item("2.7", list).verdict == .partly)
  }

  @Test func aStudyOfMethodsAndSeedsAnswersTheComparison() throws {
    for seed in [UInt64(0), 1] {
      try runs.search("half-s\(seed)", seed: seed) { $0.lambda = 0.5 }
      try runs.search("two-s\(seed)", seed: seed) { $0.lambda = 2 }
      try runs.search("random-s\(seed)", seed: seed) { $0.method = .random }
    }
    let list = try checklist()
    for number in ["2.1", "2.2", "2.3", "2.5", "2.6", "2.7"] {
      #expect(try item(number, list).verdict == .answered, "\(number)")
    }
    #expect(try item("2.3", list).evidence.map(\.value) == ["lambda alone: 0.5, 2"])
    #expect(
      try item("2.7", list).evidence.map(\.value).contains("half: 2 seeds: 0, 1"))
  }

  @Test func aBenchmarkThatDiffersIsNamed() throws {
    try runs.search("a-s0")
    try runs.search("b-s0") {
      $0.method = .singleLevel
      $0.batch = 8
    }
    let benchmark = try item("2.1", checklist())
    #expect(benchmark.verdict == .partly)
    #expect(benchmark.add == "say why these settings differ between methods: batch: 4, 8")
  }

  @Test func filesThatDifferFromTheCommitAreAskedFor() throws {
    let run = try runs.search("tiny")
    #expect(try item("1.4", checklist("tiny")).verdict == .answered)
    try TinyRuns.edit(run) {
      $0.environment.gitIsDirty = true
      $0.environment.gitDiffSHA256 = String(repeating: "ab", count: 32)
    }
    let method = try item("1.4", checklist("tiny"))
    #expect(method.verdict == .partly)
    #expect(method.add?.contains("SHA-256 abababababab") == true)
  }

  @Test func differentMachinesAreTold() throws {
    try runs.search("a-s0")
    try runs.search("b-s0") { $0.lambda = 2 }
    let other = try runs.search("a-s1", seed: 1)
    try TinyRuns.edit(other) { $0.environment.processor = "Z80" }
    let confounders = try item("2.2", checklist())
    #expect(confounders.verdict == .partly)
    #expect(confounders.add?.contains("Z80") == true)
  }

  @Test func markdownTicksWhatIsAnsweredAndEscapesTheRest() throws {
    let run = try runs.search("tiny")
    try TinyRuns.edit(run) { $0.data.name = "a*b_c|d\n# e" }
    let list = try checklist("tiny")
    let lines = list.markdown.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("- [x] ") } == list.count(.answered))
    #expect(lines.count { $0.hasPrefix("- [ ] ") } == list.items.count - list.count(.answered))
    #expect(list.markdown.contains("a\\*b\\_c\\|d \\# e, SHA-256"))
  }

  @Test func evaluationsOfItsCellsAnswerForTheFinalTraining() throws {
    try runs.search("tiny")
    try runs.evaluate("other", cell: .published(name: "DARTS_V2"))
    #expect(try item("1.3", checklist("tiny")).verdict == .open)
    try runs.evaluate("final", cell: .run(name: "tiny", epoch: 1, digest: "00"), seed: 5)
    let list = try checklist("tiny")
    for number in ["1.1", "1.3", "2.4", "3.2"] {
      #expect(try item(number, list).verdict == .answered, "\(number)")
    }
    let final = try item("1.3", list).evidence
    #expect(final.count == 1)
    #expect(final[0].value.hasPrefix("final: the cell tiny@1, seed 5, 1 epochs"))
  }

  @Test func anEvaluationAloneHasNoChecklist() throws {
    try runs.evaluate("final", cell: nil)
    #expect(throws: EventLogError.self) { try checklist("final") }
  }
}

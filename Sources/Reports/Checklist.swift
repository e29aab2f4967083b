import EventLog
import Search

/// The checklist of best practices for research on architecture search, filled in from records.
///
/// Source: Lindauer and Hutter, Best Practices for Scientific Research on Neural Architecture Search, JMLR 21(243),
/// 2020; the questions are worded shorter here.
public struct Checklist: Encodable, Equatable, Sendable {
  /// How far records answer a question.
  public enum Verdict: String, CaseIterable, Encodable, Sendable {
    /// The record says it all.
    case answered
    /// The authors must add something.
    case partly
    /// The record says nothing of it.
    case open = "not in the record"
  }

  /// Something that a record says, and where it says so.
  public struct Evidence: Encodable, Equatable, Sendable {
    /// In words.
    public var value: String
    /// "manifest.json: configuration.seed"
    public var place: String
  }

  /// One question.
  public struct Item: Encodable, Equatable, Sendable {
    /// Its section and its place there: "2.6".
    public var number: String
    /// What the checklist asks.
    public var question: String
    /// How far the record answers it.
    public var verdict: Verdict
    /// What the record says.
    public var evidence: [Evidence]
    /// What the authors must say themselves; nil when the records say it all.
    public var add: String?

    /// Without evidence a question is open, without anything to add it is answered.
    init(_ number: String, _ question: String, _ evidence: [Evidence], add: String?) {
      precondition(!evidence.isEmpty || add != nil, "an open question wants an answer")
      self.number = number
      self.question = question
      self.evidence = evidence
      self.add = add
      verdict = evidence.isEmpty ? .open : add == nil ? .answered : .partly
    }
  }

  /// The run or the study.
  public let subject: String
  /// Where the checklist is published.
  public let source = "Lindauer and Hutter, JMLR 21(243), 2020"
  /// In the order of the paper.
  public let items: [Item]

  /// The headings of the sections, from 1.
  public static let sections = [
    "Releasing code", "Comparing methods", "Reporting important details",
  ]

  /// Answers the questions from the records of a run or a study.
  ///
  /// - Throws: `EventLogError.otherKind` for an evaluation alone.
  public init(_ subject: ReportSubject) throws {
    guard !subject.searches.isEmpty else {
      throw EventLogError.otherKind(run: subject.name, found: .evaluation, needed: .search)
    }
    let evidence = try StudyEvidence(subject)
    self.subject = subject.name
    items = Self.code(evidence) + Self.comparison(evidence) + Self.details(evidence)
  }

  /// How many questions are answered so far.
  public func count(_ verdict: Verdict) -> Int { items.count { $0.verdict == verdict } }

  // MARK: - The questions

  private static func code(_ study: StudyEvidence) -> [Item] {
    [
      Item(
        "1.1", "Code of the training pipeline that evaluated the final architectures",
        study.program,
        add: joined(
          study.missingSource,
          study.finalEvaluation.isEmpty
            ? "there is no record of training the final architecture: make one with `milenas-lab evaluate`, or name "
              + "the program behind the reported numbers" : nil)),
      Item(
        "1.2", "Code of the search space", study.program + study.space, add: study.missingSource),
      Item(
        "1.3", "Hyperparameters and random seeds of the final evaluation", study.finalEvaluation,
        add: study.finalEvaluation.isEmpty
          ? "the record ends with the search: report the settings and seeds of the final training"
          : nil
      ),
      Item(
        "1.4", "Code of the search method", study.program + study.methods, add: study.missingSource),
      Item(
        "1.5", "Hyperparameters and random seeds of the search method",
        study.hyperparameters + study.seeds, add: nil),
    ]
  }

  private static func comparison(_ study: StudyEvidence) -> [Item] {
    let alone = "one setting compares nothing: put the methods side by side in a study"
    return [
      Item(
        "2.1",
        "The same benchmark for all methods: data and split, search space, training code and its hyperparameters",
        study.isComparison ? study.data + study.space : [],
        add: study.isComparison
          ? study.differentBenchmark.map { "say why these settings differ between methods: \($0)" }
          : alone),
      Item(
        "2.2", "Confounding factors controlled: hardware, versions of libraries, runtimes",
        study.environment,
        add: study.isComparison
          ? study.differentEnvironment.map {
            "these differ between runs, so say what follows: \($0)"
          } : alone),
      Item(
        "2.3", "Ablation studies", study.ablations,
        add: study.ablations.isEmpty
          ? "no two settings here differ in one value alone: add such runs, or say where the ablations are"
          : nil),
      Item(
        "2.4", "The same evaluation protocol for all methods", study.evaluationProtocol,
        add: study.finalEvaluation.isEmpty
          ? "this is the accuracy of the supernet: report how the derived networks were trained and tested"
          : study.differentEvaluations.map {
            "say why these settings differ between evaluations: \($0)"
          }
      ),
      Item(
        "2.5", "Performance compared over time", study.curves,
        add: study.curves.isEmpty
          ? "the runs have no epochs in their logs: search again with --log-level epoch or more"
          : study.isComparison ? nil : "show the curve beside those of other methods"),
      Item(
        "2.6", "Comparison with random search", study.randomSearch,
        add: study.randomSearch.isEmpty
          ? "no run here has the method random or random-sharing: add some, for example "
            + "`milenas-lab search --method random-sharing`"
          : nil),
      Item(
        "2.7", "Several runs, and their seeds", study.seeds,
        add: study.fewSeeds.map { "repeat with other seeds (--seed N): \($0)" }),
      Item(
        "2.8", "Tabular or surrogate benchmarks for in-depth evaluation", [],
        add:
          "these searches train their networks themselves: say which benchmarks were used besides, or why none"
      ),
    ]
  }

  private static func details(_ study: StudyEvidence) -> [Item] {
    [
      Item(
        "3.1", "How hyperparameters were tuned, and what time and resources that took",
        study.chosenValues + study.cost,
        add: "say how these values were chosen, and what the runs cost that are not in this record"),
      Item(
        "3.2", "Time of the whole method from end to end, not of the search alone",
        study.cost + study.evaluationCost,
        add: study.evaluationCost.isEmpty
          ? "this is the search: add the time of the final training" : nil),
      Item(
        "3.3", "All details of the experimental setup",
        study.hyperparameters + study.data + study.environment, add: nil),
    ]
  }

  private static func joined(_ sentences: String?...) -> String? {
    let said = sentences.compactMap { $0 }
    return said.isEmpty ? nil : said.joined(separator: "; ")
  }
}

// MARK: - As text

extension Checklist {
  private var heading: String {
    "NAS best-practice checklist for \(subject) (\(source)): "
      + Verdict.allCases.map { "\(count($0)) \($0.rawValue)" }.joined(separator: ", ")
  }

  /// For a terminal.
  public var text: String {
    lines(before: "\n", after: "\n") { item in
      "  \(item.number)  \(item.question): \(item.verdict.rawValue)\n"
        + item.evidence.map { "       \($0.value)  (\($0.place))\n" }.joined()
        + (item.add.map { "       to add: \($0)\n" } ?? "")
    }
  }

  /// A list of GitHub's Markdown, with a box that is ticked for what is answered.
  public var markdown: String {
    func escaped(_ text: String) -> String {
      text.reduce(into: "") { escaped, character in
        if "\\`*_{}[]<>#|&".contains(character) { escaped += "\\" }
        escaped.append(character.isNewline ? " " : character)
      }
    }
    return lines(before: "\n## ", after: "\n\n") { item in
      "- [\(item.verdict == .answered ? "x" : " ")] **\(item.number) \(item.question)**: \(item.verdict.rawValue)\n"
        + item.evidence.map { "  - \(escaped($0.value)) (`\($0.place)`)\n" }.joined()
        + (item.add.map { "  - *To add:* \(escaped($0))\n" } ?? "")
    }
  }

  private func lines(before: String, after: String, _ line: (Item) -> String) -> String {
    var text = heading + "\n"
    for (index, section) in Self.sections.enumerated() {
      text += "\(before)\(index + 1) \(section)\(after)"
      text += items.filter { $0.number.hasPrefix("\(index + 1).") }.map(line).joined()
    }
    return text
  }
}

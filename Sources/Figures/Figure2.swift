import Analysis
import Foundation

/// Figure 2 of the paper: gap between training and validation accuracy, validation accuracy, and time.
public struct Figure2: Sendable {
  /// A panel.
  public enum Letter: String, CaseIterable, Sendable {
    /// Training less validation accuracy, over the search.
    case a
    /// Validation accuracy, over the search.
    case b
    /// Validation accuracy, over the wall time of the search.
    case c
  }

  /// A setting of the study, and the paper's name of the curve in each panel.
  private struct Setting {
    var name: String
    var text: Text
    /// In words, for captions.
    var words: String
    var style: Int
    var paper: [Letter: String]
  }

  private static let settings = [
    Setting(
      name: "milenas-0.1", text: "MiLeNAS (λ = 0.1)", words: "MiLeNAS, λ = 0.1", style: 3,
      paper: [.a: "MiLeNAS (0.1)"]),
    Setting(
      name: "milenas-1", text: "MiLeNAS (λ = 1)", words: "MiLeNAS, λ = 1", style: 0,
      paper: [.a: "MiLeNAS (1.0)", .b: "MiLeNAS (1.0)", .c: "MiLeNAS (1.0)"]),
    Setting(
      name: "milenas-999", text: "MiLeNAS (λ = 999)", words: "MiLeNAS, λ = 999", style: 4,
      paper: [.a: "MiLeNAS (999)"]),
    Setting(
      name: "darts-2nd-then-milenas", text: "DARTS-2nd, then MiLeNAS",
      words: "DARTS-2nd, then MiLeNAS", style: 5, paper: [.b: "bilevel + mixed-level"]),
    Setting(
      name: "darts-2nd", text: "DARTS-2nd", words: "DARTS-2nd", style: 1,
      paper: [.a: "bilevel-2nd", .b: "bilevel-2nd", .c: "bilevel-2nd"]),
    Setting(
      name: "darts-1st", text: "DARTS-1st", words: "DARTS-1st", style: 6,
      paper: [.b: "bilevel-1st"]),
    Setting(
      name: "single-level", text: "single-level", words: "single-level", style: 2,
      paper: [.a: "single-level", .b: "single-level", .c: "single-level"]),
  ]

  /// The settings that a study of this figure has.
  public static var settingNames: [String] { settings.map(\.name) }

  /// Draws the panels asked for.
  ///
  /// - Parameters:
  ///   - from: where panels a and b begin, in epochs, or in percent of the search where both are drawn; nil for the
  ///     paper's window of its curves, and half-way of a study.
  ///   - title: written above; nil for none.
  /// - Throws: `FigureError`; what reading runs throws.
  public static func figure(
    _ letters: [Letter] = Letter.allCases, of input: FigureInput, from: Double? = nil,
    title: Text? = nil, theme: Theme
  ) throws -> Figure {
    let paper = input.showsPaper ? try PaperFigures() : nil
    var study: StudyRuns?
    if case .runs(let folder, _) = input { study = try StudyRuns(folder, settings: settingNames) }
    let progress = try Progress(paper: paper, study: study)
    var panels: [Panel] = []
    var data: [(String, [Curve])] = []
    for letter in letters {
      let curves = try curves(letter, paper: paper, study: study, progress)
      guard !curves.isEmpty else {
        throw FigureError.emptyPanel(
          figure: "2\(letter.rawValue)",
          settings: settings.filter { $0.paper[letter] != nil }.map(\.name))
      }
      data.append((letter.rawValue, curves))
      let first = try letter == .c ? nil : from ?? progress.start(of: letter, paper: paper)
      if let first { try require(curves, from: first, of: "2\(letter.rawValue)") }
      panels.append(
        Panel(
          title: letters.count > 1 ? heading(letter) : nil,
          x: letter == .c
            ? Axis(progress.timeLabel) : Axis(progress.epochLabel, isWhole: !progress.isRelative),
          y: Axis(
            letter == .a ? "accuracy gap (%)" : "validation accuracy (%)", hasGrid: true),
          curves: curves, theme: theme, from: first,
          bounds: letter == .a ? nil : 0...100,
          legend: letters.count > 1 ? .none : .automatic))
    }
    let shown = settings.filter { setting in letters.contains { setting.paper[$0] != nil } }
    return Figure(
      title: "Figure 2" + (letters.count == 1 ? letters[0].rawValue : "")
        + ": gap, accuracy and time of the search",
      summary: summary(data, progress),
      caption: caption(
        letters, study: study, hasPaper: paper != nil, progress,
        settings: shown.map { (name: $0.name, words: $0.words) }),
      content: PanelGrid(title: title, panels: panels, sharesLegend: letters.count > 1),
      data: .curves(
        x: letters == [.c]
          ? progress.timeColumn
          : letters.contains(.c)
            ? "\(progress.epochColumn)_or_\(progress.timeColumn)" : progress.epochColumn,
        y: "percent", data),
      sources: (study?.sources ?? []) + (paper.map { [$0.source] } ?? []),
      date: study?.date ?? PaperFigures.date,
      notes: study?.notes ?? [])
  }

  private static func curves(
    _ letter: Letter, paper: PaperFigures?, study: StudyRuns?, _ progress: Progress
  ) throws -> [Curve] {
    let present = settings.filter { $0.paper[letter] != nil }
    var curves: [Curve] = []
    if let study {
      for setting in present where !study.of(setting.name).isEmpty {
        let accuracy = study.means(setting.name) { 100 * $0.epochs[$1].validAccuracy }
        let gap = study.means(setting.name) {
          100 * ($0.epochs[$1].trainAccuracy - $0.epochs[$1].validAccuracy)
        }
        let seconds = study.means(setting.name) { $0.seconds(through: $1) }
        curves.append(
          Curve(
            setting: setting.name, name: setting.text, style: setting.style, isPaper: false,
            points: accuracy.indices.map { epoch in
              // Epochs count from 1 where people read them: after the first epoch.
              let x =
                letter == .c
                ? seconds[epoch].mean / progress.secondsPerUnit
                : Double(epoch + 1) / progress.epochsPerUnit
              return (x, letter == .a ? gap[epoch] : accuracy[epoch])
            }))
      }
    }
    if let paper {
      for setting in present {
        guard let name = setting.paper[letter] else { continue }
        let points = try paper.points(name, of: "2\(letter.rawValue)").map {
          (
            x: letter == .c
              ? $0.x / progress.paperHoursPerUnit : $0.x / progress.paperEpochsPerUnit, y: $0.y
          )
        }
        curves.append(.paper(setting.name, setting.text, style: setting.style, points))
      }
    }
    return curves
  }

  /// - Throws: `FigureError.nothingShown` where the panel would be empty.
  private static func require(_ curves: [Curve], from first: Double, of figure: String) throws {
    // A number that is none is before no point.
    guard first.isFinite, curves.contains(where: { $0.points.count { $0.x >= first } >= 2 }) else {
      throw FigureError.nothingShown(
        figure: figure, from: first, last: curves.compactMap { $0.points.last?.x }.max() ?? 0)
    }
  }

  /// What is counted along the x axes. Where a study is drawn over the paper, whose searches are longer by far, each
  /// counts in shares of its own search.
  private struct Progress {
    var isRelative: Bool
    var timeLabel: Text
    var timeColumn: String
    var epochLabel: Text = "epoch"
    var epochColumn = "epoch"
    var secondsPerUnit = 1.0
    var epochsPerUnit = 1.0
    var paperHoursPerUnit = 1.0
    var paperEpochsPerUnit = 1.0
    /// Whose time is 1, in words.
    var timeReference: String?
    private var studyEpochs: Double?

    static let paperEpochs = 50.0

    init(paper: PaperFigures?, study: StudyRuns?) throws {
      let unit = TimeUnit(seconds: study?.longest ?? 28 * 3600)
      studyEpochs = study.map { Double($0.longestEpochs) }
      isRelative = paper != nil && study != nil
      guard let paper, let study,
        let reference = settings.first(where: {
          $0.paper[.c] != nil && !study.of($0.name).isEmpty
        }), let curve = reference.paper[.c]
      else {
        timeLabel = Text(plain: "time (\(unit.rawValue))")
        timeColumn = unit.rawValue
        secondsPerUnit = unit.seconds
        paperHoursPerUnit = unit.seconds / 3600
        isRelative = false
        return
      }
      timeLabel = "time relative to " + reference.text
      timeReference = reference.words
      timeColumn = "times_\(reference.name)"
      epochLabel = "share of the search (%)"
      epochColumn = "percent_of_search"
      let last = study.means(reference.name) { $0.seconds(through: $1) }.last
      secondsPerUnit = last?.mean ?? 1
      epochsPerUnit = Double(study.longestEpochs) / 100
      paperHoursPerUnit = try paper.points(curve, of: "2c").last?.x ?? 1
      paperEpochsPerUnit = Self.paperEpochs / 100
    }

    func start(of letter: Letter, paper: PaperFigures?) throws -> Double? {
      if isRelative { return 50 }
      if let studyEpochs { return (studyEpochs / 2).rounded(.up) }
      return try paper?.panel("2\(letter.rawValue)").window?.first
    }
  }

  private static func heading(_ letter: Letter) -> Text {
    switch letter {
    case .a: "Training and validation gap"
    case .b: "Validation accuracy"
    case .c: "Time of the search"
    }
  }

  private static func summary(
    _ data: [(String, [Curve])], _ progress: Progress
  ) -> String {
    data.map { letter, curves in
      let ends = curves.compactMap { curve in
        curve.points.last.map { last in
          "\(curve.name.plain)\(curve.isPaper && progress.isRelative ? " in the paper" : "") "
            + String(format: "%.2f %%", last.y.mean)
            + (letter == "c" ? String(format: " after %.1f ", last.x) + progress.timeColumn : "")
        }
      }
      let what = letter == "a" ? "Accuracy gap at the end" : "Validation accuracy at the end"
      return "(\(letter)) \(what): \(ends.joined(separator: ", "))."
    }.joined(separator: " ")
  }

  private static func caption(
    _ letters: [Letter], study: StudyRuns?, hasPaper: Bool, _ progress: Progress,
    settings: [(name: String, words: String)]
  ) -> String {
    let shown = letters.map { letter in
      let mark = letters.count > 1 ? "(\(letter.rawValue)) " : ""
      return switch letter {
      case .a: "\(mark)gap between training and validation accuracy of the supernet"
      case .b: "\(mark)validation accuracy of the supernet"
      case .c: "\(mark)validation accuracy over the wall time of the search"
      }
    }
    var sentences = [shown.joined(separator: "; ").capitalizedFirst + "."]
    if let study {
      sentences.append(
        "Lines: \(study.seeds(of: settings)). Search on \(study.common(to: settings.map(\.name))).")
    }
    if let reference = progress.timeReference, letters.contains(.c) {
      sentences.append("Time is relative to that of \(reference), in the study and in the paper.")
    }
    if hasPaper {
      sentences.append(
        (progress.isRelative ? "Thin lines: the curves" : "Curves")
          + " of the paper (CIFAR-10, means of 4 runs, smoothed there), read off its vector drawing to about 0.03 points."
      )
    }
    return sentences.joined(separator: " ")
  }
}

/// What time is counted in: the largest unit of which there are two.
enum TimeUnit: String {
  case hours, minutes, seconds

  init(seconds: Double) {
    self = seconds >= 7200 ? .hours : seconds >= 120 ? .minutes : .seconds
  }

  var seconds: Double {
    switch self {
    case .hours: 3600
    case .minutes: 60
    case .seconds: 1
    }
  }
}

extension StudyRuns.Run {
  /// Wall time from the start to the end of an epoch, in seconds.
  func seconds(through epoch: Int) -> Double {
    epochs[...epoch].reduce(0) { $0 + $1.trainSeconds + $1.validSeconds }
  }
}

extension StudyRuns {
  /// Wall time of the longest search, in seconds.
  var longest: Double {
    all.map { $0.seconds(through: $0.epochs.count - 1) }.max() ?? 0
  }

  var longestEpochs: Int { all.map(\.epochs.count).max() ?? 0 }

  /// What is not drawn, and why.
  var notes: [String] {
    unfinished.isEmpty
      ? [] : ["not drawn, because they have not ended: \(unfinished.joined(separator: ", "))"]
  }
}

extension String {
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

import Analysis
import Foundation

/// Figure 2 of the paper: gap between training and validation accuracy, validation accuracy, and time.
public struct Figure2: Sendable {
  public enum Letter: String, CaseIterable, Sendable { case a, b, c }

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
  ///   - from: the first epoch of panels a and b; nil for the paper's window of its curves, and half of a study's epochs.
  ///   - title: written above; nil for none.
  /// - Throws: `FigureError`; what reading runs throws.
  public static func figure(
    _ letters: [Letter] = Letter.allCases, of input: FigureInput, from: Double? = nil,
    title: Text? = nil, theme: Theme
  ) throws -> Figure {
    let paper = input.showsPaper ? try PaperFigures() : nil
    var study: StudyRuns?
    if case .runs(let folder, _) = input { study = try StudyRuns(folder, settings: settingNames) }
    let unit = TimeUnit(seconds: study?.longest ?? 28 * 3600)
    var panels: [Panel] = []
    var data: [(String, [Curve])] = []
    for letter in letters {
      let curves = try curves(letter, paper: paper, study: study, unit: unit)
      guard !curves.isEmpty else {
        throw FigureError.emptyPanel(
          figure: "2\(letter.rawValue)",
          settings: settings.filter { $0.paper[letter] != nil }.map(\.name))
      }
      data.append((letter.rawValue, curves))
      let first = from ?? (letter == .c ? nil : firstEpoch(paper: paper, study: study, letter))
      panels.append(
        Panel(
          title: letters.count > 1 ? heading(letter) : nil,
          x: Axis(letter == .c ? Text(plain: "time (\(unit.rawValue))") : "epoch"),
          y: Axis(
            letter == .a ? "accuracy gap (%)" : "validation accuracy (%)", hasGrid: true),
          curves: curves, theme: theme, from: first,
          legend: letters.count > 1 ? .none : .automatic))
    }
    let shown = settings.filter { setting in letters.contains { setting.paper[$0] != nil } }
    return Figure(
      title: "Figure 2" + (letters.count == 1 ? letters[0].rawValue : "")
        + ": gap, accuracy and time of the search",
      summary: summary(data, unit: unit),
      caption: caption(
        letters, study: study, hasPaper: paper != nil,
        settings: shown.map { (name: $0.name, words: $0.words) }),
      content: PanelGrid(title: title, panels: panels, sharesLegend: letters.count > 1),
      data: .curves(
        x: letters == [.c]
          ? unit.rawValue : letters.contains(.c) ? "epoch_or_\(unit.rawValue)" : "epoch",
        y: "percent", data),
      sources: (study?.sources ?? []) + (paper.map { [$0.source] } ?? []),
      date: study?.date ?? PaperFigures.date,
      notes: study?.notes ?? [])
  }

  private static func curves(
    _ letter: Letter, paper: PaperFigures?, study: StudyRuns?, unit: TimeUnit
  ) throws -> [Curve] {
    let present = settings.filter { $0.paper[letter] != nil }
    var curves: [Curve] = []
    if let study {
      for setting in present where !study.of(setting.name).isEmpty {
        let accuracy = study.means(setting.name) { 100 * $0.epochs[$1].validAccuracy }
        let gap = study.means(setting.name) {
          100 * ($0.epochs[$1].trainAccuracy - $0.epochs[$1].validAccuracy)
        }
        let hours = study.means(setting.name) { run, epoch in
          run.epochs[...epoch].reduce(0) { $0 + $1.trainSeconds + $1.validSeconds } / unit.seconds
        }
        curves.append(
          Curve(
            setting: setting.name, name: setting.text, style: setting.style, isPaper: false,
            points: accuracy.indices.map { epoch in
              // Epochs count from 1 where people read them: after the first epoch.
              let x = letter == .c ? hours[epoch].mean : Double(epoch + 1)
              return (x, letter == .a ? gap[epoch] : accuracy[epoch])
            }))
      }
    }
    if let paper {
      for setting in present {
        guard let name = setting.paper[letter] else { continue }
        let points = try paper.points(name, of: "2\(letter.rawValue)").map {
          (x: letter == .c ? $0.x * 3600 / unit.seconds : $0.x, y: $0.y)
        }
        curves.append(.paper(setting.name, setting.text, style: setting.style, points))
      }
    }
    return curves
  }

  private static func firstEpoch(
    paper: PaperFigures?, study: StudyRuns?, _ letter: Letter
  ) -> Double? {
    if let study { return (Double(study.longestEpochs) / 2).rounded(.up) }
    return (try? paper?.panel("2\(letter.rawValue)"))?.window?.first
  }

  private static func heading(_ letter: Letter) -> Text {
    switch letter {
    case .a: "Training and validation gap"
    case .b: "Validation accuracy"
    case .c: "Time of the search"
    }
  }

  private static func summary(_ data: [(String, [Curve])], unit: TimeUnit) -> String {
    data.map { letter, curves in
      let ends = curves.compactMap { curve in
        curve.points.last.map { last in
          "\(curve.name.plain)\(curve.isPaper ? " in the paper" : "") "
            + String(format: "%.2f %%", last.y.mean)
            + (letter == "c" ? String(format: " after %.1f ", last.x) + unit.rawValue : "")
        }
      }
      let what = letter == "a" ? "Accuracy gap at the end" : "Validation accuracy at the end"
      return "(\(letter)) \(what): \(ends.joined(separator: ", "))."
    }.joined(separator: " ")
  }

  private static func caption(
    _ letters: [Letter], study: StudyRuns?, hasPaper: Bool,
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
        "Lines: \(study.seeds(of: settings)). Search on \(study.settings).")
    }
    if hasPaper {
      sentences.append(
        (study == nil ? "Curves" : "Thin lines: the curves")
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

extension StudyRuns {
  /// Wall time of the longest search, in seconds.
  var longest: Double {
    all.map { run in run.epochs.reduce(0) { $0 + $1.trainSeconds + $1.validSeconds } }.max() ?? 0
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

import Analysis
import Foundation

/// One curve of a panel, before it becomes a mark: what it is, and its numbers.
struct Curve {
  /// As data rows call it: a setting of the study.
  var setting: String
  var name: Text
  /// Which style of the theme.
  var style: Int
  var isPaper: Bool
  var points: [(x: Double, y: SeedMean)]

  /// Points of the paper have no seeds that could be told apart.
  static func paper(_ setting: String, _ name: Text, style: Int, _ points: [(x: Double, y: Double)])
    -> Curve
  {
    Curve(
      setting: setting, name: name, style: style, isPaper: true,
      points: points.map { ($0.x, SeedMean([$0.y])) })
  }
}

/// What is drawn.
public enum FigureInput {
  /// The curves of the paper.
  case paper
  /// The runs of a study, by its folder; with the paper's curves behind them, when asked for.
  case runs(URL, withPaper: Bool)

  var isPaper: Bool { if case .paper = self { true } else { false } }

  var showsPaper: Bool {
    switch self {
    case .paper, .runs(_, withPaper: true): true
    case .runs: false
    }
  }
}

extension Panel {
  /// A panel of curves.
  ///
  /// - Parameters:
  ///   - from: the least x that is shown.
  ///   - bounds: what no value can leave; bands end there.
  init(
    title: Text?, x: Axis, y: Axis, curves: [Curve], theme: Theme, from: Double?,
    bounds: ClosedRange<Double>? = nil, legend: LegendPlace
  ) {
    let shown = curves.map { curve in
      var curve = curve
      if let from { curve.points.removeAll { $0.x < from } }
      return curve
    }
    let isOverlay = Set(curves.map(\.isPaper)).count > 1
    let bands = shown.count { curve in curve.points.contains { $0.y.halfWidth != nil } }
    // Many bands one over the other must not hide the lines.
    let opacity = min(theme.bandOpacity, 0.4 / Double(max(1, bands)))
    let count = Double(max(1, shown.count))
    let lines = shown.enumerated().map { index, curve in
      var style = theme.series(curve.style)
      let isBehind = curve.isPaper && isOverlay
      if isBehind {
        style.color = style.color.mixed(with: theme.paper, share: 0.45)
        style.width = 0.6 * theme.lineWidth
      }
      return Line(
        isBehind ? nil : curve.name,
        curve.points.map { point in
          // Student's interval knows no bounds; accuracies do.
          .init(
            x: point.x, y: point.y.mean, low: point.y.low.map { max($0, bounds?.lowerBound ?? $0) },
            high: point.y.high.map { min($0, bounds?.upperBound ?? $0) })
        },
        style: style, markers: isBehind ? 0 : 4, phase: (Double(index) + 0.5) / count,
        bandOpacity: opacity)
    }
    // The paper's curves lie behind.
    let marks =
      lines.indices.filter { curves[$0].isPaper } + lines.indices.filter { !curves[$0].isPaper }
    var marked: [any Mark] = marks.map { lines[$0] }
    if isOverlay {
      let style = SeriesStyle(
        color: theme.ink.mixed(with: theme.paper, share: 0.45), dash: [], marker: .ring,
        width: 0.6 * theme.lineWidth)
      marked.append(Line("the same in the paper", [], style: style))
    }
    self.init(title: title, x: x, y: y, marks: marked, legend: legend)
  }
}

extension FigureData {
  /// The rows of curves.
  static func curves(x: String, y: String, _ panels: [(letter: String, curves: [Curve])])
    -> FigureData
  {
    FigureData(
      columns: ["panel", "series", "source", x, y, "low", "high", "seeds"],
      rows: panels.flatMap { letter, curves in
        curves.flatMap { curve in
          curve.points.map { point in
            [
              .text(letter), .text(curve.setting), .text(curve.isPaper ? "paper" : "runs"),
              .number(point.x), .number(point.y.mean), Value(point.y.low), Value(point.y.high),
              curve.isPaper ? .missing : .number(Double(point.y.seeds)),
            ]
          }
        }
      })
  }
}

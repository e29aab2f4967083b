import Analysis
import EventLog
import Figures
import Foundation
import Search

extension HTML {
  /// A figure with its caption, or the reason why it cannot be drawn: a name that the font has no letters for is no
  /// reason to refuse a page.
  ///
  /// - Parameter name: unlike those of the page's other figures.
  static func figure(_ name: String, _ make: (Theme) throws -> Figure) -> HTML {
    let style = FigureStyle(venue: .tmlr, width: 560)
    do {
      let figure = try make(style.theme)
      let file = try figure.rendered(as: .svg, style: style, arguments: [])
      let drawing = InlineSVG(file: String(decoding: file, as: UTF8.self), prefix: "\(name)-")
      return .tag(
        "figure", ["role": "img", "aria-label": figure.summary], .drawing(drawing),
        .tag("figcaption", [:], .text(figure.caption)))
    } catch {
      return .tag("p", ["class": "note"], .text("Not drawn: \(error)."))
    }
  }
}

extension Figure {
  /// Validation accuracy and gap of every setting over the epochs, means over seeds with their intervals.
  ///
  /// - Throws: `ReportsError.noCurves` when no run has epochs.
  static func curves(of groups: [StudySetting], theme: Theme) throws -> Figure {
    let curves = groups.map { Curve($0) }.filter { !$0.accuracy.isEmpty }
    guard !curves.isEmpty else { throw ReportsError.noCurves }
    func panel(
      _ title: Text, _ label: Text, within bounds: ClosedRange<Double>,
      _ values: (Curve) -> [SeedMean]
    ) -> Panel {
      let lines = curves.enumerated().map { index, curve in
        Line(
          Text(plain: curve.name),
          values(curve).enumerated().map { epoch, mean in
            // Student's interval knows no bounds.
            Line.Place(
              x: Double(epoch + 1), y: mean.mean, low: mean.low.map { max($0, bounds.lowerBound) },
              high: mean.high.map { min($0, bounds.upperBound) })
          }, style: theme.series(index), markers: 4,
          phase: (Double(index) + 0.5) / Double(curves.count))
      }
      return Panel(
        title: title, x: Axis("epoch"), y: Axis(label, hasGrid: true), marks: lines, legend: .none)
    }
    let ends = curves.map { curve in
      "\(curve.name) \(curve.accuracy.last.map { Words.decimals($0.mean, 2) } ?? "–") %"
    }
    return Figure(
      title: "Curves of the study",
      summary: "Validation accuracy after the last common epoch: \(ends.joined(separator: ", ")).",
      caption:
        "Means over the seeds of each setting, as far as all of them came, with 95 % t intervals. "
        + "(a) Accuracy of the supernet on the validation half. (b) Training accuracy less that.",
      content: PanelGrid(
        panels: [
          panel("Validation accuracy", "validation accuracy (%)", within: 0...100, \.accuracy),
          panel("Gap", "training − validation (points)", within: -100...100, \.gap),
        ], columns: 2, sharesLegend: true),
      data: FigureData(columns: []), sources: [], date: .distantPast)
  }

  /// A setting's means, epoch by epoch, in percent.
  private struct Curve {
    let name: String
    let accuracy: [SeedMean]
    let gap: [SeedMean]

    init(_ group: StudySetting) {
      let runs = group.runs.map(\.epochs).filter { !$0.isEmpty }
      let epochs = runs.map(\.count).min() ?? 0
      func means(_ value: (EpochRecord) -> Double) -> [SeedMean] {
        (0..<epochs).map { epoch in SeedMean(runs.map { 100 * value($0[epoch]) }) }
      }
      name = group.name
      accuracy = means(\.validAccuracy)
      gap = means { $0.trainAccuracy - $0.validAccuracy }
    }
  }
}

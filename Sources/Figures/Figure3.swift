import Analysis
import Foundation

/// Figure 3 of the paper: the Gumbel space, a search that follows the model's size, and error over size.
public struct Figure3: Sendable {
  public enum Letter: String, CaseIterable, Sendable { case a, b, c }

  /// The settings that a study of this figure has.
  public static let settingNames = ["milenas-gumbel", "gdas", "size-search"]

  /// Bars that one panel can hold.
  private static let mostGroups = 13

  /// Error that does not count, in percent: what the optimal range may lose.
  public static let tolerance = 0.05

  /// Draws the panels asked for.
  ///
  /// - Parameters:
  ///   - points: sizes and errors of evaluated cells for panel c; nil for those of the study's evaluations.
  ///   - title: written above; nil for none.
  /// - Throws: `FigureError`; `AnalysisError.unfit` when no curve can be fitted; what reading runs throws.
  public static func figure(
    _ letters: [Letter] = Letter.allCases, of input: FigureInput,
    points: EvaluatedSizes? = nil, title: Text? = nil, theme: Theme
  ) throws -> Figure {
    let paper = input.showsPaper ? try PaperFigures() : nil
    var study: StudyRuns?
    var evaluated = points
    if case .runs(let folder, _) = input {
      if letters != [.c] { study = try StudyRuns(folder, settings: settings(letters)) }
      if letters.contains(.c), evaluated == nil { evaluated = try EvaluatedSizes(study: folder) }
    }
    var content: [PanelContent] = []
    for letter in letters {
      switch letter {
      case .a: content.append(try gumbel(paper: paper, study: study, theme: theme))
      case .b: content.append(try sizeSearch(paper: paper, study: study, theme: theme))
      case .c: content.append(try errorOverSize(paper: paper, evaluated: evaluated, theme: theme))
      }
    }
    let panels = content.map { part in
      var panel = part.panel
      if letters.count == 1 { panel.title = nil }
      return panel
    }
    func lettered(_ words: (PanelContent) -> String) -> String {
      zip(letters, content).map { letter, part in
        letters.count > 1 ? "(\(letter.rawValue)) \(words(part))" : words(part)
      }.joined(separator: " ")
    }
    var sources = study?.sources ?? []
    if letters.contains(.c), let evaluated { sources += evaluated.sources }
    if let paper { sources.append(paper.source) }
    return Figure(
      title: "Figure 3" + (letters.count == 1 ? letters[0].rawValue : "")
        + ": sampled search, model size along the search, and error over size",
      summary: lettered(\.summary), caption: lettered(\.caption),
      content: PanelGrid(title: title, panels: panels),
      data: FigureData(
        columns: ["panel", "series", "source", "x", "y", "low", "high", "seeds"],
        rows: zip(letters, content).flatMap { letter, part in
          part.rows.map { [.text(letter.rawValue)] + $0 }
        }),
      sources: sources,
      date: max(study?.date ?? PaperFigures.date, evaluated?.date ?? PaperFigures.date),
      notes: (study?.notes ?? []) + (evaluated?.notes ?? []))
  }

  private struct PanelContent {
    var panel: Panel
    var caption: String
    var summary: String
    /// series, source, x, y, low, high, seeds.
    var rows: [[FigureData.Value]]
  }

  private static func settings(_ letters: [Letter]) -> [String] {
    letters.flatMap { letter in
      switch letter {
      case .a: ["milenas-gumbel", "gdas"]
      case .b: ["size-search"]
      case .c: [String]()
      }
    }
  }

  // MARK: a

  private static func gumbel(
    paper: PaperFigures?, study: StudyRuns?, theme: Theme
  ) throws -> PanelContent {
    let settings: [(name: String, text: Text, paper: String, style: Int)] = [
      ("milenas-gumbel", "MiLeNAS (Gumbel)", "MiLeNAS (Gumbel)", 0), ("gdas", "GDAS", "GDAS", 1),
    ]
    var curves: [Curve] = []
    for setting in settings {
      guard let study, !study.of(setting.name).isEmpty else { continue }
      let means = study.means(setting.name) { 100 * $0.epochs[$1].validAccuracy }
      curves.append(
        Curve(
          setting: setting.name, name: setting.text, style: setting.style, isPaper: false,
          points: means.enumerated().map { (Double($0.offset + 1), $0.element) }))
    }
    if let paper {
      for setting in settings {
        // The paper's axis ends at 25, where its scripts run 250 epochs and more: tens of epochs.
        let points = try paper.points(setting.paper, of: "3a").map { (x: 10 * $0.x, y: $0.y) }
        curves.append(.paper(setting.name, setting.text, style: setting.style, points))
      }
    }
    guard !curves.isEmpty else {
      throw FigureError.emptyPanel(figure: "3a", settings: settings.map(\.name))
    }
    let ends = curves.compactMap { curve in
      curve.points.map(\.y.mean).max().map {
        "\(curve.name.plain)\(curve.isPaper && study != nil ? " in the paper" : "") "
          + String(format: "%.2f %%", $0)
      }
    }
    var caption = "Validation accuracy of searches that sample"
    if let study, settings.contains(where: { !study.of($0.name).isEmpty }) {
      caption +=
        ": \(study.seeds(of: settings.map { ($0.name, $0.text.plain) })). Search on \(study.settings)"
    }
    if paper != nil {
      caption +=
        study == nil
        ? " (the paper's curves; its axis is read as tens of epochs)"
        : "; thin lines: the paper's curves, its axis read as tens of epochs"
    }
    return PanelContent(
      panel: Panel(
        title: "MiLeNAS on the Gumbel space", x: Axis("epoch"),
        y: Axis("validation accuracy (%)", hasGrid: true), curves: curves, theme: theme, from: nil,
        legend: .automatic),
      caption: caption + ".",
      summary: "Highest validation accuracy: \(ends.joined(separator: ", ")).",
      rows: FigureData.curves(x: "x", y: "y", [("a", curves)]).rows.map { Array($0.dropFirst()) })
  }

  // MARK: b

  private struct Sizes {
    var epochs: [Int]
    var normal: [Int]
    var reduction: [Int]
    /// Which groups lie in the optimal range; nil when it is not known.
    var optimal: ClosedRange<Int>?
  }

  private static func sizeSearch(
    paper: PaperFigures?, study: StudyRuns?, theme: Theme
  ) throws -> PanelContent {
    let sizes: Sizes
    if let run = study?.of("size-search").first {
      sizes = chosen(run)
    } else if let paper, study == nil {
      let normal = try paper.points("Normal Cell", of: "3b")
      let reduction = try paper.points("Reduction Cell", of: "3b")
      // The paper's box stands around its epochs 19, 22 and 29.
      sizes = Sizes(
        epochs: normal.map { Int($0.x) }, normal: normal.map { Int($0.y) },
        reduction: reduction.map { Int($0.y) }, optimal: 5...7)
    } else {
      throw FigureError.emptyPanel(figure: "3b", settings: ["size-search"])
    }
    var marks: [any Mark] = []
    if let optimal = sizes.optimal {
      marks.append(
        Span(
          "optimal range",
          x: (Double(optimal.lowerBound) - 0.5)...(Double(optimal.upperBound) + 0.5),
          color: theme.highlight))
    }
    let series: [(name: Text, values: [Int], color: Color)] = [
      ("normal cell", sizes.normal, theme.palette[1]),
      ("reduction cell", sizes.reduction, theme.palette[3]),
    ]
    for (place, part) in series.enumerated() {
      marks.append(
        Bars(
          part.name, part.values.map(Double.init), color: part.color, place: place, of: 2,
          showsValues: true))
    }
    let most = Double(max(sizes.normal.max() ?? 0, sizes.reduction.max() ?? 0, 8))
    let isPaper = study == nil
    return PanelContent(
      panel: Panel(
        title: "Model size along the search",
        x: Axis(
          "epoch", range: -0.6...(Double(sizes.epochs.count) - 0.4),
          ticks: .labels(
            sizes.epochs.enumerated().map { (Double($0.offset), Text(plain: "\($0.element)")) })),
        y: Axis("convolutions in the cell", range: 0...(most + 0.5), hasGrid: true), marks: marks),
      caption:
        "Convolutions among the kept edges of the normal and the reduction cell after some epochs of "
        + (isPaper
          ? "the paper's size-tracked search; shaded: its optimal range."
          : "a size-tracked search (seed \(study?.of("size-search").first?.seed ?? 0)): the epochs at which they changed"
            + ", or as many of these as there is room for, and the last."),
      summary: "Convolutions in normal and reduction cell, by epoch: "
        + sizes.epochs.indices.map {
          "\(sizes.epochs[$0]): \(sizes.normal[$0]) and \(sizes.reduction[$0])"
        }.joined(separator: ", ") + ".",
      rows: zip(["normal", "reduction"], [sizes.normal, sizes.reduction]).flatMap { name, values in
        zip(sizes.epochs, values).map { epoch, value in
          [
            .text(name), .text(isPaper ? "paper" : "runs"), .number(Double(epoch)),
            .number(Double(value)), .missing, .missing, isPaper ? .missing : .number(1),
          ]
        }
      })
  }

  /// The epochs after which (n, r) was another than before, thinned evenly where there are too many, and the last.
  private static func chosen(_ run: StudyRuns.Run) -> Sizes {
    let sizes = run.epochs.map { ($0.normalConvolutions, $0.reductionConvolutions) }
    var changes = sizes.indices.filter { $0 == 0 || sizes[$0] != sizes[$0 - 1] }
    if let last = sizes.indices.last, changes.last != last { changes.append(last) }
    if changes.count > mostGroups {
      let step = Double(changes.count - 1) / Double(mostGroups - 1)
      changes = (0..<mostGroups).map { changes[Int((Double($0) * step).rounded())] }
    }
    return Sizes(
      epochs: changes.map { $0 + 1 }, normal: changes.map { sizes[$0].0 },
      reduction: changes.map { sizes[$0].1 }, optimal: nil)
  }

  // MARK: c

  private static func errorOverSize(
    paper: PaperFigures?, evaluated: EvaluatedSizes?, theme: Theme
  ) throws -> PanelContent {
    let paperPoints = try paper?.points("real data", of: "3c").map {
      SizeAccuracyFit.Observation(size: $0.x, error: $0.y)
    }
    guard let own = evaluated?.points ?? paperPoints else {
      throw FigureError.emptyPanel(figure: "3c", settings: ["eval-…"])
    }
    let isPaper = evaluated == nil
    let fit = try SizeAccuracyFit(own, tolerance: tolerance, samples: 0)
    guard let best = fit.candidates.first else {
      throw AnalysisError.unfit("the points determine none of the models")
    }
    // The paper draws a parabola; runs get the curve that they prefer.
    let drawn =
      isPaper ? fit.candidates.first { $0.curve.model == .quadratic } ?? best : best
    let (low, high) = (own.map(\.size).min() ?? 0, own.map(\.size).max() ?? 1)
    let optimal = drawn.curve.optimalRange(in: low...high, tolerance: tolerance)
    var style = theme.series(1)
    style.dash = []
    var points = theme.series(0)
    points.marker = .circle
    let curve = (0...120).map { step -> Line.Place in
      let size = low + (high - low) * Double(step) / 120
      return .init(x: size, y: drawn.curve.error(at: size))
    }
    let places = own.map { point in
      let half = point.deviation.flatMap { deviation in
        point.seeds.flatMap { seeds in
          seeds > 1
            ? StudentT.quantile(level: 0.95, freedom: Double(seeds - 1)) * deviation
              / Double(seeds).squareRoot() : nil
        }
      }
      return Line.Place(
        x: point.size, y: point.error, low: half.map { point.error - $0 },
        high: half.map { point.error + $0 })
    }
    let model = drawn.curve.model == .quadratic ? "quadratic fit" : drawn.curve.model.rawValue
    var marks: [any Mark] = [
      Span("optimal range", x: optimal, color: theme.highlight),
      Line(Text(plain: model), curve, style: style), Scatter("cells", places, style: points),
    ]
    if !isPaper, let paperPoints {
      var faint = theme.series(2)
      faint.marker = .ring
      marks.append(
        Scatter("cells (paper)", paperPoints.map { .init(x: $0.size, y: $0.error) }, style: faint))
    }
    let number = { (value: Double) in String(format: "%.2f", value) }
    let formula = zip(drawn.curve.model.parameterNames, drawn.curve.parameters)
      .map { "\($0) = \(String(format: "%.6f", $1))" }.joined(separator: ", ")
    let minimum =
      drawn.optimum.map { size in
        " with its minimum, \(number(drawn.curve.error(at: size))) %, at \(number(size)) M"
      } ?? ""
    var caption =
      "Test error over model size (millions of parameters) of \(own.count) cells"
      + (isPaper ? " of the paper" : evaluated?.caption ?? "")
      + ". Line: \(model) (\(formula))\(minimum). Shaded: sizes within "
      + String(format: "%.2f", tolerance)
      + " % of the curve's lowest error inside the data, \(number(optimal.lowerBound)) to \(number(optimal.upperBound)) M."
    if let fieller = fit.fieller, drawn.curve.model == .quadratic, let low = fieller.low,
      let high = fieller.high
    {
      caption += " Fieller's 95 % interval of the minimum: \(number(low)) to \(number(high)) M."
    }
    if !isPaper {
      caption += String(
        format: " The curve was chosen by AICc (weight %.0f %%).", 100 * drawn.akaikeWeight)
    }
    return PanelContent(
      panel: Panel(
        title: "Error over model size", x: Axis("model size (M parameters)"),
        y: Axis("test error (%)", hasGrid: true), marks: marks),
      caption: caption,
      summary:
        "Error falls from \(number(own.map(\.error).max() ?? 0)) % to \(number(own.map(\.error).min() ?? 0)) %; "
        + "\(model)\(minimum); optimal range \(number(optimal.lowerBound)) to \(number(optimal.upperBound)) M.",
      rows: zip(own, places).map { point, place in
        [
          "cells", .text(isPaper ? "paper" : "runs"), .number(point.size), .number(point.error),
          .init(place.low), .init(place.high),
          .init(point.seeds.map(Double.init)),
        ]
      }
        + curve.map {
          [
            .text(model), .text(isPaper ? "paper" : "runs"), .number($0.x), .number($0.y), .missing,
            .missing, .missing,
          ]
        }
        + [
          [
            "optimal range", .text(isPaper ? "paper" : "runs"), .number(optimal.lowerBound),
            .missing,
            .missing, .missing, .missing,
          ],
          [
            "optimal range", .text(isPaper ? "paper" : "runs"), .number(optimal.upperBound),
            .missing,
            .missing, .missing, .missing,
          ],
        ])
  }
}

/// Sizes and errors of cells that were trained from scratch.
public struct EvaluatedSizes {
  public var points: [SizeAccuracyFit.Observation]
  var sources: [FigureSource]
  var date: Date
  var notes: [String] = []
  /// Follows "of n cells" in the caption.
  var caption: String

  /// Reads a CSV file with the columns size and error; deviation and seeds where they are known.
  ///
  /// - Throws: `AnalysisError.notPoints`; `FigureError.cannotRead`.
  public init(csv: URL) throws {
    points = try SizeAccuracyFit.Observation.read(csv)
    do {
      let content = try Data(contentsOf: csv)
      sources = [FigureSource(name: csv.lastPathComponent, content: content)]
    } catch {
      throw FigureError.cannotRead(path: csv.relativePath, reason: error.localizedDescription)
    }
    // A file's own date changes when it is copied.
    date = PaperFigures.date
    caption = " (\(csv.lastPathComponent))"
  }

  /// The evaluations `eval-…` of a study.
  ///
  /// - Throws: `FigureError.noStudy` when there is none.
  public init(study: URL) throws {
    throw FigureError.noStudy(
      folder: study.relativePath, settings: ["eval-…"], unfinished: 0)
  }
}

import Analysis
import Foundation

/// Figure 3 of the paper: the Gumbel space, a search that follows the model's size, and error over size.
public struct Figure3: Sendable {
  /// A panel.
  public enum Letter: String, CaseIterable, Sendable {
    /// MiLeNAS on the Gumbel space beside GDAS, over the search.
    case a
    /// Model size and accuracy along a search.
    case b
    /// Test error of trained cells over their size, with the fitted curve.
    case c
  }

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
      // Alone, panel b can do without.
      if letters == [.b] { evaluated = try? EvaluatedSizes(study: folder) }
    }
    let fit = try sizeFit(letters, evaluated: evaluated, paper: input.isPaper ? paper : nil)
    var content: [PanelContent] = []
    for letter in letters {
      switch letter {
      case .a: content.append(try gumbel(paper: paper, study: study, theme: theme))
      case .b:
        content.append(
          try sizeSearch(paper: paper, study: study, evaluated: evaluated, fit: fit, theme: theme))
      case .c:
        guard let fit else { throw FigureError.emptyPanel(figure: "3c", settings: ["eval-…"]) }
        content.append(try errorOverSize(fit, paper: paper, evaluated: evaluated, theme: theme))
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
    if let evaluated { sources += evaluated.sources }
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
    // Over a search that is longer by far, each counts in shares of its own.
    let isRelative = paper != nil && study != nil
    var curves: [Curve] = []
    for setting in settings {
      guard let study, !study.of(setting.name).isEmpty else { continue }
      let means = study.means(setting.name) { 100 * $0.epochs[$1].validAccuracy }
      curves.append(
        Curve(
          setting: setting.name, name: setting.text, style: setting.style, isPaper: false,
          points: means.enumerated().map {
            (Double($0.offset + 1) * (isRelative ? 100 / Double(means.count) : 1), $0.element)
          }))
    }
    if let paper {
      for setting in settings {
        // The paper's axis ends at 25, where its scripts run 250 epochs: tens of epochs.
        let points = try paper.points(setting.paper, of: "3a").map {
          (x: isRelative ? 4 * $0.x : 10 * $0.x, y: $0.y)
        }
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
        ": \(study.seeds(of: settings.map { ($0.name, $0.text.plain) })). Search on \(study.common(to: settings.map(\.name)))"
    }
    if paper != nil {
      caption +=
        study == nil
        ? " (the paper's curves; its axis is read as tens of epochs)"
        : "; thin lines: the paper's curves"
    }
    return PanelContent(
      panel: Panel(
        title: "MiLeNAS on the Gumbel space",
        x: isRelative ? Axis("share of the search (%)") : Axis("epoch", isWhole: true),
        y: Axis("validation accuracy (%)", hasGrid: true), curves: curves, theme: theme, from: nil,
        bounds: 0...100,
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
    /// Neighbouring groups whose cells lie in the optimal range of sizes.
    var optimal: [ClosedRange<Int>]
  }

  private static func sizeSearch(
    paper: PaperFigures?, study: StudyRuns?, evaluated: EvaluatedSizes?, fit: SizeFit?,
    theme: Theme
  ) throws -> PanelContent {
    let sizes: Sizes
    if let run = study?.of("size-search").first {
      sizes = chosen(run) { genotype in
        guard let fit, let size = evaluated?.size(of: genotype) else { return false }
        return fit.optimal.contains(size)
      }
    } else if let paper, study == nil {
      let normal = try paper.points("Normal Cell", of: "3b")
      let reduction = try paper.points("Reduction Cell", of: "3b")
      // The paper's box stands around its epochs 19, 22 and 29.
      sizes = Sizes(
        epochs: normal.map { Int($0.x) }, normal: normal.map { Int($0.y) },
        reduction: reduction.map { Int($0.y) }, optimal: [5...7])
    } else {
      throw FigureError.emptyPanel(figure: "3b", settings: ["size-search"])
    }
    var marks: [any Mark] = []
    // The widest has room for the name.
    let widest = sizes.optimal.max { $0.count < $1.count }
    for optimal in sizes.optimal {
      marks.append(
        Span(
          optimal == widest ? "optimal range" : nil,
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
        y: Axis("convolutions in the cell", range: 0...(most + 0.5), isWhole: true, hasGrid: true),
        marks: marks),
      caption:
        "Convolutions among the kept edges of the normal and the reduction cell after some epochs of "
        + (isPaper
          ? "the paper's size-tracked search; shaded: its optimal range."
          : "a size-tracked search (seed \(study?.of("size-search").first?.seed ?? 0)): the epochs at which they changed"
            + ", or as many of these as there is room for, and the last"
            + (sizes.optimal.isEmpty
              ? "." : "; shaded: cells whose size lies in the optimal range of the evaluations.")),
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
  private static func chosen(
    _ run: StudyRuns.Run, isOptimal: (_ genotype: String) -> Bool
  ) -> Sizes {
    let sizes = run.epochs.map { ($0.normalConvolutions, $0.reductionConvolutions) }
    var changes = sizes.indices.filter { $0 == 0 || sizes[$0] != sizes[$0 - 1] }
    if let last = sizes.indices.last, changes.last != last { changes.append(last) }
    if changes.count > mostGroups {
      let step = Double(changes.count - 1) / Double(mostGroups - 1)
      changes = (0..<mostGroups).map { changes[Int((Double($0) * step).rounded())] }
    }
    return Sizes(
      epochs: changes.map { $0 + 1 }, normal: changes.map { sizes[$0].0 },
      reduction: changes.map { sizes[$0].1 },
      optimal: changes.indices.filter { isOptimal(run.epochs[changes[$0]].genotype) }
        .reduce(into: [ClosedRange<Int>]()) { ranges, place in
          if let last = ranges.last, last.upperBound == place - 1 {
            ranges[ranges.count - 1] = last.lowerBound...place
          } else {
            ranges.append(place...place)
          }
        })
  }

  // MARK: c

  /// Sizes and errors, the curve that is drawn through them, and the sizes that it calls the best.
  private struct SizeFit {
    var points: [SizeAccuracyFit.Observation]
    var isPaper: Bool
    var drawn: SizeAccuracyFit.Candidate
    var fieller: SizeAccuracyFit.Interval?
    /// Of the points, in millions of parameters.
    var sizes: ClosedRange<Double>
    var optimal: ClosedRange<Double>

    init(_ points: [SizeAccuracyFit.Observation], isPaper: Bool) throws {
      let fit = try SizeAccuracyFit(points, tolerance: tolerance, samples: 0)
      // The paper draws a parabola; runs get the curve that they prefer.
      let quadratic = fit.candidates.first { $0.curve.model == .quadratic }
      guard let drawn = isPaper ? quadratic : fit.candidates.first,
        let low = points.map(\.size).min(), let high = points.map(\.size).max()
      else { throw AnalysisError.unfit("the points determine none of the models") }
      self.points = points
      self.isPaper = isPaper
      self.drawn = drawn
      fieller = drawn.curve.model == .quadratic ? fit.fieller : nil
      sizes = low...high
      optimal = drawn.curve.optimalRange(in: sizes, tolerance: tolerance)
    }
  }

  /// - Parameter paper: where it is the subject.
  /// - Returns: nil where no panel needs it.
  private static func sizeFit(
    _ letters: [Letter], evaluated: EvaluatedSizes?, paper: PaperFigures?
  ) throws -> SizeFit? {
    if let evaluated {
      if letters == [.b] { return try? SizeFit(evaluated.points, isPaper: false) }
      return try SizeFit(evaluated.points, isPaper: false)
    }
    guard let paper, letters.contains(.c) else { return nil }
    return try SizeFit(observations(of: paper), isPaper: true)
  }

  private static func observations(
    of paper: PaperFigures
  ) throws -> [SizeAccuracyFit.Observation] {
    try paper.points("real data", of: "3c").map { .init(size: $0.x, error: $0.y) }
  }

  private static func errorOverSize(
    _ fit: SizeFit, paper: PaperFigures?, evaluated: EvaluatedSizes?, theme: Theme
  ) throws -> PanelContent {
    let (own, drawn, isPaper) = (fit.points, fit.drawn, fit.isPaper)
    let unit = SizeUnit(largest: fit.sizes.upperBound)
    let curve = (0...120).map { step -> Line.Place in
      let share = Double(step) / 120
      let size = fit.sizes.lowerBound + share * (fit.sizes.upperBound - fit.sizes.lowerBound)
      return .init(x: size, y: drawn.curve.error(at: size))
    }
    let places = own.map(place)
    let model = drawn.curve.model == .quadratic ? "quadratic fit" : drawn.curve.model.rawValue
    func scaled(_ places: [Line.Place]) -> [Line.Place] {
      places.map { .init(x: $0.x * unit.perMillion, y: $0.y, low: $0.low, high: $0.high) }
    }
    var line = theme.series(1)
    line.dash = []
    var marks: [any Mark] = [
      Span(
        "optimal range",
        x: (fit.optimal.lowerBound * unit.perMillion)...(fit.optimal.upperBound * unit.perMillion),
        color: theme.highlight),
      Line(Text(plain: model), scaled(curve), style: line),
    ]
    if !isPaper, let paper {
      let cells = try observations(of: paper)
      // Networks of another order of size would leave no room for either.
      if cells.contains(where: { fit.sizes.contains($0.size) }) {
        var faint = theme.series(2)
        faint.marker = .ring
        marks.append(Scatter("cells (paper)", scaled(cells.map(place)), style: faint))
      }
    }
    marks.append(Scatter("cells", scaled(places), style: theme.series(0)))
    if let size = drawn.optimum, fit.sizes.contains(size) {
      marks.append(
        Note(
          Text(plain: "minimum at \(unit.words(size))"), x: size * unit.perMillion,
          y: drawn.curve.error(at: size)))
    }
    func percent(_ value: Double) -> String { String(format: "%.2f %%", value) }
    let formula = zip(drawn.curve.model.parameterNames, drawn.curve.parameters)
      .map { "\($0) = \(String(format: "%.6f", $1))" }.joined(separator: ", ")
    let minimum =
      drawn.optimum.map { size in
        " with its minimum, \(percent(drawn.curve.error(at: size))), at \(unit.words(size))"
      } ?? ""
    let range = "\(unit.words(fit.optimal.lowerBound)) to \(unit.words(fit.optimal.upperBound))"
    var caption =
      "Test error over model size of \(own.count) cells"
      + (isPaper ? " of the paper" : evaluated?.caption ?? "")
      + ". Line: \(model) (size in millions of parameters, \(formula))\(minimum). Shaded: sizes within "
      + "\(percent(tolerance)) of the curve's lowest error inside the data, \(range)."
    if let low = fit.fieller?.low, let high = fit.fieller?.high {
      caption +=
        " Fieller's 95 % interval of the minimum: \(unit.words(low)) to \(unit.words(high))."
    }
    if !isPaper {
      caption += String(
        format: " The curve was chosen by AICc (weight %.0f %%).", 100 * drawn.akaikeWeight)
    }
    let source = FigureData.Value.text(isPaper ? "paper" : "runs")
    func row(_ series: String, _ place: Line.Place, seeds: Int? = nil) -> [FigureData.Value] {
      [
        .text(series), source, .number(place.x), place.y.isFinite ? .number(place.y) : .missing,
        .init(place.low), .init(place.high), .init(seeds.map(Double.init)),
      ]
    }
    let errors = own.map(\.error)
    return PanelContent(
      panel: Panel(
        title: "Error over model size", x: Axis(unit.label),
        y: Axis("test error (%)", hasGrid: true), marks: marks),
      caption: caption,
      summary: "Errors from \(percent(errors.max() ?? 0)) to \(percent(errors.min() ?? 0)); "
        + "\(model)\(minimum); optimal range \(range).",
      rows: zip(own, places).map { row("cells", $1, seeds: $0.seeds) }
        + curve.map { row(model, $0) }
        + [fit.optimal.lowerBound, fit.optimal.upperBound].map {
          row("optimal range", .init(x: $0, y: .nan))
        })
  }

  /// A cell, with Student's interval where it was trained several times; sizes in millions.
  private static func place(_ point: SizeAccuracyFit.Observation) -> Line.Place {
    guard let deviation = point.deviation, let seeds = point.seeds, seeds > 1 else {
      return Line.Place(x: point.size, y: point.error)
    }
    let half =
      StudentT.quantile(level: 0.95, freedom: Double(seeds - 1)) * deviation
      / Double(seeds).squareRoot()
    return Line.Place(
      x: point.size, y: point.error, low: point.error - half, high: point.error + half)
  }
}

extension SizeUnit {
  /// Of an axis.
  fileprivate var label: Text {
    isThousands ? "model size (thousand parameters)" : "model size (M parameters)"
  }
}

import Analysis
import Foundation

/// `plot gradient-error`: how far approximate directions are from exact ones along a run, and why.
extension Figure {
  /// The error of approximate directions along a run, and what it is made of.
  ///
  /// - Parameter probes: of one run with the same settings, in order; at least one.
  /// - Throws: `FigureError.noNumbers`.
  public static func gradientError(
    _ probes: [ProbeResult], theme: Theme, from run: FigureRun, title: Text?
  ) throws -> Figure {
    try run.require(
      "the gradient errors",
      probes.flatMap { probe in
        probe.comparisons.flatMap { $0.relativeErrors + $0.cosines } + probe.terms.flatMap(\.shares)
      })
    let settings = probes[0].settings
    let plot = ProbePlot(probes: probes, theme: theme)
    let summary = GradientErrorSummary(probes)
    let unrolled = "unrolled \(settings.unroll)"
    let steps = settings.unroll == 1 ? "1 step" : "\(settings.unroll) steps"
    let pairs = settings.batches == 1 ? "1 pair" : "\(settings.batches) pairs"
    let toBilevel = [
      "darts-1st", "darts-2nd (difference, Float)", "darts-2nd-exact", "single-level",
      "milenas-1st",
    ]
    let toMixed = ["milenas-1st", "milenas-2nd-exact", "single-level", "darts-1st"]
    let isFew = probes.count <= ProbePlot.few
    let panels = [
      plot.comparison(
        Text("Error against *∇_{α}L*_{val} through \(steps)"), toBilevel, "bilevel",
        Axis("‖*d* − target‖ / ‖target‖", including: [0]), Self.error),
      plot.comparison(
        "Cosine with the same target", toBilevel, "bilevel", Axis("Cosine"), Self.cosine),
      plot.comparison(
        "Error against the mixed objective", toMixed, "mixed",
        Axis("‖*d* − target‖ / ‖target‖", including: [0]), Self.error),
      plot.shares("Terms of the error of DARTS-2nd"),
    ]
    let largest = summary.terms.max { $0.value.mean < $1.value.mean }
    let states = probes.count == 1 ? "1 state" : "\(probes.count) states"
    return Figure(
      title: "Gradient error along \(run.name)", summary: summary.words,
      caption:
        "Directions of α beside exact gradients at \(states) of \(run.name), \(pairs) of batches at each"
        + (settings.batches > 1
          ? "; \(isFew ? "bars" : "bands") are 95 % t intervals over the batches. "
          : "; one pair has no interval. ")
        + "(a) Relative error against the exact gradient of the validation loss through \(steps) of SGD "
        + "(mean over the batches), and (b) cosine with it. (c) Relative error against the same gradient of "
        + "L_train + λ L_val, λ = \(Axis.short(settings.lambda).plain). (d) Shares of the terms that add up to the error "
        + "of DARTS-2nd with finite differences (r = \(Axis.short(settings.radius).plain), Float): signed projections, "
        + "whose sum is 1"
        + (largest.map { term in
          let (mean, low, high) = (term.value.mean, term.value.low, term.value.high)
          return String(format: "; over all states %@ is %.0f %%", term.name, 100 * mean)
            + (low.isFinite ? String(format: " [%.0f, %.0f]", 100 * low, 100 * high) : "")
        } ?? "") + ".",
      content: PanelGrid(title: title, panels: panels, columns: 2),
      data: FigureData(
        columns: [
          "step", "epoch", "quantity", "direction", "target", "mean", "low", "high", "batches",
        ],
        rows: probes.flatMap { probe in
          func row(
            _ quantity: String, _ direction: String, _ target: String, _ estimate: Estimate
          ) -> [FigureData.Value] {
            [
              .number(Double(probe.step)), .number(Double(probe.epoch)), .text(quantity),
              .text(direction), .text(target),
            ] + estimate.values + [.number(Double(estimate.count))]
          }
          return probe.comparisons.filter { $0.direction != unrolled }.flatMap {
            [
              row("relative error", $0.direction, $0.target, error($0)),
              row("cosine", $0.direction, $0.target, cosine($0)),
            ]
          }
            + probe.terms.map {
              row("share of the error", $0.source.rawValue, "bilevel", Estimate($0.shares))
            }
        }),
      sources: run.sources, date: run.date)
  }

  private static func error(_ comparison: ProbeResult.Comparison) -> Estimate {
    Estimate(comparison.relativeErrors).within(0...(.infinity))
  }

  private static func cosine(_ comparison: ProbeResult.Comparison) -> Estimate {
    Estimate(cosines: comparison.cosines)
  }
}

/// Probes as panels over the epochs: points with bars where there are few, lines with bands where there are many.
private struct ProbePlot {
  var probes: [ProbeResult]
  var theme: Theme

  /// States up to which each is drawn for itself.
  static let few = 8

  private var isFew: Bool { probes.count <= Self.few }

  /// How the directions are written, and the style of each.
  private static let directions: [(key: String, name: Text, series: Int)] = [
    ("darts-1st", "DARTS-1st", 0),
    ("darts-2nd (difference, Float)", "DARTS-2nd, difference", 1),
    ("darts-2nd-exact", "DARTS-2nd, exact", 3),
    ("single-level", "single-level", 5),
    ("milenas-1st", "MiLeNAS-1st", 2),
    ("milenas-2nd-exact", "MiLeNAS-2nd, exact", 4),
  ]

  private static let sources: [(source: ProbeResult.Source, name: Text, series: Int)] = [
    (.rounding, "rounding", 5), (.truncationAndJumps, "truncation, jumps", 1),
    (.batchNoise, "batch noise", 6), (.oneStep, "one step", 4),
  ]

  private var epochs: Axis {
    guard isFew else { return Axis("Epochs done", isWhole: true) }
    return Axis(
      "State after epoch",
      range: -0.5...(Double(probes.count) - 0.5),
      ticks: .labels(
        probes.enumerated().map {
          (at: Double($0.offset), text: Text(plain: "\($0.element.epoch)"))
        }))
  }

  func comparison(
    _ title: Text, _ names: [String], _ target: String, _ y: Axis,
    _ estimate: (ProbeResult.Comparison) -> Estimate
  ) -> Panel {
    let shown = names.compactMap { name in Self.directions.first { $0.key == name } }
    let marks = shown.enumerated().map { place, direction -> any Mark in
      let estimates = probes.map { probe in
        probe.comparisons.first { $0.direction == direction.key && $0.target == target }
          .map(estimate) ?? Estimate([])
      }
      return mark(
        direction.name, estimates, style: theme.series(direction.series), place: place,
        of: shown.count)
    }
    return Panel(title: title, x: epochs, y: y, marks: marks)
  }

  func shares(_ title: Text) -> Panel {
    let y = Axis("Share of the error", including: [0])
    func values(_ source: ProbeResult.Source) -> [[Double]] {
      probes.map { probe in probe.terms.first { $0.source == source }?.shares ?? [] }
    }
    let terms = Self.sources.enumerated()
    let marks =
      isFew
      ? terms.flatMap { place, term -> [any Mark] in
        let style = theme.series(term.series)
        let estimates = values(term.source).map { Estimate($0) }
        let bars = Bars(
          term.name, estimates.map(\.mean), color: style.color, place: place,
          of: Self.sources.count)
        return [
          bars,
          ErrorBars(
            places: estimates.enumerated().compactMap { index, estimate in
              guard estimate.low.isFinite else { return nil }
              return Line.Place(
                x: Double(index) - 0.4 + 0.8 * (Double(place) + 0.5) / Double(Self.sources.count),
                estimate)
            }),
        ]
      }
      : terms.map { place, term in
        mark(
          term.name, values(term.source).map { Estimate($0) }, style: theme.series(term.series),
          place: place,
          of: Self.sources.count)
      }
    return Panel(title: title, x: epochs, y: y, marks: [Rule(y: 0, dash: [])] + marks)
  }

  /// - Parameter estimates: [probes].
  private func mark(
    _ name: Text, _ estimates: [Estimate], style: SeriesStyle, place: Int, of count: Int
  ) -> any Mark {
    let places = zip(probes, estimates).enumerated().map { index, pair in
      let (probe, estimate) = pair
      let beside = 0.7 * ((Double(place) + 0.5) / Double(count) - 0.5)
      return Line.Place(x: isFew ? Double(index) + beside : Double(probe.epoch), estimate)
    }
    return isFew
      ? Scatter(name, places, style: style)
      : Line(
        name, places, style: style, markers: 4, phase: (Double(place) + 0.5) / Double(count))
  }
}

/// Bars of uncertainty alone, with feet.
struct ErrorBars: Mark {
  var places: [Line.Place]

  var extent: Extent {
    Extent(y: Extent.range(places.flatMap { [$0.low ?? $0.y, $0.high ?? $0.y] }))
  }
  var key: Key? { nil }

  func draw(on canvas: inout Canvas, in frame: Frame) {
    let theme = canvas.theme
    let pen = Pen(color: theme.ink, width: theme.frameWidth)
    let foot = 0.7 * theme.markerRadius
    canvas.clipped(to: frame.rect) { canvas in
      for place in places {
        guard let low = place.low, let high = place.high else { continue }
        let (top, bottom) = (frame.point(place.x, high), frame.point(place.x, low))
        canvas.stroke(.polyline([top, bottom]), pen)
        for end in [top, bottom] {
          canvas.stroke(.polyline([end + Point(-foot, 0), end + Point(foot, 0)]), pen)
        }
      }
    }
  }
}

import Analysis
import Foundation
import Search

/// `plot epsilon`: the finite difference against the exact product over its radius, with and without kinks.
extension Figure {
  /// The error of the finite difference over its radius, with and without kinks.
  ///
  /// - Throws: `FigureError.noNumbers`.
  public static func epsilon(
    _ sweep: EpsilonSweep, theme: Theme, from run: FigureRun, title: Text?
  ) throws -> Figure {
    try run.require(
      "the sweep of the radius",
      sweep.rows.flatMap { row in EpsilonSweep.Series.allCases.map { row[$0].mean } })
    let looks: [(series: EpsilonSweep.Series, name: Text, style: Int)] = [
      (.float, "network, Float", 1), (.double, "network, Double", 3),
      (.twinFloat, "smooth twin, Float", 0), (.twinDouble, "smooth twin, Double", 2),
    ]
    let radii = sweep.rows.map(\.radius)
    let dense = grid(radii)
    let errors = looks.flatMap { look -> [any Mark] in
      let style = theme.series(look.style)
      var faint = style
      (faint.dash, faint.width) = ([2.5, 1.8], 0.6 * theme.lineWidth)
      let fit = sweep.curves.first { $0.name == look.series.rawValue }.map { curve in
        Line(
          nil, dense.map { Line.Place(x: $0, y: curve.error(at: $0)) }.filter { $0.y > 0 },
          style: faint)
      }
      let found = Scatter(
        look.name,
        sweep.rows.map { Line.Place(x: $0.radius, $0[look.series]) }.filter { $0.y > 0 },
        style: style)
      let marks: [(any Mark)?] = [fit, found]
      return marks.compactMap { $0 }
    }
    let radius = Axis("Radius *r* = *ε*‖*v*‖", scale: .logarithmic)
    let panels = [
      Panel(
        title: "Error of the finite difference", x: radius,
        y: Axis("Relative error", scale: .logarithmic),
        marks: [Rule("*r* = 0.01", x: 0.01)] + errors),
      Panel(
        title: "Kinks crossed", x: radius,
        y: Axis("Changed signs and maxima", scale: .logarithmic),
        marks: [Rule(x: 0.01)]
          + Course.marks(
            nil, sweep.rows.filter { $0.flips > 0 }.map { Line.Place(x: $0.radius, y: $0.flips) },
            style: theme.series(1)), legend: .none),
    ]
    func percent(_ value: Double) -> String { String(format: "%.2g %%", 100 * value) }
    let official = sweep.rows.min { abs(log10($0.radius) + 2) < abs(log10($1.radius) + 2) }
    let best = sweep.curves.map { curve in
      String(format: "%@: r = %.2g", curve.name, curve.bestRadius)
    }
    return Figure(
      title: "Radius of the finite difference in \(run.name)",
      summary: official.map { row in
        "At r = \(Axis.short(row.radius).plain) the finite difference is off by \(percent(row.float.mean)) on the network "
          + "in Float, \(percent(row.double.mean)) in Double, and by \(percent(row.twinFloat.mean)) and "
          + "\(percent(row.twinDouble.mean)) on its smooth twin."
      } ?? "",
      caption:
        "(a) Relative error of the finite difference of the mixed product ∇²_{αw} L_train v against the exact one, over "
        + "the radius r = ε‖v‖, before step \(sweep.step) of \(run.name): on the network, and on its twin with SiLU for ReLU and "
        + "average for maximum pooling. "
        + (sweep.batches > 1
          ? "Geometric means over \(sweep.batches) pairs of batches with 95 % t intervals of the logarithm. "
          : "One pair of batches, so no interval. ")
        + "Dashed: fits of error² = (a r²)² + (b/r)² + c²/r (truncation, rounding, jumps at kinks), lowest at "
        + "\(best.joined(separator: "; ")). Upright: the radius of DARTS. (b) Of \(sweep.kinks) signs of ReLU and maxima "
        + "of pooling on a batch, those that differ between w + εv and w − εv.",
      content: PanelGrid(title: title, panels: panels),
      data: FigureData(
        columns: ["r"]
          + looks.flatMap { look in
            ["", ", low", ", high"].map { look.series.rawValue + $0 }
          } + ["flips", "batches"],
        rows: sweep.rows.map { row in
          [.number(row.radius)] + looks.flatMap { row[$0.series].values }
            + [.number(row.flips), .number(Double(sweep.batches))]
        }),
      sources: run.sources, date: run.date)
  }

  /// Evenly spread over the logarithm of what these span.
  private static func grid(_ radii: [Double]) -> [Double] {
    guard let low = radii.min(), let high = radii.max(), low > 0 else { return [] }
    return (0...120).map { low * Foundation.pow(high / low, Double($0) / 120) }
  }
}

/// `plot unroll`: how many steps the exact gradient has to look through.
extension Figure {
  /// The error of the exact gradient through K steps, over K.
  ///
  /// - Throws: `FigureError.noNumbers`.
  public static func unroll(
    _ sweep: UnrollSweep, theme: Theme, from run: FigureRun, title: Text?
  ) throws -> Figure {
    try run.require(
      "the sweep of K", sweep.rows.flatMap { [$0.error.mean, $0.cosine.mean, $0.captured.mean] })
    let largest = sweep.rows.count - 1
    let batches = sweep.rows.first?.error.count ?? 0
    func course(
      _ name: Text?, _ series: Int, _ part: (UnrollSweep.Row) -> Estimate
    ) -> [any Mark] {
      Course.marks(
        name, sweep.rows.map { Line.Place(x: Double($0.unroll), part($0)) },
        style: theme.series(series))
    }
    let steps = Axis(
      "Steps *K*", range: -0.3...(Double(largest) + 0.3),
      ticks: .labels((0...largest).map { (at: Double($0), text: Text(plain: "\($0)")) }))
    let words = sweep.rows.map { row in
      String(
        format: "K = %d: error %.3g, cosine %.3g, share of the implicit part %.3g", row.unroll,
        row.error.mean, row.cosine.mean, row.captured.mean)
    }
    let means =
      batches > 1
      ? "means over \(batches) pairs of batches with 95 % t intervals"
      : "one pair of batches, so no interval"
    let quantities: [String] = ["error", "cosine", "captured"]
    let columns: [String] = quantities.flatMap { [$0, "\($0)_low", "\($0)_high"] }
    let rows = sweep.rows.map { row -> [FigureData.Value] in
      let values = [row.error, row.cosine, row.captured].flatMap(\.values)
      return [.number(Double(row.unroll))] + values
        + [.number(row.norm.mean), .number(Double(batches))]
    }
    let reference = "*d_{\(largest)}*"
    return Figure(
      title: "Unrolled steps in \(run.name)", summary: words.joined(separator: "; ") + ".",
      caption:
        "The exact gradient of L_val through K steps of SGD against the one through \(largest) steps, before step "
        + "\(sweep.step) of \(run.name); \(means). K = 0 is DARTS-1st, K = 1 exact DARTS-2nd. (a) Relative error. (b) "
        + "Cosine, and the share of the implicit part that is captured, ⟨I_K, I_\(largest)⟩/‖I_\(largest)‖².",
      content: PanelGrid(
        title: title,
        panels: [
          Panel(
            title: "Error", x: steps,
            y: Axis(Text("‖*d_{K}* − \(reference)‖ / ‖\(reference)‖"), including: [0]),
            marks: course(nil, 0, \.error), legend: .none),
          Panel(
            title: "Agreement", x: steps, y: Axis("Share", including: [0, 1]),
            marks: course("cosine", 0, \.cosine) + course("implicit part", 1, \.captured)),
        ]),
      data: FigureData(columns: ["K"] + columns + ["norm", "batches"], rows: rows),
      sources: run.sources, date: run.date)
  }
}

/// `plot curvature`: extreme eigenvalues of the α-Hessian along a run.
extension Figure {
  /// Extreme eigenvalues of the α-Hessian along a run.
  ///
  /// - Parameter spectra: of one run with the same settings, in order; at least one.
  /// - Throws: `FigureError.noNumbers`.
  public static func curvature(
    _ spectra: [AlphaSpectrum], theme: Theme, from run: FigureRun, title: Text?
  ) throws -> Figure {
    try run.require(
      "the curvatures",
      spectra.flatMap { [$0.largest.mean, $0.smallest.mean, $0.largestOfMean] })
    let batches = spectra[0].largest.count
    let first = spectra[0]
    let last = spectra[spectra.count - 1]
    // Bars that stand on each other could not be told apart.
    let beside = spectra.count > Course.few ? 0 : 0.012 * Double(last.epoch - first.epoch)
    func course(
      _ name: Text, _ series: Int, shift: Double = 0, _ part: (AlphaSpectrum) -> Estimate
    ) -> [any Mark] {
      Course.marks(
        name, spectra.map { Line.Place(x: Double($0.epoch) + shift, part($0)) },
        style: theme.series(series))
    }
    let rule = CurvatureRule()
    let stop = rule.stop(along: spectra)
    let marks: [any Mark] =
      [Rule(y: 0, dash: [])]
      + (stop.map { [Rule("R-DARTS", x: Double($0 + 1))] } ?? [])
      + course("*λ*_{max}, batches", 0, shift: -beside, \.largest)
      + course("*λ*_{max}, mean Hessian", 3) {
        Estimate(mean: $0.largestOfMean, low: .nan, high: .nan, count: $0.largest.count)
      }
      + course("*λ*_{min}, batches", 1, shift: beside, \.smallest)
    return Figure(
      title: "Curvature of alpha along \(run.name)",
      summary: String(
        format:
          "The largest eigenvalue of the mean Hessian goes from %.3g after epoch %d to %.3g after epoch %d.",
        first.largestOfMean, first.epoch, last.largestOfMean, last.epoch),
      caption:
        "Extreme eigenvalues of ∇²_{αα} L_val along \(run.name), by Lanczos with exact products in Double, without α's decay: "
        + "of the Hessian on a batch"
        + (batches > 1 ? " (means over \(batches) batches with 95 % t intervals)" : " (one batch)")
        + ", whose λ_max is biased up, and of the mean Hessian, where it is less so. "
        + "\(rule.words(along: spectra)).",
      content: PanelGrid(
        title: title,
        panels: [
          Panel(
            x: Axis("Epochs done", isWhole: true), y: Axis("Eigenvalue of ∇²_{α}*L*_{val}"),
            marks: marks)
        ]),
      data: FigureData(
        columns: [
          "step", "epochs", "largest", "largest_low", "largest_high", "smallest", "smallest_low",
          "smallest_high", "trace", "largest_of_mean", "batches",
        ],
        rows: spectra.map { spectrum in
          [.number(Double(spectrum.step)), .number(Double(spectrum.epoch))]
            + spectrum.largest.values + spectrum.smallest.values
            + [
              .number(spectrum.trace.mean), .number(spectrum.largestOfMean),
              .number(Double(batches)),
            ]
        }),
      sources: run.sources, date: run.date)
  }
}

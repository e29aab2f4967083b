import Analysis
import EventLog
import Foundation
import Supernet
import Testing

@testable import Figures

/// Figures of the small run that is in the repository.
private struct Reference {
  static let folder = RunFolder(
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(
        path: "runs/reference-gradient-error", directoryHint: .isDirectory))

  enum Kind: String, CaseIterable, Sendable {
    case genotype, alpha, search, gradientError, epsilon, unroll, curvature
  }

  static func figure(_ kind: Kind, theme: Theme, title: Text? = nil) throws -> Figure {
    let reader = try RunReader(folder)
    let run = try FigureRun(reader)
    let results = KeptResults(of: folder)
    switch kind {
    case .genotype:
      return try .genotype(
        try KnownGenotypes()["DARTS_V2"].genotype, name: "DARTS_V2", sources: [], date: nil,
        title: title)
    case .alpha: return try .alpha(try AlphaHistory(reader), from: run, title: title)
    case .search:
      return try .search(try SearchHistory(reader), theme: theme, from: run, title: title)
    case .gradientError:
      return try .gradientError(try results.probes(), theme: theme, from: run, title: title)
    case .epsilon:
      return try .epsilon(try Invented.epsilonSweep(), theme: theme, from: run, title: title)
    case .unroll:
      return try .unroll(try results.unrollSweep(), theme: theme, from: run, title: title)
    case .curvature:
      return try .curvature(try Invented.spectra(), theme: theme, from: run, title: title)
    }
  }

  static func canvas(_ kind: Kind, style: FigureStyle, title: Text? = nil) throws -> Canvas {
    try figure(kind, theme: style.theme, title: title).content.draw(
      width: style.width, theme: style.theme, typesetter: Typesetter())
  }
}

/// Results as an analysis would have kept them, of numbers that show what their figures have to.
private struct Invented {
  static func epsilonSweep() throws -> EpsilonSweep {
    func estimate(_ mean: Double) -> String {
      #"{"mean": \#(mean), "low": \#(0.7 * mean), "high": \#(1.5 * mean), "count": 4}"#
    }
    let rows = (0...5).map { index -> String in
      let r = Foundation.pow(10.0, Double(index - 6))
      let jumps = 0.1 / r.squareRoot()
      return #"""
        {"radius": \#(r), "float": \#(estimate(jumps + 1e-6 / r)), "double": \#(estimate(jumps)),
         "twinFloat": \#(estimate(90 * r * r + 1e-7 / r)), "twinDouble": \#(estimate(90 * r * r + 1e-10)),
         "flips": \#(1e6 * r)}
        """#
    }
    let curves = EpsilonSweep.Series.allCases.map {
      #"{"name": "\#($0.rawValue)", "a": 90, "b": 1e-7, "c": 0.1, "bestRadius": 0.01, "bestError": 0.5}"#
    }
    return try decoded(
      #"""
      {"step": 64, "batches": 4, "kinks": 7300608, "rows": [\#(rows.joined(separator: ","))],
       "curves": [\#(curves.joined(separator: ","))]}
      """#)
  }

  static func spectra() throws -> [AlphaSpectrum] {
    let states = (1...6).map { epoch -> String in
      let top = 0.1 * Double(epoch)
      func estimate(_ mean: Double) -> String {
        #"{"mean": \#(mean), "low": \#(mean - 0.05), "high": \#(mean + 0.05), "count": 4}"#
      }
      return #"""
        {"step": \#(16 * epoch), "epoch": \#(epoch), "largest": \#(estimate(top)),
         "smallest": \#(estimate(-0.3 * top)), "trace": \#(estimate(2 * top)),
         "largestOfMean": \#(0.8 * top), "participation": [1], "products": 100}
        """#
    }
    return try decoded("[\(states.joined(separator: ","))]")
  }

  private static func decoded<Value: Decodable>(_ json: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(json.utf8))
  }
}

extension Canvas {
  /// What is written, in the order of drawing.
  fileprivate var words: [String] {
    items.compactMap { item in
      if case .words(let words, _, _, _) = item.shape { words.text.plain } else { nil }
    }
  }
}

@Suite struct RunFigureTests {
  @Test(arguments: Reference.Kind.allCases, Venue.Column.allCases)
  fileprivate func nothingLeavesThePage(kind: Reference.Kind, column: Venue.Column) throws {
    let canvas = try Reference.canvas(
      kind, style: FigureStyle(column: column), title: "A *title*, and λ_{max}")
    let page = Rect(left: 0, top: 0, width: canvas.size.width, height: canvas.size.height)
      .grown(by: 0.75)
    #expect(canvas.size.height > 40 && canvas.size.height < 2.8 * canvas.size.width)
    for item in canvas.items {
      guard let bounds = item.bounds else { continue }
      #expect(page.contains(item.clip ?? bounds), "\(item.shape)")
    }
    #expect(canvas.words.first == "A title, and λ_max")
  }

  @Test(arguments: Reference.Kind.allCases)
  fileprivate func wordsNeverLieOnWords(kind: Reference.Kind) throws {
    for column in Venue.Column.allCases {
      let canvas = try Reference.canvas(kind, style: FigureStyle(column: column))
      let words = canvas.items.filter { $0.role == .words }.compactMap { item -> Rect? in
        guard case .words = item.shape else { return nil }
        return item.bounds?.grown(by: -0.6)
      }
      for (index, rect) in words.enumerated() {
        #expect(!words[..<index].contains { $0.intersects(rect) }, "\(column): \(rect)")
      }
    }
  }

  @Test(arguments: Reference.Kind.allCases)
  fileprivate func inGreyThereIsNoColour(kind: Reference.Kind) throws {
    let canvas = try Reference.canvas(kind, style: FigureStyle(column: .double, theme: .grey))
    for item in canvas.items {
      let color =
        switch item.shape {
        case .stroke(_, let pen): pen.color
        case .fill(_, let color): color
        case .words(_, _, _, let color): color
        }
      #expect(color.red == color.green && color.green == color.blue, "\(item.shape)")
    }
  }

  /// "→ 1" after a row of panels, and the lines of the legend.
  @Test(arguments: Theme.Name.allCases, Venue.Column.allCases)
  func namesOfOperationsKeepClearOfThoseOfRows(theme: Theme.Name, column: Venue.Column) throws {
    let style = FigureStyle(column: column, theme: theme)
    let canvas = try Reference.canvas(.alpha, style: style)
    let samples = canvas.items.filter { item in
      if case .stroke = item.shape { item.role == .words } else { false }
    }
    #expect(samples.count == 16)
    for item in canvas.items {
      guard case .words(let words, _, _, _) = item.shape, let bounds = item.bounds else { continue }
      #expect(!samples.contains { $0.meets(bounds.grown(by: -0.2)) }, "\(words.text.plain)")
    }
  }

  /// Bars of λ_max and λ_min at six states, twelve in all.
  @Test func barsOfBothEndsOfTheSpectrumStandBesideEachOther() throws {
    let canvas = try Reference.canvas(.curvature, style: FigureStyle())
    let bars = canvas.items.compactMap { item -> Double? in
      guard case .stroke(_, let pen) = item.shape, pen.dash.isEmpty, item.role == .data,
        let bounds = item.bounds, bounds.width < 1, bounds.height > 4
      else { return nil }
      return bounds.center.x
    }.sorted()
    #expect(bars.count == 12)
    #expect(zip(bars, bars.dropFirst()).allSatisfy { $1 - $0 > 2 })
  }

  /// Six states are no nine measurements.
  @Test func aRuleThatCannotTellSaysNothingOfTheSearch() throws {
    let caption = try Reference.figure(.curvature, theme: FigureStyle().theme).caption
    #expect(caption.contains("R-DARTS cannot tell: its rule needs 9 measurements"))
    #expect(!caption.contains("would not stop"))
  }

  @Test(arguments: [Reference.Kind.gradientError, .search])
  fileprivate func aNarrowPageHasOnePanelInARow(kind: Reference.Kind) throws {
    let canvas = try Reference.canvas(kind, style: FigureStyle(width: 150))
    let page = Rect(left: 0, top: 0, width: 150, height: canvas.size.height).grown(by: 0.75)
    for item in canvas.items {
      guard let bounds = item.bounds else { continue }
      #expect(page.contains(item.clip ?? bounds), "\(item.shape)")
    }
  }

  @Test(arguments: Reference.Kind.allCases)
  fileprivate func theSameRunHasTheSameBytes(kind: Reference.Kind) throws {
    let style = FigureStyle(column: .double)
    let drawn = try (0..<2).map { _ in
      try Reference.figure(kind, theme: style.theme).rendered(
        as: .svg, style: style, arguments: [kind.rawValue])
    }
    #expect(drawn[0] == drawn[1])
  }

  @Test(arguments: Reference.Kind.allCases)
  fileprivate func everyFigureHasNumbersAndWords(kind: Reference.Kind) throws {
    let figure = try Reference.figure(kind, theme: FigureStyle().theme)
    #expect(!figure.summary.isEmpty && !figure.caption.isEmpty && !figure.title.isEmpty)
    #expect(!figure.data.rows.isEmpty)
    #expect(figure.data.rows.allSatisfy { $0.count == figure.data.columns.count })
    #expect(!figure.data.csv.lowercased().contains("nan"))
  }

  /// Student's interval of 0.6 and 0.9 would go to 2.66, and that of errors of 0.5 and 1 below 0.
  @Test func intervalsEndWhereCosinesAndErrorsDo() throws {
    var probes = try KeptResults(of: Reference.folder).probes()
    for probe in probes.indices {
      for index in probes[probe].comparisons.indices {
        probes[probe].comparisons[index].cosines = [0.6, 0.9]
        probes[probe].comparisons[index].relativeErrors = [0.5, 1]
      }
    }
    let run = try FigureRun(try RunReader(Reference.folder))
    let data = try Figure.gradientError(
      probes, theme: FigureStyle().theme, from: run, title: nil
    ).data
    for row in data.rows where row[2] == "cosine" || row[2] == "relative error" {
      guard case .number(let low) = row[6], case .number(let high) = row[7] else {
        Issue.record("\(row)")
        continue
      }
      #expect(row[2] == "cosine" ? -1 < low && high < 1 : low == 0 && high > 3, "\(row)")
    }
  }

  @Test func oneStateOnOnePairOfBatchesHasNoInterval() throws {
    var probe = try KeptResults(of: Reference.folder).probes()[0]
    for index in probe.terms.indices {
      (probe.terms[index].shares, probe.terms[index].sizes) = ([0.25], [1])
    }
    let run = try FigureRun(try RunReader(Reference.folder))
    let caption = try Figure.gradientError(
      [probe], theme: FigureStyle().theme, from: run, title: nil
    ).caption
    #expect(caption.contains("25 %") && !caption.contains("nan"), "\(caption)")
  }

  @Test func theSharesOfAStateAddUpToOne() throws {
    let data = try Reference.figure(.gradientError, theme: FigureStyle().theme).data
    let shares = data.rows.filter { $0[2] == "share of the error" }
    let sums = Dictionary(grouping: shares) { "\($0[0])" }.mapValues { rows in
      rows.reduce(0.0) { sum, row in
        if case .number(let share) = row[5] { sum + share } else { sum }
      }
    }
    #expect(sums.count == 4)
    #expect(sums.values.allSatisfy { abs($0 - 1) < 1e-9 })
  }

  @Test func everyOperationIsNamedOnItsEdge() throws {
    let canvas = try Reference.canvas(.genotype, style: FigureStyle())
    let genotype = try KnownGenotypes()["DARTS_V2"].genotype
    let expected = (genotype.normal + genotype.reduction).map {
      OperationStyle.name(of: $0.operation).plain
    }
    let names = Set(expected)
    #expect(canvas.words.filter(names.contains).sorted() == expected.sorted())
    let input = OperationStyle.stateName(0, nodes: 4).plain
    #expect(canvas.words.filter { $0 == input }.count == 2)
  }

  @Test func operationsAreWrittenShort() {
    let names = Genotype.operationNames.map { OperationStyle.name(of: $0).plain }
    #expect(
      names == [
        "max 3×3", "avg 3×3", "skip", "sep 3×3", "sep 5×5", "sep 7×7", "dil 3×3", "dil 5×5",
        "1×7, 7×1",
      ])
  }

  @Test func cellsStandSideBySideWhereThereIsRoom() throws {
    let narrow = try Reference.canvas(.genotype, style: FigureStyle(column: .single))
    let wide = try Reference.canvas(.genotype, style: FigureStyle(column: .double))
    #expect(wide.size.height < 0.7 * narrow.size.height)
  }

  /// With an entry for what was found: another analysis makes another figure.
  @Test func theSourceOfAnAnalysisChangesWithIt() throws {
    let run = try FigureRun(try RunReader(Reference.folder))
    let one = try run.analysed("curvature", [1.0]).sources
    #expect(one.count == 2 && one[0] == run.sources[0])
    #expect(one[1] != (try run.analysed("curvature", [1.5]).sources[1]))
    #expect(one == (try run.analysed("curvature", [1.0]).sources))
  }

  @Test func aSearchOfOneEpochOrWithoutNumbersIsRefused() throws {
    let reader = try RunReader(Reference.folder)
    let run = try FigureRun(reader)
    let theme = FigureStyle().theme
    var history = try SearchHistory(reader)
    history.epochs[2].validLoss = .nan
    #expect(
      throws: FigureError.notFinite(run: run.name, epoch: 2, quantity: "validation loss")
    ) { try Figure.search(history, theme: theme, from: run, title: nil) }
    history.epochs = Array(history.epochs.prefix(1))
    #expect(throws: FigureError.onePoint(run: run.name, epochs: 1)) {
      try Figure.search(history, theme: theme, from: run, title: nil)
    }
  }

  @Test func probesWithoutNumbersAreRefused() throws {
    var probes = try KeptResults(of: Reference.folder).probes()
    probes[1].terms[0].shares[0] = .infinity
    let run = try FigureRun(try RunReader(Reference.folder))
    #expect(throws: FigureError.noNumbers(run: run.name, what: "the gradient errors")) {
      try Figure.gradientError(probes, theme: FigureStyle().theme, from: run, title: nil)
    }
  }

  /// Up to eight states are points and bars; more are lines with bands, which are filled.
  @Test func manyStatesAreLinesWithBands() throws {
    let few = try KeptResults(of: Reference.folder).probes()
    let many = (0..<12).map { index in
      var probe = few[index % few.count]
      (probe.step, probe.epoch) = (16 * index, index)
      return probe
    }
    let run = try FigureRun(try RunReader(Reference.folder))
    let style = FigureStyle(column: .double)
    func bands(_ probes: [ProbeResult]) throws -> Int {
      let canvas = try Figure.gradientError(probes, theme: style.theme, from: run, title: nil)
        .content.draw(width: style.width, theme: style.theme, typesetter: Typesetter())
      return canvas.items.count { item in
        if case .fill(_, let color) = item.shape { color.opacity < 0.5 } else { false }
      }
    }
    #expect(try bands(few) == 0)
    // Five directions twice, four against the mixed target, four terms.
    #expect(try bands(many) == 18)
  }
}

import Analysis
import ArgumentParser
import EventLog
import Foundation

struct FitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit", abstract: "Fit model size against error.",
    discussion: """
      Examples:
        milenas-lab fit my-search another-search
        milenas-lab fit sizes.csv --tolerance 0.1

      A CSV file has the columns size (millions of parameters) and error (percent), and may have deviation and \
      seeds. From searches come the sizes of each epoch's derived network with the validation error, from \
      evaluations the size of the trained network with its test error.
      """)

  @Argument(help: "Runs (names or paths) or one CSV file; the newest run when left out.")
  var sources: [String] = []
  @Option(help: "Loss of accuracy, in percent, that does not count.") var tolerance = 0.05
  @Option(help: "Samples of the bootstrap.") var bootstrap = 2000
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard tolerance >= 0, tolerance.isFinite, 0...1_000_000 ~= bootstrap else {
      throw ValidationError(
        "--tolerance must be a finite number from 0 on, and --bootstrap from 0 to 1000000")
    }
    if sources.count > 1, let file = sources.first(where: { $0.hasSuffix(".csv") }) {
      throw ValidationError("\(file) is a file of points, which is fitted alone: name nothing else")
    }
  }

  func run() throws {
    let points: [SizeAccuracyFit.Observation]
    if sources.count == 1, sources[0].hasSuffix(".csv") {
      points = try SizeAccuracyFit.Observation.read(URL(filePath: sources[0]))
    } else {
      let runs =
        sources.isEmpty
        ? [try location.store.find(nil)] : try sources.map { try location.store.find($0) }
      points = try SizeAccuracyFit.Observation.of(runs)
    }
    try output.render(
      FitReport(fit: SizeAccuracyFit(points, tolerance: tolerance, samples: bootstrap)))
  }
}

private struct FitReport: Report {
  var fit: SizeAccuracyFit

  func encode(to encoder: any Encoder) throws {
    try fit.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(fit.words, forKey: .words)
  }

  private enum CodingKeys: CodingKey { case words }

  /// Sizes in millions of parameters, whatever they are.
  var table: Table? {
    func cells(_ interval: SizeAccuracyFit.Interval?) -> [Table.Cell] {
      [interval?.low, interval?.high].map { $0.map { .real($0) } ?? .missing }
    }
    return rows(
      ["optimum", "optimum_low", "optimum_high", "economical", "economical_low", "economical_high"]
    ) { candidate in
      [candidate.optimum.map { .real($0) } ?? .missing] + cells(candidate.optimumInterval)
        + [.real(candidate.economicalSize)] + cells(candidate.economicalInterval)
    }
  }

  var text: String {
    let unit = fit.unit
    func cell(_ interval: SizeAccuracyFit.Interval?) -> Table.Cell {
      guard let low = interval?.low, let high = interval?.high else { return .missing }
      return .text("\(unit.number(low)) to \(unit.number(high))")
    }
    func cell(_ size: Double?) -> Table.Cell {
      Table.Cell(size.map { $0 * unit.perMillion }, decimals: unit.decimals)
    }
    let table = rows(["optimum", "95 %", "economical", "its 95 %"]) { candidate in
      [
        cell(candidate.optimum), cell(candidate.optimumInterval), cell(candidate.economicalSize),
        cell(candidate.economicalInterval),
      ]
    }
    let sizes =
      unit.isThousands
      ? "sizes in thousands of parameters (those of the curves in millions)"
      : "sizes in millions of parameters"
    return
      "\(fit.observations.count) points; \(sizes), errors in percent\n\n\(table.text)\n\(fit.words)\n"
  }

  /// The curves, with what is said of their sizes.
  private func rows(
    _ sizeColumns: [String], sizes: (SizeAccuracyFit.Candidate) -> [Table.Cell]
  ) -> Table {
    Table(
      columns: ["model", "parameters", "RSS", "AICc", "weight"] + sizeColumns,
      rows: fit.candidates.map { candidate in
        let curve = candidate.curve
        let parameters = zip(curve.model.parameterNames, curve.parameters)
          .map { "\($0) " + String(format: "%.6g", $1) }
        return [
          .text(curve.model.rawValue), .text(parameters.joined(separator: ", ")),
          .real(curve.residualSum, decimals: 6), .real(curve.aicc, decimals: 2),
          .real(candidate.akaikeWeight, decimals: 3),
        ] + sizes(candidate)
      })
  }
}

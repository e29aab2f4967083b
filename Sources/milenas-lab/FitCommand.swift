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

      A CSV file has the columns size (millions of parameters) and error (percent), and may have deviation and
      seeds. From searches come the sizes of each epoch's derived network with the validation error, from
      evaluations the size of the trained network with its test error.
      """)

  @Argument(help: "Runs (names or paths) or one CSV file; the newest run when left out.")
  var sources: [String] = []
  @Option(help: "Loss of accuracy, in percent, that does not count.") var tolerance = 0.05
  @Option(help: "Samples of the bootstrap.") var bootstrap = 2000
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard tolerance >= 0, bootstrap >= 0 else {
      throw ValidationError("--tolerance and --bootstrap must not be negative")
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

  var table: Table? {
    func interval(_ interval: SizeAccuracyFit.Interval?) -> Table.Cell {
      guard let interval else { return .missing }
      guard let low = interval.low, let high = interval.high else { return .text("unbounded") }
      return .text(String(format: "%.2f to %.2f", low, high))
    }
    return Table(
      columns: [
        "model", "parameters", "RSS", "AICc", "weight", "optimum", "95 %", "economical", "its 95 %",
      ],
      rows: fit.candidates.map { candidate in
        let curve = candidate.curve
        let parameters = zip(curve.model.parameterNames, curve.parameters)
          .map { "\($0) " + String(format: "%.6g", $1) }
        return [
          .text(curve.model.rawValue), .text(parameters.joined(separator: ", ")),
          .real(curve.residualSum, decimals: 6), .real(curve.aicc, decimals: 2),
          .real(candidate.akaikeWeight, decimals: 3),
          Table.Cell(candidate.optimum, decimals: 2), interval(candidate.optimumInterval),
          .real(candidate.economicalSize, decimals: 2), interval(candidate.economicalInterval),
        ]
      })
  }

  var text: String {
    "\(fit.observations.count) points; sizes in millions of parameters, errors in percent\n\n"
      + (table?.text ?? "") + "\n\(fit.words)\n"
  }
}

import EventLog
import Figures
import Search
import Supernet

/// The sections of a page about one evaluation.
struct EvaluationSections {
  private let run: ReportedEvaluation
  private let dataFolder: String?

  init(_ run: ReportedEvaluation, dataFolder: String?) {
    self.run = run
    self.dataFolder = dataFolder
  }

  /// - Throws: `EncodingError`, which settings that were read never give.
  var all: [HTML] {
    get throws {
      [
        lead, result, epochs, try settings, .record(of: run, dataFolder: dataFolder),
        .environment(run.manifest), reproduction,
      ]
    }
  }

  private var lead: HTML {
    let ended = "\(run.summary.status.rawValue) after \(run.summary.epochs) epochs"
    return .group([
      .tag(
        "p", ["class": "lead"],
        .text(
          "Training of \(run.cell) from scratch on \(run.manifest.data.name), seed \(run.settings.seed): \(ended)."
        )),
      .group(run.summary.problem.map { [.tag("p", ["class": "wrong"], .text($0))] } ?? []),
    ])
  }

  private var result: HTML {
    .section(
      "Result",
      .facts([
        ("test accuracy, last epoch", run.summary.testAccuracy.map(Words.percent)),
        (
          "test accuracy, best epoch",
          run.result?.bestAccuracy.map { "\(Words.percent($0)), chosen by the test images" }
        ),
        (
          "parameters", run.result.map { Words.decimals(Double($0.parameters) / 1e6, 3) + " M" }
        ),
        ("genotype", run.summary.genotype),
      ]),
      .figure("cells") { _ in
        try .genotype(
          run.settings.genotype, name: run.name,
          sources: [FigureSource(name: run.name, digest: run.digest)], date: nil, title: nil)
      })
  }

  private var epochs: HTML {
    .section(
      "Epochs",
      .table(
        ["#epoch", "#train loss", "#train acc. (%)", "#test loss", "#test acc. (%)", "#seconds"],
        run.epochs.map { epoch in
          [
            "\(epoch.epoch)", .number(epoch.trainLoss, 4),
            .number(100 * epoch.trainAccuracy, 2), .number(epoch.testLoss, 4),
            .number(100 * epoch.testAccuracy, 2),
            .number(epoch.trainSeconds + epoch.testSeconds, 1),
          ]
        }), .tag("p", ["class": "note"], .text(HTML.epochNote)))
  }

  private var settings: HTML {
    get throws {
      let values = try Settings(run.settings).values.filter { !$0.key.hasPrefix("genotype.") }
      return .section(
        "Settings",
        .table(
          ["setting", "value"],
          values.sorted { $0.key < $1.key }.map { [.text($0.key), .text($0.value)] }))
    }
  }

  private var reproduction: HTML {
    .section("Reproduce", .checks(of: run))
  }
}

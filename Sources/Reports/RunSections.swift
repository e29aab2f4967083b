import Analysis
import EventLog
import Figures
import Foundation
import Search
import Supernet

/// The sections of a page about one run.
struct RunSections {
  private let run: ReportedSearch
  private let evaluations: [ReportedEvaluation]
  private let dataFolder: String?

  /// - Parameter evaluations: of its cells.
  init(_ run: ReportedSearch, _ evaluations: [ReportedEvaluation], dataFolder: String?) {
    self.run = run
    self.evaluations = evaluations
    self.dataFolder = dataFolder
  }

  /// - Throws: `EventLogError` for a record that cannot be read.
  var all: [HTML] {
    get throws {
      let reader = try RunReader(run.folder)
      return [
        lead, result, course(reader), alpha(reader), gradientError(reader),
        .evaluations(evaluations),
        try time, try settings, .record(of: run, dataFolder: dataFolder),
        .environment(run.manifest),
        try reproduction,
      ]
    }
  }

  // MARK: - What came out

  private var lead: HTML {
    let settings = run.settings
    let ended = "\(run.summary.status.rawValue) after \(run.summary.epochs) epochs"
    let accuracy = run.summary.validAccuracy.map {
      ", with \(Words.percent($0)) validation accuracy at best"
    }
    return .group([
      .tag(
        "p", ["class": "lead"],
        .text(
          "\(settings.method.rawValue) on the space \(settings.space.rawValue), \(run.manifest.data.name), "
            + "seed \(settings.seed): \(ended)\(accuracy ?? "").")),
      .group(run.summary.problem.map { [.tag("p", ["class": "wrong"], .text($0))] } ?? []),
    ])
  }

  private var result: HTML {
    let cost = run.cost
    let size = run.summary.normalConvolutions.flatMap { n in
      run.summary.reductionConvolutions.map { "(\(n), \($0))" }
    }
    return .section(
      "Result",
      .facts([
        ("genotype", run.summary.genotype),
        (
          "from the end of epoch", run.result?.genotypeEpoch.map { "\($0) (\(run.name)@\($0))" }
        ),
        ("convolutions (n, r)", size),
        (
          "parameters at C 36, 20 cells",
          cost.map { Words.decimals(Double($0.parameters) / 1e6, 3) + " M" }
        ),
        (
          "multiply-adds of that network, per image",
          cost.map { Words.decimals(Double($0.multiplyAdds) / 1e6, 1) + " M" }
        ),
        ("validation accuracy, best epoch", run.summary.validAccuracy.map(Words.percent)),
        (
          "validation accuracy, last epoch",
          run.epochs.last.map { Words.percent($0.validAccuracy) }
        ),
      ]), cells)
  }

  private var cells: HTML {
    guard let text = run.summary.genotype else { return .group([]) }
    return .figure("cells") { _ in
      try .genotype(
        try Genotype(text), name: run.name,
        sources: [FigureSource(name: run.name, digest: run.digest)], date: nil, title: nil)
    }
  }

  private func course(_ reader: RunReader) -> HTML {
    guard !run.epochs.isEmpty else {
      return .section("Epochs", .tag("p", [:], "The record has no epochs."))
    }
    let measuresCurvature = run.epochs.contains { $0.curvature != nil }
    return .section(
      "Epochs",
      .figure("course") { theme in
        try .search(
          SearchHistory(reader), theme: theme, from: FigureRun(reader), title: nil)
      },
      .table(
        [
          "#epoch", "#train loss", "#train acc. (%)", "#valid. loss", "#valid. acc. (%)", "#n",
          "#r",
          "#params (M)", "#seconds",
        ] + (measuresCurvature ? ["#λ max of α"] : []),
        run.epochs.map { epoch in
          [
            "\(epoch.epoch)", .number(epoch.trainLoss, 4),
            .number(100 * epoch.trainAccuracy, 2),
            .number(epoch.validLoss, 4), .number(100 * epoch.validAccuracy, 2),
            "\(epoch.normalConvolutions)", "\(epoch.reductionConvolutions)",
            .number(Double(epoch.parameters) / 1e6, 3),
            .number(epoch.trainSeconds + epoch.validSeconds, 1),
            .number(epoch.curvature ?? .nan, 4),
          ]
        }),
      .tag(
        "p", ["class": "note"],
        "Losses in nats. Validation on the half of the training images that w never sees, in evaluation mode. \(HTML.epochNote)"
      ))
  }

  private func alpha(_ reader: RunReader) -> HTML {
    guard !run.epochs.isEmpty else { return .group([]) }
    return .section(
      "Architecture parameters",
      .figure("alpha") { _ in
        try .alpha(AlphaHistory(reader), from: FigureRun(reader), title: nil)
      })
  }

  /// What `gradient-error` has found about the run; nothing where it was not asked.
  private func gradientError(_ reader: RunReader) -> HTML {
    guard let probes = try? KeptResults(of: run.folder).probes(), !probes.isEmpty else {
      return .group([])
    }
    return .section(
      "Error of the α-gradient",
      .tag("p", [:], .text(GradientErrorSummary(probes).words)),
      .figure("gradient-error") { theme in
        try .gradientError(
          probes, theme: theme, from: FigureRun(reader).analysed("gradient-error", probes),
          title: nil)
      })
  }

  /// Where the time of the steps went; only logs of steps know.
  private var time: HTML {
    get throws {
      let sql =
        "SELECT phase, sum(steps), sum(seconds) FROM step_cost GROUP BY phase ORDER BY 3 DESC"
      let rows = try ReadOnlySQL(run.folder).run(sql).rows
      let phases = rows.compactMap { row -> (String, Int64, Double)? in
        guard case .text(let phase) = row[0], case .integer(let steps) = row[1],
          case .real(let seconds) = row[2], steps > 0
        else { return nil }
        return (phase, steps, seconds)
      }
      let total = phases.reduce(0) { $0 + $1.2 }
      guard total > 0 else { return .group([]) }
      return .section(
        "Time of the steps",
        .table(
          ["phase", "#steps", "#ms per step", "#share (%)"],
          phases.map { phase, steps, seconds in
            [
              .text(phase), "\(steps)", .number(1000 * seconds / Double(steps), 2),
              .number(100 * seconds / total, 1),
            ]
          }),
        .tag("p", ["class": "note"], "\(Words.duration(total)) of steps in all."))
    }
  }

  // MARK: - What it was

  private var settings: HTML {
    get throws {
      var preset = (try? SearchConfiguration.preset(run.settings.preset)) ?? run.settings
      preset.adopt(run.settings.variant)
      let (values, standard) = (try Settings(run.settings).values, try Settings(preset).values)
      let ofData: Set<String> = ["shape.inputChannels", "shape.imageSize", "shape.classes"]
      let names = Set(values.keys).union(standard.keys).sorted()
      return .section(
        "Settings",
        .tag(
          "p", ["class": "note"],
          "The third column shows what the preset “\(run.settings.preset)” has where the run has another value."
        ),
        .table(
          ["setting", "value", "preset"],
          names.map { name in
            let value = values[name] ?? "none"
            let usual = standard[name] ?? "none"
            let isUsual = value == usual || ofData.contains(name)
            return [
              .text(name), isUsual ? .text(value) : .tag("strong", [:], .text(value)),
              .text(isUsual ? "" : usual),
            ]
          }))
    }
  }

  private var reproduction: HTML {
    get throws {
      // A folder may have been given a name that no new run may have.
      let copy = (RunStore.isPossible(name: run.name) ? run.name : "run") + "-again"
      let invocation = try? SearchInvocation(run.settings)
      let program = ProgramOfCommit(run.manifest.environment.gitCommit)
      let search = try? run.searchLine(name: copy, by: program.path)
      return .section(
        "Reproduce",
        .checks(of: run),
        .tag("p", [:], .text(program.words)),
        .commands(
          program.commands + (search.map { [$0] } ?? [])
            + ["milenas-lab runs diff \(run.shellPath) \(ShellWord.quoted(copy))"]),
        .group(
          invocation?.isComplete == true
            ? []
            : [
              .tag(
                "p", ["class": "note"],
                "Some settings of this run have no option on the command line; `runs replay` takes them from the record."
              )
            ]),
        .tag(
          "p", ["class": "note"],
          "The same build on a processor of the same kind gives the same bits, for any number of threads."
        ))
    }
  }
}

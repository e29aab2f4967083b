import Analysis
import EventLog
import Figures
import Foundation
import Search

/// The sections of a page about a study.
struct StudySections {
  private let subject: ReportSubject
  private let groups: [StudySetting]
  private let dataFolder: String?

  init(_ subject: ReportSubject, dataFolder: String?) {
    self.subject = subject
    groups = subject.settings
    self.dataFolder = dataFolder
  }

  /// - Throws: `EventLogError` for a record that cannot be read.
  var all: [HTML] {
    get throws {
      [
        lead, results, curves, .evaluations(subject.evaluations), try settings, runs, environment,
        try reproduction,
      ]
    }
  }

  // MARK: - What came out

  private var lead: HTML {
    let count = subject.searches.count
    let ended = subject.searches.count { $0.result != nil }
    let data = Set(subject.searches.map(\.manifest.data.name)).sorted().joined(separator: ", ")
    let unreadable = subject.unreadable.map { HTML.tag("p", ["class": "wrong"], .text($0)) }
    return .group([
      .tag(
        "p", ["class": "lead"],
        .text(
          "\(count) searches with \(groups.count) settings on \(data); "
            + (ended == count ? "all have ended." : "\(ended) of them have ended."))),
      .group(unreadable),
    ])
  }

  private var results: HTML {
    let rows = groups.map { group -> [HTML] in
      let ended = group.runs.filter { !$0.epochs.isEmpty }
      func mean(_ decimals: Int, _ value: (ReportedSearch) -> Double?) -> HTML {
        .mean(ended.compactMap(value), decimals)
      }
      return [
        .text(group.name), "\(ended.count)",
        mean(2) { $0.epochs.last.map { 100 * $0.validAccuracy } },
        mean(2) { $0.epochs.map { 100 * $0.validAccuracy }.max() },
        mean(2) { $0.epochs.last.map { 100 * ($0.trainAccuracy - $0.validAccuracy) } },
        mean(3) { $0.cost.map { Double($0.parameters) / 1e6 } },
        mean(1) { $0.summary.normalConvolutions.map(Double.init) },
        mean(1) { $0.summary.reductionConvolutions.map(Double.init) },
        mean(0) { $0.seconds },
      ]
    }
    return .section(
      "Results",
      .table(
        [
          "setting", "#seeds", "#valid. acc., last epoch (%)", "#best epoch (%)",
          "#train − valid., last epoch (points)", "#params (M)", "#n", "#r", "#seconds",
        ], rows),
      .tag(
        "p", ["class": "note"],
        .text(
          "Mean over seeds ± half of the 95 % interval (Student’s t); no interval where there is one seed. "
            + "Parameters of the network derived from the cell found, at C 36 and 20 cells; n and r count convolutions "
            + "among its edges; seconds are the wall time of all epochs.")))
  }

  private var curves: HTML {
    .section("Curves", .figure("curves") { try Figure.curves(of: groups, theme: $0) })
  }

  // MARK: - What it was

  private var settings: HTML {
    get throws {
      let values = try groups.map { try Settings($0.runs[0].settings).values }
      let names = values.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
        .subtracting(["seed"]).sorted()
      func isCommon(_ name: String) -> Bool { Set(values.map { $0[name] }).count == 1 }
      let (common, varied) = (names.filter(isCommon), names.filter { !isCommon($0) })
      let differing: [HTML] =
        varied.isEmpty
        ? []
        : [
          .tag("p", [:], "What differs between settings:"),
          .table(
            ["setting"] + varied,
            zip(groups, values).map { group, values in
              [.text(group.name)] + varied.map { .text(values[$0] ?? "none") }
            }),
        ]
      return .section(
        "Settings", .group(differing),
        .tag("p", [:], .text(varied.isEmpty ? "All runs have:" : "What all runs share:")),
        .table(["setting", "value"], common.map { [.text($0), .text(values[0][$0] ?? "none")] }))
    }
  }

  private var runs: HTML {
    let rows = groups.flatMap(\.runs).map { run -> [HTML] in
      let wrong = Verification(run.folder, dataFolder: dataFolder).findings
        .filter { $0.verdict == .wrong }
      let verdict: HTML =
        wrong.isEmpty
        ? "whole"
        : .tag(
          "span", ["class": "wrong"],
          .text(wrong.map { "\($0.subject): \($0.says)" }.joined(separator: "; ")))
      return [
        .text(run.name), "\(run.settings.seed)",
        .text(run.summary.problem ?? run.summary.status.rawValue),
        .text(run.manifest.started), .tag("code", [:], .text(run.digest)), verdict,
      ]
    }
    return .section(
      "Runs",
      .table(["run", "#seed", "status", "started", "digest", "record"], rows),
      .tag(
        "p", ["class": "note"],
        "The digest covers settings, images, every row and every state; equal digests mean equal bits."
      ))
  }

  private var environment: HTML {
    let all = subject.searches.map(\.manifest.facts)
    let facts = all[0].indices.map { index -> (String, String?) in
      let values = Set(all.compactMap { index < $0.count ? $0[index].1 : nil }).sorted()
      return (all[0][index].0, values.isEmpty ? nil : values.joined(separator: "; "))
    }
    return .section("Environment", .facts(facts))
  }

  private var reproduction: HTML {
    get throws {
      let commits = Set(subject.searches.compactMap(\.manifest.environment.gitCommit)).sorted()
      let program = ProgramOfCommit(commits.first)
      let runs = groups.flatMap(\.runs)
      let lines = runs.compactMap { try? $0.searchLine(name: $0.name, by: program.path) }
      let names = runs.map { ShellWord.quoted($0.name) }.joined(separator: " ")
      let folder = ShellWord.quoted(
        Words.path(subject.searches[0].folder.url.deletingLastPathComponent()))
      return .section(
        "Reproduce",
        .tag("p", [:], "To check the records, and to compute them again:"),
        .commands(
          ["verify", "replay"].map {
            "for run in \(folder)/*/manifest.json; do milenas-lab runs \($0) \"$(dirname \"$run\")\"; done"
          }),
        .tag("p", [:], .text(program.words)),
        .commands(
          program.commands + lines.map { "\($0) --runs-dir again" }
            + [
              "for run in \(names); do milenas-lab runs diff \(folder)/\"$run\" again/\"$run\"; done"
            ]))
    }
  }
}

extension HTML {
  /// A mean over seeds and the half of its interval: "80.15 ± 0.42".
  static func mean(_ values: [Double], _ decimals: Int) -> HTML {
    guard !values.isEmpty else { return "–" }
    let mean = SeedMean(values)
    let half = mean.halfWidth.map { " ± \(Words.decimals($0, decimals))" }
    return .text(Words.decimals(mean.mean, decimals) + (half ?? ""))
  }
}

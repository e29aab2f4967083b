import Analysis
import EventLog
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
    get throws { [lead, results, try settings, runs, environment, try reproduction] }
  }

  // MARK: - What came out

  private var lead: HTML {
    let count = subject.runs.count
    let ended = subject.runs.count { $0.result != nil }
    let data = Set(subject.runs.map(\.manifest.data.name)).sorted().joined(separator: ", ")
    let unreadable = subject.unreadable.map { HTML.tag("p", ["class": "wrong"], .text($0)) }
    return .group([
      .tag(
        "p", ["class": "lead"],
        .text(
          "\(count) runs of \(groups.count) settings on \(data); "
            + (ended == count ? "all have ended." : "\(ended) of them have ended."))),
      .group(unreadable),
    ])
  }

  private var results: HTML {
    let rows = groups.map { group -> [HTML] in
      let ended = group.runs.filter { !$0.epochs.isEmpty }
      func estimate(_ value: (RecordedRun) -> Double?) -> Estimate {
        Estimate(ended.compactMap(value))
      }
      return [
        .text(group.name), "\(ended.count)",
        .interval(estimate { $0.epochs.last.map { 100 * $0.validAccuracy } }, 2),
        .interval(estimate { $0.epochs.map { 100 * $0.validAccuracy }.max() }, 2),
        .interval(
          estimate { $0.epochs.last.map { 100 * ($0.trainAccuracy - $0.validAccuracy) } }, 2),
        .interval(estimate { $0.epochs.last.map { Double($0.parameters) / 1e6 } }, 3),
        .interval(estimate { $0.epochs.last.map { Double($0.normalConvolutions) } }, 1),
        .interval(estimate { $0.epochs.last.map { Double($0.reductionConvolutions) } }, 1),
        .interval(estimate { $0.seconds }, 0),
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
            + "Parameters of the derived network at C 36 and 20 cells; n and r count convolutions among the kept "
            + "edges; seconds are the wall time of all epochs.")))
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
    let all = subject.runs.map { RunSections.facts($0.manifest) }
    let facts = all[0].indices.map { index -> (String, String?) in
      let values = Set(all.compactMap { index < $0.count ? $0[index].1 : nil }).sorted()
      return (all[0][index].0, values.isEmpty ? nil : values.joined(separator: "; "))
    }
    return .section("Environment", .facts(facts))
  }

  private var reproduction: HTML {
    get throws {
      let lines = groups.flatMap(\.runs).compactMap { try? $0.searchLine(name: $0.name) }
      let commits = Set(subject.runs.compactMap(\.manifest.environment.gitCommit)).sorted()
      let folder = subject.runs[0].folder.url.deletingLastPathComponent().relativePath
      return .section(
        "Reproduce",
        .commands(
          commits.prefix(1).map { "git checkout \(Words.quoted($0))" } + ["swift build -c release"]
            + lines.map { "\($0) --runs-dir again" }),
        .tag("p", [:], "To check and to compute again what lies here:"),
        .commands(
          ["verify", "replay"].map {
            "for run in \(Words.quoted(folder))/*/; do milenas-lab runs \($0) \"$run\"; done"
          }))
    }
  }
}

extension HTML {
  /// A mean and the half of its interval: "80.15 ± 0.42".
  static func interval(_ estimate: Estimate, _ decimals: Int) -> HTML {
    guard estimate.count > 0 else { return "–" }
    let mean = Words.decimals(estimate.mean, decimals)
    guard estimate.count > 1 else { return .text(mean) }
    return .text("\(mean) ± \(Words.decimals((estimate.high - estimate.low) / 2, decimals))")
  }
}

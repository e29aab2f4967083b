import EventLog
import Foundation
import Search

/// What the records of a run or a study say, in the words of the checklist.
struct StudyEvidence {
  private typealias Evidence = Checklist.Evidence
  private let runs: [ReportedSearch]
  private let evaluations: [ReportedEvaluation]
  private let groups: [StudySetting]
  /// Settings of the first run of each group, by name.
  private let values: [[String: String]]

  /// - Precondition: the subject has searches.
  /// - Throws: `EncodingError`, which settings that were read never give.
  init(_ subject: ReportSubject) throws {
    precondition(!subject.searches.isEmpty, "a checklist without a search")
    runs = subject.searches
    evaluations = subject.evaluations
    groups = subject.settings
    values = try groups.map { try Settings($0.runs[0].settings).values }
  }

  /// Whether several settings stand beside each other.
  var isComparison: Bool { groups.count > 1 }

  // MARK: Code

  var program: [Checklist.Evidence] {
    let versions = distinct { "milenas-lab \($0.manifest.environment.programVersion)" }
    let commits = distinct { $0.manifest.environment.gitCommit }
    return [Evidence(value: versions, place: "manifest.json: environment.programVersion")]
      + (commits.isEmpty
        ? []
        : [Evidence(value: "commit \(commits)", place: "manifest.json: environment.gitCommit")])
  }

  /// What keeps the program's version from naming its source; nil when nothing does.
  var missingSource: String? {
    let unknown = runs.count { $0.manifest.environment.gitCommit == nil }
    let changed = runs.filter { $0.manifest.environment.gitIsDirty == true }
    var sentences: [String] = []
    if unknown > 0 {
      sentences.append(
        "\(Self.runs(unknown)) came from a program outside a checkout: say where its source is")
    }
    if !changed.isEmpty {
      let diffs = Set(changed.compactMap(\.manifest.environment.gitDiffSHA256)).sorted()
      sentences.append(
        "\(Self.runs(changed.count)) came from files that differ from the commit: publish the changes "
          + "(`git diff HEAD` of SHA-256 \(diffs.map { $0.prefix(12) }.joined(separator: ", ")))")
    }
    return sentences.isEmpty ? nil : sentences.joined(separator: "; ")
  }

  var space: [Checklist.Evidence] {
    [
      Evidence(
        value: distinct {
          let shape = $0.settings.shape
          return
            "8 operations on \(shape.edgeCount) edges, \(shape.nodes) nodes, \(shape.cells) cells, "
            + "C \(shape.channels), relaxed as \($0.settings.space.rawValue)"
        }, place: "manifest.json: configuration.shape, configuration.space")
    ]
  }

  var methods: [Checklist.Evidence] {
    [
      Evidence(
        value: distinct { "\($0.settings.method.rawValue) (\($0.settings.variant.rawValue))" },
        place: "manifest.json: configuration.method, configuration.variant")
    ]
  }

  var hyperparameters: [Checklist.Evidence] {
    let count = values.map(\.count).max() ?? 0
    return [Evidence(value: "\(count) settings of each run", place: "manifest.json: configuration")]
  }

  var seeds: [Checklist.Evidence] {
    groups.map { group in
      let seeds = group.runs.map { "\($0.settings.seed)" }.joined(separator: ", ")
      return Evidence(
        value: (isComparison ? "\(group.name): " : "")
          + "\(group.runs.count) \(group.runs.count == 1 ? "seed" : "seeds"): \(seeds)",
        place: "manifest.json: configuration.seed")
    }
  }

  /// The settings that have a single seed; nil when none has.
  var fewSeeds: String? {
    let single = groups.filter { Set($0.runs.map(\.settings.seed)).count < 2 }.map(\.name)
    return single.isEmpty ? nil : "\(single.joined(separator: ", ")) has one alone"
  }

  // MARK: Comparison

  var data: [Checklist.Evidence] {
    [
      Evidence(
        value: distinct { "\($0.manifest.data.name), SHA-256 \($0.manifest.data.sha256)" },
        place: "manifest.json: data")
    ]
  }

  /// Settings of data, network and training of w that are not the same everywhere: "batch: 32, 64".
  var differentBenchmark: String? {
    var differences = varying.filter { Self.isBenchmark($0.name) }.map(\.text)
    if Set(runs.map(\.manifest.data.sha256)).count > 1 { differences.append("the images") }
    return differences.isEmpty ? nil : differences.joined(separator: "; ")
  }

  var environment: [Checklist.Evidence] {
    let values: [(String, (ReportedSearch) -> String?)] = [
      ("processor", { $0.manifest.environment.processor }),
      ("cpuTarget", { "kernels for \($0.manifest.environment.cpuTarget)" }),
      ("compiler", { $0.manifest.environment.compiler }),
      ("operatingSystem", { $0.manifest.environment.operatingSystem }),
      ("libraries.openblas", { $0.manifest.environment.libraries?["openblas"] }),
    ]
    return values.map {
      Evidence(value: distinct($0.1), place: "manifest.json: environment.\($0.0)")
    }.filter { !$0.value.isEmpty }
      + [
        Evidence(
          value: distinct { "\($0.manifest.threads) threads" }, place: "manifest.json: threads")
      ]
  }

  /// What is not the same in all runs; nil when all is. Results have the same bits for any number of threads, but times
  /// have not.
  var differentEnvironment: String? {
    let facts: [(String, (ReportedSearch) -> String?)] = [
      ("program", { $0.manifest.environment.programVersion }),
      ("commit", { $0.manifest.environment.gitCommit ?? "unknown" }),
      (
        "changed files",
        { $0.manifest.environment.gitDiffSHA256.map { "\($0.prefix(12))" } ?? "none" }
      ),
      ("compiler", { $0.manifest.environment.compiler }),
      ("kernels", { $0.manifest.environment.cpuTarget }),
      ("processor", { $0.manifest.environment.processor }),
      ("operating system", { $0.manifest.environment.operatingSystem }),
      ("host", { $0.manifest.environment.host }),
      ("threads", { "\($0.manifest.threads)" }),
    ]
    let differences = facts.filter { fact in Set(runs.map { fact.1($0) }).count > 1 }
      .map { "\($0.0): \(distinct($0.1))" }
    return differences.isEmpty ? nil : differences.joined(separator: "; ")
  }

  /// Pairs of settings that differ in one value alone, gathered by that value's name.
  var ablations: [Checklist.Evidence] {
    var factors: [String: Set<String>] = [:]
    for (index, first) in values.enumerated() {
      for second in values[(index + 1)...] {
        let names = Set(first.keys).union(second.keys).subtracting(Self.notCompared)
        let different = names.filter { first[$0] != second[$0] }
        guard let name = different.first, different.count == 1 else { continue }
        factors[name, default: []].formUnion([first[name] ?? "none", second[name] ?? "none"])
      }
    }
    return factors.sorted { $0.key < $1.key }.map { name, values in
      Evidence(
        value: "\(name) alone: \(Self.list(values))", place: "manifest.json: configuration.\(name)")
    }
  }

  var evaluationProtocol: [Checklist.Evidence] {
    let ofSearch = Evidence(
      value: "accuracy in evaluation mode on the half of the training images that w never sees",
      place: "events.sqlite: epochs.valid_accuracy")
    return [ofSearch]
      + (evaluations.isEmpty
        ? []
        : [
          Evidence(
            value: "trained from scratch: "
              + Self.list(
                evaluations.map {
                  "\($0.settings.epochs) epochs on \($0.manifest.data.name), all test images"
                }),
            place: "manifest.json of the evaluations: configuration")
        ])
  }

  /// Settings that are not the same in all evaluations; nil when all are.
  var differentEvaluations: String? {
    let values = evaluations.compactMap { try? Settings($0.settings).values }
    let names = values.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
    let different = names.subtracting(Self.notCompared).filter { name in
      !name.hasPrefix("genotype.") && Set(values.map { $0[name] }).count > 1
    }
    return different.isEmpty ? nil : different.sorted().joined(separator: ", ")
  }

  /// What is recorded of the training of final architectures; empty when nothing is.
  var finalEvaluation: [Checklist.Evidence] {
    evaluations.map { run in
      let accuracy = run.summary.testAccuracy.map { ", test accuracy \(Words.percent($0))" }
      return Evidence(
        value: "\(run.name): \(run.cell), seed \(run.settings.seed), \(run.settings.epochs) epochs"
          + (accuracy ?? ""),
        place: "manifest.json of \(run.name): configuration")
    }
  }

  var curves: [Checklist.Evidence] {
    let epochs = runs.map(\.epochs.count)
    guard let least = epochs.min(), let most = epochs.max(), least > 0 else { return [] }
    let counts = least == most ? "\(least)" : "\(least) to \(most)"
    return [
      Evidence(
        value: "\(counts) epochs with losses, accuracies and seconds in each run",
        place: "events.sqlite: epoch_curve")
    ]
  }

  var randomSearch: [Checklist.Evidence] {
    let random = runs.filter { !$0.settings.method.movesAlpha }
    return random.isEmpty
      ? []
      : [
        Evidence(
          value:
            "\(Self.list(random.map(\.settings.method.rawValue))): \(Self.list(random.map(\.name)))",
          place: "manifest.json: configuration.method")
      ]
  }

  // MARK: Details

  /// What was set otherwise than by its preset, or differs between settings.
  var chosenValues: [Checklist.Evidence] {
    var chosen: [String: Set<String>] = [:]
    for (group, values) in zip(groups, values) {
      let settings = group.runs[0].settings
      var preset = (try? SearchConfiguration.preset(settings.preset)) ?? settings
      preset.adopt(settings.variant)
      let standard = (try? Settings(preset).values) ?? [:]
      for (name, value) in values where standard[name] != value && !Self.isGiven(name) {
        chosen[name, default: []].insert(value)
      }
    }
    guard !chosen.isEmpty else {
      return [
        Evidence(
          value: "the preset \(distinct { $0.settings.preset }) as it is",
          place: "manifest.json: configuration")
      ]
    }
    return chosen.sorted { $0.key < $1.key }.map { name, values in
      Evidence(
        value: "\(name): \(Self.list(values))", place: "manifest.json: configuration.\(name)")
    }
  }

  var cost: [Checklist.Evidence] {
    let seconds = runs.reduce(0) { $0 + $1.seconds }
    let ended = runs.count { $0.result != nil }
    return [
      Evidence(
        value: "\(Self.runs(runs.count)), \(ended) ended, \(Words.duration(seconds)) of wall time",
        place: "events.sqlite: epochs.train_seconds, epochs.valid_seconds")
    ]
  }

  var evaluationCost: [Checklist.Evidence] {
    guard !evaluations.isEmpty else { return [] }
    let seconds = evaluations.reduce(0) { $0 + $1.seconds }
    return [
      Evidence(
        value: "training of \(evaluations.count == 1 ? "1 cell" : "\(evaluations.count) cells"): "
          + "\(Words.duration(seconds)) of wall time",
        place: "events.sqlite of the evaluations: epochs.train_seconds, epochs.test_seconds")
    ]
  }

  // MARK: Helpers

  /// The settings that are not the same everywhere.
  private var varying: [(name: String, text: String)] {
    let names = values.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
    return names.subtracting(Self.notCompared).sorted().compactMap { name in
      let found = Set(values.map { $0[name] ?? "none" })
      return found.count > 1 ? (name, "\(name): \(Self.list(found))") : nil
    }
  }

  /// Settings that decide no number that is compared, or are meant to differ.
  private static let notCompared: Set<String> = ["preset", "seed", "dataDirectory"]

  /// Settings of the data, the network and the training of w, which methods under comparison must share.
  private static func isBenchmark(_ name: String) -> Bool {
    let names: Set<String> = [
      "data", "trainImages", "batch", "epochs", "stepsPerEpoch", "weightRate", "weightRateEnd",
      "momentum", "weightDecay", "clip", "clipTarget", "statistics",
    ]
    return names.contains(name) || name.hasPrefix("shape.") || name.hasPrefix("augmentation.")
  }

  /// Settings that nobody chooses as a hyperparameter.
  private static func isGiven(_ name: String) -> Bool {
    notCompared.contains(name)
      || ["shape.inputChannels", "shape.imageSize", "shape.classes"].contains(name)
  }

  /// Every value once, in order: "a, b".
  private func distinct(_ value: (ReportedSearch) -> String?) -> String {
    Self.list(runs.compactMap(value))
  }

  private static func list(_ values: some Sequence<String>) -> String {
    Set(values).sorted { $0.compare($1, options: .numeric) == .orderedAscending }
      .joined(separator: ", ")
  }

  private static func runs(_ count: Int) -> String { count == 1 ? "1 run" : "\(count) runs" }
}

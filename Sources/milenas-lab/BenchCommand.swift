import ArgumentParser
import EventLog
import Foundation
import Search
import Supernet

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Time one search step by network, method and space.",
    discussion: """
      Examples:
        milenas-lab bench
        milenas-lab bench --config S,M,L --method milenas-1st,darts-2nd-exact --steps 9
        milenas-lab bench --config S --method all --space all
        milenas-lab bench --log --config M --steps 5
        milenas-lab bench --profile --config L
        milenas-lab bench --peer
        milenas-lab bench --evaluation --peer

      S is 1×28×28, C 8, 5 cells, batch 32; M is 3×32×32, C 16, 8 cells, batch 16; L is M with batch 64.
      The column "passes" counts a step's multiply-adds in units of one forward pass; ratios of times are printed beside
      ratios of these counts.
      """)

  @Option(help: "Networks, separated by commas: S, M, L.") var config = "S"
  @Option(help: "Methods, separated by commas, or all.") var method = "milenas-1st"
  @Option(help: "Spaces, separated by commas, or all.") var space = "darts"
  @Option(help: "alpha-first, weights-first or simultaneous.") var order = StepOrder.alphaFirst
  @Option(help: "Steps that are timed.") var steps = 5
  @Flag(help: "Time what the record costs instead: the same steps with and without it, in turn.")
  var log = false
  @Flag(
    help: "Run PyTorch beside it on the same work, and print the goals; takes about 15 minutes.")
  var peer = false
  @Flag(help: "Time the phases of a gradient instead, by cell.") var profile = false
  @Flag(
    help:
      "Time the training of a derived network instead: DARTS_V2, C 16, 8 cells, batch 96, 3×32×32.")
  var evaluation = false
  @OptionGroup var compute: ThreadOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard steps >= 1 else { throw ValidationError("--steps must be at least 1, not \(steps)") }
  }

  func run() throws {
    let sizes: [StepBenchmark.Size] = try choices(config, "network")
    if log { return try benchLog(sizes) }
    if evaluation {
      let progress = Progress()
      let report = try EvaluationBenchmark(threads: compute.threads, steps: steps)
        .run(besidePeer: peer) { progress.update($0) }
      progress.clear()
      return try output.render(report)
    }
    if profile { return try benchProfile(sizes) }
    if peer {
      let progress = Progress()
      let lines = try PeerBenchmark(threads: compute.threads, steps: steps)
        .run { progress.update($0) }
      progress.clear()
      return try output.render(PeerReport(lines: lines, threads: compute.threads))
    }
    let methods: [SearchMethod] = try choices(method, "method")
    let spaces: [SearchSpace] = try choices(space, "space")
    var report = BenchReport()
    let progress = Progress()
    for size in sizes {
      for space in spaces {
        for method in methods where method.runs(on: space) {
          progress.update("\(size.rawValue) \(method.rawValue) on \(space.rawValue) …")
          let benchmark = try StepBenchmark(
            size, method: method, space: space, order: order, threads: compute.threads)
          report.results.append(try benchmark.run(steps: steps))
        }
      }
    }
    progress.clear()
    try output.render(report)
  }

  private func benchProfile(_ sizes: [StepBenchmark.Size]) throws {
    let networks = try sizes.map { size in
      let benchmark = try StepBenchmark(
        size, method: .milenas1st, space: .darts, threads: compute.threads)
      return ProfileReport.Network(size: size, phases: try benchmark.profile(gradients: steps))
    }
    try output.render(ProfileReport(networks: networks))
  }

  private func benchLog(_ sizes: [StepBenchmark.Size]) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-bench-\(ProcessInfo.processInfo.processIdentifier)")
    let results = try sizes.map { size in
      let results = try LogBenchmark(size, threads: compute.threads).run(rounds: steps, in: folder)
      return LogBenchReport.Network(size: size, results: results)
    }
    var report = LogBenchReport(networks: results)
    do {
      let floats = results.first?.results.first { $0.level == "step" }.map { $0.bytesPerStep / 4 }
      report.stores = try PeerScript("time_stores.py", needs: ["numpy", "tensorboard"]).run(
        ["--floats", "\(floats ?? 7000)"], as: [LogBenchReport.Store].self)
    } catch {
      StandardStream.error.write("other stores were not timed: \(error)\n")
    }
    try output.render(report)
  }

  private func choices<Choice: CaseIterable & RawRepresentable<String>>(
    _ list: String, _ kind: String
  ) throws -> [Choice] {
    if list == "all" { return Array(Choice.allCases) }
    return try list.split(separator: ",").map { name in
      guard let choice = Choice(rawValue: String(name)) else {
        throw SearchError.unknownName(
          kind: kind, found: String(name), known: Choice.allCases.map(\.rawValue))
      }
      return choice
    }
  }
}

extension StepOrder: ExpressibleByArgument {}

private struct BenchReport: Report {
  var results: [StepBenchmark.Result] = []

  private enum CodingKeys: String, CodingKey { case results, ratios }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(results, forKey: .results)
    try container.encode(CostRatio.all(of: results), forKey: .ratios)
  }

  var table: Table? {
    Table(
      columns: [
        "net", "method", "space", "threads", "median_s", "min_s", "max_s", "passes", "images/s",
        "gradient_s", "GFLOP/s", "peak", "share", "MB",
      ],
      rows: results.map {
        [
          .text($0.size.rawValue), .text($0.method.rawValue), .text($0.space.rawValue),
          .integer(Int64($0.threads)), .real($0.medianSeconds, decimals: 3),
          .real($0.minimumSeconds, decimals: 3), .real($0.maximumSeconds, decimals: 3),
          .integer(Int64($0.passUnits)), .real($0.imagesPerSecond, decimals: 1),
          .real($0.gradientSeconds, decimals: 3),
          .real($0.gradientGFLOPS, decimals: 1), .real($0.peakGFLOPS, decimals: 0),
          .real($0.shareOfPeak, decimals: 2), .real($0.peakMegabytes, decimals: 0),
        ]
      })
  }

  var text: String {
    let ratios = CostRatio.all(of: results)
    let comparisons = Table(
      columns: ["net", "step", "against", "measured", "by count"],
      rows: ratios.map {
        [
          .text($0.size.rawValue), .text($0.step), .text($0.comparedWith),
          .real($0.measured, decimals: 2), Table.Cell($0.counted, decimals: 2),
        ]
      })
    return (table?.text ?? "") + (ratios.isEmpty ? "" : "\n" + comparisons.text)
  }
}

/// Time of the phases of a gradient, by cell.
private struct ProfileReport: Report {
  struct Network: Encodable {
    var size: StepBenchmark.Size
    var phases: [PassProfile.Entry]
  }

  var networks: [Network]

  var table: Table? {
    Table(
      columns: ["net", "cell", "phase", "ms", "share"],
      rows: networks.flatMap { network in
        let total = network.phases.reduce(0) { $0 + $1.seconds }
        return network.phases.map { entry -> [Table.Cell] in
          [
            .text(network.size.rawValue), entry.cell.map { .integer(Int64($0)) } ?? .missing,
            .text(entry.phase), .real(1e3 * entry.seconds, decimals: 2),
            .real(entry.seconds / total, decimals: 3),
          ]
        }
      })
  }

  var text: String { table?.text ?? "" }
}

private struct LogBenchReport: Report {
  struct Network: Encodable {
    var size: StepBenchmark.Size
    var results: [LogBenchmark.Result]
  }

  /// Another experiment store: what the record of a step alone takes.
  struct Store: Codable {
    var store: String
    var seconds: Double
    var bytes: Double
  }

  var networks: [Network]
  var stores: [Store] = []

  var table: Table? {
    Table(
      columns: ["net", "log", "median_s", "overhead", "bytes/step"],
      rows: networks.flatMap { network in
        let bare = network.results.first?.medianSeconds ?? .nan
        return network.results.map { result -> [Table.Cell] in
          [
            .text(network.size.rawValue), .text(result.level),
            .real(result.medianSeconds, decimals: 4), .real(result.overhead, decimals: 4),
            .integer(Int64(result.bytesPerStep)),
          ]
        }
          + stores.map { store in
            [
              .text(network.size.rawValue), .text(store.store),
              .real(bare + store.seconds, decimals: 4), .real(store.seconds / bare, decimals: 4),
              .integer(Int64(store.bytes)),
            ]
          }
      })
  }

  var text: String { table?.text ?? "" }
}

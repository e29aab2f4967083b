import Foundation
import Search

/// This program beside PyTorch on the same work, in turn, each measurement in a process of its own.
struct PeerBenchmark {
  /// A line of the table: what was measured, and what is aimed at.
  struct Line: Encodable {
    var subject: String
    var unit: String
    /// nil where PyTorch has no part in it.
    var peer: Double?
    var ours: Double
    /// What the goal is about: a ratio, a share or seconds.
    var value: Double
    var goal: Double
    var isMet: Bool
  }

  /// A search step that both sides take.
  private struct Work {
    var size: StepBenchmark.Size
    var method: SearchMethod
    var space = SearchSpace.darts
    var order = StepOrder.alphaFirst
    /// How many times faster this program should be.
    var goal: Double
    /// Layouts of PyTorch; the faster one counts.
    var layouts: [Layout] = Layout.allCases
    var subject: String {
      "\(method.rawValue) step at \(size.rawValue)"
        + (space == .darts ? "" : " on \(space.rawValue)")
        + (order == .alphaFirst ? "" : ", \(order.rawValue)")
    }
  }

  private enum Layout: String, CaseIterable {
    case contiguous, channelsLast
    var options: [String] { self == .channelsLast ? ["--channels-last"] : [] }
  }

  private static let works = [
    Work(size: .small, method: .milenas1st, goal: 10),
    Work(size: .medium, method: .milenas1st, goal: 6),
    // Channels-last is three times faster at this size.
    Work(size: .large, method: .milenas1st, goal: 5, layouts: [.channelsLast]),
    Work(
      size: .large, method: .milenas1st, order: .simultaneous, goal: 7, layouts: [.channelsLast]),
    Work(size: .small, method: .darts2ndExact, goal: 12),
    Work(size: .small, method: .darts1st, space: .gdas, goal: 5),
    Work(size: .medium, method: .darts1st, space: .gdas, goal: 5),
  ]

  private let script: PeerScript
  private let threads: Int
  private let steps: Int

  /// - Throws: `PeerScript.Missing`.
  init(threads: Int, steps: Int) throws {
    script = try PeerScript("torch_darts.py", needs: ["torch", "numpy"])
    self.threads = threads
    self.steps = steps
  }

  /// What the script prints.
  private struct Peer: Decodable {
    var medianSeconds: Double
    var peakMemory: Double

    enum CodingKeys: String, CodingKey {
      case medianSeconds = "median_s"
      case peakMemory = "peak_rss_mib"
    }
  }

  private struct Ours: Decodable { var results: [StepBenchmark.Result] }

  /// Measures everything; a few minutes for each line.
  ///
  /// - Parameter progress: is told what is measured.
  func run(progress: (String) -> Void) throws -> [Line] {
    var lines: [Line] = []
    var memory: (peer: Double, ours: Double)?
    var share = 0.0
    for work in Self.works {
      progress("\(work.subject): milenas-lab …")
      var results = [try measureOurs(work, threads: threads)]
      var peers: [Peer] = []
      for layout in work.layouts {
        progress("\(work.subject): PyTorch, \(layout.rawValue) …")
        peers.append(try measurePeer(work, layout))
        progress("\(work.subject): milenas-lab …")
        results.append(try measureOurs(work, threads: threads))
      }
      let peer = peers.map(\.medianSeconds).min() ?? .nan
      let ours = results.map(\.medianSeconds).sorted()[results.count / 2]
      lines.append(
        line(work.subject, "s", peer: peer, ours: ours, value: peer / ours, atLeast: work.goal))
      guard work.size == .large, work.order == .alphaFirst else { continue }
      share = results.map(\.shareOfPeak).sorted()[results.count / 2]
      memory = (peers[0].peakMemory, results.map(\.peakMegabytes).max() ?? .nan)
    }
    lines.append(
      line(
        "share of the FMA peak, a gradient at L", "", peer: nil, ours: share, value: share,
        atLeast: 0.5))
    if let memory {
      lines.append(
        line(
          "peak memory at L", "MiB", peer: memory.peer, ours: memory.ours,
          value: memory.peer / memory.ours, atLeast: 4))
    }
    lines.append(try scaling(progress))
    lines.append(try start(progress))
    return lines
  }

  private func line(
    _ subject: String, _ unit: String, peer: Double?, ours: Double, value: Double,
    atLeast goal: Double
  ) -> Line {
    Line(
      subject: subject, unit: unit, peer: peer, ours: ours, value: value, goal: goal,
      isMet: value >= goal)
  }

  private func scaling(_ progress: (String) -> Void) throws -> Line {
    progress("two threads against one …")
    let scaling = try StepBenchmark.scaling(.medium, threads: 2, pairs: max(9, steps))
    return line(
      "two threads against one, at M", "s", peer: nil, ours: scaling.allThreads,
      value: scaling.ratio, atLeast: 1.85)
  }

  /// The demo cut to one step, whole process: images, plan, memory, step, record.
  private func start(_ progress: (String) -> Void) throws -> Line {
    progress("start …")
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let seconds = try (0..<3).map { number in
      let began = ContinuousClock().now
      _ = try ownOutput([
        "search", "--epochs", "1", "--steps-per-epoch", "1", "--train-images", "64", "--threads",
        "\(threads)", "--runs-dir", folder.path, "--name", "start\(number)",
      ])
      return (ContinuousClock().now - began).inSeconds
    }.sorted()[1]
    return Line(
      subject: "start, first step and end of the demo's network", unit: "s", peer: nil,
      ours: seconds, value: seconds, goal: 1, isMet: seconds < 1)
  }

  private func measureOurs(_ work: Work, threads: Int) throws -> StepBenchmark.Result {
    let output = try ownOutput([
      "bench", "--config", work.size.rawValue, "--method", work.method.rawValue, "--space",
      work.space.rawValue, "--order", work.order.rawValue, "--threads", "\(threads)", "--steps",
      "\(steps)", "--format", "json",
    ])
    let ours = try JSONDecoder().decode(Ours.self, from: Data(output.utf8))
    guard let result = ours.results.first else {
      preconditionFailure("bench of one network gives one result")
    }
    return result
  }

  private func measurePeer(_ work: Work, _ layout: Layout) throws -> Peer {
    // PyTorch takes the mixture of a hard sample as its space "gdas" with the method of its own name.
    try script.run(
      [
        "time", "--config", work.size.rawValue, "--method", work.method.rawValue, "--space",
        work.space.rawValue, "--threads", "\(threads)", "--steps", "\(max(2, steps / 2))",
        "--warmup", "1",
      ] + layout.options, as: Peer.self)
  }

  private func ownOutput(_ arguments: [String]) throws -> String {
    try PeerScript.output([Bundle.main.executablePath ?? CommandLine.arguments[0]] + arguments)
  }
}

/// What `bench --peer` prints.
struct PeerReport: Report {
  var lines: [PeerBenchmark.Line]
  var threads: Int

  var table: Table? {
    Table(
      columns: ["measured", "PyTorch", "milenas-lab", "ratio or value", "goal", "met"],
      rows: lines.map { line in
        [
          .text(line.subject + (line.unit.isEmpty ? "" : " (\(line.unit))")),
          line.peer.map { .real($0, decimals: 3) } ?? .missing, .real(line.ours, decimals: 3),
          .real(line.value, decimals: 2), .real(line.goal, decimals: 2),
          .text(line.isMet ? "yes" : "no"),
        ]
      })
  }

  var text: String { table?.text ?? "" }
}

import Search
import Supernet

/// Training steps of a derived network, beside PyTorch where it is wanted: one after the other, in turn.
struct EvaluationBenchmark {
  private static let (cell, channels, cells, batch) = ("DARTS_V2", 16, 8, 96)

  let threads: Int
  let steps: Int

  /// What the script prints for each memory layout.
  private struct Peer: Decodable {
    var layout: String
    var seconds: Double
    var imagesPerSecond: Double

    enum CodingKeys: String, CodingKey {
      case layout
      case seconds = "median_s"
      case imagesPerSecond = "images_per_second"
    }
  }

  /// Measures this program, the peer, and this program again.
  ///
  /// - Parameter progress: is told what is measured.
  /// - Throws: `PeerScript.Missing`.
  func run(besidePeer: Bool, progress: (String) -> Void) throws -> EvaluationBenchReport {
    let benchmark = try TrainingBenchmark(
      KnownGenotypes()[Self.cell].genotype, channels: Self.channels, cells: Self.cells,
      batch: Self.batch, threads: threads)
    func ours() throws -> EvaluationBenchReport.Line {
      progress("milenas-lab …")
      let result = try benchmark.run(steps: steps)
      return .init(
        program: "milenas-lab", seconds: result.medianSeconds,
        imagesPerSecond: result.imagesPerSecond)
    }
    let first = try ours()
    guard besidePeer else { return EvaluationBenchReport(lines: [first]) }
    progress("PyTorch …")
    let peers = try PeerScript("torch_derived.py", needs: ["torch"]).run(
      [
        "time", "--genotype", Self.cell, "--channels", "\(Self.channels)", "--cells",
        "\(Self.cells)", "--batch", "\(Self.batch)", "--threads", "\(threads)", "--steps",
        "\(steps)",
      ], as: [Peer].self)
    let lines = peers.map { peer in
      EvaluationBenchReport.Line(
        program: "PyTorch, \(peer.layout)", seconds: peer.seconds,
        imagesPerSecond: peer.imagesPerSecond)
    }
    return EvaluationBenchReport(lines: [first] + lines + [try ours()])
  }
}

/// What `bench --evaluation` prints.
struct EvaluationBenchReport: Report {
  struct Line: Encodable {
    var program: String
    /// Median of a step.
    var seconds: Double
    var imagesPerSecond: Double
  }

  var lines: [Line]

  var table: Table? {
    let first = lines.first?.imagesPerSecond ?? .nan
    return Table(
      columns: ["program", "step_s", "images/s", "first / this"],
      rows: lines.map {
        [
          .text($0.program), .real($0.seconds, decimals: 3), .real($0.imagesPerSecond, decimals: 1),
          .real(first / $0.imagesPerSecond, decimals: 2),
        ]
      })
  }

  var text: String { table?.text ?? "" }
}

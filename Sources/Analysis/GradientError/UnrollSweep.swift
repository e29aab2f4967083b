import EventLog
import Kernels
import Search
import Supernet

/// The exact gradient through K steps, against the one through the most steps.
public struct UnrollSweep: Codable, Equatable, Sendable {
  /// Means over pairs of batches.
  public struct Row: Codable, Equatable, Sendable {
    /// K
    public var unroll: Int
    /// ‖d_K − d_max‖/‖d_max‖, cosine, and how much of the implicit part is captured: ⟨I_K, I_max⟩/‖I_max‖².
    public var error: Estimate
    /// Of the angle to the reference.
    public var cosine: Estimate
    /// ⟨I_K, I_max⟩/‖I_max‖² of the implicit parts.
    public var captured: Estimate
    /// ‖d_K‖
    public var norm: Estimate
  }

  /// The state is the one before this step, from 0.
  public var step: Int
  /// By K.
  public var rows: [Row]

  /// Measures the gradients through 0, 1, … steps against the one through the most.
  ///
  /// - Parameters:
  ///   - batches: pairs of batches that the K steps begin at.
  ///   - largest: K of the reference.
  ///   - parts: keeps each K on each pair.
  public init(
    _ replay: Replay, step: Int, threads: Int, batches: Int = 1, largest: Int,
    parts: ResultParts = .notKept, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let probe = try ProbePoint(replay, step: step, pairs: batches, further: largest - 1)
    let net = try ProbeNetworks(replay, threads: threads).double
    var found = (0...largest).map { _ in
      (errors: [Double](), cosines: [Double](), captured: [Double](), norms: [Double]())
    }
    for batch in 0..<batches {
      let directions = try (0...largest).map { unroll -> [Double] in
        progress(batch * (largest + 1) + unroll, batches * (largest + 1))
        return try parts.part("batch \(batch), K \(unroll)") {
          try net.unrolledHypergradient(
            at: probe.double, through: Array(probe.train.double[batch..<(batch + unroll)]),
            outer: probe.validation.double[batch], descent: probe.descent
          ).direction
        }
      }
      let (first, reference) = (directions[0], directions[largest])
      let implicit = reference.subtracting(first)
      for (unroll, direction) in directions.enumerated() {
        found[unroll].errors.append(direction.subtracting(reference).norm / reference.norm)
        found[unroll].cosines.append(
          direction.dot(reference) / (direction.norm * reference.norm))
        found[unroll].captured.append(
          direction.subtracting(first).dot(implicit) / implicit.dot(implicit))
        found[unroll].norms.append(direction.norm)
      }
    }
    self.step = step
    rows = found.enumerated().map { unroll, values in
      Row(
        unroll: unroll, error: Estimate(values.errors), cosine: Estimate(cosines: values.cosines),
        captured: Estimate(values.captured), norm: Estimate(values.norms))
    }
  }

  /// The sweep that is kept with the run, or a new one; where one was interrupted, its parts are not made again.
  ///
  /// - Throws: what the passes throw; `CancellationError` once cancelled.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, batches: Int, largest: Int,
    isCancelled: @escaping () -> Bool = { false }, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> UnrollSweep {
    try KeptResults.result(
      .unroll, of: replay, settings: settings(batches, largest), step: step,
      batches: batches + largest - 1, isCancelled: isCancelled
    ) { parts in
      try UnrollSweep(
        replay, step: step, threads: threads, batches: batches, largest: largest, parts: parts,
        progress: progress)
    }
  }

  private static func settings(_ batches: Int, _ largest: Int) -> [String: Int] {
    ["batches": batches, "largest": largest]
  }

  /// What the sweep costs: passes, and seconds by the time of one of them.
  ///
  /// - Throws: what the passes throw.
  public static func plan(
    _ replay: Replay, step: Int, threads: Int, batches: Int, largest: Int
  ) throws -> GradientErrorAnalysis.Plan {
    // K steps are K gradients and K tangents of 2.5 of them, and one gradient where they end.
    try GradientErrorAnalysis.plan(
      replay, step: step, threads: threads,
      isKept: KeptResults.holds(
        .unroll, of: replay, settings: settings(batches, largest), step: step,
        batches: batches + largest - 1),
      passes: Double(batches) * (0...largest).reduce(0) { $0 + 3.5 * Double($1) + 1 })
  }
}

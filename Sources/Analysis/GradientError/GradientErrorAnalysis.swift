import EventLog
import Foundation
import Search

/// Probes of several states of a run, kept as they are finished.
public struct GradientErrorAnalysis {
  /// What is ahead.
  public struct Plan: Equatable, Sendable {
    /// The states to be looked at, as steps from 0.
    public var steps: [Int]
    /// Those of them whose results are kept already.
    public var finished: Int
    /// From one measured gradient pass in Double.
    public var seconds: Double
  }

  /// What a sweep or test of one state is going to cost, as if none of its parts were kept.
  ///
  /// - Parameter passes: in units of a gradient pass in Double, as each kind of sweep counts them.
  static func plan(
    _ replay: Replay, step: Int, threads: Int, isKept: Bool, passes: Double
  ) throws -> Plan {
    Plan(
      steps: [step], finished: isKept ? 1 : 0,
      seconds: isKept ? 0 : passes * (try replay.passSeconds(step: step, threads: threads)))
  }

  private static let kind = KeptResults.Kind.gradientError.rawValue
  private let replay: Replay
  private let settings: ProbeSettings
  private let threads: Int
  private let steps: [Int]
  private let store: AnalysisStore
  private let digest: String

  /// An analysis of several states of one run; nothing is computed yet.
  ///
  /// - Parameter steps: the states before these steps.
  /// - Throws: `EventLogError`.
  public init(_ replay: Replay, settings: ProbeSettings, threads: Int, steps: [Int]) throws {
    self.replay = replay
    self.settings = settings
    self.threads = threads
    self.steps = steps
    store = try AnalysisStore(replay.reader.run)
    digest = try replay.reader.digest()
  }

  /// The states that a user means: named ones, or `count` spread over the checkpoints, or (nil) those after each epoch.
  ///
  /// - Throws: `AnalysisError.badStep`; `EventLogError.noCheckpoints` for a run without any; `AnalysisError.notRecorded`
  ///   for one whose only checkpoints lie within its first epoch.
  public static func steps(of replay: Replay, count: Int?, named: String?) throws -> [Int] {
    if let named {
      let words = named.split(separator: ",")
      guard !words.isEmpty else { throw AnalysisError.badStep(named) }
      return try words.map { word in
        guard let step = Int(word) else { throw AnalysisError.badStep(String(word)) }
        return step
      }
    }
    let all = try replay.checkpointedSteps()
    guard !all.isEmpty else { throw EventLogError.noCheckpoints(run: replay.reader.run.name) }
    guard let count else {
      // Ctrl-C leaves checkpoints within an epoch, too.
      let afterEpochs = all.filter { $0 % replay.loop.stepsPerEpoch == 0 }
      guard !afterEpochs.isEmpty else {
        throw AnalysisError.notRecorded(
          run: replay.reader.run.name, what: "checkpoint after an epoch")
      }
      return afterEpochs
    }
    guard count < all.count else { return all }
    if count == 1 { return [all[all.count - 1]] }
    // The first, the last, and evenly between.
    return (0..<count).map { all[$0 * (all.count - 1) / (count - 1)] }
  }

  /// What is left to do, with the time of it, from passes that are timed now.
  ///
  /// - Throws: what the passes throw.
  public func plan() throws -> Plan {
    let finished = try steps.count { try stored($0) != nil }
    // In units of such a pass: a tangent costs 2.5 of them, a gradient in Float a half.
    let perBatch =
      15 + 3 * 2.5 + 5 * 0.5 + Double(settings.unroll) * 6 + 2
      + (settings.implicit.map {
        (1 + 2.5 * Double($0.iterations + 1)) * ($0.settle > 0 ? 2 : 1)
      } ?? 0)
    let perProbe = Double(settings.batches) * perBatch + Double(settings.implicit?.settle ?? 0)
    return Plan(
      steps: steps, finished: finished,
      seconds: finished == steps.count
        ? 0
        : try replay.passSeconds(step: steps.first ?? 0, threads: threads) * perProbe
          * Double(steps.count - finished))
  }

  private func key(_ step: Int) throws -> String {
    try KeptResults.key(
      settings, step: step, of: digest,
      leavesEpoch: replay.leavesEpoch(from: step, batches: settings.batches + settings.further))
  }

  private func stored(_ step: Int) throws -> ProbeResult? {
    try store.result(Self.kind, key: try key(step), as: ProbeResult.self)
  }

  /// Probes what is not finished yet.
  ///
  /// - Parameter progress: batches done, of how many, and the step.
  /// - Returns: what is finished, in order, also when cancelled.
  public func run(
    isCancelled: () -> Bool, progress: (Int, Int, Int) -> Void
  ) throws -> [ProbeResult] {
    var found: [ProbeResult] = []
    var probe: GradientErrorProbe?
    for (index, step) in steps.enumerated() {
      if let finished = try stored(step) {
        found.append(finished)
        continue
      }
      if isCancelled() { break }
      let present = try probe ?? GradientErrorProbe(replay, settings: settings, threads: threads)
      probe = present
      let all = steps.count * (settings.batches + 1)
      guard
        let result = try present.run(
          step: step, isCancelled: isCancelled,
          progress: { progress(index * (settings.batches + 1) + $0, all, step) })
      else { break }
      try store.store(result, Self.kind, key: try key(step), step: step)
      found.append(result)
    }
    return found
  }
}

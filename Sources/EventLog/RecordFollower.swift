import Search

/// Reads what is new in a record while another process writes it.
public struct RecordFollower<Loop: RecordedLoop> {
  /// A row that was committed since it was last asked.
  public enum News: Sendable {
    /// A step, at levels `step` and `trace`.
    case step(Loop.Step)
    /// An epoch, after its last step.
    case epoch(Loop.Epoch)
  }

  private let reader: RecordReader<Loop>
  private var nextStep: Int
  private var nextEpoch: Int

  /// Begins at the present end of a record, or some steps before it.
  ///
  /// - Parameter steps: how many of the past are news, too.
  /// - Throws: as `RecordReader`.
  public init(_ run: RunFolder, steps: Int) throws {
    reader = try RecordReader(run)
    nextStep = max(0, try reader.stepCount() - steps)
    nextEpoch =
      try reader.stepCount() == 0
      ? 0 : reader.steps(nextStep..<(nextStep + 1)).first?.epoch ?? reader.epochs().count
  }

  /// What was committed since the last call, in order.
  public mutating func news() throws -> [News] {
    // Epochs first: a step that is committed in between is told with the next call's epochs.
    let epochs = try reader.epochs().filter { $0.epoch >= nextEpoch }
    let steps = try reader.steps(nextStep..<Int.max)
    nextStep = steps.last.map { $0.step + 1 } ?? nextStep
    nextEpoch = epochs.last.map { $0.epoch + 1 } ?? nextEpoch
    let all =
      steps.map { ($0.epoch, 0, $0.step, News.step($0)) }
      + epochs.map { ($0.epoch, 1, 0, News.epoch($0)) }
    return all.sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }.map(\.3)
  }
}

import Foundation
import Search

/// Two runs side by side: settings, the first step at which they part, and where they end.
public struct RunComparison: Encodable, Equatable, Sendable {
  /// A setting whose values differ, as JSON.
  public struct Setting: Encodable, Equatable, Sendable {
    /// "shape.channels"
    public var name: String
    /// nil when the first run has none.
    public var first: String?
    /// nil when the second run has none.
    public var second: String?
  }

  /// Where one run stands after an epoch, beside the other; accuracies of the validation half or the test images.
  public struct Epoch: Encodable, Equatable, Sendable {
    /// From 0.
    public var epoch: Int
    /// Of the first run, 0 to 1.
    public var firstAccuracy: Double
    /// Of the second run, 0 to 1.
    public var secondAccuracy: Double
    /// ‖α − α′‖; nil for searches of other sizes and for evaluations.
    public var alphaDistance: Double?
    /// nil for evaluations.
    public var sameGenotype: Bool?
  }

  /// Of the two runs.
  public var names: [String]
  /// Those that differ, by name.
  public var settings: [Setting]
  /// What may give the runs other bits beside their settings.
  public var environment: [String]
  /// nil when all steps, epochs and results that both have are the same in every bit.
  public var firstDifference: RunDifference?
  /// Steps that each has done; nil where its record does not tell.
  public var steps: [Int?]
  /// How many rows of steps both have.
  public var commonSteps: Int
  /// Whether both have a result, after as many steps.
  public var haveResults: Bool
  /// Those that both have.
  public var epochs: [Epoch]
  /// How each ended.
  public var results: [RunSummary]

  /// Whether the records have anything in common that could differ.
  public var isOfAnything: Bool { commonSteps > 0 || !epochs.isEmpty || haveResults }

  /// Whether settings and all bits are the same, to the same end; not of records that have nothing in common.
  public var areSame: Bool {
    settings.isEmpty && firstDifference == nil && isOfAnything && steps[0] == steps[1]
      && results[0].epochs == results[1].epochs && results[0].status == results[1].status
  }

  /// Compares two records of the same kind.
  ///
  /// - Throws: as `RecordReader`; `EventLogError.otherKind` for a search beside an evaluation.
  public init(_ first: RunFolder, _ second: RunFolder) throws {
    switch try first.kind() {
    case .search: try self.init(RecordReader<SearchLoop>(first), RecordReader(second))
    case .evaluation: try self.init(RecordReader<DerivedTraining>(first), RecordReader(second))
    }
  }

  private init<Loop>(_ a: RecordReader<Loop>, _ b: RecordReader<Loop>) throws {
    names = [a.run.name, b.run.name]
    results = [RunSummary(a.run), RunSummary(b.run)]
    settings = try Self.settings(a.manifest.configuration, b.manifest.configuration)
    environment = a.manifest.environment.differences(from: b.manifest.environment)
    let (mine, theirs) = (try a.epochs(), try b.epochs())
    epochs = zip(mine, theirs).map { x, y in
      let (found, other) = (x.found, y.found)
      return Epoch(
        epoch: x.epoch, firstAccuracy: x.accuracy, secondAccuracy: y.accuracy,
        alphaDistance: Self.distance(found?.alpha, other?.alpha),
        sameGenotype: found.map { $0.genotype == other?.genotype })
    }
    commonSteps = min(try a.stepCount(), try b.stepCount())
    steps = [try Self.stepsDone(a), try Self.stepsDone(b)]
    let areAsLong = steps[0] == steps[1]
    haveResults = try areAsLong && a.result() != nil && b.result() != nil
    firstDifference =
      try Self.firstStep(a, b, count: commonSteps) ?? Self.firstEpoch(a, b, mine, theirs)
      ?? (areAsLong ? Self.end(a, b) : nil)
  }

  private static func stepsDone<Loop>(_ reader: RecordReader<Loop>) throws -> Int? {
    try reader.result()?.steps
      ?? (reader.manifest.logLevel >= .step ? reader.stepCount() : nil)
  }

  /// Chains of digests are those of the same rows at the same level only.
  private static func end<Loop>(_ a: RecordReader<Loop>, _ b: RecordReader<Loop>) throws
    -> RunDifference?
  {
    func difference(in quantity: String) -> RunDifference {
      RunDifference(step: nil, epoch: nil, quantity: quantity, relative: nil)
    }
    switch (try a.result(), try b.result()) {
    case (nil, nil): return nil
    case (let mine?, let theirs?):
      if let difference = mine.difference(from: theirs) { return difference }
      let areComparable = a.manifest.logLevel == b.manifest.logLevel
      return try areComparable && a.resultDigest() != b.resultDigest()
        ? difference(in: "the chain of digests") : nil
    default: return difference(in: "whether there is a result")
    }
  }

  private static func distance(_ a: [Float]?, _ b: [Float]?) -> Double? {
    guard let a, let b, a.count == b.count else { return nil }
    return zip(a, b).reduce(0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }.squareRoot()
  }

  /// Steps are read in parts, so that long runs need little memory.
  private static func firstStep<Loop>(
    _ a: RecordReader<Loop>, _ b: RecordReader<Loop>, count: Int
  ) throws -> RunDifference? {
    for start in stride(from: 0, to: count, by: 256) {
      let range = start..<min(start + 256, count)
      let (mine, theirs) = (try a.states(range), try b.states(range))
      for (x, y) in zip(try a.steps(range), try b.steps(range)) {
        if let difference = x.difference(
          from: y, state: mine[x.step] ?? StateHash([]), recorded: theirs[y.step] ?? StateHash([]))
        {
          return difference
        }
      }
    }
    return nil
  }

  private static func firstEpoch<Loop>(
    _ a: RecordReader<Loop>, _ b: RecordReader<Loop>, _ mine: [Loop.Epoch],
    _ theirs: [Loop.Epoch]
  ) throws -> RunDifference? {
    let (x, y) = (try a.epochStates(), try b.epochStates())
    for (first, second) in zip(mine, theirs) {
      if let difference = first.difference(
        from: second, state: x[first.epoch] ?? StateHash([]),
        recorded: y[second.epoch] ?? StateHash([]))
      {
        return difference
      }
    }
    return nil
  }

  private static func settings<Configuration: Encodable>(
    _ a: Configuration, _ b: Configuration
  ) throws -> [Setting] {
    try Settings(a).differences(from: Settings(b))
  }
}

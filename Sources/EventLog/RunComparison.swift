import Foundation
import Search

/// Two runs side by side: settings, the first step at which they part, and where they end.
public struct RunComparison: Encodable, Equatable, Sendable {
  /// A setting whose values differ, as JSON.
  public struct Setting: Encodable, Equatable, Sendable {
    /// "shape.channels"
    public var name: String
    public var first: String?
    public var second: String?
  }

  /// Where one run stands after an epoch, beside the other.
  public struct Epoch: Encodable, Equatable, Sendable {
    public var epoch: Int
    public var firstAccuracy: Double
    public var secondAccuracy: Double
    /// ‖α − α′‖; nil for searches of other sizes.
    public var alphaDistance: Double?
    public var sameGenotype: Bool
  }

  public var names: [String]
  public var settings: [Setting]
  /// What may give the runs other bits beside their settings.
  public var environment: [String]
  /// nil when all steps and epochs that both have are the same in every bit.
  public var firstDifference: RunDifference?
  /// How many steps both have.
  public var commonSteps: Int
  public var epochs: [Epoch]
  public var results: [RunSummary]

  public var areSame: Bool {
    settings.isEmpty && firstDifference == nil && results[0].epochs == results[1].epochs
  }

  /// - Throws: as `RunReader`.
  public init(_ first: RunFolder, _ second: RunFolder) throws {
    let (a, b) = (try RunReader(first), try RunReader(second))
    names = [first.name, second.name]
    results = [RunSummary(first), RunSummary(second)]
    settings = try Self.settings(a.manifest.configuration, b.manifest.configuration)
    environment = a.manifest.environment.differences(from: b.manifest.environment)
    let (mine, theirs) = (try a.epochs(), try b.epochs())
    epochs = zip(mine, theirs).map { x, y in
      Epoch(
        epoch: x.epoch, firstAccuracy: x.validAccuracy, secondAccuracy: y.validAccuracy,
        alphaDistance: x.alpha.count == y.alpha.count ? Self.distance(x.alpha, y.alpha) : nil,
        sameGenotype: x.genotype == y.genotype)
    }
    commonSteps = min(try a.stepCount(), try b.stepCount())
    firstDifference =
      try Self.firstStep(a, b, count: commonSteps) ?? Self.firstEpoch(a, b, mine, theirs)
  }

  private static func distance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }.squareRoot()
  }

  /// Steps are read in parts, so that long runs need little memory.
  private static func firstStep(_ a: RunReader, _ b: RunReader, count: Int) throws
    -> RunDifference?
  {
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

  private static func firstEpoch(
    _ a: RunReader, _ b: RunReader, _ mine: [EpochRecord], _ theirs: [EpochRecord]
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

  private static func settings(_ a: SearchConfiguration, _ b: SearchConfiguration) throws
    -> [Setting]
  {
    try Settings(a).differences(from: Settings(b))
  }
}

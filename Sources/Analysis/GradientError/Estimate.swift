import Foundation

/// A mean with its 95 % interval: over paired batches by Student, or over groups of them.
public struct Estimate: Codable, Equatable, Sendable {
  /// Of all values.
  public var mean: Double
  /// NaN where one value alone says nothing of its spread.
  public var low: Double
  /// The upper end; NaN as `low`.
  public var high: Double
  /// How many values it is made of.
  public var count: Int

  /// The t interval of independent values.
  public init(_ values: [Double]) {
    count = values.count
    let average = values.reduce(0, +) / Double(values.count)
    mean = average
    guard values.count > 1 else {
      (low, high) = (.nan, .nan)
      return
    }
    let squares = values.reduce(0) { $0 + ($1 - average) * ($1 - average) }
    let error = (squares / Double(values.count - 1) / Double(values.count)).squareRoot()
    let reach = error * StudentT.quantile(level: 0.95, freedom: Double(values.count - 1))
    (low, high) = (average - reach, average + reach)
  }

  /// The geometric mean of values above 0 and the t interval of their logarithms, for what is read on a log axis.
  public init(geometric values: [Double]) {
    self.init(values.map(log))
    mean = values.count == 1 ? values[0] : exp(mean)
    (low, high) = (exp(low), exp(high))
  }

  /// The mean of cosines on Fisher's scale, atanh, with the t interval there: it never leaves −1 … 1.
  public init(cosines values: [Double]) {
    // A direction beside itself has 1, but for rounding, and would be infinitely far out.
    let bound = 1 - 1e-12
    self.init(values.map { atanh(min(max($0, -bound), bound)) })
    mean = values.count == 1 ? values[0] : tanh(mean)
    (low, high) = (tanh(low), tanh(high))
  }

  /// The mean over groups of their means: with Student's interval of these where they are few, else with that of the
  /// hierarchical bootstrap; of one group alone, Student's of its values.
  ///
  /// States of a run differ by more than chance within a state does, so the groups are what is counted. Drawing groups
  /// and then values in them covers 53 to 90 % with two groups, and 78 to 96 % with four.
  ///
  /// - Parameter groups: values of each state; none empty.
  public init(groups: [[Double]]) {
    if groups.count >= HierarchicalBootstrap.fewestGroups {
      self = HierarchicalBootstrap.mean(groups)
      return
    }
    self.init(
      groups.count == 1
        ? groups[0] : groups.map { $0.reduce(0, +) / Double($0.count) })
    count = groups.reduce(0) { $0 + $1.count }
  }

  /// The same of cosines, on Fisher's scale.
  public init(cosineGroups groups: [[Double]]) {
    let means = groups.map { Estimate(cosines: $0).mean }
    self.init(cosines: groups.count == 1 ? groups[0] : means)
    count = groups.reduce(0) { $0 + $1.count }
  }

  /// The same with an interval that ends where the quantity does: Student's knows no bounds.
  public func within(_ bounds: ClosedRange<Double>) -> Estimate {
    guard low.isFinite else { return self }
    return Estimate(
      mean: mean, low: max(low, bounds.lowerBound), high: min(high, bounds.upperBound),
      count: count)
  }

  /// An interval that was found otherwise.
  public init(mean: Double, low: Double, high: Double, count: Int) {
    self.mean = mean
    self.low = low
    self.high = high
    self.count = count
  }
}

/// The bootstrap of values within groups: groups are drawn first, then values within each (Davison and Hinkley, 3.8).
enum HierarchicalBootstrap {
  /// Percentiles of fewer groups cover too little.
  static var fewestGroups: Int { 8 }

  /// The mean over groups of their means, with the 2.5 % and 97.5 % points over `samples` drawings.
  ///
  /// - Parameter groups: values of each probe; none empty.
  static func mean(_ groups: [[Double]], samples: Int = 2000, seed: UInt64 = 1) -> Estimate {
    func average(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    var state = seed
    func draw(_ bound: Int) -> Int {
      // SplitMix64: addressed draws are not needed, the order is fixed.
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int((z ^ (z >> 31)) % UInt64(bound))
    }
    let means = (0..<samples).map { _ in
      average(
        groups.indices.map { _ in
          let group = groups[draw(groups.count)]
          return average(group.indices.map { _ in group[draw(group.count)] })
        })
    }.sorted()
    return Estimate(
      mean: average(groups.map(average)), low: means[samples * 25 / 1000],
      high: means[samples * 975 / 1000 - 1], count: groups.reduce(0) { $0 + $1.count })
  }
}

import Analysis

extension Line.Place {
  /// A mean, with its interval where it has one.
  init(x: Double, _ estimate: Estimate) {
    self.init(
      x: x, y: estimate.mean, low: estimate.low.isFinite ? estimate.low : nil,
      high: estimate.high.isFinite ? estimate.high : nil)
  }
}

extension Estimate {
  /// Mean, lower and upper end of the interval.
  var values: [FigureData.Value] {
    [.number(mean), .init(low.isFinite ? low : nil), .init(high.isFinite ? high : nil)]
  }
}

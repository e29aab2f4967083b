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

/// A quantity along a run: where there are few places, points with bars, joined; where there are many, a line with a
/// band.
enum Course {
  /// Places up to which each is marked.
  static let few = 12

  /// - Parameter phase: of the marks on a line of many places, between those of other lines.
  static func marks(
    _ name: Text?, _ places: [Line.Place], style: SeriesStyle, phase: Double = 0.5
  ) -> [any Mark] {
    guard places.count <= few else {
      return [Line(name, places, style: style, markers: 5, phase: phase)]
    }
    let joined = places.map { Line.Place(x: $0.x, y: $0.y) }
    return [Line(nil, joined, style: style), Scatter(name, places, style: style)]
  }
}

import Foundation

/// One axis of a panel: what it says, what it spans, where its ticks are.
public struct Axis: Sendable {
  /// How numbers become places.
  public enum Scale: Sendable {
    /// Equal differences have equal lengths.
    case linear
    /// Equal ratios have equal lengths.
    case logarithmic
  }

  /// Where an axis has ticks.
  public enum Ticks: Sendable {
    /// At round numbers, as many as there is room for.
    case automatic
    /// At these places, with these words: for categories.
    case labels([(at: Double, text: Text)])
  }

  /// With the unit; empty for none.
  public var label: Text
  /// Linear, unless said otherwise.
  public var scale: Scale
  /// What it spans; nil for the data and a margin.
  public var range: ClosedRange<Double>?
  /// Values that it spans in any case, such as 0 under bars.
  public var including: [Double]
  /// Round numbers, unless said otherwise.
  public var ticks: Ticks
  /// Whether only whole numbers have a meaning on it, as of epochs.
  public var isWhole: Bool
  /// Of the tick labels, in radians, clockwise; −π/2 for long names under a heat map.
  public var tickAngle: Double
  /// Whether faint lines cross the panel at its ticks.
  public var hasGrid: Bool

  /// Linear over the data, with ticks at round numbers, unless said otherwise.
  public init(
    _ label: Text, scale: Scale = .linear, range: ClosedRange<Double>? = nil,
    including: [Double] = [], ticks: Ticks = .automatic, isWhole: Bool = false,
    tickAngle: Double = 0,
    hasGrid: Bool = false
  ) {
    self.label = label
    self.scale = scale
    self.range = range
    self.including = including
    self.ticks = ticks
    self.isWhole = isWhole
    self.tickAngle = tickAngle
    self.hasGrid = hasGrid
  }

  /// Fixes span and ticks.
  ///
  /// - Parameters:
  ///   - data: what the marks span; nil when they say nothing of this axis.
  ///   - most: how many ticks have room; at least 2 are made.
  func resolved(around data: ClosedRange<Double>?, most: Int) -> ResolvedAxis {
    var low = data?.lowerBound ?? 0
    var high = data?.upperBound ?? 1
    for value in including {
      low = min(low, value)
      high = max(high, value)
    }
    if let range {
      (low, high) = (range.lowerBound, range.upperBound)
    } else if scale == .logarithmic {
      precondition(low > 0, "a logarithmic axis with \(low)")
      if high <= low { (low, high) = (low / 2, high * 2) }
      let margin = pow(high / low, 0.04)
      (low, high) = (low / margin, high * margin)
    } else {
      // What differs by rounding alone is one value.
      if high - low <= 1e-12 * max(abs(low), abs(high)) {
        (low, high) = (low - max(abs(low), 1) / 20, high + max(abs(high), 1) / 20)
      }
      let margin = 0.04 * (high - low)
      // An end that must be seen, such as 0 under bars, is the end.
      if !including.contains(low) { low -= margin }
      if !including.contains(high) { high += margin }
    }
    switch (ticks, scale) {
    case (.labels(let labels), _):
      return ResolvedAxis(
        scale: scale, span: low...high,
        ticks: labels.filter { (low...high).contains($0.at) }.map {
          .init(at: $0.at, label: $0.text)
        },
        minor: [])
    case (.automatic, .linear):
      let ticks = Self.linearTicks(low...high, most: most, isWhole: isWhole)
      return ResolvedAxis(scale: scale, span: low...high, ticks: ticks, minor: [])
    case (.automatic, .logarithmic):
      let (ticks, minor) = Self.logarithmicTicks(low...high, most: most)
      return ResolvedAxis(scale: scale, span: low...high, ticks: ticks, minor: minor)
    }
  }

  /// At multiples of 1, 2, 2.5 or 5 times a power of ten: the finest that give at most `most` ticks, and at least 2
  /// where any do.
  static func linearTicks(
    _ span: ClosedRange<Double>, most: Int, isWhole: Bool = false
  ) -> [ResolvedAxis.Tick] {
    let length = span.upperBound - span.lowerBound
    var power = Int(floor(log10(length / Double(max(2, most))))) - 1
    while true {
      for (factor, digits) in [(1.0, 0), (2.0, 0), (2.5, 1), (5.0, 0)] {
        let step = factor * pow(10, Double(power))
        if isWhole, step != step.rounded() { continue }
        // A tick on the very end is not lost to rounding.
        let first = Int((span.lowerBound / step - 1e-9).rounded(.up))
        let last = Int((span.upperBound / step + 1e-9).rounded(.down))
        if last - first + 1 <= max(2, most) {
          let decimals = max(0, digits - power)
          return (first...max(first, last)).map { index in
            let value = Double(index) * step
            return ResolvedAxis.Tick(at: value, label: number(value, decimals: decimals))
          }
        }
      }
      power += 1
    }
  }

  /// Powers of ten, thinned where there are too many; with 2 and 5, or as on a linear axis, where there are too few.
  static func logarithmicTicks(
    _ span: ClosedRange<Double>, most: Int
  ) -> (ticks: [ResolvedAxis.Tick], minor: [Double]) {
    let first = Int((log10(span.lowerBound) - 1e-9).rounded(.up))
    let last = Int((log10(span.upperBound) + 1e-9).rounded(.down))
    let decades = first <= last ? Array(first...last) : []
    let minor = (min(first, last) - 1...max(first, last)).flatMap { power in
      (2...9).map { Double($0) * pow(10, Double(power)) }
    }.filter(span.contains)
    if decades.count >= 2 {
      let stride = (decades.count + max(2, most) - 1) / max(2, most)
      let kept = decades.filter { ($0 - first) % stride == 0 }
      return (
        kept.map { .init(at: pow(10, Double($0)), label: power($0)) }, stride == 1 ? minor : []
      )
    }
    let some = (first - 1...last + 1).flatMap { power in
      [1.0, 2, 5].map { $0 * pow(10, Double(power)) }
    }.filter(span.contains)
    if some.count >= 2, some.count <= max(2, most) {
      return (some.map { .init(at: $0, label: short($0)) }, minor)
    }
    return (linearTicks(span, most: most), [])
  }

  /// With a real minus sign, and no sign before a zero.
  public static func number(_ value: Double, decimals: Int) -> Text {
    // A power of ten helps where it leaves few digits: 2.07945 is no clearer as 2.07945×10⁰.
    let isLong = decimals > 4 && abs(value) * pow(10, Double(decimals)) < 1e4
    if abs(value) >= 1e5 || isLong {
      if value == 0 { return "0" }
      let power = Int(floor(log10(abs(value)) + 1e-9))
      let mantissa = value / pow(10, Double(power))
      let digits = short((mantissa * 1e6).rounded() / 1e6)
      return digits + "×10" + Text("^{\(power)}")
    }
    let digits = String(format: "%.\(decimals)f", value)
    let isZero = digits.allSatisfy { $0 == "-" || $0 == "0" || $0 == "." }
    return Text(plain: isZero ? digits.replacing("-", with: "") : digits.replacing("-", with: "−"))
  }

  /// As few digits as tell it, with a real minus sign.
  public static func short(_ value: Double) -> Text {
    let digits = value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    return Text(plain: digits.replacing("-", with: "−"))
  }

  private static func power(_ exponent: Int) -> Text {
    switch exponent {
    case 0: "1"
    case 1: "10"
    default: Text("10^{\(exponent)}")
    }
  }
}

/// An axis whose span and ticks are known.
public struct ResolvedAxis: Sendable {
  /// A tick with its label.
  public struct Tick: Equatable, Sendable {
    /// In the data's unit.
    public var at: Double
    /// As it is written.
    public var label: Text
  }

  /// How numbers become places.
  public var scale: Axis.Scale
  /// From end to end, in the data's unit.
  public var span: ClosedRange<Double>
  /// Those that are labelled.
  public var ticks: [Tick]
  /// Ticks without a label.
  public var minor: [Double]

  /// Where a value lies: 0 at the beginning, 1 at the end of the span.
  public func share(of value: Double) -> Double {
    switch scale {
    case .linear:
      (value - span.lowerBound) / (span.upperBound - span.lowerBound)
    case .logarithmic:
      log(value / span.lowerBound) / log(span.upperBound / span.lowerBound)
    }
  }
}

/// Where a panel's data are drawn, and how numbers become places in it.
public struct Frame: Sendable {
  /// On the page.
  public var rect: Rect
  /// Its horizontal axis.
  public var x: ResolvedAxis
  /// Its vertical axis.
  public var y: ResolvedAxis

  /// Where a number of the x axis lies, in points.
  public func x(_ value: Double) -> Double { rect.left + x.share(of: value) * rect.width }
  /// Where a number of the y axis lies, in points.
  public func y(_ value: Double) -> Double { rect.bottom - y.share(of: value) * rect.height }
  /// Where a pair of numbers lies.
  public func point(_ x: Double, _ y: Double) -> Point { Point(self.x(x), self.y(y)) }
}

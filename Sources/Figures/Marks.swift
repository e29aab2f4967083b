import Foundation

/// What a mark spans on each axis; nil where it says nothing.
public struct Extent: Sendable {
  /// nil where it says nothing.
  public var x: ClosedRange<Double>?
  /// nil where it says nothing.
  public var y: ClosedRange<Double>?

  /// Nothing, unless said otherwise.
  public init(x: ClosedRange<Double>? = nil, y: ClosedRange<Double>? = nil) {
    self.x = x
    self.y = y
  }

  /// Of the finite values among these; nil for none.
  static func range(_ values: some Sequence<Double>) -> ClosedRange<Double>? {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return nil }
    return low...high
  }
}

/// What a legend shows of a mark.
public struct Key: Equatable, Sendable {
  /// What stands before the name.
  public enum Sample: Equatable, Sendable {
    /// A piece of line.
    case line(SeriesStyle, hasMarkers: Bool)
    /// One marker.
    case marker(SeriesStyle)
    /// A field of colour.
    case swatch(Color)
  }

  /// As the legend has it.
  public var name: Text
  /// What stands before it.
  public var sample: Sample

  /// A name with its sample.
  public init(_ name: Text, _ sample: Sample) {
    self.name = name
    self.sample = sample
  }
}

/// Something that a panel shows of its data.
public protocol Mark: Sendable {
  /// What it spans.
  var extent: Extent { get }
  /// nil where the legend is silent.
  var key: Key? { get }
  /// What lies under the marks of the whole panel, such as bands.
  func drawBehind(on canvas: inout Canvas, in frame: Frame)
  /// Draws it, clipped to the frame.
  func draw(on canvas: inout Canvas, in frame: Frame)
}

extension Mark {
  /// Nothing lies under the other marks.
  public func drawBehind(on canvas: inout Canvas, in frame: Frame) {}
}

/// Points joined by a line, with a band about it.
public struct Line: Mark {
  /// A point, and the band there.
  public struct Place: Equatable, Sendable {
    /// In the axis's unit.
    public var x: Double
    /// In the axis's unit.
    public var y: Double
    /// The band at x; nil for none.
    public var low: Double?
    /// The band's upper end; nil for none.
    public var high: Double?

    /// Without a band, unless one is given.
    public init(x: Double, y: Double, low: Double? = nil, high: Double? = nil) {
      self.x = x
      self.y = y
      self.low = low
      self.high = high
    }
  }

  /// As the legend has it; nil for none.
  public var name: Text?
  /// Those that are finite, in order.
  public var places: [Place]
  /// Colour, dashes and marker.
  public var style: SeriesStyle
  /// How many marks tell the line apart in grey; they lie between those of other lines.
  public var markers: Int
  /// Which of `markers`-spaced combs the marks are on, 0 to 1.
  public var phase: Double
  /// nil: the theme's.
  public var bandOpacity: Double?

  /// A line, unnamed and unmarked unless said otherwise.
  ///
  /// - Parameters:
  ///   - name: for the legend; nil for none.
  ///   - places: in order; those that are not finite are left out.
  ///   - markers: how many marks lie on the line.
  ///   - phase: where the first of them lies within its share of the width, 0 to 1.
  ///   - bandOpacity: 0 to 1; nil for the theme's.
  public init(
    _ name: Text?, _ places: [Place], style: SeriesStyle, markers: Int = 0, phase: Double = 0.5,
    bandOpacity: Double? = nil
  ) {
    self.name = name
    self.places = places.filter { $0.x.isFinite && $0.y.isFinite }
    self.style = style
    self.markers = markers
    self.phase = phase
    self.bandOpacity = bandOpacity
  }

  public var extent: Extent {
    Extent(
      x: Extent.range(places.map(\.x)),
      y: Extent.range(places.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] }))
  }

  public var key: Key? { name.map { Key($0, .line(style, hasMarkers: markers > 0)) } }

  public func drawBehind(on canvas: inout Canvas, in frame: Frame) {
    let banded = places.compactMap { place in
      place.low.flatMap { low in place.high.map { (x: place.x, low: low, high: $0) } }
    }
    guard banded.count > 1 else { return }
    let outline =
      banded.map { frame.point($0.x, $0.high) }
      + banded.reversed().map { frame.point($0.x, $0.low) }
    canvas.clipped(to: frame.rect) {
      $0.fill(
        .polyline(outline, closed: true),
        style.color.with(opacity: bandOpacity ?? $0.theme.bandOpacity))
    }
  }

  public func draw(on canvas: inout Canvas, in frame: Frame) {
    let radius = canvas.theme.markerRadius
    canvas.clipped(to: frame.rect.grown(by: radius)) { canvas in
      canvas.stroke(.polyline(places.map { frame.point($0.x, $0.y) }), style.pen)
      for place in marked(in: frame) {
        canvas.mark(style, at: frame.point(place.x, place.y), radius: radius)
      }
    }
  }

  /// The places next to the teeth of an even comb over the frame.
  private func marked(in frame: Frame) -> [Place] {
    let seen = places.filter { 0...1 ~= frame.x.share(of: $0.x) }
    guard markers > 0, !seen.isEmpty else { return [] }
    var chosen: [Int] = []
    for tooth in 0..<markers {
      let share = (Double(tooth) + phase) / Double(markers)
      let nearest = seen.indices.min {
        abs(frame.x.share(of: seen[$0].x) - share) < abs(frame.x.share(of: seen[$1].x) - share)
      }
      if let nearest, chosen.last != nearest,
        abs(frame.x.share(of: seen[nearest].x) - share) < 0.5 / Double(markers)
      {
        chosen.append(nearest)
      }
    }
    return chosen.map { seen[$0] }
  }
}

/// Points that stand alone, with bars of uncertainty.
public struct Scatter: Mark {
  /// As the legend has it; nil for none.
  public var name: Text?
  /// Those that are finite.
  public var places: [Line.Place]
  /// Colour and marker.
  public var style: SeriesStyle

  /// Leaves out places that are not finite.
  public init(_ name: Text?, _ places: [Line.Place], style: SeriesStyle) {
    self.name = name
    self.places = places.filter { $0.x.isFinite && $0.y.isFinite }
    self.style = style
  }

  public var extent: Extent {
    Extent(
      x: Extent.range(places.map(\.x)),
      y: Extent.range(places.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] }))
  }

  public var key: Key? { name.map { Key($0, .marker(style)) } }

  public func draw(on canvas: inout Canvas, in frame: Frame) {
    let radius = canvas.theme.markerRadius
    let pen = Pen(color: style.color, width: canvas.theme.frameWidth)
    canvas.clipped(to: frame.rect.grown(by: radius)) { canvas in
      for place in places {
        if let low = place.low, let high = place.high {
          canvas.stroke(
            .polyline([frame.point(place.x, low), frame.point(place.x, high)]), pen)
        }
        canvas.mark(style, at: frame.point(place.x, place.y), radius: radius)
      }
    }
  }
}

extension Canvas {
  /// A marker of a series.
  public mutating func mark(
    _ style: SeriesStyle, at place: Point, radius: Double, role: Role = .data
  ) {
    let outline = style.marker.path(at: place, radius: radius)
    switch style.marker {
    case .cross:
      stroke(outline, Pen(color: style.color, width: style.width), role: role)
    case .ring:
      fill(outline, theme.paper, role: role)
      stroke(outline, Pen(color: style.color, width: 0.8 * style.width), role: role)
    case .circle, .square, .triangle, .diamond, .down:
      fill(outline, style.color, role: role)
    }
  }
}

/// Bars of several series side by side, at whole numbers on the x axis, from 0 up.
public struct Bars: Mark {
  /// As the legend has it; nil for none.
  public var name: Text?
  /// One for each category, from x = 0.
  public var values: [Double]
  /// Of the bars.
  public var color: Color
  /// Which of how many series it is.
  public var place: Int
  /// How many series stand side by side.
  public var series: Int
  /// Whether the value stands above each bar.
  public var showsValues: Bool

  /// One series of several.
  public init(
    _ name: Text?, _ values: [Double], color: Color, place: Int = 0, of series: Int = 1,
    showsValues: Bool = false
  ) {
    self.name = name
    self.values = values
    self.color = color
    self.place = place
    self.series = series
    self.showsValues = showsValues
  }

  public var extent: Extent {
    Extent(x: -0.5...(Double(values.count) - 0.5), y: Extent.range(values + [0]))
  }

  public var key: Key? { name.map { Key($0, .swatch(color)) } }

  public func draw(on canvas: inout Canvas, in frame: Frame) {
    let theme = canvas.theme
    let width = 0.8 / Double(series)
    let unit = frame.x(1) - frame.x(0)
    // Numbers are as large as fits between their neighbours, and never under 5 points.
    let room = unit * width
    for (index, value) in values.enumerated() {
      let left = Double(index) - 0.4 + width * Double(place)
      let bar = Rect(
        left: frame.x(left + 0.04 * width), top: frame.y(max(value, 0)),
        right: frame.x(left + 0.96 * width), bottom: frame.y(min(value, 0)))
      if value != 0 { canvas.fill(.rectangle(bar), color) }
      guard showsValues else { continue }
      let number = canvas.typeset(
        Axis.short(value), size: max(5, min(theme.smallSize, 1.7 * room)))
      canvas.write(number, at: Point(bar.center.x, bar.top), .init(.center, .bottom))
    }
  }
}

/// Words beside a point, put where they cover nothing, with a line to the point.
public struct Note: Mark {
  /// The words.
  public var text: Text
  /// Of the point, in the axis's unit.
  public var x: Double
  /// Of the point, in the axis's unit.
  public var y: Double

  /// Words about a point.
  public init(_ text: Text, x: Double, y: Double) {
    self.text = text
    self.x = x
    self.y = y
  }

  public var extent: Extent { Extent(x: x...x, y: y...y) }
  public var key: Key? { nil }

  /// Left out where there is no room: a note is no data.
  public func draw(on canvas: inout Canvas, in frame: Frame) {
    let theme = canvas.theme
    let words = canvas.typeset(text, size: theme.smallSize)
    let point = frame.point(x, y)
    // Above before below, near before far.
    let places = [2.2, 3.2, 4.5, 6].flatMap { distance in
      [-90.0, -60, -120, -30, -150, 90, 60, 120, 0, 180].map { degrees in
        let angle = degrees * .pi / 180
        return point
          + Point(
            cos(angle) * (distance * theme.smallSize / 1.5 + words.width / 2),
            sin(angle) * distance * theme.smallSize)
      }
    }
    for place in places {
      let box = Rect(
        left: place.x - words.width / 2, top: place.y - words.height / 2, width: words.width,
        height: words.height)
      guard frame.rect.contains(box), canvas.isFree(box.grown(by: 1)) else { continue }
      let end = Point(
        min(max(point.x, box.left), box.right), place.y < point.y ? box.bottom : box.top)
      canvas.stroke(
        .polyline([point, end]),
        Pen(color: theme.ink.mixed(with: theme.paper, share: 0.35), width: theme.frameWidth),
        role: .frame)
      canvas.write(words, at: Point(box.left, box.top), .init(.left, .top))
      return
    }
  }
}

/// A range of x, of y or of both that the figure points at, behind the data.
public struct Span: Mark {
  /// As the legend has it; nil for none.
  public var name: Text?
  /// nil for the whole width.
  public var x: ClosedRange<Double>?
  /// nil for the whole height.
  public var y: ClosedRange<Double>?
  /// Of the field.
  public var color: Color

  /// A field over a range of x, of y, or of both.
  ///
  /// - Parameter color: usually the theme's highlight.
  public init(
    _ name: Text?, x: ClosedRange<Double>? = nil, y: ClosedRange<Double>? = nil, color: Color
  ) {
    self.name = name
    self.x = x
    self.y = y
    self.color = color
  }

  /// It points at what others show.
  public var extent: Extent { Extent() }
  public var key: Key? { name.map { Key($0, .swatch(color)) } }

  public func drawBehind(on canvas: inout Canvas, in frame: Frame) {
    let rect = Rect(
      left: x.map { frame.x($0.lowerBound) } ?? frame.rect.left,
      top: y.map { frame.y($0.upperBound) } ?? frame.rect.top,
      right: x.map { frame.x($0.upperBound) } ?? frame.rect.right,
      bottom: y.map { frame.y($0.lowerBound) } ?? frame.rect.bottom)
    canvas.clipped(to: frame.rect) {
      $0.fill(.rectangle(rect), color, role: .shade)
    }
  }

  public func draw(on canvas: inout Canvas, in frame: Frame) {}
}

/// A straight line across the panel, at a value of x or of y, behind the data.
public struct Rule: Mark {
  /// Written along it; nil for none.
  public var name: Text?
  /// Of an upright rule; nil for one that lies.
  public var x: Double?
  /// Of one that lies; nil for an upright rule.
  public var y: Double?
  /// Lengths of strokes and gaps; empty for a solid line.
  public var dash: [Double]

  /// Give x or y.
  public init(_ name: Text? = nil, x: Double? = nil, y: Double? = nil, dash: [Double] = [2, 1.5]) {
    self.name = name
    self.x = x
    self.y = y
    self.dash = dash
  }

  public var extent: Extent { Extent(x: x.map { $0...$0 }, y: y.map { $0...$0 }) }
  public var key: Key? { nil }

  public func draw(on canvas: inout Canvas, in frame: Frame) {
    let theme = canvas.theme
    let pen = Pen(
      color: theme.ink.mixed(with: theme.paper, share: 0.4), width: theme.frameWidth,
      dash: dash.map { $0 * theme.lineWidth })
    if let x {
      canvas.stroke(
        .polyline([Point(frame.x(x), frame.rect.top), Point(frame.x(x), frame.rect.bottom)]), pen)
      if let name {
        let words = canvas.typeset(name, size: theme.smallSize)
        canvas.write(
          words, at: Point(frame.x(x) + 2, frame.rect.top + 1), .init(.left, .top))
      }
    }
    if let y {
      canvas.stroke(
        .polyline([Point(frame.rect.left, frame.y(y)), Point(frame.rect.right, frame.y(y))]), pen)
      if let name {
        let words = canvas.typeset(name, size: theme.smallSize)
        canvas.write(
          words, at: Point(frame.rect.right - 1, frame.y(y) - 2), .init(.right, .bottom))
      }
    }
  }
}

/// Numbers as colours, one cell each: rows from the top, columns from the left, centred on whole numbers.
///
/// Give its panel a y axis with `range: rows - 0.5 ... -0.5` reversed by the labels: row 0 is drawn on top.
public struct HeatMap: Mark {
  /// [rows][columns]; what is not finite is left white.
  public var values: [[Double]]
  /// What the ends of the scale stand for.
  public var range: ClosedRange<Double>
  /// Colours from the lower end to the upper.
  public var scale: ColorScale
  /// Decimals of the number written in each cell; nil for none.
  public var decimals: Int?

  /// [rows][columns], the first row on top.
  public init(
    _ values: [[Double]], range: ClosedRange<Double>, scale: ColorScale = .sequential,
    decimals: Int? = nil
  ) {
    self.values = values
    self.range = range
    self.scale = scale
    self.decimals = decimals
  }

  private var columns: Int { values.map(\.count).max() ?? 0 }

  public var extent: Extent {
    Extent(
      x: -0.5...(Double(max(1, columns)) - 0.5), y: (0.5 - Double(max(1, values.count)))...0.5)
  }

  public var key: Key? { nil }

  /// The axis that names the rows: row r lies at y = −r.
  public static func rows(_ label: Text, _ names: [Text]) -> Axis {
    Axis(
      label, range: (0.5 - Double(max(1, names.count)))...0.5,
      ticks: .labels(names.enumerated().map { (at: -Double($0.offset), text: $0.element) }))
  }

  /// The axis that names the columns.
  public static func columns(_ label: Text, _ names: [Text], angle: Double = 0) -> Axis {
    Axis(
      label, range: -0.5...(Double(max(1, names.count)) - 0.5),
      ticks: .labels(names.enumerated().map { (at: Double($0.offset), text: $0.element) }),
      tickAngle: angle)
  }

  public func draw(on canvas: inout Canvas, in frame: Frame) {
    let theme = canvas.theme
    let span = range.upperBound - range.lowerBound
    for (row, values) in values.enumerated() {
      for (column, value) in values.enumerated() where value.isFinite {
        let (x, y) = (Double(column), -Double(row))
        let color = theme.shown(
          scale.color(at: span > 0 ? (value - range.lowerBound) / span : 0.5))
        // A hair wider than the cell: neighbours leave no white line between them.
        let cell = Rect(
          left: frame.x(x - 0.5), top: frame.y(y + 0.5), right: frame.x(x + 0.5),
          bottom: frame.y(y - 0.5)
        ).grown(by: 0.05)
        canvas.fill(.rectangle(cell), color)
        guard let decimals else { continue }
        let number = canvas.typeset(Axis.number(value, decimals: decimals), size: 5)
        canvas.write(
          number, at: cell.center, .init(.center, .middle),
          color: color.luminance > 0.25 ? theme.ink : .white)
      }
    }
  }
}

import Foundation

/// One pair of axes and what is drawn in it.
public struct Panel: Sendable {
  /// Where names of marks stand.
  public enum LegendPlace: Sendable {
    /// Where it covers no data, or else above the frame.
    case automatic
    /// Names at the ends of the lines.
    case direct
    /// Nowhere.
    case none
  }

  /// Above the frame; nil for none.
  public var title: Text?
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// Drawn in this order; spans and rules first.
  public var marks: [any Mark]
  /// Where names of marks stand.
  public var legend: LegendPlace
  /// What the colours of a heat map mean; nil for no bar beside it.
  public var colorBar: Text?
  /// Whether a line closes the frame above and on the right.
  public var isBoxed: Bool
  /// Height of the frame for a width of 1; nil for the grid's.
  public var aspect: Double?

  /// A legend where there is room, unless said otherwise.
  public init(
    title: Text? = nil, x: Axis, y: Axis, marks: [any Mark], legend: LegendPlace = .automatic,
    colorBar: Text? = nil, isBoxed: Bool = false, aspect: Double? = nil
  ) {
    self.title = title
    self.x = x
    self.y = y
    self.marks = marks
    self.legend = legend
    self.colorBar = colorBar
    self.isBoxed = isBoxed
    self.aspect = aspect
  }

  /// Without names that come twice.
  var keys: [Key] {
    marks.compactMap(\.key).reduce(into: []) { keys, key in
      if !keys.contains(where: { $0.name == key.name }) { keys.append(key) }
    }
  }

  /// What is drawn after all data, so that it can keep clear of them.
  static func isLast(_ mark: any Mark) -> Bool { mark is Note }

  var heatMap: HeatMap? { marks.lazy.compactMap { $0 as? HeatMap }.first }

  var extent: Extent {
    let extents = marks.map(\.extent)
    return Extent(
      x: Extent.range(extents.compactMap(\.x).flatMap { [$0.lowerBound, $0.upperBound] }),
      y: Extent.range(extents.compactMap(\.y).flatMap { [$0.lowerBound, $0.upperBound] }))
  }
}

/// A panel whose words have been measured for a frame of some size.
struct MeasuredPanel {
  let panel: Panel
  let x: ResolvedAxis
  let y: ResolvedAxis
  private let xLabels: [TypesetText]
  private let yLabels: [TypesetText]
  private let xAngle: Double
  private let xName: TypesetText
  private let yName: TypesetText
  /// Names at the line ends, for `.direct`.
  private let endLabels: [(line: Line, words: TypesetText)]
  private let colorBar:
    (map: HeatMap, axis: ResolvedAxis, labels: [TypesetText], name: TypesetText)?

  /// Room beside the frame for all that is not within it; no title, no legend.
  let left: Double
  let right: Double
  let bottom: Double

  private static let barGap = 6.0
  private static let barWidth = 6.0

  init(_ panel: Panel, frame: Size, in canvas: Canvas) {
    self.panel = panel
    let theme = canvas.theme
    let small = theme.smallSize
    func measure(_ ticks: [ResolvedAxis.Tick], size: Double) -> [TypesetText] {
      ticks.map { canvas.typeset($0.label, size: size) }
    }
    let extent = panel.extent
    // As many ticks as stand free of each other.
    var (x, xLabels) = (panel.x.resolved(around: extent.x, most: 8), [TypesetText]())
    for most in stride(from: 8, through: 2, by: -1) {
      x = panel.x.resolved(around: extent.x, most: most)
      xLabels = measure(x.ticks, size: small)
      if Self.stand(xLabels, at: x, length: frame.width, gap: 0.6 * small) { break }
    }
    var angle = panel.x.tickAngle
    if case .labels = panel.x.ticks, angle == 0,
      !Self.stand(xLabels, at: x, length: frame.width, gap: 0.2 * small)
    {
      xLabels = measure(x.ticks, size: 5)
      if !Self.stand(xLabels, at: x, length: frame.width, gap: 1) { angle = -.pi / 2 }
    }
    var (y, yLabels) = (panel.y.resolved(around: extent.y, most: 6), [TypesetText]())
    for most in stride(from: 6, through: 2, by: -1) {
      y = panel.y.resolved(around: extent.y, most: most)
      yLabels = measure(y.ticks, size: small)
      if case .labels = panel.y.ticks { break }
      if Double(y.ticks.count) * 2 * small <= frame.height { break }
    }
    (self.x, self.xLabels, xAngle, self.y, self.yLabels) = (x, xLabels, angle, y, yLabels)
    xName = canvas.typeset(
      panel.x.label, size: theme.labelSize, wrapWidth: nil, alignment: .center)
    yName = canvas.typeset(
      panel.y.label, size: theme.labelSize, wrapWidth: frame.height + small, alignment: .center)
    if case .direct = panel.legend {
      endLabels = panel.marks.compactMap { $0 as? Line }.compactMap { line in
        line.name.map { (line, canvas.typeset($0, size: small)) }
      }
    } else {
      endLabels = []
    }
    if let name = panel.colorBar, let map = panel.heatMap {
      let axis = Axis("", range: map.range).resolved(
        around: nil, most: max(2, min(5, Int(frame.height / (2.5 * small)))))
      colorBar = (
        map, axis, measure(axis.ticks, size: small),
        canvas.typeset(name, size: small, wrapWidth: frame.height, alignment: .center)
      )
    } else {
      colorBar = nil
    }
    let yName = self.yName
    left =
      theme.tickLength + 1.5 + (yLabels.map(\.width).max() ?? 0)
      + (panel.y.label.isEmpty ? 0 : 2.5 + yName.height)
    let deepest =
      angle == 0
      ? (xLabels.map(\.height).max() ?? 0)
      : (xLabels.map { abs(sin(angle)) * $0.width + abs(cos(angle)) * $0.height }.max() ?? 0)
    bottom =
      theme.tickLength + 1.5 + deepest + (panel.x.label.isEmpty ? 0 : 2 + xName.height)
    let overhang = zip(x.ticks, xLabels).map { tick, words in
      x.share(of: tick.at) * frame.width + words.width / 2 - frame.width
    }
    var right = angle == 0 ? max(1, overhang.max() ?? 0) : 1
    if let widest = endLabels.map(\.words.width).max() {
      right = max(right, widest + 2 * theme.markerRadius + 3)
    }
    if let colorBar {
      right =
        Self.barGap + Self.barWidth + theme.tickLength + 1.5
        + (colorBar.labels.map(\.width).max() ?? 0) + 2 + colorBar.name.height
    }
    // A name that is wider than the frame reaches as far beyond it on either side.
    self.right = max(right, (xName.width - frame.width) / 2)
  }

  /// Whether the labels leave a gap between them.
  private static func stand(
    _ labels: [TypesetText], at axis: ResolvedAxis, length: Double, gap: Double
  ) -> Bool {
    let ends = zip(axis.ticks, labels).map { tick, words in
      let center = axis.share(of: tick.at) * length
      return (left: center - words.width / 2, right: center + words.width / 2)
    }
    return zip(ends, ends.dropFirst()).allSatisfy { $1.left - $0.right >= gap }
  }

  /// Draws all but title and legend.
  ///
  /// - Parameter namesSpans: whether ranges with room for their name have it written in them.
  /// - Returns: what the legend still has to name.
  @discardableResult
  func draw(on canvas: inout Canvas, in rect: Rect, namesSpans: Bool = true) -> [Key] {
    let theme = canvas.theme
    let frame = Frame(rect: rect, x: x, y: y)
    for mark in panel.marks { mark.drawBehind(on: &canvas, in: frame) }
    let grid = Pen(color: theme.faint, width: 0.8 * theme.frameWidth)
    if panel.y.hasGrid {
      for tick in y.ticks {
        canvas.stroke(
          .polyline([Point(rect.left, frame.y(tick.at)), Point(rect.right, frame.y(tick.at))]),
          grid, role: .frame)
      }
    }
    if panel.x.hasGrid {
      for tick in x.ticks {
        canvas.stroke(
          .polyline([Point(frame.x(tick.at), rect.top), Point(frame.x(tick.at), rect.bottom)]),
          grid, role: .frame)
      }
    }
    for mark in panel.marks where !Panel.isLast(mark) {
      mark.draw(on: &canvas, in: frame)
    }
    for mark in panel.marks where Panel.isLast(mark) { mark.draw(on: &canvas, in: frame) }
    drawAxes(on: &canvas, in: frame)
    drawEndLabels(on: &canvas, in: frame)
    drawColorBar(on: &canvas, beside: rect)
    let named =
      namesSpans
      ? panel.marks.compactMap { $0 as? Span }.filter { name($0, on: &canvas, in: frame) } : []
    return panel.keys.filter { key in !named.contains { $0.name == key.name } }
  }

  /// Writes a range's name in it, near its top.
  ///
  /// - Returns: false when there is no place free of data.
  private func name(_ span: Span, on canvas: inout Canvas, in frame: Frame) -> Bool {
    guard let name = span.name, let x = span.x else { return false }
    let small = canvas.theme.smallSize
    let (left, right) = (
      max(frame.x(x.lowerBound), frame.rect.left), min(frame.x(x.upperBound), frame.rect.right)
    )
    let words = canvas.typeset(name, size: small, wrapWidth: right - left - 2, alignment: .center)
    // A word that is broken within would be hard to read.
    let longest =
      name.plain.split(separator: " ").map {
        canvas.typeset(Text(plain: String($0)), size: small).width
      }.max() ?? 0
    guard longest <= right - left - 2 else { return false }
    for step in 0...6 {
      let top = frame.rect.top + 2 + Double(step) / 6 * (frame.rect.height - words.height - 4)
      let box = Rect(
        left: (left + right - words.width) / 2, top: top, width: words.width, height: words.height)
      guard canvas.isFree(box.grown(by: 1)) else { continue }
      canvas.write(words, at: Point((left + right) / 2, top), .init(.center, .top))
      return true
    }
    return false
  }

  private func drawAxes(on canvas: inout Canvas, in frame: Frame) {
    let theme = canvas.theme
    let rect = frame.rect
    let pen = Pen(color: theme.ink, width: theme.frameWidth)
    let corners = [
      Point(rect.left, rect.top), Point(rect.left, rect.bottom), Point(rect.right, rect.bottom),
    ]
    canvas.stroke(
      panel.isBoxed ? .rectangle(rect) : .polyline(corners), pen, role: .frame)
    for (tick, words) in zip(x.ticks, xLabels) {
      let at = frame.x(tick.at)
      canvas.stroke(
        .polyline([Point(at, rect.bottom), Point(at, rect.bottom + theme.tickLength)]), pen,
        role: .frame)
      let under = Point(at, rect.bottom + theme.tickLength + 1.5)
      if xAngle == 0 {
        canvas.write(words, at: under, .init(.center, .top))
      } else {
        canvas.write(words, at: under, .init(.right, .middle), angle: xAngle)
      }
    }
    for value in x.minor {
      canvas.stroke(
        .polyline([
          Point(frame.x(value), rect.bottom),
          Point(frame.x(value), rect.bottom + 0.6 * theme.tickLength),
        ]), pen, role: .frame)
    }
    for (tick, words) in zip(y.ticks, yLabels) {
      let at = frame.y(tick.at)
      canvas.stroke(
        .polyline([Point(rect.left, at), Point(rect.left - theme.tickLength, at)]), pen,
        role: .frame)
      canvas.write(
        words, at: Point(rect.left - theme.tickLength - 1.5, at), .init(.right, .middle))
    }
    for value in y.minor {
      canvas.stroke(
        .polyline([
          Point(rect.left, frame.y(value)),
          Point(rect.left - 0.6 * theme.tickLength, frame.y(value)),
        ]), pen, role: .frame)
    }
    if !panel.x.label.isEmpty {
      canvas.write(
        xName, at: Point(rect.center.x, rect.bottom + bottom), .init(.center, .bottom))
    }
    if !panel.y.label.isEmpty {
      let widest = yLabels.map(\.width).max() ?? 0
      let right = rect.left - theme.tickLength - 1.5 - widest - 2.5
      canvas.write(
        yName, at: Point(right, rect.center.y), .init(.center, .bottom), angle: -.pi / 2)
    }
  }

  private func drawEndLabels(on canvas: inout Canvas, in frame: Frame) {
    let theme = canvas.theme
    let rect = frame.rect
    let lines = endLabels.compactMap { entry in
      entry.line.places.last.map { (line: entry.line, words: entry.words, end: $0) }
    }
    let heights = DirectLabels.spread(
      lines.map { min(max(frame.y($0.end.y), rect.top), rect.bottom) },
      distance: 1.15 * theme.smallSize, within: rect.top...max(rect.top, rect.bottom))
    for (entry, height) in zip(lines, heights) {
      let end = frame.point(entry.end.x, entry.end.y)
      let left = rect.right + 2 * theme.markerRadius + 1
      if abs(height - end.y) > 1 || rect.right - end.x > 3 {
        canvas.stroke(
          .polyline([Point(min(end.x + 2, left - 1), end.y), Point(left - 1, height)]),
          Pen(color: entry.line.style.color.with(opacity: 0.5), width: 0.6 * theme.frameWidth),
          role: .frame)
      }
      canvas.write(
        entry.words, at: Point(left, height), .init(.left, .middle),
        color: entry.line.style.color.mixed(with: theme.ink, share: 0.35))
    }
  }

  private func drawColorBar(on canvas: inout Canvas, beside rect: Rect) {
    guard let (map, axis, labels, name) = colorBar else { return }
    let theme = canvas.theme
    let bar = Rect(
      left: rect.right + Self.barGap, top: rect.top, width: Self.barWidth, height: rect.height)
    let steps = 64
    for step in 0..<steps {
      let (low, high) = (Double(step) / Double(steps), Double(step + 1) / Double(steps))
      canvas.fill(
        .rectangle(
          Rect(
            left: bar.left, top: bar.bottom - high * bar.height - 0.05, right: bar.right,
            bottom: bar.bottom - low * bar.height)),
        theme.shown(map.scale.color(at: (low + high) / 2)), role: .frame)
    }
    let pen = Pen(color: theme.ink, width: theme.frameWidth)
    canvas.stroke(.rectangle(bar), pen, role: .frame)
    for (tick, words) in zip(axis.ticks, labels) {
      let y = bar.bottom - axis.share(of: tick.at) * bar.height
      canvas.stroke(
        .polyline([Point(bar.right, y), Point(bar.right + theme.tickLength, y)]), pen, role: .frame)
      canvas.write(
        words, at: Point(bar.right + theme.tickLength + 1.5, y), .init(.left, .middle))
    }
    canvas.write(
      name, at: Point(rect.right + right, bar.center.y), .init(.center, .bottom), angle: -.pi / 2)
  }
}

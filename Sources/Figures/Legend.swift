import Foundation

/// Names beside samples of what they name, in rows; measured, to be put where there is room.
struct Legend {
  private let entries: [(key: Key, words: TypesetText)]
  private let columns: Int
  private let columnWidths: [Double]
  private let rowHeight: Double
  private let sampleWidth: Double
  let size: Size

  private static let sampleGap = 3.0
  private static let columnGap = 9.0

  /// - Parameter columns: how many entries stand side by side.
  init(_ keys: [Key], columns: Int, in canvas: Canvas) {
    let theme = canvas.theme
    entries = keys.map { ($0, canvas.typeset($0.name, size: theme.smallSize)) }
    self.columns = max(1, min(columns, keys.count))
    rowHeight = 1.3 * theme.smallSize
    let isLine = keys.contains { if case .line = $0.sample { true } else { false } }
    sampleWidth = (isLine ? 2.6 : 1.1) * theme.smallSize
    let count = self.columns
    columnWidths = (0..<count).map { [entries] column in
      stride(from: column, to: entries.count, by: count).map { entries[$0].words.width }.max() ?? 0
    }
    let rows = (keys.count + count - 1) / count
    let gaps = Double(count - 1) * Self.columnGap
    size = Size(
      columnWidths.reduce(0, +) + Double(count) * (sampleWidth + Self.sampleGap) + gaps,
      Double(rows) * rowHeight)
  }

  /// As few rows as fit into a width.
  static func fitting(_ keys: [Key], width: Double, in canvas: Canvas) -> Legend {
    for columns in stride(from: keys.count, to: 1, by: -1) {
      // Rows of 5 and 2 are no better than rows of 4 and 3.
      let rows = (keys.count + columns - 1) / columns
      let even = (keys.count + rows - 1) / rows
      let legend = Legend(keys, columns: even, in: canvas)
      if legend.size.width <= width { return legend }
    }
    return Legend(keys, columns: 1, in: canvas)
  }

  /// - Parameter paper: what hides the grid behind it; nil for nothing.
  func draw(on canvas: inout Canvas, at corner: Point, on paper: Color? = nil) {
    let theme = canvas.theme
    if let paper {
      let box = Rect(left: corner.x, top: corner.y, width: size.width, height: size.height)
      canvas.fill(.rectangle(box.grown(by: 1)), paper.with(opacity: 0.85), role: .frame)
    }
    var left = corner.x
    for column in 0..<columns {
      for (row, index) in stride(from: column, to: entries.count, by: columns).enumerated() {
        let (key, words) = entries[index]
        let y = corner.y + (Double(row) + 0.5) * rowHeight
        draw(key.sample, on: &canvas, from: Point(left, y), theme: theme)
        canvas.write(
          words, at: Point(left + sampleWidth + Self.sampleGap, y), .init(.left, .middle))
      }
      left += sampleWidth + Self.sampleGap + columnWidths[column] + Self.columnGap
    }
  }

  private func draw(
    _ sample: Key.Sample, on canvas: inout Canvas, from left: Point, theme: Theme
  ) {
    let center = left + Point(sampleWidth / 2, 0)
    switch sample {
    case .line(let style, let hasMarkers):
      canvas.stroke(.polyline([left, left + Point(sampleWidth, 0)]), style.pen, role: .words)
      if hasMarkers {
        canvas.mark(style, at: center, radius: theme.markerRadius, role: .words)
      }
    case .marker(let style):
      canvas.mark(style, at: center, radius: theme.markerRadius, role: .words)
    case .swatch(let color):
      let half = 0.36 * theme.smallSize
      let box = Rect(
        left: left.x, top: center.y - half, right: left.x + sampleWidth, bottom: center.y + half)
      canvas.fill(.rectangle(box), color, role: .words)
      if color.luminance > 0.7 {
        canvas.stroke(
          .rectangle(box), Pen(color: theme.faint, width: theme.frameWidth), role: .words)
      }
    }
  }

  /// Where it covers nothing within the frame: corners first, then edges, then anywhere; nil when no place is free.
  func freeCorner(in frame: Rect, on canvas: Canvas) -> Point? {
    let inner = frame.grown(by: -2)
    guard size.width < inner.width, size.height < inner.height else { return nil }
    // Better beside a shaded range than on it.
    return [[Canvas.Role.data, .words, .shade], [.data, .words]].lazy.compactMap { roles in
      freeCorner(
        in: inner, clearOf: canvas.items.filter { roles.contains($0.role) && $0.meets(frame) })
    }.first
  }

  private func freeCorner(in inner: Rect, clearOf near: [Canvas.Item]) -> Point? {
    let (width, height) = (size.width, size.height)
    func isFree(_ corner: Point) -> Bool {
      let rect = Rect(left: corner.x, top: corner.y, width: width, height: height).grown(by: 1.5)
      return !near.contains { $0.meets(rect) }
    }
    let steps = 24
    let (dx, dy) = (inner.width - width, inner.height - height)
    let places = (0...steps).flatMap { i in
      (0...steps).map { j in (x: Double(i) / Double(steps), y: Double(j) / Double(steps)) }
    }
    // The fewer steps from the nearest corner, the calmer the panel; the upper right is the usual place.
    func cost(_ x: Double, _ y: Double) -> Double {
      min(x, 1 - x) + min(y, 1 - y) + 0.001 * ((1 - x) + y)
    }
    let sorted = places.sorted { cost($0.x, $0.y) < cost($1.x, $1.y) }
    for place in sorted {
      let corner = Point(inner.left + place.x * dx, inner.top + place.y * dy)
      if isFree(corner) { return corner }
    }
    return nil
  }
}

/// Heights for labels at the ends of lines: as near to the ends as they can be without touching.
enum DirectLabels {
  /// - Parameters:
  ///   - ends: wanted places, in any order.
  ///   - distance: the least between two labels.
  /// - Returns: places in the order of `ends`; the sum of squared shifts is the least there is, but for the bounds.
  static func spread(_ ends: [Double], distance: Double, within bounds: ClosedRange<Double>)
    -> [Double]
  {
    let order = ends.indices.sorted { ends[$0] < ends[$1] }
    // Without the distances that lie before it a label must only not come before the one above: pooled means.
    var pools: [(sum: Double, count: Int)] = []
    for (rank, index) in order.enumerated() {
      pools.append((ends[index] - Double(rank) * distance, 1))
      while pools.count > 1 {
        let (last, before) = (pools[pools.count - 1], pools[pools.count - 2])
        guard last.sum / Double(last.count) < before.sum / Double(before.count) else { break }
        pools.removeLast(2)
        pools.append((before.sum + last.sum, before.count + last.count))
      }
    }
    let room = bounds.upperBound - Double(max(0, ends.count - 1)) * distance
    let shifted = pools.flatMap { pool in
      Array(repeating: pool.sum / Double(pool.count), count: pool.count)
    }.map { max(bounds.lowerBound, min($0, max(room, bounds.lowerBound))) }
    var places = ends
    for (rank, index) in order.enumerated() {
      places[index] = shifted[rank] + Double(rank) * distance
    }
    return places
  }
}

import Foundation

/// What a figure shows, laid out for a width.
public protocol FigureContent: Sendable {
  /// Draws all of it; the canvas that comes back is as high as is needed.
  func draw(width: Double, theme: Theme, typesetter: Typesetter) -> Canvas
}

/// Panels in rows, of equal frames, with letters, and with one legend for all or one in each.
public struct PanelGrid: FigureContent {
  /// Above all panels; nil for none.
  public var title: Text?
  /// In reading order.
  public var panels: [Panel]
  /// Side by side, where each has `leastWidth`; nil for as many as do, in full rows.
  public var columns: Int?
  /// One legend above all panels, instead of one in each.
  public var sharesLegend: Bool
  /// Height of a frame for a width of 1; nil for the golden section, and a little higher for panels in a row.
  public var aspect: Double?

  /// Points; a narrower panel has no room for its labels.
  public static let leastWidth = 110.0

  private static let margin = 1.0
  private static let gap = 9.0

  /// As many columns as have room, unless said otherwise.
  public init(
    title: Text? = nil, panels: [Panel], columns: Int? = nil, sharesLegend: Bool = false,
    aspect: Double? = nil
  ) {
    self.title = title
    self.panels = panels
    self.columns = columns
    self.sharesLegend = sharesLegend
    self.aspect = aspect
  }

  public func draw(width: Double, theme: Theme, typesetter: Typesetter) -> Canvas {
    var above: Set<Int> = []
    // A legend that finds no free place goes above its frame, which makes all frames anew.
    while true {
      let (canvas, homeless) = draw(
        width: width, theme: theme, typesetter: typesetter, legendsAbove: above)
      if homeless.isSubset(of: above) { return canvas }
      above.formUnion(homeless)
    }
  }

  private func columnCount(_ width: Double) -> Int {
    let most = max(1, min(panels.count, Int(width / Self.leastWidth)))
    if let columns { return max(1, min(columns, most)) }
    return (1...most).last { panels.count % $0 == 0 } ?? 1
  }

  private func ratio(_ panel: Panel, columns: Int) -> Double {
    panel.aspect ?? aspect ?? (columns > 1 ? 0.75 : panels.count > 1 ? 0.5 : 0.618)
  }

  /// - Returns: also the panels whose legend has found no place.
  private func draw(
    width: Double, theme: Theme, typesetter: Typesetter, legendsAbove: Set<Int>
  ) -> (Canvas, homeless: Set<Int>) {
    var canvas = Canvas(size: Size(width, width), theme: theme, typesetter: typesetter)
    let count = columnCount(width)
    let rows = (panels.count + count - 1) / count
    let inner = width - 2 * Self.margin - Double(count - 1) * Self.gap
    func frameSize(_ panel: Panel, _ frameWidth: Double) -> Size {
      Size(frameWidth, frameWidth * ratio(panel, columns: count))
    }
    // Margins hang on the ticks, and those on the size of the frame.
    var frameWidth = 0.75 * inner / Double(count)
    var measured: [MeasuredPanel] = []
    var (lefts, rights) = ([Double](), [Double]())
    for _ in 0..<3 {
      measured = panels.map {
        MeasuredPanel($0, frame: frameSize($0, frameWidth), in: canvas)
      }
      func most(_ column: Int, _ room: (MeasuredPanel) -> Double) -> Double {
        stride(from: column, to: panels.count, by: count).map { room(measured[$0]) }.max() ?? 0
      }
      lefts = (0..<count).map { most($0, \.left) }
      rights = (0..<count).map { most($0, \.right) }
      frameWidth = max(
        10, (inner - lefts.reduce(0, +) - rights.reduce(0, +)) / Double(count))
    }
    var top = Self.margin
    if let title { top = canvas.writeTitle(title, top: top) }
    if sharesLegend {
      let keys = panels.flatMap(\.keys).reduce(into: [Key]()) { keys, key in
        if !keys.contains(where: { $0.name == key.name }) { keys.append(key) }
      }
      let legend = Legend.fitting(keys, width: width - 2 * Self.margin, in: canvas)
      legend.draw(on: &canvas, at: Point((width - legend.size.width) / 2, top))
      top += legend.size.height + 3
    }
    var homeless: Set<Int> = []
    for row in 0..<rows {
      let indices = Array((row * count)..<min(panels.count, (row + 1) * count))
      let titles = indices.map {
        heading(of: $0, width: lefts[$0 % count] + frameWidth, in: canvas)
      }
      let legends = indices.map { index -> Legend? in
        guard legendsAbove.contains(index) else { return nil }
        return Legend.fitting(panels[index].keys, width: frameWidth, in: canvas)
      }
      let titleHeight =
        titles.compactMap { $0?.height }.max().map { $0 + 3.5 } ?? theme.smallSize / 2
      let legendHeight = legends.compactMap { $0?.size.height }.max().map { $0 + 2 } ?? 0
      let frameTop = top + titleHeight + legendHeight
      var left = Self.margin
      var bottom = frameTop
      for (place, index) in indices.enumerated() {
        let size = frameSize(panels[index], frameWidth)
        let rect = Rect(
          left: left + lefts[place], top: frameTop, width: size.width, height: size.height)
        if let words = titles[place] {
          // Over the frame, or from the panel's edge when it is longer.
          let start = words.width <= rect.width ? rect.left : left
          canvas.write(words, at: Point(start, top), .init(.left, .top))
        }
        // A legend above has all names: none is to be had twice.
        let keys = measured[index].draw(
          on: &canvas, in: rect, namesSpans: !legendsAbove.contains(index))
        if let legend = legends[place] {
          legend.draw(
            on: &canvas,
            at: Point(rect.left, frameTop - legend.size.height - 2))
        } else if case .automatic = panels[index].legend, !sharesLegend,
          !keys.isEmpty
        {
          let legend = Legend(keys, columns: 1, in: canvas)
          if let corner = legend.freeCorner(in: rect, on: canvas) {
            legend.draw(on: &canvas, at: corner, on: theme.paper)
          } else {
            homeless.insert(index)
          }
        }
        bottom = max(bottom, rect.bottom + measured[index].bottom)
        left += lefts[place] + frameWidth + rights[place] + Self.gap
      }
      top = bottom + (row + 1 < rows ? 6 : Self.margin)
    }
    canvas.size = Size(width, top)
    return (canvas, homeless)
  }

  /// "(a) What it shows", where there is more than one.
  private func heading(of index: Int, width: Double, in canvas: Canvas) -> TypesetText? {
    guard let title = panels[index].title else { return nil }
    let letter = String(UnicodeScalar(UInt8(97 + index % 26)))
    return canvas.typeset(
      panels.count > 1 ? Text(plain: "(\(letter)) ").bold + title : title,
      size: canvas.theme.labelSize, wrapWidth: width)
  }
}

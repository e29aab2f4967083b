import Analysis
import Foundation
import Supernet

/// `plot alpha`: what each operation weighs on its edge, at a moment and on the way there.
extension Figure {
  /// The weights of operations at one moment as a heat map, and their way there.
  ///
  /// - Throws: `FigureError.noNumbers`.
  public static func alpha(
    _ history: AlphaHistory, from run: FigureRun, title: Text?
  ) throws -> Figure {
    try run.require("the weights", history.shown.values + history.moments.flatMap(\.weights.values))
    let names = Operation.allCases.map(\.name)
    let edges = AlphaContent.edges(nodes: history.nodes)
    func state(_ index: Int) -> String {
      OperationStyle.stateName(index, nodes: history.nodes).plain
    }
    let kept = CellKind.allCases.map { kind in
      let entries = history.genotype.entries(of: kind).enumerated().map { index, entry in
        "\(entry.operation) from \(state(entry.input)) to \(index / 2)"
      }
      return "\(kind) cell: \(entries.joined(separator: ", "))"
    }
    let span = history.shownEpochs == 1 ? "1 epoch" : "\(history.shownEpochs) epochs"
    return Figure(
      title: "Softmax of alpha in \(history.run)",
      summary: "After \(span) the strongest operations are, \(kept.joined(separator: "; ")).",
      caption:
        "Weights of the operations, softmax of α, in \(history.run). Left: after \(span), by edge and operation; frames "
        + "mark what the derived cell keeps. Right: along the search, one panel for each edge, rows by the node that it "
        + "enters, columns by the state that it leaves; the scale is the same in all. Uniform weights are 1/8.",
      content: AlphaContent(title: title, history: history),
      data: FigureData(
        columns: ["epochs", "cell", "source", "target"] + names,
        rows: history.moments.flatMap { moment in
          CellKind.allCases.flatMap { kind in
            edges.enumerated().map { index, edge in
              [
                .number(moment.epochs), .text("\(kind)"), .text(state(edge.source)),
                .text("\(edge.node)"),
              ] + moment.weights.row(kind, edge: index).map(FigureData.Value.number)
            }
          }
        }),
      sources: run.sources, date: run.date)
  }
}

/// A row for each kind of cell: a heat map, and beside it, or under it on a narrow page, small panels for the edges in
/// the triangle that a cell's edges form.
struct AlphaContent: FigureContent {
  var title: Text?
  var history: AlphaHistory

  private static let margin = 1.0

  static func edges(nodes: Int) -> [SupernetShape.Edge] {
    SupernetShape(inputChannels: 1, imageSize: 8, channels: 2, cells: 1, nodes: nodes).edges
  }

  private var edges: [SupernetShape.Edge] { Self.edges(nodes: history.nodes) }
  /// Of all weights that are shown: both cells have the same scales.
  private var range: ClosedRange<Double> {
    let seen = history.moments.flatMap(\.weights.values) + history.shown.values
    let (low, high) = (seen.min() ?? 0, seen.max() ?? 1)
    // Weights that have not moved from 1/8 yet have a scale as well.
    return high - low > 1e-3 ? low...high : (low - 5e-4)...(high + 5e-4)
  }

  func draw(width: Double, theme: Theme, typesetter: Typesetter) -> Canvas {
    var canvas = Canvas(size: Size(width, width), theme: theme, typesetter: typesetter)
    let inner = width - 2 * Self.margin
    let isWide = inner >= 360
    let mapWidth = isWide ? 0.34 * inner : inner
    let gap = isWide ? 14.0 : 0
    var top = Self.margin
    if let title { top = canvas.writeTitle(title, top: top) }
    let names = ["Normal cell", "Reduction cell"]
    for (kind, name) in zip(CellKind.allCases, names) {
      let letters = kind == .normal ? ["a", "b"] : ["c", "d"]
      let mapBottom = drawMap(
        kind, heading: heading(letters[0], name, in: canvas),
        in: Rect(left: Self.margin, top: top, width: mapWidth, height: 0), on: &canvas)
      let pathsTop = isWide ? top : mapBottom + 8
      let pathsBottom = drawPaths(
        kind, heading: heading(letters[1], name + ", along the search", in: canvas),
        in: Rect(
          left: Self.margin + (isWide ? mapWidth + gap : 0), top: pathsTop,
          right: Self.margin + inner, bottom: isWide ? mapBottom : pathsTop + 0.62 * inner),
        on: &canvas)
      top = max(mapBottom, pathsBottom) + 8
    }
    canvas.size = Size(width, top - 8 + Self.margin)
    return canvas
  }

  private func heading(_ letter: String, _ words: String, in canvas: Canvas) -> TypesetText {
    canvas.typeset(
      Text(plain: "(\(letter)) ").bold + Text(plain: words), size: canvas.theme.labelSize)
  }

  /// - Returns: where it ends.
  private func drawMap(
    _ kind: CellKind, heading: TypesetText, in area: Rect, on canvas: inout Canvas
  ) -> Double {
    canvas.write(heading, at: Point(area.left, area.top), .init(.left, .top))
    let rows = edges.indices.map { history.shown.row(kind, edge: $0) }
    let names = edges.map { edge in
      OperationStyle.stateName(edge.source, nodes: history.nodes) + " → "
        + OperationStyle.stateName(edge.node + 2, nodes: history.nodes)
    }
    let operations = Operation.allCases.map { OperationStyle.name(of: $0.name) }
    let kept = history.genotype.entries(of: kind).enumerated().compactMap { index, entry in
      edges.firstIndex { $0.node == index / 2 && $0.source == entry.input }.flatMap { row in
        Operation(name: entry.operation).map { (row: row, column: $0.rawValue) }
      }
    }
    let panel = Panel(
      x: HeatMap.columns("", operations, angle: -.pi / 2), y: HeatMap.rows("", names),
      marks: [HeatMap(rows, range: range), KeptCells(places: kept)], legend: .none,
      colorBar: "softmax *α*", isBoxed: true)
    let height = 8.2 * Double(rows.count)
    var frame = Size(0.6 * area.width, height)
    var measured = MeasuredPanel(panel, frame: frame, in: canvas)
    for _ in 0..<2 {
      frame.width = area.width - measured.left - measured.right
      measured = MeasuredPanel(panel, frame: frame, in: canvas)
    }
    let rect = Rect(
      left: area.left + measured.left, top: area.top + heading.height + 4, width: frame.width,
      height: height)
    _ = measured.draw(on: &canvas, in: rect)
    return rect.bottom + measured.bottom
  }

  private func drawPaths(
    _ kind: CellKind, heading: TypesetText, in area: Rect, on canvas: inout Canvas
  ) -> Double {
    let theme = canvas.theme
    let small = theme.smallSize
    let nodes = history.nodes
    canvas.write(heading, at: Point(area.left, area.top), .init(.left, .top))
    let moments = history.moments
    let end = max(moments.last?.epochs ?? 1, 1e-9)
    let margin = 0.05 * (range.upperBound - range.lowerBound)
    let span = (range.lowerBound - margin)...(range.upperBound + margin)
    // A 0 under the beginning of a panel would touch the last number of the one before.
    let ticks = Axis.linearTicks(0...end, most: 3, isWhole: true).filter { $0.at > 0 }
      .map { (at: $0.at, text: $0.label) }
    func panel(_ edge: Int, isFirst: Bool, isLast: Bool, isNamed: Bool) -> Panel {
      let lines = Operation.allCases.map { operation in
        Line(
          nil,
          moments.map {
            Line.Place(
              x: $0.epochs, y: $0.weights.row(kind, edge: edge)[operation.rawValue])
          }, style: OperationStyle.series(operation.name, in: theme))
      }
      return Panel(
        x: Axis(isNamed ? "Epoch" : "", range: 0...end, ticks: .labels(isLast ? ticks : [])),
        y: Axis("", range: span, ticks: isFirst ? .automatic : .labels([])), marks: lines,
        legend: .none, isBoxed: true)
    }
    let gap = 4.0
    let columnNames = (0...nodes).map {
      canvas.typeset(OperationStyle.stateName($0, nodes: nodes), size: small)
    }
    let rowNames = (0..<nodes).map {
      canvas.typeset("→ " + OperationStyle.stateName($0 + 2, nodes: nodes), size: small)
    }
    let nameHeight = columnNames.map(\.height).max() ?? 0
    let nameWidth = rowNames.map(\.width).max() ?? 0
    let probe = MeasuredPanel(
      panel(0, isFirst: true, isLast: true, isNamed: true), frame: Size(60, 40), in: canvas)
    func placed(from top: Double) -> Rect {
      Rect(
        left: area.left + probe.left, top: top + nameHeight + 1,
        right: area.right - nameWidth - 3,
        bottom: max(area.bottom - probe.bottom, top + nameHeight + Double(nodes) * 24))
    }
    func frame(_ row: Int, _ column: Int, in grid: Rect) -> Rect {
      let size = Size(
        (grid.width - Double(nodes) * gap) / Double(nodes + 1),
        (grid.height - Double(nodes - 1) * gap) / Double(nodes))
      return Rect(
        left: grid.left + Double(column) * (size.width + gap),
        top: grid.top + Double(row) * (size.height + gap), width: size.width, height: size.height)
    }
    // The triangle's empty corner holds the names of the operations, where it is large enough.
    let top = area.top + heading.height + 4
    var grid = placed(from: top)
    let inCorner = Legend(keys(in: theme), columns: 2, in: canvas)
    let corner = Rect(
      left: area.right - inCorner.size.width, top: grid.top, width: inCorner.size.width,
      height: inCorner.size.height)
    let isFree = (0..<nodes).allSatisfy { row in
      let last = frame(row, row + 1, in: grid)
      let taken = Rect(
        left: last.left, top: last.top - nameHeight - 2, right: last.right + 3 + nameWidth,
        bottom: last.bottom)
      return !taken.intersects(corner)
    }
    if isFree {
      inCorner.draw(on: &canvas, at: Point(corner.left, corner.top))
    } else {
      let above = Legend.fitting(keys(in: theme), width: area.width, in: canvas)
      above.draw(on: &canvas, at: Point(area.left, top))
      grid = placed(from: top + above.size.height + 3)
    }
    for (index, edge) in edges.enumerated() {
      let rect = frame(edge.node, edge.source, in: grid)
      let measured = MeasuredPanel(
        panel(
          index, isFirst: edge.source == 0, isLast: edge.node == nodes - 1,
          isNamed: edge.node == nodes - 1 && edge.source == nodes / 2),
        frame: Size(rect.width, rect.height), in: canvas)
      _ = measured.draw(on: &canvas, in: rect)
      // Names stand over each column's first panel and after each row's last one.
      if edge.node == max(0, edge.source - 1) {
        canvas.write(
          columnNames[edge.source], at: Point(rect.center.x, rect.top - 2), .init(.center, .bottom))
      }
      if edge.source == edge.node + 1 {
        canvas.write(
          rowNames[edge.node], at: Point(rect.right + 3, rect.center.y), .init(.left, .middle))
      }
    }
    return grid.bottom + probe.bottom
  }

  private func keys(in theme: Theme) -> [Key] {
    Operation.allCases.map { operation in
      Key(
        OperationStyle.name(of: operation.name),
        .line(OperationStyle.series(operation.name, in: theme), hasMarkers: false))
    }
  }
}

/// Frames about cells of a heat map.
struct KeptCells: Mark {
  var places: [(row: Int, column: Int)]

  var extent: Extent { Extent() }
  var key: Key? { nil }

  func draw(on canvas: inout Canvas, in frame: Frame) {
    for (row, column) in places {
      let (x, y) = (Double(column), -Double(row))
      let cell = Rect(
        left: frame.x(x - 0.5), top: frame.y(y + 0.5), right: frame.x(x + 0.5),
        bottom: frame.y(y - 0.5))
      canvas.stroke(.rectangle(cell.grown(by: -0.6)), Pen(color: .white, width: 1.6))
      canvas.stroke(
        .rectangle(cell.grown(by: -0.4)),
        Pen(color: canvas.theme.shown(Color(0xC8450A)), width: 0.8))
    }
  }
}

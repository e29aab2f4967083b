import Foundation
import Supernet

/// `plot genotype`: the normal and the reduction cell as graphs.
extension Figure {
  /// Both cells of a genotype as graphs.
  ///
  /// - Parameters:
  ///   - name: of the published cell, or of the run and its epoch.
  ///   - date: of the run; nil for a published cell.
  /// - Throws: `GenotypeError.impossible` for a cell with more nodes than can be ordered.
  public static func genotype(
    _ genotype: Genotype, name: String, sources: [FigureSource], date: Date?, title: Text?
  ) throws -> Figure {
    let cells = try CellKind.allCases.map { kind in
      CellDrawing.Cell(kind: kind, graph: try CellGraph(genotype, kind))
    }
    let nodes = genotype.normal.count / 2
    let sizes = genotype.convolutionCounts
    func state(_ index: Int) -> String {
      OperationStyle.stateName(index, nodes: nodes).plain
    }
    let words = cells.map { cell in
      let sums = (0..<(cell.graph.nodeCount - 3)).map { node in
        let inputs = cell.graph.edges.filter { $0.target == node + 2 }.map { edge in
          "\(edge.operation ?? "") of \(state(edge.source))"
        }
        return "node \(node) adds \(inputs.joined(separator: " and "))"
      }
      return "\(cell.title.plain): \(sums.joined(separator: "; "))."
    }
    let crossings = cells.map(\.graph.crossings)
    return Figure(
      title: "Cells of \(name)", summary: words.joined(separator: " "),
      caption:
        "Normal and reduction cell of \(name), with (n, r) = (\(sizes.normal), \(sizes.reduction)) convolutions. "
        + "c_{k-2} and c_{k-1} are the outputs of the two cells before; each node adds its two inputs; grey lines join "
        + "the nodes in the output c_k. sep, dil: separable and dilated separable convolution; max, avg: pooling; skip: "
        + "identity, or a factorised reduction from an input of the reduction cell. Edges cross "
        + "\(crossings[0]) and \(crossings[1]) times, the fewest for nodes in these columns.",
      content: CellDrawing(title: title, cells: cells),
      data: FigureData(
        columns: ["cell", "source", "target", "operation"],
        rows: cells.flatMap { cell in
          cell.graph.edges.map { edge in
            [
              .text("\(cell.kind)"), .text(state(edge.source)), .text(state(edge.target)),
              .text(edge.operation ?? "concat"),
            ]
          }
        }),
      sources: sources, date: date ?? PaperFigures.date)
  }
}

/// Cells side by side, or one under the other where the page is narrow.
struct CellDrawing: FigureContent {
  struct Cell: Sendable {
    var kind: CellKind
    var graph: CellGraph

    var title: Text { kind == .normal ? "Normal cell" : "Reduction cell" }
  }

  var title: Text?
  var cells: [Cell]

  private static let margin = 1.0
  private static let gap = 14.0

  func draw(width: Double, theme: Theme, typesetter: Typesetter) -> Canvas {
    var canvas = Canvas(size: Size(width, width), theme: theme, typesetter: typesetter)
    let inner = width - 2 * Self.margin
    func layout(_ cell: Cell, width: Double) -> CellLayout {
      CellLayout(cell.graph, sizes: Self.sizes(cell.graph, in: canvas), width: width)
    }
    // The shares of the width at which both cells have room beside each other, the most even first.
    let shares = [0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65]
    let splits = shares.map { share in
      [share, 1 - share].map { $0 * (inner - Self.gap) }
    }
    let split = splits.first { rooms in
      zip(cells, rooms).allSatisfy { layout($0, width: $1).scale == 1 }
    }
    let isBeside = split != nil
    let rooms = split ?? cells.map { _ in inner }
    let placed = zip(cells, rooms).map { layout($0, width: $1) }
    let tallest = placed.map(\.size.height).max() ?? 0
    var (left, top, bottom) = (Self.margin, Self.margin, 0.0)
    if let title { top = canvas.writeTitle(title, top: top) }
    for (index, (cell, layout)) in zip(cells, placed).enumerated() {
      let letter = Text(plain: "(\(["a", "b"][index])) ").bold
      let heading = canvas.typeset(letter + cell.title, size: theme.labelSize)
      canvas.write(heading, at: Point(left, top), .init(.left, .top))
      let height = isBeside ? tallest : layout.size.height
      let corner = Point(
        left + (rooms[index] - layout.size.width) / 2,
        top + heading.height + 5 + (height - layout.size.height) / 2)
      Self.draw(cell.graph, layout, at: corner, on: &canvas)
      bottom = top + heading.height + 5 + height
      if isBeside { left += rooms[index] + Self.gap } else { top = bottom + Self.gap }
    }
    canvas.size = Size(width, bottom + Self.margin)
    return canvas
  }

  private static func sizes(_ graph: CellGraph, in canvas: Canvas) -> CellLayout.Sizes {
    let theme = canvas.theme
    let operations = Set(graph.edges.compactMap(\.operation)).sorted()
    let names = operations.map { operation in
      let words = canvas.typeset(OperationStyle.name(of: operation), size: theme.smallSize)
      return (operation, words.width + 0.5 * theme.smallSize)
    }
    return CellLayout.Sizes(
      names: Dictionary(names, uniquingKeysWith: { first, _ in first }),
      nameHeight: 1.3 * theme.smallSize,
      nodes: (0..<graph.nodeCount).map { node in
        let words = canvas.typeset(
          OperationStyle.stateName(node, nodes: graph.nodeCount - 3), size: theme.labelSize)
        return words.width + 1.1 * theme.labelSize
      }, head: 0.7 * theme.smallSize)
  }

  private static func draw(
    _ graph: CellGraph, _ layout: CellLayout, at corner: Point, on canvas: inout Canvas
  ) {
    let theme = canvas.theme
    let scale = layout.scale
    let join = Pen(
      color: theme.ink.mixed(with: theme.paper, share: 0.65), width: 0.8 * theme.lineWidth * scale)
    func moved(_ rect: Rect) -> Rect {
      Rect(
        left: rect.left + corner.x, top: rect.top + corner.y, width: rect.width,
        height: rect.height)
    }
    let routes = layout.routes.map { route in
      (route: route, path: route.path.mapped { $0 + corner }, edge: graph.edges[route.edge])
    }
    for (_, path, edge) in routes where edge.operation == nil { canvas.stroke(path, join) }
    for (route, path, edge) in routes {
      guard let operation = edge.operation else { continue }
      var style = OperationStyle.series(operation, in: theme)
      style.dash = operation == "skip_connect" ? [2.5, 1.5] : []
      style.width *= scale
      canvas.stroke(path, style.pen)
      let (tip, head) = (route.tip + corner, 0.7 * theme.smallSize * scale)
      canvas.fill(
        .polyline(
          [tip, tip + Point(-head, -0.4 * head), tip + Point(-head, 0.4 * head)], closed: true),
        style.color)
    }
    for (route, _, edge) in routes {
      guard let label = route.label, let operation = edge.operation else { continue }
      let rect = moved(label)
      canvas.fill(.rectangle(rect), theme.paper, role: .frame)
      let words = canvas.typeset(
        OperationStyle.name(of: operation), size: theme.smallSize * scale)
      let color = OperationStyle.series(operation, in: theme).color
      canvas.write(
        words, at: rect.center, .init(.center, .middle),
        color: color.mixed(with: theme.ink, share: 0.35))
    }
    for (node, box) in layout.boxes.enumerated() {
      let rect = moved(box)
      let isInner = node >= 2 && node != graph.output
      let outline = Path.roundedRectangle(rect, radius: 0.4 * theme.labelSize * scale)
      canvas.fill(outline, isInner ? theme.paper : theme.faint.mixed(with: theme.paper, share: 0.4))
      canvas.stroke(outline, Pen(color: theme.ink, width: theme.frameWidth * 1.4))
      canvas.write(
        canvas.typeset(
          OperationStyle.stateName(node, nodes: graph.nodeCount - 3),
          size: theme.labelSize * scale),
        at: rect.center, .init(.center, .middle))
    }
  }
}

extension Canvas {
  /// Words above all of a figure.
  ///
  /// - Returns: where the figure begins.
  mutating func writeTitle(_ title: Text, top: Double) -> Double {
    let words = typeset(
      title.bold, size: theme.labelSize, wrapWidth: size.width - 2, alignment: .center)
    write(words, at: Point(size.width / 2, top), .init(.center, .top))
    return top + words.height + 4
  }
}

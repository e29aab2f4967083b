/// Where the parts of a cell graph are drawn, in points.
///
/// A gap between two columns has a part in which the edges bend, and one in which they run level and carry the names of
/// their operations; two names are never in each other's way.
struct CellLayout: Equatable, Sendable {
  /// Sizes of what is drawn.
  struct Sizes: Sendable {
    /// Widths of the names of the operations.
    var names: [String: Double]
    var nameHeight: Double
    /// Widths of the boxes of the nodes.
    var nodes: [Double]
    /// Of an arrow head.
    var head: Double
  }

  struct Route: Equatable, Sendable {
    var edge: Int
    var path: Path
    /// The tip of its arrow, which points to the right.
    var tip: Point
    /// Where its name is written; nil for an edge without.
    var label: Rect?
  }

  /// By node.
  private(set) var boxes: [Rect] = []
  /// By edge.
  private(set) var routes: [Route] = []
  /// Width and height of all; the top left corner is at 0, 0.
  private(set) var size = Size(0, 0)
  /// What sizes were multiplied with to fit the width; 1 where there was room.
  private(set) var scale = 1.0

  /// - Parameter width: that there is.
  init(_ graph: CellGraph, sizes: Sizes, width: Double) {
    let columns = Columns(graph, sizes)
    let gaps = Gaps(graph, columns, sizes, width: width)
    place(graph, columns, gaps, sizes)
    scale = min(1, width / size.width)
    if scale < 1 { shrink() }
  }

  // MARK: - From top to bottom

  /// The heights at which nodes, ports and passing edges lie.
  private struct Columns {
    /// [column][item], of the middle.
    var y: [[Double]]
    /// By edge: where it leaves and enters the boxes, from their middle.
    var leave: [Double]
    var enter: [Double]
    let nodeHeight: Double
    let inputHeight: Double

    init(_ graph: CellGraph, _ sizes: Sizes) {
      nodeHeight = 2 * sizes.nameHeight + 2
      inputHeight = 1.5 * sizes.nameHeight
      let (nodeHeight, inputHeight) = (nodeHeight, inputHeight)
      func height(_ item: CellGraph.Item) -> Double {
        switch item {
        case .node(let node): node < 2 ? inputHeight : nodeHeight
        case .pass: 0
        }
      }
      (leave, enter) = Self.ports(graph, height: height, inputDistance: sizes.nameHeight + 1)
      let distance = sizes.nameHeight * 0.75
      let separations = graph.columns.map { column in
        zip(column, column.dropFirst()).map { (height($0) + height($1)) / 2 + distance }
      }
      y = separations.map { steps in
        let places = steps.reduce(into: [0.0]) { $0.append(($0.last ?? 0) + $1) }
        let middle = (places.last ?? 0) / 2
        return places.map { $0 - middle }
      }
      straighten(graph, separations)
    }

    /// Edges leave and enter in the order of where they go to and come from, so that none crosses another of its box.
    private static func ports(
      _ graph: CellGraph, height: (CellGraph.Item) -> Double, inputDistance: Double
    ) -> (leave: [Double], enter: [Double]) {
      var leave = [Double](repeating: 0, count: graph.edges.count)
      var enter = leave
      for node in 0..<graph.nodeCount {
        let leaving = graph.links.enumerated().flatMap { gap, links in
          links.filter { graph.columns[gap][$0.from] == .node(node) }
        }.sorted { ($0.to, $0.edge) < ($1.to, $1.edge) }
        let entering = graph.links.enumerated().flatMap { gap, links in
          links.filter { graph.columns[gap + 1][$0.to] == .node(node) }
        }.sorted { ($0.from, $0.edge) < ($1.from, $1.edge) }
        let height = height(.node(node))
        let step = min(0.6 * height / Double(max(leaving.count - 1, 1)), 0.25 * height)
        for (place, link) in leaving.enumerated() {
          leave[link.edge] = step * (Double(place) - Double(leaving.count - 1) / 2)
        }
        // The output takes each edge at the height at which it comes.
        guard node != graph.output else { continue }
        for (place, link) in entering.enumerated() {
          enter[link.edge] = inputDistance * (Double(place) - Double(entering.count - 1) / 2)
        }
      }
      return (leave, enter)
    }

    /// Each column in turn moves to where its neighbours want it; edges that pass pull most, so that they lie straight.
    private mutating func straighten(_ graph: CellGraph, _ separations: [[Double]]) {
      func passes(_ item: CellGraph.Item) -> Bool { if case .pass = item { true } else { false } }
      for _ in 0..<60 {
        for column in Array(y.indices) + y.indices.reversed() {
          var pull = y[column].map { _ in (sum: 0.0, weight: 0.0) }
          func add(_ item: Int, _ wanted: Double, _ other: CellGraph.Item) {
            let count = (passes(graph.columns[column][item]) ? 1 : 0) + (passes(other) ? 1 : 0)
            let weight = [1.0, 2, 8][count]
            pull[item].sum += weight * wanted
            pull[item].weight += weight
          }
          for link in column > 0 ? graph.links[column - 1] : [] {
            let other = graph.columns[column - 1][link.from]
            let end = passes(graph.columns[column][link.to]) ? 0 : enter[link.edge]
            let start = passes(other) ? 0 : leave[link.edge]
            add(link.to, y[column - 1][link.from] + start - end, other)
          }
          for link in column < graph.links.count ? graph.links[column] : [] {
            let other = graph.columns[column + 1][link.to]
            guard other != .node(graph.output) else { continue }
            let start = passes(graph.columns[column][link.from]) ? 0 : leave[link.edge]
            let end = passes(other) ? 0 : enter[link.edge]
            add(link.from, y[column + 1][link.to] + end - start, other)
          }
          let wanted = pull.indices.map { item in
            pull[item].weight > 0 ? pull[item].sum / pull[item].weight : y[column][item]
          }
          y[column] = Self.nearest(wanted, apart: separations[column])
        }
      }
    }

    /// The places nearest to those wanted, in least squares, that keep order and distances (pool adjacent violators).
    static func nearest(_ wanted: [Double], apart distances: [Double]) -> [Double] {
      let offsets = distances.reduce(into: [0.0]) { $0.append(($0.last ?? 0) + $1) }
      var blocks: [(mean: Double, count: Int)] = []
      for (index, value) in wanted.enumerated() {
        blocks.append((value - offsets[index], 1))
        while blocks.count > 1, blocks[blocks.count - 2].mean > blocks[blocks.count - 1].mean {
          let last = blocks.removeLast()
          let before = blocks.removeLast()
          let count = before.count + last.count
          blocks.append(
            (
              (before.mean * Double(before.count) + last.mean * Double(last.count)) / Double(count),
              count
            ))
        }
      }
      let means = blocks.flatMap { [Double](repeating: $0.mean, count: $0.count) }
      return zip(means, offsets).map { $0 + $1 }
    }
  }

  // MARK: - From left to right

  /// Where columns and the level parts of gaps begin and end.
  private struct Gaps {
    /// [column]
    var left: [Double]
    var right: [Double]
    /// [gap]: where the edges have done bending.
    var level: [Double]

    init(_ graph: CellGraph, _ columns: Columns, _ sizes: Sizes, width: Double) {
      let widths = graph.columns.map { column in
        column.map { if case .node(let node) = $0 { sizes.nodes[node] } else { 0 } }.max() ?? 0
      }
      let names = graph.links.enumerated().map { gap, links -> Double in
        let widest = links.compactMap { link -> Double? in
          let edge = graph.edges[link.edge]
          guard graph.columns[gap + 1][link.to] == .node(edge.target) else { return nil }
          return edge.operation.flatMap { sizes.names[$0] }
        }.max()
        return widest.map { $0 + 2 * Self.margin + sizes.head } ?? sizes.head + Self.margin
      }
      // Edges that climb far need room to bend.
      let climbs = graph.links.enumerated().map { gap, links in
        links.map { abs(columns.y[gap][$0.from] - columns.y[gap + 1][$0.to]) }.max() ?? 0
      }
      var bends = climbs.enumerated().map { gap, climb in
        gap == climbs.count - 1 ? Self.leastBend / 2 : max(Self.leastBend, 0.25 * climb)
      }
      let fixed = widths.reduce(0, +) + names.reduce(0, +)
      let spare = width - fixed - bends.reduce(0, +)
      if spare > 0 {
        let wished = zip(climbs, bends).map { max(0, max(0.9 * $0, 2 * Self.leastBend) - $1) }
        let share = min(1, spare / max(wished.dropLast().reduce(0, +), 1e-9))
        for gap in bends.indices.dropLast() { bends[gap] += share * wished[gap] }
      }
      (left, right, level) = ([], [], [])
      var x = 0.0
      for (column, width) in widths.enumerated() {
        left.append(x)
        x += width
        right.append(x)
        guard column < bends.count else { break }
        level.append(x + bends[column])
        x += bends[column] + names[column]
      }
    }

    static let margin = 3.0
    static let leastBend = 12.0
  }

  // MARK: - Together

  private mutating func place(
    _ graph: CellGraph, _ columns: Columns, _ gaps: Gaps, _ sizes: Sizes
  ) {
    boxes = [Rect](repeating: Rect(left: 0, top: 0, right: 0, bottom: 0), count: graph.nodeCount)
    for (column, items) in graph.columns.enumerated() {
      for (place, item) in items.enumerated() {
        guard case .node(let node) = item else { continue }
        let height = node < 2 ? columns.inputHeight : columns.nodeHeight
        let middle = (gaps.left[column] + gaps.right[column]) / 2
        let y = columns.y[column][place]
        boxes[node] = Rect(
          left: middle - sizes.nodes[node] / 2, top: y - height / 2, width: sizes.nodes[node],
          height: height)
      }
    }
    // The output is as tall as what it joins, so that nothing bends before it.
    let before = columns.y[columns.y.count - 2]
    let joined = graph.links[graph.links.count - 1].map { before[$0.from] }
    if let top = joined.min(), let bottom = joined.max() {
      boxes[graph.output].top = top - columns.nodeHeight / 2
      boxes[graph.output].bottom = bottom + columns.nodeHeight / 2
    }
    routes = graph.edges.indices.map { route(of: $0, graph, columns, gaps, sizes) }
    let all =
      boxes
      + routes.flatMap { route in
        [route.path.bounds, route.label].compactMap { $0 }
      }
    guard let whole = Rect(around: all.flatMap(\.corners)) else { return }
    move(by: Point(-whole.left, -whole.top))
    size = Size(whole.width, whole.height)
  }

  private func route(
    of index: Int, _ graph: CellGraph, _ columns: Columns, _ gaps: Gaps, _ sizes: Sizes
  ) -> Route {
    let edge = graph.edges[index]
    var path = Path()
    var at = Point(boxes[edge.source].right, boxes[edge.source].center.y + columns.leave[index])
    var label: Rect?
    path.move(to: at)
    for (gap, links) in graph.links.enumerated() {
      guard let link = links.first(where: { $0.edge == index }) else { continue }
      let start = Point(gaps.right[gap], at.y)
      if start.x > at.x { path.line(to: start) }
      let isLast = graph.columns[gap + 1][link.to] == .node(edge.target)
      let y =
        edge.target == graph.output && isLast
        ? at.y : columns.y[gap + 1][link.to] + (isLast ? columns.enter[index] : 0)
      let bent = Point(gaps.level[gap], y)
      let middle = (start.x + bent.x) / 2
      path.curve(to: bent, by: Point(middle, start.y), Point(middle, y))
      at = Point(isLast ? boxes[edge.target].left : gaps.left[gap + 1], y)
      path.line(to: at)
      if isLast, let width = edge.operation.flatMap({ sizes.names[$0] }) {
        let room = gaps.left[gap + 1] - sizes.head - bent.x
        label = Rect(
          left: bent.x + (room - width) / 2, top: y - sizes.nameHeight / 2, width: width,
          height: sizes.nameHeight)
      }
    }
    return Route(edge: index, path: path, tip: at, label: label)
  }

  private mutating func move(by offset: Point) { transform { $0 + offset } }

  private mutating func shrink() {
    let factor = scale
    transform { $0 * factor }
    size = Size(size.width * factor, size.height * factor)
  }

  private mutating func transform(_ map: (Point) -> Point) {
    func moved(_ rect: Rect) -> Rect {
      let (corner, other) = (
        map(Point(rect.left, rect.top)), map(Point(rect.right, rect.bottom))
      )
      return Rect(left: corner.x, top: corner.y, right: other.x, bottom: other.y)
    }
    boxes = boxes.map(moved)
    routes = routes.map { route in
      var route = route
      route.path = route.path.mapped(map)
      route.tip = map(route.tip)
      route.label = route.label.map(moved)
      return route
    }
  }
}

extension Path {
  /// Every point moved.
  func mapped(_ map: (Point) -> Point) -> Path {
    elements.reduce(into: Path()) { path, element in
      switch element {
      case .move(let point): path.move(to: map(point))
      case .line(let point): path.line(to: map(point))
      case .curve(let a, let b, let end): path.curve(to: map(end), by: map(a), map(b))
      case .close: path.close()
      }
    }
  }
}

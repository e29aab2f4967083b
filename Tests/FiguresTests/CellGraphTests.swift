import Supernet
import Testing

@testable import Figures

/// Every published cell, of both kinds.
private struct PublishedCell: CustomTestStringConvertible, Sendable {
  var name: String
  var genotype: Genotype
  var kind: CellKind

  var testDescription: String { "\(name), \(kind)" }

  static let all: [PublishedCell] = {
    let entries = (try? KnownGenotypes().entries) ?? []
    return entries.flatMap { entry in
      CellKind.allCases.map { PublishedCell(name: entry.name, genotype: entry.genotype, kind: $0) }
    }
  }()

  static func named(_ names: [String]) -> [PublishedCell] {
    all.filter { names.contains($0.name) }
  }

  func layout(width: Double = 237) throws -> (graph: CellGraph, layout: CellLayout) {
    let graph = try CellGraph(genotype, kind)
    let names = graph.edges.compactMap(\.operation).map { ($0, $0.hasPrefix("skip") ? 14.0 : 24.0) }
    let sizes = CellLayout.Sizes(
      names: Dictionary(names, uniquingKeysWith: { first, _ in first }), nameHeight: 7.8,
      nodes: (0..<graph.nodeCount).map { $0 < 2 ? 20 : 13 }, head: 4)
    return (graph, CellLayout(graph, sizes: sizes, width: width))
  }
}

@Suite struct CellGraphTests {
  /// The fifty of the public code, each with a normal and a reduction cell.
  @Test func theCatalogueIsThere() { #expect(PublishedCell.all.count >= 100) }

  @Test(arguments: PublishedCell.all)
  fileprivate func everyEdgeIsDrawnOnceFromItsSourceToItsTarget(cell: PublishedCell) throws {
    let (graph, layout) = try cell.layout()
    let entries = cell.genotype.entries(of: cell.kind)
    let concat = cell.genotype.concat(of: cell.kind)
    #expect(layout.routes.map(\.edge) == Array(0..<(entries.count + concat.count)))
    for (index, entry) in entries.enumerated() {
      let edge = graph.edges[index]
      #expect(edge.operation == entry.operation)
      #expect(edge.source == entry.input && edge.target == 2 + index / 2)
    }
    #expect(graph.edges.dropFirst(entries.count).map(\.source) == concat)
    for route in layout.routes {
      let edge = graph.edges[route.edge]
      let (source, target) = (layout.boxes[edge.source], layout.boxes[edge.target])
      let pieces = route.path.segments
      let start = try #require(pieces.first).0
      #expect(source.right < target.left, "sources stand before targets")
      #expect(abs(start.x - source.right) < 1e-9)
      #expect(source.top < start.y && start.y < source.bottom)
      #expect(abs(route.tip.x - target.left) < 1e-9)
      #expect(target.top < route.tip.y && route.tip.y < target.bottom)
      #expect(try #require(pieces.last).1 == route.tip)
      #expect(pieces.allSatisfy { $0.0.x <= $0.1.x + 1e-9 }, "edges never turn back")
    }
  }

  @Test(arguments: PublishedCell.all)
  fileprivate func nothingCoversABoxOrAName(cell: PublishedCell) throws {
    let (graph, layout) = try cell.layout()
    let labels = layout.routes.compactMap(\.label)
    #expect(labels.count == cell.genotype.entries(of: cell.kind).count)
    let things = layout.boxes + labels
    for (index, thing) in things.enumerated() {
      #expect(!things[..<index].contains { $0.intersects(thing) })
      #expect(
        Rect(left: 0, top: 0, width: layout.size.width, height: layout.size.height)
          .grown(by: 1e-9).contains(thing))
    }
    for route in layout.routes {
      let edge = graph.edges[route.edge]
      for (node, box) in layout.boxes.enumerated() where node != edge.source && node != edge.target
      {
        #expect(!route.path.segments.contains { box.grown(by: -0.1).meetsSegment($0.0, $0.1) })
      }
      for other in layout.routes where other.edge != route.edge {
        guard let label = other.label else { continue }
        #expect(!route.path.segments.contains { label.grown(by: -0.1).meetsSegment($0.0, $0.1) })
      }
    }
    #expect(layout.size.width <= 237 + 1e-9)
  }

  /// All orders of all columns, one after the other.
  @Test(arguments: PublishedCell.named(["DARTS_V1", "DARTS_V2", "AmoebaNet", "V2_r2_e100"]))
  fileprivate func noOrderCrossesFewerEdges(cell: PublishedCell) throws {
    let graph = try CellGraph(cell.genotype, cell.kind)
    func orders(_ count: Int) -> [[Int]] {
      if count == 0 { return [[]] }
      return orders(count - 1).flatMap { order in
        (0..<count).map { place in
          var order = order
          order.insert(count - 1, at: place)
          return order
        }
      }
    }
    // The least from each order of a column on to the end.
    func least(_ gap: Int, _ left: [Int]) -> Int {
      guard gap < graph.links.count else { return 0 }
      return orders(graph.columns[gap + 1].count).map { right in
        var crossings = 0
        for a in graph.links[gap] {
          for b in graph.links[gap] where left[a.from] < left[b.from] && right[a.to] > right[b.to] {
            crossings += 1
          }
        }
        return crossings + least(gap + 1, right)
      }.min() ?? 0
    }
    let fewest = orders(2).map { least(0, $0) }.min()
    #expect(graph.crossings == fewest)
  }

  @Test func edgesCrossAsOftenAsIsKnown() throws {
    func crossings(_ name: String) throws -> [Int] {
      try PublishedCell.named([name]).map { try CellGraph($0.genotype, $0.kind).crossings }
    }
    // DARTS_V2: two inputs feed three nodes, of which each pair costs one; nodes 1 and 3 of the reduction cell share two
    // sources and the output.
    #expect(try crossings("DARTS_V2") == [3, 1])
    // Four nodes that all read both inputs: six pairs.
    #expect(try crossings("V2_r2_e100")[0] == 6)
  }

  /// Two curves of a gap cross where their ends are in opposite orders.
  @Test(arguments: PublishedCell.all)
  fileprivate func asManyCrossingsAreDrawnAsCounted(cell: PublishedCell) throws {
    let (graph, layout) = try cell.layout()
    var bends: [Int: [(from: Double, to: Double)]] = [:]
    for route in layout.routes {
      var at = Point(0, 0)
      for element in route.path.elements {
        switch element {
        case .move(let point), .line(let point): at = point
        case .curve(_, _, let end):
          bends[Int((1000 * at.x).rounded()), default: []].append((at.y, end.y))
          at = end
        case .close: break
        }
      }
    }
    let drawn = bends.values.reduce(0) { sum, gap in
      sum
        + gap.indices.reduce(0) { sum, i in
          sum + gap[..<i].count { ($0.from - gap[i].from) * ($0.to - gap[i].to) < -1e-9 }
        }
    }
    #expect(drawn == graph.crossings)
  }

  @Test func aPageThatIsTooNarrowShrinksTheCell() throws {
    let cell = try #require(PublishedCell.named(["GDAS_V1"]).first)
    let (_, layout) = try cell.layout(width: 120)
    #expect(layout.scale < 1)
    #expect(abs(layout.size.width - 120) < 1e-9)
  }

  @Test func aCellOfEightNodesIsRefused() {
    let entries = (0..<8).flatMap { _ in
      [Genotype.Entry("skip_connect", 0), .init("skip_connect", 1)]
    }
    let large = Genotype(
      normal: entries, normalConcat: [2], reduction: entries, reductionConcat: [2])
    #expect(throws: GenotypeError.self) { try CellGraph(large, .normal) }
  }
}

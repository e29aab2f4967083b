import Supernet

/// A cell as a graph, ordered for drawing: nodes in columns by their longest way from the inputs, and in each column in
/// the order that crosses the fewest edges.
///
/// Nodes 0 and 1 are the outputs of the two cells before, 2 + i is node i, the last one is the output of the cell.
public struct CellGraph: Equatable, Sendable {
  /// From one node to another.
  public struct Edge: Hashable, Sendable {
    /// The node that it leaves.
    public var source: Int
    /// The node that it enters.
    public var target: Int
    /// DARTS's name; nil where a node only joins the output.
    public var operation: String?
  }

  /// What stands in a column: a node, or an edge that passes to a later one.
  enum Item: Hashable, Sendable {
    case node(Int)
    case pass(edge: Int)
  }

  /// An edge between two columns that are neighbours: places in the one and in the other.
  struct Link: Hashable, Sendable {
    var edge: Int
    var from: Int
    var to: Int
  }

  /// Inputs, intermediate nodes and the output.
  public let nodeCount: Int
  /// Those of the genotype, then those to the output.
  public let edges: [Edge]
  /// From the inputs to the output, each from top to bottom.
  let columns: [[Item]]
  /// Between column i and column i + 1.
  let links: [[Link]]

  /// The last node.
  public var output: Int { nodeCount - 1 }

  /// The most nodes whose orders are searched; the search tries all of them.
  public static let mostNodes = 7

  /// The cell of one kind, its nodes ordered for the fewest crossings.
  ///
  /// - Throws: `GenotypeError.impossible` for a cell of more nodes.
  public init(_ genotype: Genotype, _ kind: CellKind) throws {
    let entries = genotype.entries(of: kind)
    let nodes = entries.count / 2
    guard nodes <= Self.mostNodes else {
      throw GenotypeError.impossible(
        "a cell of \(nodes) nodes cannot be drawn: up to \(Self.mostNodes) are ordered so that few edges cross"
      )
    }
    let output = nodes + 2
    let edges =
      entries.enumerated().map { index, entry in
        Edge(source: entry.input, target: 2 + index / 2, operation: entry.operation)
      } + genotype.concat(of: kind).map { Edge(source: $0, target: output, operation: nil) }
    var depth = [Int](repeating: 0, count: nodes + 3)
    for edge in edges where edge.target < output {
      depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    }
    depth[output] = (depth.max() ?? 0) + 1
    var columns = (0...depth[output]).map { column in
      depth.indices.filter { depth[$0] == column }.map { Item.node($0) }
    }
    for (index, edge) in edges.enumerated() {
      for column in (depth[edge.source] + 1)..<max(depth[edge.target], depth[edge.source] + 1) {
        columns[column].append(.pass(edge: index))
      }
    }
    let links = Self.links(edges, columns)
    self.init(
      nodeCount: nodes + 3, edges: edges, columns: Self.ordered(columns, links, edges: edges))
  }

  private init(nodeCount: Int, edges: [Edge], columns: [[Item]]) {
    self.nodeCount = nodeCount
    self.edges = edges
    self.columns = columns
    links = Self.links(edges, columns)
  }

  private static func links(_ edges: [Edge], _ columns: [[Item]]) -> [[Link]] {
    zip(columns, columns.dropFirst()).map { left, right in
      edges.indices.compactMap { edge in
        guard
          let from = left.firstIndex(where: {
            $0 == .pass(edge: edge) || $0 == .node(edges[edge].source)
          }),
          let to = right.firstIndex(where: {
            $0 == .pass(edge: edge) || $0 == .node(edges[edge].target)
          })
        else { return nil }
        return Link(edge: edge, from: from, to: to)
      }
    }
  }

  /// How often edges cross: two links do where their ends are in opposite orders.
  public var crossings: Int {
    links.reduce(0) { sum, gap in
      sum
        + gap.indices.reduce(0) { sum, i in
          sum + gap[..<i].count { (gap[i].from - $0.from) * (gap[i].to - $0.to) < 0 }
        }
    }
  }

  // MARK: - The order of the columns

  /// All orders of all columns are compared, column by column: the best way to each order of one is kept.
  ///
  /// A column never has more items than the cell has nodes, as every node brings one: itself, its way to the output, or
  /// the one of its two inputs that does not come from the column before.
  private static func ordered(_ columns: [[Item]], _ links: [[Link]], edges: [Edge]) -> [[Item]] {
    let orders = columns.map { permutations(of: $0.count) }
    var costs = [[Int](repeating: 0, count: orders[0].count)]
    var cameFrom: [[Int]] = []
    for (gap, links) in links.enumerated() {
      var best = [Int](repeating: .max, count: orders[gap + 1].count)
      var source = [Int](repeating: 0, count: best.count)
      for (i, left) in orders[gap].enumerated() {
        let price = Price(
          links, left, width: columns[gap + 1].count, isLabelled: edges.map { $0.operation != nil })
        for (j, right) in orders[gap + 1].enumerated() {
          let cost = costs[gap][i] + price.of(right)
          if cost < best[j] { (best[j], source[j]) = (cost, i) }
        }
      }
      costs.append(best)
      cameFrom.append(source)
    }
    let last = costs[costs.count - 1]
    var at = last.indices.min { last[$0] < last[$1] } ?? 0
    var result: [[Item]] = []
    for column in columns.indices.reversed() {
      let order = orders[column][at]
      result.append(order.map { columns[column][$0] })
      if column > 0 { at = cameFrom[column - 1][at] }
    }
    return result.reversed()
  }

  /// What the orders of a column cost after one order of the column before: above all crossings, then crossings of two
  /// operations, then the lengths of the links.
  private struct Price {
    /// [above][below]
    private var pairs: [[Int]]
    /// [item][place]
    private var lengths: [[Int]]

    init(_ links: [Link], _ left: [Int], width: Int, isLabelled: [Bool]) {
      var place = [Int](repeating: 0, count: left.count)
      for (index, item) in left.enumerated() { place[item] = index }
      pairs = [[Int]](repeating: [Int](repeating: 0, count: width), count: width)
      lengths = pairs
      for link in links {
        let y = 2 * place[link.from] - (left.count - 1)
        for position in 0..<width {
          let distance = y - (2 * position - (width - 1))
          lengths[link.to][position] += distance * distance
        }
        for other in links where place[link.from] > place[other.from] {
          let isWorse = isLabelled[link.edge] && isLabelled[other.edge]
          pairs[link.to][other.to] += isWorse ? 1_010_000 : 1_000_000
        }
      }
    }

    func of(_ order: [Int]) -> Int {
      var sum = 0
      for (place, item) in order.enumerated() {
        sum += lengths[item][place]
        for below in order[(place + 1)...] { sum += pairs[item][below] }
      }
      return sum
    }
  }

  /// Of 0 ..< count, in lexicographic order.
  private static func permutations(of count: Int) -> [[Int]] {
    var result: [[Int]] = [[]]
    for _ in 0..<count {
      result = result.flatMap { start in
        (0..<count).filter { !start.contains($0) }.map { start + [$0] }
      }
    }
    return result
  }
}

import Kernels

/// A genotype inside the supernet: drawn at random, as α, or as the one relaxation that computes nothing else.
extension Genotype {
  /// A cell drawn uniformly: two different inputs for each node, and on each one of the seven operations but `none`.
  ///
  /// - Parameter random: of purpose `.genotype`; with epoch and step it is the address of the cell.
  public static func drawn(by random: Philox, epoch: Int, step: Int, nodes: Int) -> Genotype {
    func entries(_ kind: CellKind) -> [Entry] {
      (0..<nodes).flatMap { node -> [Entry] in
        func draw(_ bound: Int, _ index: Int) -> Int {
          random.integer(
            below: bound, epoch: epoch, step: step,
            index: (kind.rawValue * nodes + node) * 4 + index)
        }
        let first = draw(node + 2, 0)
        let other = draw(node + 1, 1)
        return [first, other < first ? other : other + 1].enumerated().map { place, input in
          Entry(Operation.allCases[1 + draw(Operation.allCases.count - 1, 2 + place)].name, input)
        }
      }
    }
    let concat = Array(2..<(2 + nodes))
    return Genotype(
      normal: entries(.normal), normalConcat: concat, reduction: entries(.reduction),
      reductionConcat: concat)
  }

  /// α that gives this genotype back by the rule of DARTS.
  ///
  /// - Throws: `GenotypeError.impossible` for a cell that `shape` cannot hold: another number of nodes, two operations
  ///   on one edge, or operations that are no candidates.
  public func alpha<Scalar: KernelScalar>(in shape: SupernetShape) throws -> [Scalar] {
    // The first of a node's two entries is the stronger one; the edges not kept stay at 1/8 each.
    try marked(in: shape, others: 0) { place in place == 0 ? 8 : 4 }
  }

  /// The relaxation in which each edge computes the cell's operation with weight 1, or nothing, whatever α is.
  ///
  /// - Throws: `GenotypeError.impossible`, as `alpha(in:)`.
  public func relaxation<Scalar: KernelScalar>(in shape: SupernetShape) throws
    -> Relaxation<Scalar>
  {
    // α moves by a few units at most: noise of 10⁴ decides alone.
    .gdas(noise: try marked(in: shape, others: 1e4) { _ in 1e4 }, temperature: 1)
  }

  /// α-shaped: a mark at each operation of the cell, `others` at `none` of the other edges, 0 elsewhere.
  private func marked<Scalar: KernelScalar>(
    in shape: SupernetShape, others: Scalar, mark: (_ place: Int) -> Scalar
  ) throws -> [Scalar] {
    var vector = [Scalar].zeros(shape.alphaCount)
    for kind in CellKind.allCases {
      let entries = entries(of: kind)
      guard entries.count == 2 * shape.nodes else {
        throw GenotypeError.impossible(
          "a \(kind) cell with \(entries.count / 2) nodes does not fit a supernet with \(shape.nodes)"
        )
      }
      var kept: Set<Int> = []
      for (k, entry) in entries.enumerated() {
        let edge = shape.edges.firstIndex {
          $0.node == k / 2 && $0.source == entry.input
        }
        guard let edge, let operation = Operation(name: entry.operation),
          kept.insert(edge).inserted
        else {
          throw GenotypeError.impossible(
            "the supernet cannot hold \(entry.operation) from state \(entry.input) at node \(k / 2)"
          )
        }
        vector[shape.alphaIndex(kind, edge: edge, operation)] = mark(k % 2)
      }
      for edge in 0..<shape.edgeCount where !kept.contains(edge) {
        vector[shape.alphaIndex(kind, edge: edge, .none)] = others
      }
    }
    return vector
  }
}

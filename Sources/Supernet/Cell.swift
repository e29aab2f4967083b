import Kernels

/// One cell of a supernet, planned: states, edges, units and the places they use.
final class Cell {
  /// Border of the activated plane of a state: what dil_conv_5x5 needs.
  static let border = 4

  /// An input or a node: its value, its gradient, and what its outgoing edges share.
  final class State {
    let x: Tensor
    let gradient: Tensor
    /// Scratch: the activated plane.
    let plane: Int
    let table: StencilTable
    var pools: [Operation: PoolUnit] = [:]
    /// Indices of the edges that leave it.
    let edges: [Int]
    /// Σ p·g over the identities that leave it: its gradient through skip connections.
    let skips: GradientTerms

    init(
      x: Tensor, gradient: Tensor, edges: [Int], stride: Int, maxPool: SupernetShape.MaxPool,
      builder: inout NetworkBuilder
    ) {
      self.x = x
      self.gradient = gradient
      self.edges = edges
      table = StencilTable(
        rows: x.rows, columns: x.columns, channels: x.padded, kernel: 1, stride: 1, dilation: 1,
        padding: 0, border: Cell.border)
      plane = builder.planner.bordered(
        2, rows: x.rows, columns: x.columns, channels: x.padded, border: Cell.border,
        count: table.sourceCount)
      skips = GradientTerms(
        sources: max(edges.count, 1), channels: x.channels, planner: &builder.planner)
      if edges.isEmpty { return }
      let average = PoolUnit(
        of: x, stride: stride, isMax: false, edges: 2 * edges.count, builder: &builder)
      pools[.avgPool3] = average
      pools[.maxPool3] =
        maxPool == .avg
        ? average
        : PoolUnit(of: x, stride: stride, isMax: true, edges: edges.count, builder: &builder)
    }
  }

  /// A mixed operation: the candidates between two states.
  final class Edge {
    let source: Int
    let node: Int
    let stride: Int
    /// First halves of the separable convolutions, and the dilated convolutions; nil where there is none.
    var first: [Operation: SeparableUnit] = [:]
    var second: [Operation: SeparableUnit] = [:]
    /// skip_connect at stride 2.
    var reduction: MatrixUnit?
    /// Coefficients of the operations in the node's value, [8][padded].
    let mixture: Int
    /// What the node's gradient is multiplied with, in the order of the active operations.
    let products = TermList(capacity: Operation.allCases.count)

    init(source: Int, node: Int, stride: Int, mixture: Int) {
      self.source = source
      self.node = node
      self.stride = stride
      self.mixture = mixture
    }
  }

  let index: Int
  let kind: CellKind
  let channels: Int
  var padded: Int { Tensor.padded(channels) }
  let preprocess: [MatrixUnit]
  private(set) var states: [State] = []
  private(set) var edges: [Edge] = []
  /// The terms of each node's value; one constant vector each.
  let values: [TermList]
  let constants: [Int]
  /// Where they are added up in Double.
  let constantSums: Int

  var nodes: [State] { Array(states.dropFirst(2)) }

  /// The edges out of states 0 and 1, of state 2, …: what becomes computable together.
  var groups: [[Int]] { [[0, 1]] + (2..<(states.count - 1)).map { [$0] } }

  init(
    index: Int, shape: SupernetShape, channels: Int,
    inputs: [(tensors: [(x: Tensor, gradient: Tensor)], reduces: Bool)],
    builder: inout NetworkBuilder, gradients: inout Int
  ) {
    self.index = index
    self.channels = channels
    kind = shape.kind(ofCell: index)
    let name = "cells.\(index)"
    let padded = Tensor.padded(channels)
    var units: [MatrixUnit] = []
    for (i, input) in inputs.enumerated() {
      units.append(
        MatrixUnit(
          "\(name).preprocess\(i).conv", from: input.tensors, to: channels, reduces: input.reduces,
          builder: &builder, gradients: &gradients))
    }
    preprocess = units
    let stride = kind == .reduction ? 2 : 1
    let size = units[0].z.rows / stride
    constantSums = builder.planner.takeSums(padded)
    var values: [TermList] = []
    var constants: [Int] = []
    for i in 0..<(2 + shape.nodes) {
      let x =
        i < 2
        ? units[i].z : builder.planner.tensor(rows: size, columns: size, channels: channels)
      let gradient = builder.planner.tensor(rows: x.rows, columns: x.columns, channels: channels)
      states.append(
        State(
          x: x, gradient: gradient,
          edges: shape.edges.indices.filter { shape.edges[$0].source == i },
          stride: i < 2 ? stride : 1, maxPool: shape.maxPool, builder: &builder))
      if i >= 2 {
        values.append(TermList(capacity: i * Operation.allCases.count))
        constants.append(builder.planner.take(padded))
      }
    }
    self.values = values
    self.constants = constants
    for (i, place) in shape.edges.enumerated() {
      let state = states[place.source]
      let edge = Edge(
        source: place.source, node: place.node, stride: place.source < 2 ? stride : 1,
        mixture: builder.planner.take(Operation.allCases.count * padded))
      let prefix = "\(name).edge\(i)"
      for operation in Operation.allCases where operation.isConvolution {
        let halves = operation.halves
        let unit = SeparableUnit(
          "\(prefix).\(operation.name)", half: halves[0], operation, rows: state.x.rows,
          columns: state.x.columns, stride: edge.stride, plane: (state.plane, Cell.border),
          builder: &builder, gradients: &gradients)
        edge.first[operation] = unit
        if halves.count == 2 {
          edge.second[operation] = SeparableUnit(
            "\(prefix).\(operation.name)", half: halves[1], operation, rows: unit.z.rows,
            columns: unit.z.columns, stride: 1, builder: &builder, gradients: &gradients)
        }
      }
      if edge.stride == 2 {
        edge.reduction = MatrixUnit(
          "\(prefix).skip_connect.conv", from: [(state.x, state.gradient)], to: channels,
          reduces: true, builder: &builder, gradients: &gradients)
      }
      edges.append(edge)
    }
  }
}

extension Cell.Edge {
  /// The unit whose output enters the node's value.
  func output(of operation: Operation) -> SeparableUnit? { second[operation] ?? first[operation] }

  /// The tensor and batch norm of an operation's output; nil for `none`, no batch norm for an identity.
  func output(of operation: Operation, from state: Cell.State) -> (z: Tensor, norm: BatchNorm?)? {
    switch operation {
    case .none: nil
    case .maxPool3, .avgPool3: state.pools[operation].map { ($0.y, $0.norm) }
    case .skipConnect: reduction.map { ($0.z, $0.norm) } ?? (state.x, nil)
    default: output(of: operation).map { ($0.z, $0.norm) }
    }
  }
}

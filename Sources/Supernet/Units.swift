import Kernels

/// How a slice of w lies in a packed matrix: element (i, j) of rows × columns.
struct Packing {
  var slice: ParameterLayout.Slice
  var rows: Int
  var columns: Int
  var rowStep: Int
  var columnStep: Int
  /// First element in the slice.
  var first = 0
  /// Where the block lies in the packed matrix.
  var row = 0
  var column = 0
}

/// Depthwise, pointwise, batch norm on an activated plane: a half of a separable convolution, or a dilated one.
final class SeparableUnit {
  let table: StencilTable
  let places: UnitPlaces
  let depthwise: Packing
  let pointwise: Packing
  /// Pre-batch-norm output; in the backward pass of a second half it is overwritten by the gradient of its input.
  let z: Tensor
  let norm: BatchNorm
  let gradient: GradientTerms
  /// Scratch: the activated input (second halves only), and the bordered gradient.
  let plane: Int
  let bordered: Int
  let gradientCount: Int

  /// - Parameter plane: the scratch plane of a state, shared by all first halves that read it, with its border; nil
  ///   for a second half, which has a plane of its own.
  init(
    _ name: String, half: String, _ operation: Operation, rows: Int, columns: Int, stride: Int,
    plane shared: (offset: Int, border: Int)? = nil, builder: inout NetworkBuilder,
    gradients: inout Int
  ) {
    let layout = builder.layout
    let depthwiseSlice = layout["\(name).depthwise\(half)"]
    let pointwiseSlice = layout["\(name).pointwise\(half)"]
    let channels = depthwiseSlice.shape[0]
    let kernel = depthwiseSlice.shape[2]
    let padded = Tensor.padded(channels)
    let dilation = operation == .dilConv3 || operation == .dilConv5 ? 2 : 1
    let padding = dilation * (kernel - 1) / 2
    table = StencilTable(
      rows: rows, columns: columns, channels: padded, kernel: kernel, stride: stride,
      dilation: dilation, padding: padding, border: shared?.border ?? padding)
    depthwise = Packing(
      slice: depthwiseSlice, rows: kernel * kernel, columns: channels, rowStep: 1,
      columnStep: kernel * kernel)
    pointwise = Packing(
      slice: pointwiseSlice, rows: channels, columns: channels, rowStep: 1, columnStep: channels)
    let taps = kernel * kernel * padded
    places = UnitPlaces(
      depthwise: builder.planner.take(taps), pointwise: builder.planner.take(padded * padded),
      transposed: builder.planner.take(padded * padded), depthwiseGradient: gradients,
      pointwiseGradient: gradients + taps, outputs: padded)
    gradientCount = taps + padded * padded
    gradients += gradientCount
    z = builder.planner.tensor(
      rows: table.outRows, columns: table.outColumns, channels: channels)
    norm = builder.norm(channels)
    gradient = GradientTerms(sources: 1, channels: channels, planner: &builder.planner)
    plane =
      shared?.offset
      ?? builder.planner.bordered(
        0, rows: rows, columns: columns, channels: padded, border: table.border,
        count: table.sourceCount)
    bordered = builder.planner.bordered(
      1, rows: table.outRows, columns: table.outColumns, channels: padded,
      border: table.gradientBorder, count: table.gradientCount)
    builder.dense = max(
      builder.dense, rows * columns * padded, table.outRows * table.outColumns * padded)
  }
}

/// Activation, 1×1 convolution and batch norm on gathered pixels: preprocessing and factorised reduction.
final class MatrixUnit {
  /// A tensor that is read, where its gradient goes, which pixels, and the column of the gathered matrix.
  struct Source {
    var x: Tensor
    var gradient: Tensor
    var lattice: Lattice
    var column: Int
  }

  let sources: [Source]
  let inputs: Int
  let packings: [Packing]
  let weights: Int
  let transposed: Int
  let weightGradient: Int
  let gradientCount: Int
  /// Pre-batch-norm output; preprocessing normalises it in place.
  let z: Tensor
  let norm: BatchNorm
  let gradient: GradientTerms

  /// - Parameter reduces: a factorised reduction: two convolutions of stride 2, the second one shifted by a pixel.
  init(
    _ name: String, from tensors: [(x: Tensor, gradient: Tensor)], to channels: Int, reduces: Bool,
    builder: inout NetworkBuilder, gradients: inout Int
  ) {
    let first = tensors[0].x
    let (rows, columns) =
      reduces ? (first.rows / 2, first.columns / 2) : (first.rows, first.columns)
    var sources: [Source] = []
    var packings: [Packing] = []
    var column = 0
    for part in 0..<(reduces ? 2 : 1) {
      let slice = builder.layout[name + (reduces ? ["1", "2"][part] : "")]
      let outputs = slice.shape[0]
      var input = 0
      for tensor in tensors {
        sources.append(
          Source(
            x: tensor.x, gradient: tensor.gradient,
            lattice: Lattice(
              row: part, column: part, step: reduces ? 2 : 1, rows: rows, columns: columns,
              sourceColumns: first.columns, channels: tensor.x.padded), column: column))
        packings.append(
          Packing(
            slice: slice, rows: tensor.x.channels, columns: outputs, rowStep: 1,
            columnStep: slice.shape[1], first: input, row: column, column: part * outputs))
        input += tensor.x.channels
        column += tensor.x.padded
      }
    }
    self.sources = sources
    self.packings = packings
    inputs = column
    let padded = Tensor.padded(channels)
    weights = builder.planner.take(inputs * padded)
    transposed = builder.planner.take(inputs * padded)
    weightGradient = gradients
    gradientCount = inputs * padded
    gradients += gradientCount
    z = builder.planner.tensor(rows: rows, columns: columns, channels: channels)
    norm = builder.norm(channels)
    gradient = GradientTerms(sources: 1, channels: channels, planner: &builder.planner)
    builder.gathered = max(builder.gathered, rows * columns * inputs)
    builder.dense = max(builder.dense, rows * columns * padded)
  }
}

/// Pooled values of a state: the same for all edges that leave it, so computed once.
final class PoolUnit {
  let shape: PoolShape
  let isMax: Bool
  let y: Tensor
  /// The winning taps of a maximum.
  let taps: Tensor?
  let norm: BatchNorm
  /// The gradient, summed over the edges that leave the state.
  let gradient: GradientTerms

  init(of x: Tensor, stride: Int, isMax: Bool, edges: Int, builder: inout NetworkBuilder) {
    self.isMax = isMax
    shape = PoolShape(rows: x.rows, columns: x.columns, channels: x.padded, stride: stride)
    y = builder.planner.tensor(
      rows: shape.outRows, columns: shape.outColumns, channels: x.channels)
    taps =
      isMax
      ? builder.planner.tensor(
        rows: shape.outRows, columns: shape.outColumns, channels: x.channels) : nil
    norm = builder.norm(x.channels)
    gradient = GradientTerms(sources: edges, channels: x.channels, planner: &builder.planner)
  }
}

/// Collects what a network needs while its parts are planned.
struct NetworkBuilder {
  let layout: ParameterLayout
  var planner: Planner
  private(set) var norms: [BatchNorm] = []
  private var statistics = 0
  /// Largest dense scratch plane and gathered matrix.
  var dense = 0
  var gathered = 0

  init(layout: ParameterLayout, samples: Int) {
    self.layout = layout
    planner = Planner(samples: samples)
  }

  mutating func norm(
    _ channels: Int, gamma: ParameterLayout.Slice? = nil, beta: ParameterLayout.Slice? = nil
  ) -> BatchNorm {
    let norm = BatchNorm(
      index: norms.count, channels: channels, statistics: statistics, planner: &planner,
      gamma: gamma, beta: beta)
    norms.append(norm)
    statistics += channels
    return norm
  }
}

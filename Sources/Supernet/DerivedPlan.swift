import Kernels

/// A derived network as a list of blocks with their parameters and buffers: made once, run by `DerivedPass`.
///
/// Source: `NetworkCIFAR` and `NetworkImageNet` of DARTS `cnn/model.py`; parameters in the order of their modules.
/// One deviation: the auxiliary head's average pooling takes windows of s − (s + 1)/3 at a stride of (s + 1)/3 on a map
/// of s × s, which always leaves 2×2. At the official sizes these are DARTS's 5 and 3 (s = 8), 5 and 2 (s = 7).
struct DerivedPlan {
  enum Block {
    /// Nodes that do not read each other.
    case sums([SumNode])
    case average(AverageBlock)
    case linear(LinearBlock)
  }

  let shape: DerivedShape
  let samples: Int
  private(set) var layout = ParameterLayout()
  private(set) var planner: Planner
  private(set) var blocks: [Block] = []
  /// Of the auxiliary head; empty when there is none.
  private(set) var auxiliaryBlocks: [Block] = []
  private(set) var norms: [AffineNorm] = []
  private(set) var denseUnits: [DenseUnit] = []
  private(set) var depthwiseUnits: [DepthwiseUnit] = []
  private(set) var activations: [Activations] = []
  /// The classifier, and the auxiliary head's if there is one.
  private(set) var classifiers: [LinearBlock] = []
  /// Branches that drop-path may drop, in the order of cells and entries.
  private(set) var maskCount = 0
  let images: Tensor
  /// Scratch regions, relative to a worker's part.
  private(set) var denseA = 0
  private(set) var denseB = 0
  private(set) var denseC = 0
  private(set) var gathered = 0
  private(set) var gatheredGradient = 0
  private var statistics = 0
  private var denseExtent = 16
  private var gatheredExtent = 16

  var statisticsCount: Int { statistics }

  /// - Throws: `GenotypeError`, `SupernetError.impossible`.
  init(_ genotype: Genotype, as shape: DerivedShape, auxiliary: Bool, samples: Int) throws {
    try genotype.validate()
    try shape.validate()
    self.shape = shape
    self.samples = samples
    planner = Planner(samples: samples)
    images = planner.tensor(
      rows: shape.imageSize, columns: shape.imageSize, channels: shape.inputChannels)
    var (inputs, previousReduces) = try addStem()
    var width = shape.channels
    var auxiliaryInput: [Activations] = []
    for cell in 0..<shape.cells {
      let kind = shape.kind(ofCell: cell)
      if kind == .reduction { width *= 2 }
      let output = try addCell(
        genotype, kind, "cells.\(cell)", width: width, on: inputs, reducesFirst: previousReduces)
      previousReduces = kind == .reduction
      inputs = [inputs[1], output]
      if cell == 2 * shape.cells / 3 { auxiliaryInput = output }
    }
    // The auxiliary head's parameters come before the classifier's.
    let auxiliaryHead = auxiliary ? try addAuxiliary(on: auxiliaryInput) : nil
    let last = inputs[1]
    declareLinear("classifier", inputs: last.reduce(0) { $0 + $1.x.channels })
    let pooled = average(of: last, window: last[0].x.rows, stride: 1, rectifies: false)
    let classifier = linear("classifier", on: pooled.outputs, rectifies: false)
    blocks += [.average(pooled), .linear(classifier)]
    classifiers = [classifier]
    if let auxiliaryHead {
      let classifier = linear("auxiliary", on: [auxiliaryHead], rectifies: true)
      auxiliaryBlocks.append(.linear(classifier))
      classifiers.append(classifier)
    }
    (denseA, denseB) = (planner.ownScratch(denseExtent), planner.ownScratch(denseExtent))
    denseC = planner.ownScratch(denseExtent)
    gathered = planner.ownScratch(gatheredExtent)
    gatheredGradient = planner.ownScratch(gatheredExtent)
  }
}

// MARK: - The parts of a network

extension DerivedPlan {
  /// Adds the stem; gives the inputs of the first cell, and whether its first one is twice as large.
  private mutating func addStem() throws -> (inputs: [[Activations]], reduces: Bool) {
    let image = Activations(x: images, gradient: images)
    switch shape.stem {
    case .cifar:
      let map = addConvolution("stem", on: image, to: 3 * shape.channels, stride: 1)
      return ([[map], [map]], false)
    case .imageNet:
      let half = addConvolution("stem0", "1", on: image, to: shape.channels / 2, stride: 2)
      let quarter = addConvolution("stem0", "2", on: half, to: shape.channels, stride: 2)
      let eighth = addConvolution("stem1", on: quarter, to: shape.channels, stride: 2)
      return ([[quarter], [eighth]], true)
    }
  }

  /// A 3×3 convolution of a stem with its batch norm, after a ReLU where it does not read images.
  private mutating func addConvolution(
    _ name: String, _ place: String = "", on input: Activations, to channels: Int, stride: Int
  ) -> Activations {
    let unit = dense(
      "\(name).conv\(place)", on: [input], to: channels, kernel: (3, 3), stride: (stride, stride),
      padding: (1, 1), rectifies: input.x.offset != images.offset, norm: "\(name).norm\(place)")
    return addSum([Branch(.dense([unit]))])
  }

  private mutating func addCell(
    _ genotype: Genotype, _ kind: CellKind, _ name: String, width: Int, on inputs: [[Activations]],
    reducesFirst: Bool
  ) throws -> [Activations] {
    let size = inputs[1][0].x.rows
    guard kind == .normal || size % 2 == 0,
      inputs[0][0].x.rows == (reducesFirst ? 2 * size : size)
    else {
      throw SupernetError.impossible(
        "--image-size \(shape.imageSize) does not halve evenly down to \(name), whose input has \(size) rows; "
          + "use a multiple of \(shape.stem == .cifar ? 4 : 32)")
    }
    let first =
      reducesFirst
      ? reduction("\(name).preprocess0", on: inputs[0], to: width)
      : dense(
        "\(name).preprocess0.conv", on: inputs[0], to: width, rectifies: true,
        norm: "\(name).preprocess0.norm")
    let second = dense(
      "\(name).preprocess1.conv", on: inputs[1], to: width, rectifies: true,
      norm: "\(name).preprocess1.norm")
    let nodes = [first, second].map { sum([Branch(.dense([$0]))]) }
    blocks.append(.sums(nodes))
    var states = nodes.map(\.output)
    let entries = genotype.entries(of: kind)
    for node in 0..<(entries.count / 2) {
      var branches: [Branch] = []
      for k in [2 * node, 2 * node + 1] {
        let entry = entries[k]
        branches.append(
          try branch(
            "\(name).ops.\(k)", entry.operation, on: states[entry.input],
            stride: kind == .reduction && entry.input < 2 ? 2 : 1))
      }
      states.append(addSum(branches))
    }
    return genotype.concat(of: kind).map { states[$0] }
  }

  private mutating func branch(
    _ name: String, _ operation: String, on input: Activations, stride: Int
  ) throws -> Branch {
    guard let operation = CellOperation(rawValue: operation) else {
      throw GenotypeError.unknownOperation(operation)
    }
    let channels = input.x.channels
    if operation == .skipConnect && stride == 1 { return Branch(.identity(input)) }
    defer { maskCount += 1 }
    switch operation.build {
    case .pooling:
      let shape = PoolShape(
        rows: input.x.rows, columns: input.x.columns, channels: input.x.padded, stride: stride)
      func plane() -> Tensor {
        planner.tensor(rows: shape.outRows, columns: shape.outColumns, channels: channels)
      }
      denseExtent = max(denseExtent, input.x.sampleStep)
      let y = plane()
      return Branch(
        .pool(
          PoolBlock(
            input: input, shape: shape, y: y, taps: operation == .maxPool3 ? plane() : nil)),
        mask: maskCount)
    case .skip: return Branch(.dense([reduction(name, on: [input], to: channels)]), mask: maskCount)
    case .separable(let kernel, let repeats):
      let dilation = repeats == 1 ? 2 : 1
      var units: [DepthwiseUnit] = []
      for k in 0..<repeats {
        units.append(
          depthwise(
            name, half: k + 1, on: k == 0 ? input.x : units[0].z, kernel: kernel,
            stride: k == 0 ? stride : 1, dilation: dilation))
      }
      return Branch(.separable(input, units), mask: maskCount)
    case .factorised(let kernel):
      let row = dense(
        "\(name).conv1", on: [input], to: channels, kernel: (1, kernel), stride: (1, stride),
        padding: (0, kernel / 2), rectifies: true)
      let between = Activations(x: row.z, gradient: like(row.z))
      activations.append(between)
      let column = dense(
        "\(name).conv2", on: [between], to: channels, kernel: (kernel, 1), stride: (stride, 1),
        padding: (kernel / 2, 0), rectifies: false, norm: "\(name).norm")
      return Branch(.dense([row, column]), mask: maskCount)
    }
  }

  /// Adds the auxiliary head but for its classifier.
  private mutating func addAuxiliary(on input: [Activations]) throws -> Activations {
    let size = input[0].x.rows
    guard size >= 2 else {
      throw SupernetError.impossible(
        "the auxiliary head needs maps of at least 2×2, but cell \(2 * shape.cells / 3) gives 1×1; use larger "
          + "images, or --auxiliary 0")
    }
    let stride = (size + 1) / 3
    let pooled = average(of: input, window: size - stride, stride: stride, rectifies: true)
    auxiliaryBlocks.append(.average(pooled))
    let first = dense(
      "auxiliary.conv1", on: pooled.outputs, to: 128, rectifies: false, norm: "auxiliary.norm1")
    let narrow = sum([Branch(.dense([first]))])
    auxiliaryBlocks.append(.sums([narrow]))
    let second = dense(
      "auxiliary.conv2", on: [narrow.output], to: 768, kernel: (2, 2), rectifies: true,
      norm: shape.stem == .cifar ? "auxiliary.norm2" : nil)
    let wide = sum([Branch(.dense([second]))])
    auxiliaryBlocks.append(.sums([wide]))
    declareLinear("auxiliary", inputs: 768)
    return wide.output
  }
}

// MARK: - Units

extension DerivedPlan {
  private mutating func slice(_ name: String, _ shape: [Int], _ role: ParameterLayout.Slice.Role)
    -> ParameterLayout.Slice
  {
    layout.add(name, shape, role)
    return layout[name]
  }

  private mutating func like(_ tensor: Tensor) -> Tensor {
    planner.tensor(rows: tensor.rows, columns: tensor.columns, channels: tensor.channels)
  }

  private mutating func norm(_ name: String, _ channels: Int) -> AffineNorm {
    let gamma = slice("\(name).gamma", [channels], .gamma)
    let beta = slice("\(name).beta", [channels], .beta)
    let norm = AffineNorm(
      BatchNorm(
        index: norms.count, channels: channels, statistics: statistics, planner: &planner,
        gamma: gamma, beta: beta), planner: &planner)
    statistics += channels
    norms.append(norm)
    return norm
  }

  /// A node; its output is the size of what its branches give.
  private mutating func sum(_ branches: [Branch]) -> SumNode {
    let like = branches[0].value
    let output = Activations(x: self.like(like), gradient: self.like(like))
    activations.append(output)
    denseExtent = max(denseExtent, like.sampleStep)
    return SumNode(branches: branches, output: output)
  }

  private mutating func addSum(_ branches: [Branch]) -> Activations {
    let node = sum(branches)
    blocks.append(.sums([node]))
    return node.output
  }

  /// A convolution of the concatenation of some planes.
  private mutating func dense(
    _ name: String, on planes: [Activations], to channels: Int,
    kernel: (rows: Int, columns: Int) = (1, 1), stride: (rows: Int, columns: Int) = (1, 1),
    padding: (rows: Int, columns: Int) = (0, 0), rectifies: Bool, norm normName: String? = nil
  ) -> DenseUnit {
    let inputs = planes.reduce(0) { $0 + $1.x.channels }
    let area = kernel.rows * kernel.columns
    let weight = slice(
      name, [channels, inputs, kernel.rows, kernel.columns], .weight(fanIn: inputs * area))
    let parts = planes.map { plane in
      (
        plane,
        PatchShape(
          rows: plane.x.rows, columns: plane.x.columns, channels: plane.x.padded, kernel: kernel,
          stride: stride, padding: padding)
      )
    }
    return dense(
      [(weight, parts)], to: channels, rectifies: rectifies,
      norm: normName.map { norm($0, channels) })
  }

  /// A factorised reduction: half of the channels from every second pixel, half from those beside them.
  private mutating func reduction(_ name: String, on planes: [Activations], to channels: Int)
    -> DenseUnit
  {
    let inputs = planes.reduce(0) { $0 + $1.x.channels }
    let halves = [0, 1].map { shift in
      (
        slice("\(name).conv\(shift + 1)", [channels / 2, inputs, 1, 1], .weight(fanIn: inputs)),
        planes.map { plane in
          (
            plane,
            PatchShape(
              rows: plane.x.rows, columns: plane.x.columns, channels: plane.x.padded,
              stride: (2, 2), padding: (-shift, -shift))
          )
        }
      )
    }
    return dense(halves, to: channels, rectifies: true, norm: norm("\(name).norm", channels))
  }

  /// Convolutions beside each other, each with its own rows of the matrix and its own outputs.
  private mutating func dense(
    _ convolutions: [(weight: ParameterLayout.Slice, planes: [(Activations, PatchShape)])],
    to channels: Int, rectifies: Bool, norm: AffineNorm?
  ) -> DenseUnit {
    var sources: [DenseUnit.Source] = []
    var packings: [Packing] = []
    var (column, firstOutput) = (0, 0)
    for (weight, planes) in convolutions {
      let (outputs, inputs) = (weight.shape[0], weight.shape[1])
      let taps = weight.count / (outputs * inputs)
      var input = 0
      for (plane, shape) in planes {
        sources.append(DenseUnit.Source(plane: plane, shape: shape, column: column))
        for tap in 0..<taps {
          packings.append(
            Packing(
              slice: weight, rows: plane.x.channels, columns: outputs, rowStep: taps,
              columnStep: inputs * taps, first: input * taps + tap,
              row: column + tap * plane.x.padded, column: firstOutput))
        }
        input += plane.x.channels
        column += taps * plane.x.padded
      }
      firstOutput += outputs
    }
    let shape = sources[0].shape
    let z = planner.tensor(rows: shape.outRows, columns: shape.outColumns, channels: channels)
    denseExtent = max(denseExtent, z.sampleStep)
    gatheredExtent = max(gatheredExtent, shape.outPixels * column)
    let unit = DenseUnit(
      sources: sources, inputs: column, packings: packings,
      weights: planner.take(column * z.padded), transposed: planner.take(column * z.padded), z: z,
      norm: norm, rectifies: rectifies,
      passesGradient: sources[0].plane.x.offset != images.offset)
    denseUnits.append(unit)
    return unit
  }

  private mutating func depthwise(
    _ name: String, half: Int, on input: Tensor, kernel: Int, stride: Int, dilation: Int
  ) -> DepthwiseUnit {
    let (channels, padded) = (input.channels, input.padded)
    let padding = dilation * (kernel - 1) / 2
    let table = StencilTable(
      rows: input.rows, columns: input.columns, channels: padded, kernel: kernel, stride: stride,
      dilation: dilation, padding: padding, border: padding)
    let taps = slice(
      "\(name).depthwise\(half)", [channels, 1, kernel, kernel], .weight(fanIn: kernel * kernel))
    let matrix = slice(
      "\(name).pointwise\(half)", [channels, channels, 1, 1], .weight(fanIn: channels))
    let z = planner.tensor(rows: table.outRows, columns: table.outColumns, channels: channels)
    let unit = DepthwiseUnit(
      table: table,
      places: UnitPlaces(
        depthwise: planner.take(kernel * kernel * padded), pointwise: planner.take(padded * padded),
        transposed: planner.take(padded * padded), depthwiseGradient: 0, pointwiseGradient: 0,
        outputs: padded),
      depthwise: Packing(
        slice: taps, rows: kernel * kernel, columns: channels, rowStep: 1,
        columnStep: kernel * kernel),
      pointwise: Packing(
        slice: matrix, rows: channels, columns: channels, rowStep: 1, columnStep: channels), z: z,
      norm: norm("\(name).norm\(half)", channels),
      plane: planner.bordered(
        0, rows: input.rows, columns: input.columns, channels: padded, border: table.border,
        count: table.sourceCount),
      bordered: planner.bordered(
        1, rows: table.outRows, columns: table.outColumns, channels: padded,
        border: table.gradientBorder, count: table.gradientCount))
    denseExtent = max(denseExtent, input.sampleStep, z.sampleStep)
    depthwiseUnits.append(unit)
    return unit
  }

  private mutating func average(
    of planes: [Activations], window: Int, stride: Int, rectifies: Bool
  ) -> AverageBlock {
    let shape = WindowShape(
      size: planes[0].x.rows, channels: planes[0].x.padded, window: window, stride: stride)
    var outputs: [Activations] = []
    for plane in planes {
      func pooled() -> Tensor {
        planner.tensor(rows: shape.outSize, columns: shape.outSize, channels: plane.x.channels)
      }
      outputs.append(Activations(x: pooled(), gradient: pooled()))
    }
    activations += outputs
    return AverageBlock(sources: planes, outputs: outputs, shape: shape, rectifies: rectifies)
  }

  private mutating func declareLinear(_ name: String, inputs: Int) {
    layout.add("\(name).weight", [shape.classes, inputs], .weight(fanIn: inputs))
    layout.add("\(name).bias", [shape.classes], .bias(fanIn: inputs))
  }

  private mutating func linear(_ name: String, on planes: [Activations], rectifies: Bool)
    -> LinearBlock
  {
    let parts = planes.map { ($0, PatchShape(rows: 1, columns: 1, channels: $0.x.padded)) }
    let unit = dense(
      [(layout["\(name).weight"], parts)], to: shape.classes, rectifies: rectifies, norm: nil)
    return LinearBlock(unit: unit, gradient: like(unit.z), bias: layout["\(name).bias"])
  }
}

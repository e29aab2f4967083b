/// What a derived network costs: parameters, and multiply-adds for one image.
///
/// Batch norms are affine and count with two parameters a channel; running statistics do not count. The auxiliary head
/// is used in training alone, so it is kept apart and has no multiply-adds.
public struct NetworkCount: Hashable, Codable, Sendable {
  /// Without the auxiliary head's.
  public var parameters = 0
  /// Of the auxiliary head, which is not part of `parameters`.
  public var auxiliaryParameters = 0
  /// Multiplications of convolutions and of the classifier.
  public var multiplyAdds = 0
  /// Twice the inputs of batch norms, the outputs of ReLUs and the inputs of poolings.
  public var elementwise = 0

  /// The rule of the counter `ptflops`, which gives the 570 M of the paper's Table 2.
  public var ptflops: Int { multiplyAdds + elementwise }
  /// What the parameters of the network and its auxiliary head make together.
  public var parametersWithAuxiliary: Int { parameters + auxiliaryParameters }

  /// Counts the network that `genotype` makes in the form `shape`.
  ///
  /// - Throws: `GenotypeError`, `SupernetError.impossible` for what no network can be built from.
  public init(_ genotype: Genotype, as shape: DerivedShape) throws {
    try genotype.validate()
    try shape.validate()
    self.init()
    var inputs = addStem(shape)
    var width = shape.channels
    for cell in 0..<shape.cells {
      let kind = shape.kind(ofCell: cell)
      if kind == .reduction { width *= 2 }
      let output = try addCell(genotype, kind, width: width, on: inputs)
      inputs = (inputs.1, output)
      if cell == 2 * shape.cells / 3 {
        auxiliaryParameters = Self.auxiliary(from: output.channels, shape)
      }
    }
    let last = inputs.1
    elementwise += last.elements  // global average pooling
    addLinear(from: last.channels, to: shape.classes)
  }

  private init() {}
}

/// A square feature map.
private struct FeatureMap {
  var channels: Int
  var size: Int

  var elements: Int { channels * size * size }
  /// As an operation of stride 2 leaves it.
  var halved: FeatureMap { FeatureMap(channels: channels, size: (size + 1) / 2) }

  func with(channels: Int) -> FeatureMap { FeatureMap(channels: channels, size: size) }
}

// MARK: - The parts of a network

extension NetworkCount {
  /// Adds the stem; gives the two inputs of the first cell.
  private mutating func addStem(_ shape: DerivedShape) -> (FeatureMap, FeatureMap) {
    let image = FeatureMap(channels: shape.inputChannels, size: shape.imageSize)
    switch shape.stem {
    case .cifar:
      let map = image.with(channels: 3 * shape.channels)
      addConvolution(from: image, to: map, kernelArea: 9)
      addBatchNorm(map)
      return (map, map)
    case .imageNet:
      let half = image.halved.with(channels: shape.channels / 2)
      let quarter = half.halved.with(channels: shape.channels)
      addConvolution(from: image, to: half, kernelArea: 9)
      addBatchNorm(half)
      addReLU(half)
      addConvolution(from: half, to: quarter, kernelArea: 9)
      addBatchNorm(quarter)
      addReLU(quarter)
      addConvolution(from: quarter, to: quarter.halved, kernelArea: 9)
      addBatchNorm(quarter.halved)
      return (quarter, quarter.halved)
    }
  }

  /// Adds a cell; gives its output.
  private mutating func addCell(
    _ genotype: Genotype, _ kind: CellKind, width: Int, on inputs: (FeatureMap, FeatureMap)
  ) throws -> FeatureMap {
    let full = inputs.1.with(channels: width)
    if inputs.0.size == inputs.1.size {
      addPointwise(from: inputs.0, to: full)
    } else {
      addFactorisedReduction(from: inputs.0, to: full)
    }
    addPointwise(from: inputs.1, to: full)
    let reduced = kind == .reduction ? full.halved : full
    for entry in genotype.entries(of: kind) {
      guard let operation = CellOperation(rawValue: entry.operation) else {
        throw GenotypeError.unknownOperation(entry.operation)
      }
      add(operation, from: entry.input < 2 ? full : reduced, to: reduced)
    }
    return reduced.with(channels: width * genotype.concat(of: kind).count)
  }

  private mutating func add(
    _ operation: CellOperation, from input: FeatureMap, to output: FeatureMap
  ) {
    switch operation.build {
    case .pooling: elementwise += input.elements
    case .skip:
      if input.size != output.size { addFactorisedReduction(from: input, to: output) }
    case .separable(let kernel, let repeats):
      for k in 0..<repeats {
        addReLU(k == 0 ? input : output)
        addDepthwise(to: output, kernelArea: kernel * kernel)
        addConvolution(from: output, to: output, kernelArea: 1)
        addBatchNorm(output)
      }
    case .factorised(let kernel):
      addReLU(input)
      // 1×k with stride 2 along the row alone, then k×1 with stride 2 along the column.
      addConvolution(
        from: input, channels: output.channels, positions: input.size * output.size,
        kernelArea: kernel)
      addConvolution(from: output, to: output, kernelArea: kernel)
      addBatchNorm(output)
    }
  }

  /// Parameters of the auxiliary head: two convolutions with batch norm (ImageNet's lacks the second), a classifier.
  private static func auxiliary(from channels: Int, _ shape: DerivedShape) -> Int {
    let norms = 2 * 128 + (shape.stem == .cifar ? 2 * 768 : 0)
    return channels * 128 + 128 * 768 * 4 + norms + (768 + 1) * shape.classes
  }
}

// MARK: - Layers

extension NetworkCount {
  /// "ReLU, 1×1 convolution, batch norm".
  private mutating func addPointwise(from input: FeatureMap, to output: FeatureMap) {
    addReLU(input)
    addConvolution(from: input, to: output, kernelArea: 1)
    addBatchNorm(output)
  }

  /// "ReLU, two 1×1 convolutions of stride 2 to half of the channels each, batch norm": counts like one to all.
  private mutating func addFactorisedReduction(from input: FeatureMap, to output: FeatureMap) {
    addPointwise(from: input, to: output)
  }

  private mutating func addConvolution(
    from input: FeatureMap, to output: FeatureMap, kernelArea: Int
  ) {
    addConvolution(
      from: input, channels: output.channels, positions: output.size * output.size,
      kernelArea: kernelArea)
  }

  private mutating func addConvolution(
    from input: FeatureMap, channels: Int, positions: Int, kernelArea: Int
  ) {
    let weights = input.channels * channels * kernelArea
    parameters += weights
    multiplyAdds += weights * positions
  }

  private mutating func addDepthwise(to output: FeatureMap, kernelArea: Int) {
    parameters += output.channels * kernelArea
    multiplyAdds += output.elements * kernelArea
  }

  private mutating func addBatchNorm(_ map: FeatureMap) {
    parameters += 2 * map.channels
    elementwise += 2 * map.elements
  }

  private mutating func addReLU(_ map: FeatureMap) { elementwise += map.elements }

  private mutating func addLinear(from inputs: Int, to outputs: Int) {
    parameters += (inputs + 1) * outputs
    multiplyAdds += inputs * outputs
  }
}

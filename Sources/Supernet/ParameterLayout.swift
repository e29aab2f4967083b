/// Names, shapes and places of all slices of the flat weight vector w, in the order of the public DARTS model.
public struct ParameterLayout: Equatable, Sendable {
  /// One tensor: `shape` in PyTorch's order (output, input per group, row, column), row-major at `offset` of w.
  public struct Slice: Equatable, Sendable {
    /// What a tensor is, which decides how it begins.
    public enum Role: Equatable, Sendable {
      /// A convolution or linear weight, with the number of inputs of one output.
      case weight(fanIn: Int)
      /// Scale of a batch norm, 1 at first.
      case gamma
      /// Offset of a batch norm, 0 at first.
      case beta
      /// Of the classifier, with the number of inputs of one output.
      case bias(fanIn: Int)
    }
    /// "cells.0.edge3.sep_conv_3x3.depthwise1"
    public var name: String
    /// In PyTorch's order.
    public var shape: [Int]
    /// Where it begins in w.
    public var offset: Int
    /// What it is.
    public var role: Role

    /// How many entries.
    public var count: Int { shape.reduce(1, *) }
    /// Its place in w.
    public var range: Range<Int> { offset..<(offset + count) }
  }

  /// In the order of w.
  public private(set) var slices: [Slice] = []
  /// Number of weights, P.
  public private(set) var count = 0
  private var indices: [String: Int] = [:]

  /// The slice of a parameter.
  ///
  /// - Precondition: the name is one of the layout's; a wrong one is a mistake of the program.
  public subscript(name: String) -> Slice {
    guard let index = indices[name] else { preconditionFailure("no parameter is called \(name)") }
    return slices[index]
  }

  /// An empty layout, to be filled while a network is planned.
  init() {}

  mutating func add(_ name: String, _ shape: [Int], _ role: Slice.Role) {
    indices[name] = slices.count
    slices.append(Slice(name: name, shape: shape, offset: count, role: role))
    count += shape.reduce(1, *)
  }

  /// The layout of the DARTS search network: 1,930,618 weights for C = 16, 8 cells, 3×32×32, 10 classes.
  public init(_ shape: SupernetShape) {
    let stem = 3 * shape.channels
    add(
      "stem.conv", [stem, shape.inputChannels, 3, 3], .weight(fanIn: 9 * shape.inputChannels))
    add("stem.bn.gamma", [stem], .gamma)
    add("stem.bn.beta", [stem], .beta)
    var (before, previous, width, previousReduces) = (stem, stem, shape.channels, false)
    for cell in 0..<shape.cells {
      let reduces = shape.kind(ofCell: cell) == .reduction
      if reduces { width *= 2 }
      let prefix = "cells.\(cell)"
      if previousReduces {
        addReduction("\(prefix).preprocess0", from: before, to: width)
      } else {
        addPointwise("\(prefix).preprocess0.conv", from: before, to: width)
      }
      addPointwise("\(prefix).preprocess1.conv", from: previous, to: width)
      for (index, edge) in shape.edges.enumerated() {
        let name = "\(prefix).edge\(index)"
        if reduces && edge.source < 2 {
          addReduction("\(name).skip_connect", from: width, to: width)
        }
        for operation in Operation.allCases where operation.isConvolution {
          for half in operation.halves {
            let kernel = operation.kernelSize
            add(
              "\(name).\(operation.name).depthwise\(half)", [width, 1, kernel, kernel],
              .weight(fanIn: kernel * kernel))
            addPointwise("\(name).\(operation.name).pointwise\(half)", from: width, to: width)
          }
        }
      }
      (before, previous) = (previous, shape.nodes * width)
      previousReduces = reduces
    }
    add("classifier.weight", [shape.classes, previous], .weight(fanIn: previous))
    add("classifier.bias", [shape.classes], .bias(fanIn: previous))
  }

  private mutating func addPointwise(_ name: String, from input: Int, to output: Int) {
    add(name, [output, input, 1, 1], .weight(fanIn: input))
  }

  private mutating func addReduction(_ name: String, from input: Int, to output: Int) {
    addPointwise("\(name).conv1", from: input, to: output / 2)
    addPointwise("\(name).conv2", from: input, to: output / 2)
  }
}

extension Operation {
  /// Rows and columns of the kernel: 3 or 5.
  var kernelSize: Int {
    switch self {
    case .sepConv5, .dilConv5: 5
    default: 3
    }
  }

  /// Suffixes of the parameters of each "activation, depthwise, pointwise, batch norm" of a convolution.
  var halves: [String] {
    switch self {
    case .sepConv3, .sepConv5: ["1", "2"]
    case .dilConv3, .dilConv5: [""]
    default: []
    }
  }
}

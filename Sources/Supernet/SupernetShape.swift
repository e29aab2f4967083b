/// A supernet as data: everything that decides its parameters and its function, but the values of (w, α).
public struct SupernetShape: Hashable, Codable, Sendable {
  /// The nonlinearity wherever DARTS has a ReLU; SiLU makes the smooth twin.
  public enum Activation: String, CaseIterable, Codable, Sendable {
    /// max(0, x)
    case relu
    /// x/(1 + e^−x)
    case silu
  }

  /// What stands for max_pool_3x3; the average makes the smooth twin.
  public enum MaxPool: String, CaseIterable, Codable, Sendable {
    /// The largest of the nine.
    case max
    /// Their average.
    case avg
  }

  /// Of the images.
  public var inputChannels: Int
  /// Rows and columns of the square images.
  public var imageSize: Int
  /// Outputs of the classifier.
  public var classes: Int
  /// C, the width of the first cell; doubled by each reduction cell.
  public var channels: Int
  /// Number of cells ("layers" in DARTS); those at cells/3 and 2·cells/3 are reduction cells.
  public var cells: Int
  /// Intermediate nodes of a cell ("steps" in DARTS); the cell's output concatenates them all.
  public var nodes: Int
  /// The nonlinearity.
  public var activation: Activation
  /// What stands for maximum pooling.
  public var maxPool: MaxPool

  /// Nothing is checked before `validate`.
  public init(
    inputChannels: Int, imageSize: Int, classes: Int = 10, channels: Int, cells: Int,
    nodes: Int = 4, activation: Activation = .relu, maxPool: MaxPool = .max
  ) {
    self.inputChannels = inputChannels
    self.imageSize = imageSize
    self.classes = classes
    self.channels = channels
    self.cells = cells
    self.nodes = nodes
    self.activation = activation
    self.maxPool = maxPool
  }

  /// The same weights with SiLU for ReLU and average for maximum pooling: no kinks.
  public var smoothTwin: SupernetShape {
    var twin = self
    (twin.activation, twin.maxPool) = (.silu, .avg)
    return twin
  }

  /// An edge of a cell, in the order of α's rows: node-major, then by source state.
  public struct Edge: Hashable, Sendable {
    /// 0 and 1 are the outputs of the two cells before, 2 + i is node i.
    public var source: Int
    /// Intermediate node, 0 ..< nodes.
    public var node: Int
  }

  /// The edges of every cell: 14 for 4 nodes.
  public var edges: [Edge] {
    (0..<nodes).flatMap { node in (0..<(2 + node)).map { Edge(source: $0, node: node) } }
  }

  /// Edges of a cell.
  public var edgeCount: Int { nodes * (nodes + 3) / 2 }

  /// Number of entries of α: [2 kinds][edges][8 operations].
  public var alphaCount: Int { 2 * edgeCount * Operation.allCases.count }

  /// Of a cell, from 0.
  public func kind(ofCell cell: Int) -> CellKind {
    cell == cells / 3 || cell == 2 * cells / 3 ? .reduction : .normal
  }

  /// Position in α, flattened row-major.
  public func alphaIndex(_ kind: CellKind, edge: Int, _ operation: Operation) -> Int {
    (kind.rawValue * edgeCount + edge) * Operation.allCases.count + operation.rawValue
  }

  /// Checks that such a supernet can be built.
  ///
  /// - Throws: `SupernetError.impossible`, naming the first setting that cannot be built.
  public func validate() throws {
    func require(_ condition: Bool, _ sentence: String) throws {
      if !condition { throw SupernetError.impossible(sentence) }
    }
    // Within these, counts stay in the range of integers, and a network is planned within seconds.
    let settings = [
      ("--channels", channels, 1...1024), ("--cells", cells, 1...100), ("--nodes", nodes, 1...16),
      ("the side of the images", imageSize, 1...2048),
      ("the channels of the images", inputChannels, 1...1024),
      ("the number of classes", classes, 2...1_000_000),
    ]
    for (setting, value, range) in settings {
      try require(
        range.contains(value),
        "\(setting) must be \(range.lowerBound) to \(range.upperBound), not \(value)")
    }
    var size = imageSize
    for cell in 0..<cells where kind(ofCell: cell) == .reduction {
      try require(
        size % 2 == 0 && size >= 2,
        "cell \(cell) is a reduction cell and halves images of \(size)×\(size): "
          + "use an even size there (fewer --cells, or images of another size)")
      size /= 2
    }
  }
}

extension SupernetShape {
  /// A file may say anything: a shape that cannot be built is not decoded.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      inputChannels: try values.decode(Int.self, forKey: .inputChannels),
      imageSize: try values.decode(Int.self, forKey: .imageSize),
      classes: try values.decode(Int.self, forKey: .classes),
      channels: try values.decode(Int.self, forKey: .channels),
      cells: try values.decode(Int.self, forKey: .cells),
      nodes: try values.decode(Int.self, forKey: .nodes),
      activation: try values.decode(Activation.self, forKey: .activation),
      maxPool: try values.decode(MaxPool.self, forKey: .maxPool))
    do {
      try validate()
    } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "\(error)"))
    }
  }
}

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

  /// Whether the network has no kinks.
  public var isSmooth: Bool { activation == .silu && maxPool == .avg }

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
    try require(inputChannels >= 1, "images need at least 1 channel, not \(inputChannels)")
    try require(classes >= 2, "a classifier needs at least 2 classes, not \(classes)")
    try require(channels >= 1, "--channels must be at least 1, not \(channels)")
    try require(cells >= 1, "--cells must be at least 1, not \(cells)")
    try require(nodes >= 1, "--nodes must be at least 1, not \(nodes)")
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

/// What can be wrong with a network that is asked for.
public enum SupernetError: Error, Equatable, CustomStringConvertible {
  /// A setting that cannot be built, in one sentence.
  case impossible(String)
  /// A vector of another length than the network's.
  case wrongLength(what: String, expected: Int, found: Int)

  public var description: String {
    switch self {
    case .impossible(let sentence): sentence
    case .wrongLength(let what, let expected, let found):
      "\(what) has \(found) entries where the network has \(expected)"
    }
  }
}

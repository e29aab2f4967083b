/// The eight candidate operations; the raw value is the column of α (DARTS `cnn/genotypes.py`, PRIMITIVES).
public enum Operation: Int, CaseIterable, Codable, Sendable {
  /// No connection; never in a genotype.
  case none
  /// 3×3 maximum pooling and a batch norm.
  case maxPool3
  /// 3×3 average pooling and a batch norm.
  case avgPool3
  /// The identity; a factorised reduction at stride 2.
  case skipConnect
  /// Twice ReLU, depthwise 3×3, pointwise, batch norm.
  case sepConv3
  /// The same with 5×5.
  case sepConv5
  /// ReLU, depthwise 3×3 of dilation 2, pointwise, batch norm.
  case dilConv3
  /// The same with 5×5.
  case dilConv5

  /// The name in DARTS and in genotypes: "sep_conv_3x3".
  public var name: String {
    switch self {
    case .none: "none"
    case .maxPool3: "max_pool_3x3"
    case .avgPool3: "avg_pool_3x3"
    case .skipConnect: "skip_connect"
    case .sepConv3: "sep_conv_3x3"
    case .sepConv5: "sep_conv_5x5"
    case .dilConv3: "dil_conv_3x3"
    case .dilConv5: "dil_conv_5x5"
    }
  }

  /// Whether the operation counts in the sizes (n, r) of the paper: the four convolutions.
  public var isConvolution: Bool { rawValue >= Operation.sepConv3.rawValue }

  /// The operation that DARTS calls by a name.
  ///
  /// - Returns: nil for a name that is none of the eight.
  public init?(name: String) {
    guard let match = Operation.allCases.first(where: { $0.name == name }) else { return nil }
    self = match
  }
}

/// The two kinds of cell, each with its own α; the raw value is the first index of α.
public enum CellKind: Int, CaseIterable, Codable, Sendable {
  /// Keeps the size of the plane.
  case normal
  /// Halves the plane and doubles the width.
  case reduction
}

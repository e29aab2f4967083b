/// The eight candidate operations; the raw value is the column of α (DARTS `cnn/genotypes.py`, PRIMITIVES).
public enum Operation: Int, CaseIterable, Codable, Sendable {
  case none
  case maxPool3
  case avgPool3
  case skipConnect
  case sepConv3
  case sepConv5
  case dilConv3
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

  /// - Returns: nil for a name that is none of the eight.
  public init?(name: String) {
    guard let match = Operation.allCases.first(where: { $0.name == name }) else { return nil }
    self = match
  }
}

/// The two kinds of cell, each with its own α; the raw value is the first index of α.
public enum CellKind: Int, CaseIterable, Codable, Sendable {
  case normal
  case reduction
}

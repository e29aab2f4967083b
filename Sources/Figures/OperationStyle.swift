import Supernet

/// How operations are written and told apart, the same in every figure: a hue for each family.
enum OperationStyle {
  /// As short as an edge of a cell has room for: "sep 3×3".
  static func name(of operation: String) -> Text {
    switch operation {
    case "conv_7x1_1x7": return "1×7, 7×1"
    case "skip_connect": return "skip"
    default:
      // Family, kind, window.
      let parts = operation.split(separator: "_")
      guard parts.count == 3 else { return Text(plain: operation) }
      return Text(plain: "\(parts[0]) \(parts[2].replacing("x", with: "×"))")
    }
  }

  /// For line, name and key of an operation.
  static func series(_ operation: String, in theme: Theme) -> SeriesStyle {
    let place: Int? =
      switch operation {
      case "sep_conv_3x3", "sep_conv_7x7": 1
      case "sep_conv_5x5": 6
      case "dil_conv_3x3": 0
      case "dil_conv_5x5": 3
      case "max_pool_3x3": 2
      case "avg_pool_3x3", "conv_7x1_1x7": 4
      case "skip_connect": 5
      default: nil
      }
    if let place { return theme.series(place) }
    return SeriesStyle(
      color: theme.ink.mixed(with: theme.paper, share: 0.6), dash: [], marker: .ring,
      width: 0.7 * theme.lineWidth)
  }

  /// "c_k−2", "0", …: the states of a cell with so many nodes; after the nodes its output.
  static func stateName(_ state: Int, nodes: Int) -> Text {
    switch state {
    case 0: "*c_{k}*_{-2}"
    case 1: "*c_{k}*_{-1}"
    case nodes + 2: "*c_{k}*"
    default: Text(plain: "\(state - 2)")
    }
  }
}

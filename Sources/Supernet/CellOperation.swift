/// The operations of derived cells: the seven candidates that a genotype can keep, and two more that NASNet and
/// AmoebaNet use. The raw value is the name in DARTS.
enum CellOperation: String, CaseIterable {
  case maxPool3 = "max_pool_3x3"
  case avgPool3 = "avg_pool_3x3"
  case skipConnect = "skip_connect"
  case sepConv3 = "sep_conv_3x3"
  case sepConv5 = "sep_conv_5x5"
  case sepConv7 = "sep_conv_7x7"
  case dilConv3 = "dil_conv_3x3"
  case dilConv5 = "dil_conv_5x5"
  case conv7x1 = "conv_7x1_1x7"

  /// Blocks of the same build (DARTS `cnn/operations.py`).
  enum Build: Equatable {
    case pooling
    case skip
    /// "ReLU, depthwise, pointwise, batch norm", so many times in a row.
    case separable(kernel: Int, repeats: Int)
    /// "ReLU, 1×k convolution, k×1 convolution, batch norm".
    case factorised(kernel: Int)
  }

  var build: Build {
    switch self {
    case .maxPool3, .avgPool3: .pooling
    case .skipConnect: .skip
    case .sepConv3: .separable(kernel: 3, repeats: 2)
    case .sepConv5: .separable(kernel: 5, repeats: 2)
    case .sepConv7: .separable(kernel: 7, repeats: 2)
    case .dilConv3: .separable(kernel: 3, repeats: 1)
    case .dilConv5: .separable(kernel: 5, repeats: 1)
    case .conv7x1: .factorised(kernel: 7)
    }
  }
}

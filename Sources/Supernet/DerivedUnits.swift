import Kernels

/// A batch of activations, and the gradient that flows back into it.
struct Activations {
  var x: Tensor
  var gradient: Tensor
}

/// An affine batch norm with room for its backward pass.
final class AffineNorm {
  let norm: BatchNorm
  /// Coefficients a, b and d of dz = a·g + b·z + d, [3][padded].
  let coefficients: Int
  /// Where b and d are added up in Double, [2][padded].
  let parts: Int
  /// The gradients of γ and β among the sums, [2][padded].
  let gradients: Int
  var places: NormPlaces { norm.places }
  var padded: Int { norm.padded }

  init(_ norm: BatchNorm, planner: inout Planner) {
    self.norm = norm
    coefficients = planner.take(3 * norm.padded)
    parts = planner.takeSums(2 * norm.padded)
    gradients = planner.takeSums(2 * norm.padded)
  }
}

/// A dense convolution on gathered taps: preprocessing, stems, factorised reductions, 1×7 and 7×1, the heads.
final class DenseUnit {
  struct Source {
    var plane: Activations
    var shape: PatchShape
    /// First column of the gathered matrix.
    var column: Int
  }

  let sources: [Source]
  /// Columns of the gathered matrix.
  let inputs: Int
  let packings: [Packing]
  /// Packed weights, [inputs][outputs], and their transpose.
  let weights: Int
  let transposed: Int
  let z: Tensor
  let norm: AffineNorm?
  /// Whether a ReLU comes first.
  let rectifies: Bool
  /// False for what reads images.
  let passesGradient: Bool

  init(
    sources: [Source], inputs: Int, packings: [Packing], weights: Int, transposed: Int, z: Tensor,
    norm: AffineNorm?, rectifies: Bool, passesGradient: Bool
  ) {
    self.sources = sources
    self.inputs = inputs
    self.packings = packings
    self.weights = weights
    self.transposed = transposed
    self.z = z
    self.norm = norm
    self.rectifies = rectifies
    self.passesGradient = passesGradient
  }
}

/// "ReLU, depthwise, pointwise, batch norm".
final class DepthwiseUnit {
  let table: StencilTable
  /// The places of partial gradients are set by each phase.
  let places: UnitPlaces
  let depthwise: Packing
  let pointwise: Packing
  let z: Tensor
  let norm: AffineNorm
  /// Scratch: the activated input and the gradient of the depthwise output, both with a border of zeros.
  let plane: Int
  let bordered: Int
  var taps: Int { table.kernel * table.kernel }

  init(
    table: StencilTable, places: UnitPlaces, depthwise: Packing, pointwise: Packing, z: Tensor,
    norm: AffineNorm, plane: Int, bordered: Int
  ) {
    self.table = table
    self.places = places
    self.depthwise = depthwise
    self.pointwise = pointwise
    self.z = z
    self.norm = norm
    self.plane = plane
    self.bordered = bordered
  }
}

/// 3×3 pooling, which has no batch norm in a derived network.
final class PoolBlock {
  let input: Activations
  let shape: PoolShape
  let y: Tensor
  /// The winning taps of a maximum; nil for an average.
  let taps: Tensor?

  init(input: Activations, shape: PoolShape, y: Tensor, taps: Tensor?) {
    self.input = input
    self.shape = shape
    self.y = y
    self.taps = taps
  }
}

/// One of the operations whose outputs a node adds up.
final class Branch {
  enum Body {
    case identity(Activations)
    case pool(PoolBlock)
    /// One after the other; only the last has a batch norm, if any.
    case dense([DenseUnit])
    /// One unit, or the two halves of a separable convolution.
    case separable(Activations, [DepthwiseUnit])
  }

  let body: Body
  /// Index among the branches that drop-path may drop; nil for those it never does.
  let mask: Int?

  init(_ body: Body, mask: Int? = nil) {
    self.body = body
    self.mask = mask
  }

  /// What the branch adds, before its batch norm.
  var value: Tensor {
    switch body {
    case .identity(let plane): plane.x
    case .pool(let block): block.y
    case .dense(let units): units[units.count - 1].z
    case .separable(_, let units): units[units.count - 1].z
    }
  }

  /// The batch norm that its value goes through; nil for none.
  var norm: AffineNorm? {
    switch body {
    case .identity, .pool: nil
    case .dense(let units): units[units.count - 1].norm
    case .separable(_, let units): units[units.count - 1].norm
    }
  }
}

/// A sum of branches: a node of a cell, and with one branch what follows a stem or a preprocessing block.
struct SumNode {
  var branches: [Branch]
  var output: Activations
}

/// Averages over windows of some planes.
struct AverageBlock {
  var sources: [Activations]
  var outputs: [Activations]
  var shape: WindowShape
  var rectifies: Bool
}

/// A linear classifier of planes of one pixel.
final class LinearBlock {
  let unit: DenseUnit
  /// ∂loss/∂logits
  let gradient: Tensor
  let bias: ParameterLayout.Slice

  init(unit: DenseUnit, gradient: Tensor, bias: ParameterLayout.Slice) {
    self.unit = unit
    self.gradient = gradient
    self.bias = bias
  }
}

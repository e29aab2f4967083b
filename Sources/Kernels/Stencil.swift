/// The geometry of a depthwise convolution: where each tap reads, forward and backward.
///
/// The source is a plane with a border of `border` zeros, [rows + 2·border][columns + 2·border][channels]; the
/// gradient of the output lies in a plane with a border of its own. One kernel, `Stencil`, then serves every kernel
/// size, stride and dilation, forward and backward: only these offsets differ.
@safe
public final class StencilTable: Sendable {
  /// Padded.
  public let channels: Int
  /// Rows and columns of the window: 3 or 5.
  public let kernel: Int
  /// 1 or 2.
  public let stride: Int
  /// Rows and columns of the input.
  public let rows: Int
  /// Of the input.
  public let columns: Int
  /// Zeros around the input.
  public let border: Int
  /// Rows and columns of the output.
  public let outRows: Int
  /// Of the output.
  public let outColumns: Int
  /// Border of zeros that the output gradient needs.
  public let gradientBorder: Int

  /// One set of outputs that read the same taps: rows `row`, `row + rowStep`, … and columns alike.
  struct Lattice: Sendable {
    var row: Int
    var column: Int
    var step: Int
    var rows: Int
    var columns: Int
    /// Offsets in the source, relative to the lattice's point (u, v) at u·sourceRow + v·sourceColumn.
    nonisolated(unsafe) var sources: UnsafeMutablePointer<Int>
    /// Offsets in the weights, [taps][channels].
    nonisolated(unsafe) var weights: UnsafeMutablePointer<Int>
    var taps: Int
  }

  let forward: Lattice
  let backward: [Lattice]

  /// Scalars of the bordered input plane.
  public var sourceCount: Int { (rows + 2 * border) * (columns + 2 * border) * channels }
  /// Scalars of the bordered plane of the output gradient.
  public var gradientCount: Int {
    (outRows + 2 * gradientBorder) * (outColumns + 2 * gradientBorder) * channels
  }
  var sourcePitch: Int { (columns + 2 * border) * channels }
  var gradientPitch: Int { (outColumns + 2 * gradientBorder) * channels }

  /// The offsets of a k × k window on images of one size.
  ///
  /// - Parameter padding: zeros that the convolution sees around the image, at most `border`.
  public init(
    rows: Int, columns: Int, channels: Int, kernel: Int, stride: Int, dilation: Int, padding: Int,
    border: Int
  ) {
    precondition(padding <= border && (stride == 1 || rows % 2 == 0 && columns % 2 == 0))
    self.rows = rows
    self.columns = columns
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.border = border
    outRows = (rows + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
    outColumns = (columns + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
    gradientBorder = max(padding, dilation * (kernel - 1) - padding)
    let pitch = (columns + 2 * border) * channels
    let inset = border - padding
    func lattice(
      _ row: Int, _ column: Int, step: Int, rows: Int, columns: Int, _ taps: [(Int, Int)]
    ) -> Lattice {
      let sources = UnsafeMutablePointer<Int>.allocate(capacity: taps.count)
      let weights = UnsafeMutablePointer<Int>.allocate(capacity: taps.count)
      for (t, tap) in taps.enumerated() {
        sources[t] = tap.0
        weights[t] = tap.1
      }
      return Lattice(
        row: row, column: column, step: step, rows: rows, columns: columns, sources: sources,
        weights: weights, taps: taps.count)
    }
    let indices = (0..<kernel).flatMap { i in (0..<kernel).map { (i, $0) } }
    forward = lattice(
      0, 0, step: 1, rows: outRows, columns: outColumns,
      indices.map { i, j in
        (
          (inset + i * dilation) * pitch + (inset + j * dilation) * channels,
          (i * kernel + j) * channels
        )
      })
    let gradientPitch = (outColumns + 2 * gradientBorder) * channels
    let gradientBorder = gradientBorder
    backward = (0..<stride).flatMap { a in
      (0..<stride).map { b in
        // dx at (stride·u + a, stride·v + b) reads dy at ((row + padding − i·dilation)/stride, …) where that is whole.
        lattice(
          a, b, step: stride, rows: rows / stride, columns: columns / stride,
          indices.compactMap { i, j in
            let (y, x) = (a + padding - i * dilation, b + padding - j * dilation)
            guard y % stride == 0 && x % stride == 0 else { return nil }
            return (
              (gradientBorder + y / stride) * gradientPitch
                + (gradientBorder + x / stride) * channels, (i * kernel + j) * channels
            )
          })
      }
    }
  }

  deinit {
    for lattice in backward + [forward] {
      lattice.sources.deallocate()
      lattice.weights.deallocate()
    }
  }
}

/// Weighted sums over taps: depthwise convolution, its backward pass, and the gradient of its weights.
enum Stencil<L: Lanes> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  /// One row of outputs: out[x] (+)= Σ_t weights[t]·source[x·step + t].
  @inline(__always)
  static func row(
    _ source: Pointer, step: Int, _ lattice: StencilTable.Lattice, _ weights: Pointer,
    channels: Int, into out: Pointer, outStep: Int, adding: Bool, _ shift: Int
  ) {
    let width = lattice.columns
    var c = 0
    while c < channels {
      var x = 0
      while x < width {
        let left = width &- x
        let from = source + (x &* step &+ c)
        let to = out + (x &* outStep &+ c)
        if left >= 8 && left % 7 != 0 {
          StencilTile<L, 8>.run(from, step, lattice, weights + c, to, outStep, adding, shift)
          x &+= 8
        } else if left >= 7 {
          StencilTile<L, 7>.run(from, step, lattice, weights + c, to, outStep, adding, shift)
          x &+= 7
        } else if left >= 4 {
          StencilTile<L, 4>.run(from, step, lattice, weights + c, to, outStep, adding, shift)
          x &+= 4
        } else {
          StencilTile<L, 1>.run(from, step, lattice, weights + c, to, outStep, adding, shift)
          x &+= 1
        }
      }
      c &+= L.width
    }
  }

  /// dw[t] += Σ gradient·source[t] over a plane; dw: [taps][channels].
  @inline(__always)
  static func weightGradient(
    _ source: Pointer, _ gradient: Pointer, _ table: StencilTable, into dw: Pointer, _ shift: Int
  ) {
    let lattice = table.forward
    var c = 0
    while c < table.channels {
      var t = 0
      while t < lattice.taps {
        let left = lattice.taps &- t
        if L.components == 1 && left == 25 {
          TapGradients<L, 25>.run(source + c, gradient + c, table, t, dw + c, shift)
          t &+= 25
        } else if left == 9 {
          TapGradients<L, 9>.run(source + c, gradient + c, table, t, dw + c, shift)
          t &+= 9
        } else if left % 7 == 0 {
          TapGradients<L, 7>.run(source + c, gradient + c, table, t, dw + c, shift)
          t &+= 7
        } else if left % 5 == 0 {
          TapGradients<L, 5>.run(source + c, gradient + c, table, t, dw + c, shift)
          t &+= 5
        } else {
          TapGradients<L, 1>.run(source + c, gradient + c, table, t, dw + c, shift)
          t &+= 1
        }
      }
      c &+= L.width
    }
  }
}

/// `Q` neighbouring outputs of a stencil in registers.
private struct StencilTile<L: Lanes, let Q: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ source: Pointer, _ step: Int, _ lattice: StencilTable.Lattice, _ weights: Pointer,
    _ out: Pointer, _ outStep: Int, _ adding: Bool, _ shift: Int
  ) {
    var tile = InlineArray<Q, L>(repeating: L.zero)
    var t = 0
    while t < lattice.taps {
      let tap = L.load(weights + lattice.weights[t], shift)
      let from = source + lattice.sources[t]
      var q = 0
      while q < Q {
        tile[unchecked: q] = tile[unchecked: q].adding(
          L.load(from + q &* step, shift), times: tap)
        q &+= 1
      }
      t &+= 1
    }
    var q = 0
    while q < Q {
      let to = out + q &* outStep
      if adding {
        (L.load(to, shift) + tile[unchecked: q]).store(to, shift)
      } else {
        tile[unchecked: q].store(to, shift)
      }
      q &+= 1
    }
  }
}

/// The gradients of `T` taps in registers, over a plane.
private struct TapGradients<L: Lanes, let T: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ source: Pointer, _ gradient: Pointer, _ table: StencilTable, _ first: Int, _ dw: Pointer,
    _ shift: Int
  ) {
    let lattice = table.forward
    let channels = table.channels
    let inset = table.gradientBorder &* (table.gradientPitch &+ channels)
    let step = table.stride &* channels
    var sums = InlineArray<T, L>(repeating: L.zero)
    var y = 0
    while y < lattice.rows {
      let from = source + y &* table.stride &* table.sourcePitch
      let row = gradient + (inset &+ y &* table.gradientPitch)
      var x = 0
      while x < lattice.columns {
        let g = L.load(row + x &* channels, shift)
        let pixel = from + x &* step
        var t = 0
        while t < T {
          sums[unchecked: t] = sums[unchecked: t].adding(
            L.load(pixel + lattice.sources[first &+ t], shift), times: g)
          t &+= 1
        }
        x &+= 1
      }
      y &+= 1
    }
    var t = 0
    while t < T {
      let target = dw + lattice.weights[first &+ t]
      (L.load(target, shift) + sums[unchecked: t]).store(target, shift)
      t &+= 1
    }
  }
}

/// The geometry of a depthwise convolution: where each tap reads, forward and backward.
///
/// The source is a plane with a border of `border` zeros, [rows + 2·border][columns + 2·border][channels]; the
/// gradient of the output lies in a plane with a border of its own. One kernel, `Stencil`, then serves every kernel
/// size, stride and dilation, forward and backward: only these offsets differ.
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

  /// One set of outputs that read the same taps: rows `row`, `row + step`, … and columns alike.
  ///
  /// The taps form a grid too: tap (i, j) of output (u, v) lies at source + i·sourceRow + j·sourceColumn from the
  /// lattice's point in the source, its weight at weight + i·weightRow + j·weightColumn in [taps][channels].
  struct Lattice: Sendable {
    var row: Int
    var column: Int
    var step: Int
    var rows: Int
    var columns: Int
    var tapRows: Int
    var tapColumns: Int
    var source: Int
    var sourceRow: Int
    var sourceColumn: Int
    var weight: Int
    var weightRow: Int
    var weightColumn: Int

    /// Taps of a row, and how many outputs apart they read; 0 if neighbouring outputs share no sources.
    @inline(__always)
    func neighbours(apart step: Int) -> (taps: Int, distance: Int) {
      let distance = abs(sourceColumn)
      return (tapColumns, distance == step ? 1 : distance == 2 &* step ? 2 : 0)
    }
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
    forward = Lattice(
      row: 0, column: 0, step: 1, rows: outRows, columns: outColumns, tapRows: kernel,
      tapColumns: kernel, source: inset * (pitch + channels), sourceRow: dilation * pitch,
      sourceColumn: dilation * channels, weight: 0, weightRow: kernel * channels,
      weightColumn: channels)
    let gradientPitch = (outColumns + 2 * gradientBorder) * channels
    let origin = gradientBorder * (gradientPitch + channels)
    // dx at (stride·u + a, stride·v + b) reads dy at ((a + padding − i·dilation)/stride + u, …) where that is whole.
    backward = (0..<stride).flatMap { a in
      (0..<stride).map { b in
        func taps(_ phase: Int) -> (first: Int, step: Int, count: Int, reach: Int) {
          let whole = (0..<kernel).filter { (phase + padding - $0 * dilation) % stride == 0 }
          let step = whole.count > 1 ? whole[1] - whole[0] : 1
          let first = whole.first ?? 0
          return (first, step, whole.count, (phase + padding - first * dilation) / stride)
        }
        let (vertical, horizontal) = (taps(a), taps(b))
        return Lattice(
          row: a, column: b, step: stride, rows: rows / stride, columns: columns / stride,
          tapRows: vertical.count, tapColumns: horizontal.count,
          source: origin + vertical.reach * gradientPitch + horizontal.reach * channels,
          sourceRow: -(vertical.step * dilation / stride) * gradientPitch,
          sourceColumn: -(horizontal.step * dilation / stride) * channels,
          weight: (vertical.first * kernel + horizontal.first) * channels,
          weightRow: vertical.step * kernel * channels, weightColumn: horizontal.step * channels)
      }
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
    channels: Int, into out: Pointer, outStep: Int, adding: Bool, _ ahead: inout AheadCursor,
    _ shift: Int
  ) {
    var c = 0
    while c < channels {
      let (source, weights, out) = (source + c, weights + c, out + c)
      switch lattice.neighbours(apart: step) {
      case (3, 1) where sharesSources:
        SharedRow<L, 3, 1>.run(source, step, lattice, weights, out, outStep, adding, &ahead, shift)
      case (3, 2) where sharesSources:
        SharedRow<L, 3, 2>.run(source, step, lattice, weights, out, outStep, adding, &ahead, shift)
      case (5, 1) where sharesSources:
        SharedRow<L, 5, 1>.run(source, step, lattice, weights, out, outStep, adding, &ahead, shift)
      case (5, 2) where sharesSources:
        SharedRow<L, 5, 2>.run(source, step, lattice, weights, out, outStep, adding, &ahead, shift)
      default:
        separateRow(source, step, lattice, weights, out, outStep, adding, &ahead, shift)
      }
      c &+= L.width
    }
  }

  /// Whether sources that neighbouring outputs share are kept in registers.
  ///
  /// A core reads two whole registers of 512 bits a cycle, no more than its multiply-adds consume; of shorter ones it
  /// reads three.
  @inline(__always)
  private static var sharesSources: Bool {
    Registers.are32 && L.components == 1 && MemoryLayout<L.Vector>.size == 64
  }

  /// A row whose outputs read each source for themselves.
  @inline(__always)
  private static func separateRow(
    _ source: Pointer, _ step: Int, _ lattice: StencilTable.Lattice, _ weights: Pointer,
    _ out: Pointer, _ outStep: Int, _ adding: Bool, _ ahead: inout AheadCursor, _ shift: Int
  ) {
    switch step {
    case L.width:
      StencilRow<L, 1>.run(source, lattice, weights, out, outStep, adding, &ahead, shift)
    case 2 &* L.width:
      StencilRow<L, 2>.run(source, lattice, weights, out, outStep, adding, &ahead, shift)
    case 4 &* L.width:
      StencilRow<L, 4>.run(source, lattice, weights, out, outStep, adding, &ahead, shift)
    default:
      StencilRow<L, 0>.run(
        source, step: step, lattice, weights, out, outStep, adding, &ahead, shift)
    }
  }

  /// dw[t] += Σ gradient·source[t] over a plane; dw: [taps][channels].
  @inline(__always)
  static func weightGradient(
    _ source: Pointer, _ gradient: Pointer, _ table: StencilTable, into dw: Pointer,
    _ ahead: inout AheadCursor, _ shift: Int
  ) {
    var c = 0
    while c < table.channels {
      let (source, gradient, dw) = (source + c, gradient + c, dw + c)
      switch table.kernel {
      case 3: TapGradients<L, 3, 3>.run(source, gradient, table, into: dw, &ahead, shift)
      case 5 where Registers.are32 && L.components == 1:
        TapGradients<L, 5, 5>.run(source, gradient, table, into: dw, &ahead, shift)
      case 5 where L.components == 1:
        TapGradients<L, 2, 5>.run(source, gradient, table, into: dw, &ahead, shift)
      case 5: TapGradients<L, 1, 5>.run(source, gradient, table, into: dw, &ahead, shift)
      case 7: TapGradients<L, 1, 7>.run(source, gradient, table, into: dw, &ahead, shift)
      default: TapGradients<L, 1, 1>.run(source, gradient, table, into: dw, &ahead, shift)
      }
      c &+= L.width
    }
  }
}

/// One row of outputs of one vector of channels, cut into tiles; neighbours are `S` vectors apart, or `step` scalars
/// where S is 0.
///
/// A distance that is a constant of the machine code takes no registers, so its tiles may be longer.
private struct StencilRow<L: Lanes, let S: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ source: Pointer, step: Int = 0, _ lattice: StencilTable.Lattice, _ weights: Pointer,
    _ out: Pointer, _ outStep: Int, _ adding: Bool, _ ahead: inout AheadCursor, _ shift: Int
  ) {
    let width = lattice.columns
    let step = S > 0 ? S &* L.width : step
    var x = 0
    while x < width {
      let left = width &- x
      let from = source + x &* step
      let to = out + x &* outStep
      if Registers.are32 && S == 1 && L.components == 1 && left >= 16 && left % 14 != 0 {
        StencilTile<L, S, 16>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
        x &+= 16
      } else if S == 1 && L.components == 1 && left >= 14 {
        StencilTile<L, S, 14>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
        x &+= 14
      } else if left >= 8 && left % 7 != 0 {
        StencilTile<L, S, 8>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
        x &+= 8
      } else if left >= 7 {
        StencilTile<L, S, 7>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
        x &+= 7
      } else if left >= 4 {
        StencilTile<L, S, 4>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
        x &+= 4
      } else {
        StencilTile<L, S, 1>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
        x &+= 1
      }
    }
  }
}

/// `Q` neighbouring outputs of a stencil in registers.
private struct StencilTile<L: Lanes, let S: Int, let Q: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ source: Pointer, _ step: Int, _ lattice: StencilTable.Lattice, _ weights: Pointer,
    _ out: Pointer, _ outStep: Int, _ adding: Bool, _ ahead: inout AheadCursor, _ shift: Int
  ) {
    let step = S > 0 ? S &* L.width : step
    var tile = InlineArray<Q, L>(repeating: L.zero)
    var from = source + lattice.source
    var weight = weights + lattice.weight
    // One loop over all taps: the tile would leave its registers between two.
    let taps = lattice.tapRows &* lattice.tapColumns
    let sourceJump = lattice.sourceRow &- (lattice.tapColumns &- 1) &* lattice.sourceColumn
    let weightJump = lattice.weightRow &- (lattice.tapColumns &- 1) &* lattice.weightColumn
    var column = 1
    var t = 0
    while t < taps {
      ahead.fetch()
      let tap = L.load(weight, shift)
      var q = 0
      while q < Q {
        tile[unchecked: q] = tile[unchecked: q].adding(L.load(from + q &* step, shift), times: tap)
        q &+= 1
      }
      let isLast = column == lattice.tapColumns
      from += isLast ? sourceJump : lattice.sourceColumn
      weight += isLast ? weightJump : lattice.weightColumn
      column = isLast ? 1 : column &+ 1
      t &+= 1
    }
    write(tile, to: out, step: outStep, adding: adding, shift)
  }
}

/// Writes the outputs of a tile, or adds them to what is there.
@inline(__always)
private func write<L: Lanes, let Q: Int>(
  _ tile: InlineArray<Q, L>, to out: UnsafeMutablePointer<L.Element>, step: Int, adding: Bool,
  _ shift: Int
) {
  var q = 0
  while q < Q {
    let to = out + q &* step
    if adding {
      (L.load(to, shift) + tile[unchecked: q]).store(to, shift)
    } else {
      tile[unchecked: q].store(to, shift)
    }
    q &+= 1
  }
}

/// One row of outputs of one vector of channels whose `J` taps of a row are `D` outputs apart, so that neighbours read
/// the same sources.
private struct SharedRow<L: Lanes, let J: Int, let D: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ source: Pointer, _ step: Int, _ lattice: StencilTable.Lattice, _ weights: Pointer,
    _ out: Pointer, _ outStep: Int, _ adding: Bool, _ ahead: inout AheadCursor, _ shift: Int
  ) {
    // Where the taps run backward, so do the outputs: both then count up from the last output of a tile.
    let isMirrored = lattice.sourceColumn < 0
    var x = 0
    while x < lattice.columns {
      let left = lattice.columns &- x
      let count = left >= 8 && left % 7 != 0 ? 8 : left >= 7 ? 7 : left >= 4 ? 4 : 1
      let first = isMirrored ? x &+ count &- 1 : x
      let from = source + (lattice.source &+ first &* step)
      let to = out + first &* outStep
      let (step, outStep) = isMirrored ? (-step, -outStep) : (step, outStep)
      switch count {
      case 8:
        SharedTile<L, J, D, 8>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
      case 7:
        SharedTile<L, J, D, 7>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
      case 4:
        SharedTile<L, J, D, 4>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
      default:
        SharedTile<L, J, D, 1>.run(from, step, lattice, weights, to, outStep, adding, &ahead, shift)
      }
      x &+= count
    }
  }
}

/// `Q` neighbouring outputs in registers, with the sources of a row of taps.
private struct SharedTile<L: Lanes, let J: Int, let D: Int, let Q: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ source: Pointer, _ step: Int, _ lattice: StencilTable.Lattice, _ weights: Pointer,
    _ out: Pointer, _ outStep: Int, _ adding: Bool, _ ahead: inout AheadCursor, _ shift: Int
  ) {
    var tile = InlineArray<Q, L>(repeating: L.zero)
    var from = source
    var weight = weights + lattice.weight
    var i = 0
    while i < lattice.tapRows {
      ahead.fetch()
      // At most 8 outputs that read up to 4 taps of 2 outputs' distance beyond their own.
      var sources = InlineArray<16, L>(repeating: L.zero)
      var k = 0
      while k < Q &+ D &* (J &- 1) {
        sources[unchecked: k] = L.load(from + k &* step, shift)
        k &+= 1
      }
      var j = 0
      while j < J {
        let tap = L.load(weight + j &* lattice.weightColumn, shift)
        var q = 0
        while q < Q {
          tile[unchecked: q] = tile[unchecked: q].adding(
            sources[unchecked: q &+ D &* j], times: tap)
          q &+= 1
        }
        j &+= 1
      }
      from += lattice.sourceRow
      weight += lattice.weightRow
      i &+= 1
    }
    write(tile, to: out, step: outStep, adding: adding, shift)
  }
}

/// The gradients of all taps over a plane, `I` rows of `J` taps in registers at a time.
private struct TapGradients<L: Lanes, let I: Int, let J: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ source: Pointer, _ gradient: Pointer, _ table: StencilTable, into dw: Pointer,
    _ ahead: inout AheadCursor, _ shift: Int
  ) {
    let lattice = table.forward
    var i = 0
    while i &+ I <= lattice.tapRows {
      rows(source, gradient, table, dw, from: i, &ahead, shift)
      i &+= I
    }
    while i < lattice.tapRows {
      TapGradients<L, 1, J>.rows(source, gradient, table, dw, from: i, &ahead, shift)
      i &+= 1
    }
  }

  /// `I` rows of taps from row `i` on.
  @inline(__always)
  private static func rows(
    _ source: Pointer, _ gradient: Pointer, _ table: StencilTable, _ dw: Pointer, from i: Int,
    _ ahead: inout AheadCursor, _ shift: Int
  ) {
    let lattice = table.forward
    var j = 0
    while j < lattice.tapColumns {
      block(
        source + (lattice.source &+ i &* lattice.sourceRow &+ j &* lattice.sourceColumn),
        gradient, table, dw + (i &* lattice.weightRow &+ j &* lattice.weightColumn), &ahead, shift)
      j &+= J
    }
  }

  @inline(__always)
  private static func block(
    _ source: Pointer, _ gradient: Pointer, _ table: StencilTable, _ dw: Pointer,
    _ ahead: inout AheadCursor, _ shift: Int
  ) {
    let lattice = table.forward
    let channels = table.channels
    let tapStep = lattice.sourceColumn
    let inset = table.gradientBorder &* (table.gradientPitch &+ channels)
    let step = table.stride &* channels
    var sums = InlineArray<I, InlineArray<J, L>>(repeating: InlineArray(repeating: L.zero))
    var y = 0
    while y < lattice.rows {
      var row = gradient + (inset &+ y &* table.gradientPitch)
      // A pointer for each row of taps: the columns are then a few multiples of one step away.
      var pixels = InlineArray<I, Pointer>(
        repeating: source + y &* table.stride &* table.sourcePitch)
      var i = 1
      while i < I {
        pixels[unchecked: i] = pixels[unchecked: i &- 1] + lattice.sourceRow
        i &+= 1
      }
      var x = 0
      while x < lattice.columns {
        if x & 3 == 0 { ahead.fetch() }
        let g = L.load(row, shift)
        var i = 0
        while i < I {
          var j = 0
          while j < J {
            sums[unchecked: i][unchecked: j] = sums[unchecked: i][unchecked: j].adding(
              L.load(pixels[unchecked: i] + j &* tapStep, shift), times: g)
            j &+= 1
          }
          pixels[unchecked: i] += step
          i &+= 1
        }
        row += channels
        x &+= 1
      }
      y &+= 1
    }
    var i = 0
    while i < I {
      var j = 0
      while j < J {
        let target = dw + (i &* lattice.weightRow &+ j &* lattice.weightColumn)
        (L.load(target, shift) + sums[unchecked: i][unchecked: j]).store(target, shift)
        j &+= 1
      }
      i &+= 1
    }
  }
}

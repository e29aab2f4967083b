/// Which pixels of a source a pointwise convolution reads: all, or every second one from (row, column) on.
public struct Lattice: Sendable {
  /// The first row that is read.
  public var row: Int
  /// The first column that is read.
  public var column: Int
  /// 1 for all pixels, 2 for every second one.
  public var step: Int
  /// Rows and columns that are read.
  public var rows: Int
  /// Columns that are read.
  public var columns: Int
  /// Columns of the source.
  public var sourceColumns: Int
  /// Padded channels of a pixel.
  public var channels: Int

  /// All pixels, unless said otherwise.
  public init(
    row: Int = 0, column: Int = 0, step: Int = 1, rows: Int, columns: Int, sourceColumns: Int,
    channels: Int
  ) {
    self.row = row
    self.column = column
    self.step = step
    self.rows = rows
    self.columns = columns
    self.sourceColumns = sourceColumns
    self.channels = channels
  }

  @inline(__always)
  func sourceOffset(_ y: Int) -> Int {
    ((y &* step &+ row) &* sourceColumns &+ column) &* channels
  }
}

extension Arena {
  /// Writes activation(x) at the lattice's pixels into columns `column` … of a matrix [pixels][pitch].
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func gather(
    _ x: Int, _ lattice: Lattice, _ activation: Activation, into matrix: Int, column: Int,
    pitch: Int
  ) {
    switch activation {
    case .relu: gather(A.Narrow.self, x, lattice, .relu, matrix &+ column, pitch)
    case .silu: gather(A.Narrow.self, x, lattice, .silu, matrix &+ column, pitch)
    }
  }

  @inline(__always)
  private func gather<L: Lanes>(
    _: L.Type, _ x: Int, _ lattice: Lattice, _ activation: Activation, _ matrix: Int, _ pitch: Int
  ) where L.Element == Element {
    for y in 0..<lattice.rows {
      let from = base + (x &+ lattice.sourceOffset(y))
      let to = base + (matrix &+ y &* lattice.columns &* pitch)
      var p = 0
      while p < lattice.columns {
        var c = 0
        while c < lattice.channels {
          activation.apply(L.load(from + (p &* lattice.step &* lattice.channels &+ c), shift))
            .store(to + (p &* pitch &+ c), shift)
          c &+= L.width
        }
        p &+= 1
      }
    }
  }

  /// The backward pass of `gather`: g += matrix columns·slope(x) at the lattice's pixels.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func scatter(
    _ matrix: Int, column: Int, pitch: Int, _ lattice: Lattice, at x: Int, _ activation: Activation,
    into g: Int
  ) {
    switch activation {
    case .relu: scatter(A.Narrow.self, matrix &+ column, pitch, lattice, x, .relu, g)
    case .silu: scatter(A.Narrow.self, matrix &+ column, pitch, lattice, x, .silu, g)
    }
  }

  @inline(__always)
  private func scatter<L: Lanes>(
    _: L.Type, _ matrix: Int, _ pitch: Int, _ lattice: Lattice, _ x: Int, _ activation: Activation,
    _ g: Int
  ) where L.Element == Element {
    for y in 0..<lattice.rows {
      let at = lattice.sourceOffset(y)
      let from = base + (matrix &+ y &* lattice.columns &* pitch)
      var p = 0
      while p < lattice.columns {
        let pixel = at &+ p &* lattice.step &* lattice.channels
        var c = 0
        while c < lattice.channels {
          let masked = activation.backward(
            L.load(from + (p &* pitch &+ c), shift), at: L.load(base + (x &+ pixel &+ c), shift))
          let to = base + (g &+ pixel &+ c)
          (L.load(to, shift) + masked).store(to, shift)
          c &+= L.width
        }
        p &+= 1
      }
    }
  }

  /// Rows of 3×3 neighbourhoods (im2col) with a border of zeros: [rows·columns][pitch], column (i·3 + j)·channels + c.
  ///
  /// x: [rows][columns][channels], not padded. For the stem, whose inputs have no gradient.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func neighbourhoods(
    _ x: Int, rows: Int, columns: Int, channels: Int, into matrix: Int, pitch: Int
  ) {
    for component in 0..<A.components {
      let source = base + (x + component * shift)
      let target = base + (matrix + component * shift)
      for y in 0..<rows {
        for p in 0..<columns {
          let row = target + (y * columns + p) * pitch
          for i in 0..<3 {
            for j in 0..<3 {
              let (u, v) = (y + i - 1, p + j - 1)
              let inside = u >= 0 && u < rows && v >= 0 && v < columns
              for c in 0..<channels {
                row[(i * 3 + j) * channels + c] =
                  inside ? source[(u * columns + v) * channels + c] : 0
              }
            }
          }
        }
      }
    }
  }
}

/// 3×3 pooling with padding 1 (DARTS `cnn/operations.py`): padding never wins a maximum and does not count in an average.
@safe
public struct PoolShape: Sendable {
  /// Of the input.
  public var rows: Int
  /// Of the input.
  public var columns: Int
  /// Padded.
  public var channels: Int
  /// 1 or 2.
  public var stride: Int
  /// Of the output.
  public var outRows: Int { (rows - 1) / stride + 1 }
  /// Of the output.
  public var outColumns: Int { (columns - 1) / stride + 1 }
  /// Of the output.
  public var outPixels: Int { outRows * outColumns }

  /// Output sizes follow.
  public init(rows: Int, columns: Int, channels: Int, stride: Int) {
    self.rows = rows
    self.columns = columns
    self.channels = channels
    self.stride = stride
  }

  /// Rows (or columns) of a window that lie inside: a range of taps 0 ..< 3.
  @inline(__always)
  func window(_ out: Int, _ size: Int) -> (first: Int, end: Int, origin: Int) {
    let origin = out &* stride &- 1
    return (max(0, -origin), min(3, size &- origin), origin)
  }
}

extension Arena {
  /// The maximum of each window, with the tap that it came from (the first of equals; row·3 + column).
  ///
  /// Adds the sums of y and y² to `moments`, [2][channels].
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func maxPool(_ x: Int, _ shape: PoolShape, into y: Int, taps: Int, moments: Int) {
    if isWide(shape.channels) {
      maxPool(A.Wide.self, x, shape, y, taps, moments)
    } else {
      maxPool(A.Narrow.self, x, shape, y, taps, moments)
    }
  }

  @inline(__always)
  private func maxPool<L: Lanes>(
    _: L.Type, _ x: Int, _ shape: PoolShape, _ y: Int, _ taps: Int, _ moments: Int
  ) where L.Element == Element {
    let channels = shape.channels
    var c = 0
    while c < channels {
      var sum = L.zero
      var squares = L.zero
      for u in 0..<shape.outRows {
        let rows = shape.window(u, shape.rows)
        for v in 0..<shape.outColumns {
          let columns = shape.window(v, shape.columns)
          var best = L(values: L.Vector(repeating: -.infinity))
          var index = L.Vector(repeating: 0)
          var i = rows.first
          while i < rows.end {
            let row = (rows.origin &+ i) &* shape.columns &+ columns.origin
            var j = columns.first
            while j < columns.end {
              best.takeLarger(
                L.load(base + (x &+ (row &+ j) &* channels &+ c), shift), &index,
                Element(i &* 3 &+ j))
              j &+= 1
            }
            i &+= 1
          }
          let at = (u &* shape.outColumns &+ v) &* channels &+ c
          best.store(base + (y &+ at), shift)
          Plain<L.Vector>(values: index).store(base + (taps &+ at), shift)
          sum = sum + best
          squares = squares.adding(best, times: best)
        }
      }
      sum.flush(sums + (moments &+ c), sumShift)
      squares.flush(sums + (moments &+ channels &+ c), sumShift)
      c &+= L.width
    }
  }

  /// The average of the pixels of each window that lie inside; `moments` as for `maxPool`.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func averagePool(_ x: Int, _ shape: PoolShape, into y: Int, moments: Int) {
    if isWide(shape.channels) {
      averagePool(A.Wide.self, x, shape, y, moments)
    } else {
      averagePool(A.Narrow.self, x, shape, y, moments)
    }
  }

  @inline(__always)
  private func averagePool<L: Lanes>(
    _: L.Type, _ x: Int, _ shape: PoolShape, _ y: Int, _ moments: Int
  ) where L.Element == Element {
    let channels = shape.channels
    var c = 0
    while c < channels {
      var sum = L.zero
      var squares = L.zero
      for u in 0..<shape.outRows {
        let rows = shape.window(u, shape.rows)
        for v in 0..<shape.outColumns {
          let columns = shape.window(v, shape.columns)
          var total = L.zero
          var i = rows.first
          while i < rows.end {
            let row = (rows.origin &+ i) &* shape.columns &+ columns.origin
            var j = columns.first
            while j < columns.end {
              total = total + L.load(base + (x &+ (row &+ j) &* channels &+ c), shift)
              j &+= 1
            }
            i &+= 1
          }
          let count = (rows.end &- rows.first) &* (columns.end &- columns.first)
          let mean = total * L(values: L.Vector(repeating: 1 / Element(count)))
          mean.store(base + (y &+ (u &* shape.outColumns &+ v) &* channels &+ c), shift)
          sum = sum + mean
          squares = squares.adding(mean, times: mean)
        }
      }
      sum.flush(sums + (moments &+ c), sumShift)
      squares.flush(sums + (moments &+ channels &+ c), sumShift)
      c &+= L.width
    }
  }

  /// dx += the gradient `dy` of pooled values, to the tap that won (`taps`) or spread over the window (nil).
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func poolBackward(_ dy: Int, taps: Int?, _ shape: PoolShape, into dx: Int) {
    if isWide(shape.channels) {
      poolBackward(A.Wide.self, dy, taps, shape, dx)
    } else {
      poolBackward(A.Narrow.self, dy, taps, shape, dx)
    }
  }

  @inline(__always)
  private func poolBackward<L: Lanes>(
    _: L.Type, _ dy: Int, _ taps: Int?, _ shape: PoolShape, _ dx: Int
  ) where L.Element == Element {
    let channels = shape.channels
    for u in 0..<shape.outRows {
      let rows = shape.window(u, shape.rows)
      for v in 0..<shape.outColumns {
        let columns = shape.window(v, shape.columns)
        let count = (rows.end &- rows.first) &* (columns.end &- columns.first)
        let share = L(values: L.Vector(repeating: 1 / Element(count)))
        var c = 0
        while c < channels {
          let at = (u &* shape.outColumns &+ v) &* channels &+ c
          let g = L.load(base + (dy &+ at), shift)
          let winner = taps.map { L.load(base + ($0 &+ at), shift) }
          let spread = g * share
          var i = rows.first
          while i < rows.end {
            let row = (rows.origin &+ i) &* shape.columns &+ columns.origin
            var j = columns.first
            while j < columns.end {
              let to = base + (dx &+ (row &+ j) &* channels &+ c)
              let part =
                if let winner {
                  g.whereEqual(winner, L.Vector(repeating: Element(i &* 3 &+ j)))
                } else {
                  spread
                }
              (L.load(to, shift) + part).store(to, shift)
              j &+= 1
            }
            i &+= 1
          }
          c &+= L.width
        }
      }
    }
  }
}

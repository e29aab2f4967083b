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

  /// Rows (or columns) of outputs whose windows reach row `at`, and the tap by which the first of them does; the next
  /// one does by the tap `stride` before.
  @inline(__always)
  func reach(_ at: Int, _ outSize: Int) -> (first: Int, end: Int, tap: Int) {
    let first = stride == 1 ? max(0, at &- 1) : at / 2
    let end = min(outSize, (stride == 1 ? at &+ 1 : (at &+ 1) / 2) &+ 1)
    return (first, end, at &+ 1 &- first &* stride)
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
    let width = isWide(shape.channels) ? A.Wide.width : A.Narrow.width
    switch (isWide(shape.channels), streams && (y | taps | shape.channels | shift) % width == 0) {
    case (true, true): maxPool(A.Wide.self, Streamed.self, x, shape, y, taps, moments)
    case (true, false): maxPool(A.Wide.self, Cached.self, x, shape, y, taps, moments)
    case (false, true): maxPool(A.Narrow.self, Streamed.self, x, shape, y, taps, moments)
    case (false, false): maxPool(A.Narrow.self, Cached.self, x, shape, y, taps, moments)
    }
  }

  @inline(__always)
  private func maxPool<L: Lanes, D: Destination>(
    _: L.Type, _: D.Type, _ x: Int, _ shape: PoolShape, _ y: Int, _ taps: Int, _ moments: Int
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
          let corner = x &+ (rows.origin &* shape.columns &+ columns.origin) &* channels &+ c
          var index = L.Vector(repeating: 0)
          let best =
            if rows.end &- rows.first == 3 && columns.end &- columns.first == 3 {
              largest(L.self, corner, 0, 3, 0, 3, shape, &index)
            } else {
              largest(
                L.self, corner, rows.first, rows.end, columns.first, columns.end, shape, &index)
            }
          let at = (u &* shape.outColumns &+ v) &* channels &+ c
          D.write(best, base + (y &+ at), shift)
          D.write(Plain<L.Vector>(values: index), base + (taps &+ at), shift)
          sum = sum + best
          squares = squares.adding(best, times: best)
        }
      }
      sum.flush(sums + (moments &+ c), sumShift)
      squares.flush(sums + (moments &+ channels &+ c), sumShift)
      c &+= L.width
    }
  }

  /// The largest of the taps firstRow ..< endRow by firstColumn ..< endColumn of the window at `corner`, and its index.
  @inline(__always)
  private func largest<L: Lanes>(
    _: L.Type, _ corner: Int, _ firstRow: Int, _ endRow: Int, _ firstColumn: Int, _ endColumn: Int,
    _ shape: PoolShape, _ index: inout L.Vector
  ) -> L where L.Element == Element {
    var best = L(values: L.Vector(repeating: -.infinity))
    var i = firstRow
    while i < endRow {
      let row = base + (corner &+ i &* shape.columns &* shape.channels)
      var j = firstColumn
      while j < endColumn {
        best.takeLarger(L.load(row + j &* shape.channels, shift), &index, Element(i &* 3 &+ j))
        j &+= 1
      }
      i &+= 1
    }
    return best
  }

  /// The average of the pixels of each window that lie inside; `moments` as for `maxPool`.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func averagePool(_ x: Int, _ shape: PoolShape, into y: Int, moments: Int) {
    let width = isWide(shape.channels) ? A.Wide.width : A.Narrow.width
    switch (isWide(shape.channels), streams && (y | shape.channels | shift) % width == 0) {
    case (true, true): averagePool(A.Wide.self, Streamed.self, x, shape, y, moments)
    case (true, false): averagePool(A.Wide.self, Cached.self, x, shape, y, moments)
    case (false, true): averagePool(A.Narrow.self, Streamed.self, x, shape, y, moments)
    case (false, false): averagePool(A.Narrow.self, Cached.self, x, shape, y, moments)
    }
  }

  @inline(__always)
  private func averagePool<L: Lanes, D: Destination>(
    _: L.Type, _: D.Type, _ x: Int, _ shape: PoolShape, _ y: Int, _ moments: Int
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
          let corner = x &+ (rows.origin &* shape.columns &+ columns.origin) &* channels &+ c
          let total =
            if rows.end &- rows.first == 3 && columns.end &- columns.first == 3 {
              total(L.self, corner, 0, 3, 0, 3, shape)
            } else {
              total(L.self, corner, rows.first, rows.end, columns.first, columns.end, shape)
            }
          let count = (rows.end &- rows.first) &* (columns.end &- columns.first)
          let mean = total * L(values: L.Vector(repeating: 1 / Element(count)))
          D.write(mean, base + (y &+ (u &* shape.outColumns &+ v) &* channels &+ c), shift)
          sum = sum + mean
          squares = squares.adding(mean, times: mean)
        }
      }
      sum.flush(sums + (moments &+ c), sumShift)
      squares.flush(sums + (moments &+ channels &+ c), sumShift)
      c &+= L.width
    }
  }

  @inline(__always)
  private func total<L: Lanes>(
    _: L.Type, _ corner: Int, _ firstRow: Int, _ endRow: Int, _ firstColumn: Int, _ endColumn: Int,
    _ shape: PoolShape
  ) -> L where L.Element == Element {
    var total = L.zero
    var i = firstRow
    while i < endRow {
      let row = base + (corner &+ i &* shape.columns &* shape.channels)
      var j = firstColumn
      while j < endColumn {
        total = total + L.load(row + j &* shape.channels, shift)
        j &+= 1
      }
      i &+= 1
    }
    return total
  }

  /// dx += the gradient `dy` of pooled values, to the tap that won (`taps`) or spread over the window (nil); in the
  /// latter case each gradient in `dy` is left divided by the size of its window.
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
    guard let taps else {
      divide(L.self, dy, shape)
      return gather(
        L.self, shape, dx, { place, _ in L.load(base + (dy &+ place), shift) })
    }
    gather(L.self, shape, dx) { place, tap in
      L.load(base + (dy &+ place), shift).whereEqual(
        L.load(base + (taps &+ place), shift), L.Vector(repeating: tap))
    }
  }

  /// Divides the gradient of each average by the number of pixels that it was taken over.
  @inline(__always)
  private func divide<L: Lanes>(_: L.Type, _ dy: Int, _ shape: PoolShape)
  where L.Element == Element {
    for u in 0..<shape.outRows {
      let rows = shape.window(u, shape.rows)
      for v in 0..<shape.outColumns {
        let columns = shape.window(v, shape.columns)
        let count = (rows.end &- rows.first) &* (columns.end &- columns.first)
        let share = L(values: L.Vector(repeating: 1 / Element(count)))
        var at = base + (dy &+ (u &* shape.outColumns &+ v) &* shape.channels)
        let end = at + shape.channels
        while at < end {
          (L.load(at, shift) * share).store(at, shift)
          at += L.width
        }
      }
    }
  }

  /// Adds to each input what the outputs whose windows reach it hand back, in the order of the outputs.
  @inline(__always)
  private func gather<L: Lanes>(
    _: L.Type, _ shape: PoolShape, _ dx: Int, _ part: (_ place: Int, _ tap: Element) -> L
  ) where L.Element == Element {
    let channels = shape.channels
    for y in 0..<shape.rows {
      let rows = shape.reach(y, shape.outRows)
      for x in 0..<shape.columns {
        let columns = shape.reach(x, shape.outColumns)
        let corner = (rows.first &* shape.outColumns &+ columns.first) &* channels
        let isFull = rows.end &- rows.first == 3 && columns.end &- columns.first == 3
        var c = 0
        while c < channels {
          let to = base + (dx &+ (y &* shape.columns &+ x) &* channels &+ c)
          var sum = L.load(to, shift)
          if isFull {
            // Stride 1, away from the border: nine outputs, the first of them by its last tap.
            var u = 0
            while u < 3 {
              var v = 0
              while v < 3 {
                sum =
                  sum
                  + part(
                    corner &+ (u &* shape.outColumns &+ v) &* channels &+ c,
                    Element((2 &- u) &* 3 &+ (2 &- v)))
                v &+= 1
              }
              u &+= 1
            }
          } else {
            var u = 0
            while u < rows.end &- rows.first {
              var v = 0
              while v < columns.end &- columns.first {
                let tap =
                  (rows.tap &- u &* shape.stride) &* 3 &+ (columns.tap &- v &* shape.stride)
                sum =
                  sum + part(corner &+ (u &* shape.outColumns &+ v) &* channels &+ c, Element(tap))
                v &+= 1
              }
              u &+= 1
            }
          }
          sum.store(to, shift)
          c &+= L.width
        }
      }
    }
  }
}

/// Pointwise (1×1) convolution: rows of pixels times a matrix, and the gradient of the matrix.
///
/// x: [pixels][inputs], w: [inputs][outputs], y: [pixels][outputs]; inputs padded to whole multiples of 8, outputs to whole
/// vectors.
enum Pointwise<L: Lanes> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  /// y = x·w for `width` pixels; adds the sums of y and y² of each output to `moments` where there are any.
  ///
  /// moments: [2][outputs] in Double, `shift` to their tangents.
  @inline(never)
  static func forward<D: Destination>(
    _: D.Type, _ x: Pointer, step: Int, _ w: Pointer, inputs: Int, outputs: Int, into y: Pointer,
    outStep: Int, width: Int, _ ahead: inout AheadCursor, _ shift: Int,
    moments: (sums: UnsafeMutablePointer<Double>, shift: Int)? = nil
  ) {
    var o = 0
    if L.components == 1 {
      while o &+ 2 &* L.width <= outputs {
        Columns<L, D, 2>.run(
          x, step, w + o, inputs, outputs, y + o, outStep, width, &ahead, shift, moments, o)
        o &+= 2 &* L.width
      }
    }
    while o < outputs {
      Columns<L, D, 1>.run(
        x, step, w + o, inputs, outputs, y + o, outStep, width, &ahead, shift, moments, o)
      o &+= L.width
    }
  }

  /// dw += xᵀ·g over `pixels` pixels. dw: [inputs][outputs]; inputs and outputs whole multiples of 8.
  @inline(never)
  static func outer(
    _ x: Pointer, _ g: Pointer, inputs: Int, outputs: Int, pixels: Int, into dw: Pointer,
    _ ahead: inout AheadCursor, _ shift: Int
  ) {
    var o = 0
    while o < outputs {
      if L.components == 1 && o &+ 2 &* L.width <= outputs {
        var i = 0
        while Registers.are32 && i < inputs {
          Outer<L, 8, 2>.run(
            x + i, inputs, g + o, outputs, pixels, dw + (i &* outputs &+ o), &ahead, shift)
          i &+= 8
        }
        while i < inputs {
          Outer<L, 4, 2>.run(
            x + i, inputs, g + o, outputs, pixels, dw + (i &* outputs &+ o), &ahead, shift)
          i &+= 4
        }
        o &+= 2 &* L.width
      } else {
        var i = 0
        while Registers.are32 && L.components == 1 && i &+ 16 <= inputs {
          Outer<L, 16, 1>.run(
            x + i, inputs, g + o, outputs, pixels, dw + (i &* outputs &+ o), &ahead, shift)
          i &+= 16
        }
        while i < inputs {
          Outer<L, 8, 1>.run(
            x + i, inputs, g + o, outputs, pixels, dw + (i &* outputs &+ o), &ahead, shift)
          i &+= 8
        }
        o &+= L.width
      }
    }
  }
}

/// `B` vectors of outputs of a pointwise convolution, for a row of pixels cut into tiles.
private struct Columns<L: Lanes, D: Destination, let B: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>
  typealias Sums = InlineArray<B, L>

  @inline(__always)
  static func run(
    _ x: Pointer, _ step: Int, _ w: Pointer, _ inputs: Int, _ outputs: Int, _ y: Pointer,
    _ outStep: Int, _ width: Int, _ ahead: inout AheadCursor, _ shift: Int,
    _ moments: (sums: UnsafeMutablePointer<Double>, shift: Int)?, _ column: Int
  ) {
    var sum = Sums(repeating: L.zero)
    var squares = Sums(repeating: L.zero)
    var p = 0
    while p < width {
      let left = width &- p
      let from = x + p &* step
      let to = y + p &* outStep
      if Registers.are32 && B == 1 && L.components == 1 && left >= 14 {
        PointwiseTile<L, D, 14, B>.run(
          from, step, w, inputs, outputs, to, outStep, &sum, &squares, &ahead, shift)
        p &+= 14
      } else if Registers.are32 && left >= 8 && left % 7 != 0 {
        PointwiseTile<L, D, 8, B>.run(
          from, step, w, inputs, outputs, to, outStep, &sum, &squares, &ahead, shift)
        p &+= 8
      } else if Registers.are32 && left >= 7 {
        PointwiseTile<L, D, 7, B>.run(
          from, step, w, inputs, outputs, to, outStep, &sum, &squares, &ahead, shift)
        p &+= 7
      } else if !Registers.are32 && B == 1 && L.components == 1 && left >= 12 {
        PointwiseTile<L, D, 12, B>.run(
          from, step, w, inputs, outputs, to, outStep, &sum, &squares, &ahead, shift)
        p &+= 12
      } else if !Registers.are32 && left >= 6 && left != 8 {
        PointwiseTile<L, D, 6, B>.run(
          from, step, w, inputs, outputs, to, outStep, &sum, &squares, &ahead, shift)
        p &+= 6
      } else if left >= 4 {
        PointwiseTile<L, D, 4, B>.run(
          from, step, w, inputs, outputs, to, outStep, &sum, &squares, &ahead, shift)
        p &+= 4
      } else {
        PointwiseTile<L, D, 1, B>.run(
          from, step, w, inputs, outputs, to, outStep, &sum, &squares, &ahead, shift)
        p &+= 1
      }
    }
    guard let moments else { return }
    for b in 0..<B {
      let target = moments.sums + (column &+ b &* L.width)
      sum[b].flush(target, moments.shift)
      squares[b].flush(target + outputs, moments.shift)
    }
  }
}

/// `Q` pixels by `B` vectors of outputs in registers.
private struct PointwiseTile<L: Lanes, D: Destination, let Q: Int, let B: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ x: Pointer, _ step: Int, _ w: Pointer, _ inputs: Int, _ outputs: Int, _ y: Pointer,
    _ outStep: Int, _ sum: inout InlineArray<B, L>, _ squares: inout InlineArray<B, L>,
    _ ahead: inout AheadCursor, _ shift: Int
  ) {
    var tile = InlineArray<Q, InlineArray<B, L>>(repeating: InlineArray(repeating: L.zero))
    var i = 0
    while i < inputs {
      ahead.fetch()
      // Inputs are padded to whole multiples of 8.
      var u = 0
      while u < 4 {
        var row = InlineArray<B, L>(repeating: L.zero)
        var b = 0
        while b < B {
          row[unchecked: b] = L.load(w + ((i &+ u) &* outputs &+ b &* L.width), shift)
          b &+= 1
        }
        var q = 0
        while q < Q {
          let pixel = L.splat(x + (q &* step &+ i &+ u), shift)
          var b = 0
          while b < B {
            tile[unchecked: q][unchecked: b] =
              tile[unchecked: q][unchecked: b].adding(pixel, times: row[unchecked: b])
            b &+= 1
          }
          q &+= 1
        }
        u &+= 1
      }
      i &+= 4
    }
    var q = 0
    while q < Q {
      var b = 0
      while b < B {
        let value = tile[unchecked: q][unchecked: b]
        D.write(value, y + (q &* outStep &+ b &* L.width), shift)
        sum[unchecked: b] = sum[unchecked: b] + value
        squares[unchecked: b] = squares[unchecked: b].adding(value, times: value)
        b &+= 1
      }
      q &+= 1
    }
  }
}

/// `I` inputs by `B` vectors of outputs of a matrix gradient in registers, over all pixels.
private struct Outer<L: Lanes, let I: Int, let B: Int> {
  typealias Pointer = UnsafeMutablePointer<L.Element>

  @inline(__always)
  static func run(
    _ x: Pointer, _ inputs: Int, _ g: Pointer, _ outputs: Int, _ pixels: Int, _ dw: Pointer,
    _ ahead: inout AheadCursor, _ shift: Int
  ) {
    var tile = InlineArray<I, InlineArray<B, L>>(repeating: InlineArray(repeating: L.zero))
    var p = 0
    while p < pixels {
      if p & 3 == 0 { ahead.fetch() }
      var row = InlineArray<B, L>(repeating: L.zero)
      var b = 0
      while b < B {
        row[unchecked: b] = L.load(g + (p &* outputs &+ b &* L.width), shift)
        b &+= 1
      }
      var i = 0
      while i < I {
        let pixel = L.splat(x + (p &* inputs &+ i), shift)
        var b = 0
        while b < B {
          tile[unchecked: i][unchecked: b] =
            tile[unchecked: i][unchecked: b].adding(pixel, times: row[unchecked: b])
          b &+= 1
        }
        i &+= 1
      }
      p &+= 1
    }
    var i = 0
    while i < I {
      var b = 0
      while b < B {
        let target = dw + (i &* outputs &+ b &* L.width)
        (L.load(target, shift) + tile[unchecked: i][unchecked: b]).store(target, shift)
        b &+= 1
      }
      i &+= 1
    }
  }
}

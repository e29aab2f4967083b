/// Which pixels of a plane the taps of a dense convolution read; kernel, stride and padding need not be square.
///
/// Output (y, x), tap (i, j) reads (y·rowStride + i − rowPadding, x·columnStride + j − columnPadding), 0 outside. A
/// negative padding shifts the window into the image, as the second half of a factorised reduction does.
public struct PatchShape: Sendable {
  /// Of the plane.
  public var rows: Int
  /// Of the plane.
  public var columns: Int
  /// Padded channels of the plane.
  public var channels: Int
  /// Taps down.
  public var kernelRows: Int
  /// Taps across.
  public var kernelColumns: Int
  /// Rows from one output to the next.
  public var rowStride: Int
  /// Columns from one output to the next.
  public var columnStride: Int
  /// Rows of zeros above; negative shifts the window into the image.
  public var rowPadding: Int
  /// Columns of zeros to the left, likewise.
  public var columnPadding: Int
  /// Rows of the output.
  public var outRows: Int
  /// Columns of the output.
  public var outColumns: Int

  /// Of the whole window.
  public var taps: Int { kernelRows * kernelColumns }
  /// Entries of a row of the gathered matrix.
  public var width: Int { taps * channels }
  /// Rows of the gathered matrix.
  public var outPixels: Int { outRows * outColumns }

  /// A pointwise convolution, unless said otherwise.
  public init(
    rows: Int, columns: Int, channels: Int, kernel: (rows: Int, columns: Int) = (1, 1),
    stride: (rows: Int, columns: Int) = (1, 1), padding: (rows: Int, columns: Int) = (0, 0)
  ) {
    self.rows = rows
    self.columns = columns
    self.channels = channels
    (kernelRows, kernelColumns) = kernel
    (rowStride, columnStride) = stride
    (rowPadding, columnPadding) = padding
    outRows = (rows + 2 * max(padding.rows, 0) - kernel.rows) / stride.rows + 1
    outColumns = (columns + 2 * max(padding.columns, 0) - kernel.columns) / stride.columns + 1
  }
}

extension Arena {
  /// Writes the taps of every output, ReLU applied where asked, into columns `column` … of a matrix [outPixels][pitch].
  ///
  /// x: [rows][columns][channels]; a row of the matrix is [taps][channels] from `column` on.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func gatherPatches(
    _ x: Int, _ shape: PatchShape, rectifies: Bool, into matrix: Int, column: Int, pitch: Int
  ) {
    let channels = shape.channels
    eachTap(shape) { pixel, tap, source in
      let to = base + (matrix &+ pixel &* pitch &+ column &+ tap &* channels)
      var c = 0
      while c < channels {
        var value = A.Narrow.zero
        if source >= 0 {
          value = A.Narrow.load(base + (x &+ source &* channels &+ c), shift)
          if rectifies { value = value.whereOver(value) }
        }
        value.store(to + c, shift)
        c &+= A.Narrow.width
      }
    }
  }

  /// The backward pass of `gatherPatches`: g += the matrix's entries, where x > 0 if it was rectified.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func scatterPatches(
    _ matrix: Int, column: Int, pitch: Int, _ shape: PatchShape, at x: Int, rectifies: Bool,
    into g: Int
  ) {
    let channels = shape.channels
    eachTap(shape) { pixel, tap, source in
      guard source >= 0 else { return }
      let from = base + (matrix &+ pixel &* pitch &+ column &+ tap &* channels)
      let to = base + (g &+ source &* channels)
      let at = base + (x &+ source &* channels)
      var c = 0
      while c < channels {
        var value = A.Narrow.load(from + c, shift)
        if rectifies { value = value.whereOver(A.Narrow.load(at + c, shift)) }
        (A.Narrow.load(to + c, shift) + value).store(to + c, shift)
        c &+= A.Narrow.width
      }
    }
  }

  /// Calls `body(output pixel, tap, input pixel)` for all outputs and taps; −1 for a pixel outside the image.
  @inline(__always)
  private func eachTap(_ shape: PatchShape, _ body: (Int, Int, Int) -> Void) {
    var pixel = 0
    for y in 0..<shape.outRows {
      for x in 0..<shape.outColumns {
        var tap = 0
        for i in 0..<shape.kernelRows {
          let row = y &* shape.rowStride &+ i &- shape.rowPadding
          for j in 0..<shape.kernelColumns {
            let column = x &* shape.columnStride &+ j &- shape.columnPadding
            let isInside =
              row >= 0 && row < shape.rows && column >= 0 && column < shape.columns
            body(pixel, tap, isInside ? row &* shape.columns &+ column : -1)
            tap &+= 1
          }
        }
        pixel &+= 1
      }
    }
  }

  /// Copies the pixels of one image to a plane whose channels are padded; the padding stays as it is.
  ///
  /// values: [images][pixels][channels]; y: [pixels][padded].
  public func copyImage(
    _ values: [Element], image: Int, pixels: Int, channels: Int, padded: Int, to y: Int
  ) {
    precondition((image + 1) * pixels * channels <= values.count)
    values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      for p in 0..<pixels {
        (base + (y &+ p &* padded)).update(
          from: start + (image &* pixels &+ p) &* channels, count: channels)
      }
    }
  }
}

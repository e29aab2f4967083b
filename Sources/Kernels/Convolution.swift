/// Places of a separable unit, "depthwise, pointwise": packed weights, and the partial gradients of a chunk.
public struct UnitPlaces: Sendable {
  /// [taps][channels]
  public var depthwise: Int
  /// [channels][outputs], and its transpose.
  public var pointwise: Int
  /// [outputs][channels]
  public var transposed: Int
  /// The same of the gradients, relative to the chunk's part.
  public var depthwiseGradient: Int
  /// Of the pointwise weights, as above.
  public var pointwiseGradient: Int
  /// Padded outputs of the pointwise convolution.
  public var outputs: Int

  /// All places at once.
  public init(
    depthwise: Int, pointwise: Int, transposed: Int, depthwiseGradient: Int,
    pointwiseGradient: Int, outputs: Int
  ) {
    self.depthwise = depthwise
    self.pointwise = pointwise
    self.transposed = transposed
    self.depthwiseGradient = depthwiseGradient
    self.pointwiseGradient = pointwiseGradient
    self.outputs = outputs
  }
}

extension Arena {
  /// z = pointwise(depthwise(plane)) of one sample; adds Σz and Σz² to `moments`, [2][outputs].
  ///
  /// plane: bordered, already activated; depthwise: scratch, [pixels][channels]; z: [pixels][outputs]; ahead: what the
  /// next step reads.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func separable(
    _ plane: Int, _ table: StencilTable, _ places: UnitPlaces, scratch: Int, into z: Int,
    moments: Int, ahead: Ahead = .nothing
  ) {
    var cursor = AheadCursor(ahead, in: self)
    if isWide(table.channels) {
      depthwise(A.Wide.self, plane, table, places.depthwise, scratch, &cursor)
    } else {
      depthwise(A.Narrow.self, plane, table, places.depthwise, scratch, &cursor)
    }
    matrix(
      scratch, places.pointwise, inputs: table.channels, outputs: places.outputs,
      pixels: table.outRows &* table.outColumns, into: z, moments: moments, streams: streams,
      ahead: &cursor)
  }

  @inline(never)
  private func depthwise<L: Lanes>(
    _: L.Type, _ plane: Int, _ table: StencilTable, _ weights: Int, _ out: Int,
    _ ahead: inout AheadCursor
  ) where L.Element == Element {
    let channels = table.channels
    let lattice = table.forward
    for y in 0..<lattice.rows {
      Stencil<L>.row(
        base + (plane &+ y &* table.stride &* table.sourcePitch), step: table.stride &* channels,
        lattice, base + weights, channels: channels,
        into: base + (out &+ y &* lattice.columns &* channels), outStep: channels, adding: false,
        &ahead, shift)
    }
  }

  /// y = x·w for a dense matrix of pixels; adds Σy and Σy² to `moments` unless negative.
  ///
  /// - Precondition: inputs are padded to a multiple of 8.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func matrix(
    _ x: Int, _ w: Int, inputs: Int, outputs: Int, pixels: Int, into y: Int, moments: Int = -1
  ) {
    var nothing = AheadCursor(.nothing, in: self)
    matrix(
      x, w, inputs: inputs, outputs: outputs, pixels: pixels, into: y, moments: moments,
      streams: false, ahead: &nothing)
  }

  /// The same, while planes are fetched.
  ///
  /// streams: whether y is read again only after more than the caches hold, so that it is written past them.
  @inline(__always)
  private func matrix(
    _ x: Int, _ w: Int, inputs: Int, outputs: Int, pixels: Int, into y: Int, moments: Int,
    streams: Bool, ahead: inout AheadCursor
  ) {
    precondition(inputs % 8 == 0, "\(inputs) inputs are not padded")
    let sink = moments < 0 ? nil : (sums: sums + moments, shift: sumShift)
    let width = isWide(outputs) ? A.Wide.width : A.Narrow.width
    switch (isWide(outputs), streams && (y | outputs | shift) % width == 0) {
    case (true, true):
      Pointwise<A.Wide>.forward(
        Streamed.self, base + x, step: inputs, base + w, inputs: inputs, outputs: outputs,
        into: base + y, outStep: outputs, width: pixels, &ahead, shift, moments: sink)
    case (true, false):
      Pointwise<A.Wide>.forward(
        Cached.self, base + x, step: inputs, base + w, inputs: inputs, outputs: outputs,
        into: base + y, outStep: outputs, width: pixels, &ahead, shift, moments: sink)
    case (false, true):
      Pointwise<A.Narrow>.forward(
        Streamed.self, base + x, step: inputs, base + w, inputs: inputs, outputs: outputs,
        into: base + y, outStep: outputs, width: pixels, &ahead, shift, moments: sink)
    case (false, false):
      Pointwise<A.Narrow>.forward(
        Cached.self, base + x, step: inputs, base + w, inputs: inputs, outputs: outputs,
        into: base + y, outStep: outputs, width: pixels, &ahead, shift, moments: sink)
    }
  }

  /// dw += xᵀ·g. x: [pixels][inputs], g: [pixels][outputs], dw: [inputs][outputs].
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func matrixGradient(
    _ x: Int, _ g: Int, inputs: Int, outputs: Int, pixels: Int, into dw: Int
  ) {
    var nothing = AheadCursor(.nothing, in: self)
    matrixGradient(
      x, g, inputs: inputs, outputs: outputs, pixels: pixels, into: dw, ahead: &nothing)
  }

  @inline(__always)
  private func matrixGradient(
    _ x: Int, _ g: Int, inputs: Int, outputs: Int, pixels: Int, into dw: Int,
    ahead: inout AheadCursor
  ) {
    if isWide(outputs) {
      Pointwise<A.Wide>.outer(
        base + x, base + g, inputs: inputs, outputs: outputs, pixels: pixels, into: base + dw,
        &ahead, shift)
    } else {
      Pointwise<A.Narrow>.outer(
        base + x, base + g, inputs: inputs, outputs: outputs, pixels: pixels, into: base + dw,
        &ahead, shift)
    }
  }

  /// Backward of `separable` for one sample: dx += …, and the partial weight gradients where `gradients` ≥ 0.
  ///
  /// dz: [pixels][outputs]; bordered: scratch plane for the depthwise output's gradient, with a border of zeros;
  /// dx: [rows][columns][channels], not bordered; ahead: what the next step reads.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func separableBackward(
    _ plane: Int, _ table: StencilTable, _ places: UnitPlaces, dz: Int, scratch: Int,
    bordered: Int, into dx: Int, gradients: Int, ahead: Ahead = .nothing
  ) {
    let pixels = table.outRows &* table.outColumns
    var cursor = AheadCursor(ahead, in: self)
    if gradients >= 0 {
      if isWide(table.channels) {
        depthwise(A.Wide.self, plane, table, places.depthwise, scratch, &cursor)
      } else {
        depthwise(A.Narrow.self, plane, table, places.depthwise, scratch, &cursor)
      }
      matrixGradient(
        scratch, dz, inputs: table.channels, outputs: places.outputs, pixels: pixels,
        into: gradients &+ places.pointwiseGradient, ahead: &cursor)
    }
    if isWide(table.channels) {
      stencilBackward(A.Wide.self, plane, table, places, dz, bordered, dx, gradients, &cursor)
    } else {
      stencilBackward(A.Narrow.self, plane, table, places, dz, bordered, dx, gradients, &cursor)
    }
  }

  @inline(never)
  private func stencilBackward<L: Lanes>(
    _: L.Type, _ plane: Int, _ table: StencilTable, _ places: UnitPlaces, _ dz: Int,
    _ bordered: Int, _ dx: Int, _ gradients: Int, _ ahead: inout AheadCursor
  ) where L.Element == Element {
    let channels = table.channels
    let inset = table.gradientBorder &* (table.gradientPitch &+ channels)
    for y in 0..<table.outRows {
      Pointwise<L>.forward(
        Cached.self, base + (dz &+ y &* table.outColumns &* places.outputs), step: places.outputs,
        base + places.transposed, inputs: places.outputs, outputs: channels,
        into: base + (bordered &+ inset &+ y &* table.gradientPitch), outStep: channels,
        width: table.outColumns, &ahead, shift)
    }
    if gradients >= 0 {
      Stencil<L>.weightGradient(
        base + plane, base + bordered, table,
        into: base + (gradients &+ places.depthwiseGradient), &ahead, shift)
    }
    for lattice in table.backward {
      for y in 0..<lattice.rows {
        let row = (y &* lattice.step &+ lattice.row) &* table.columns &+ lattice.column
        Stencil<L>.row(
          base + (bordered &+ y &* table.gradientPitch), step: channels, lattice,
          base + places.depthwise, channels: channels, into: base + (dx &+ row &* channels),
          outStep: lattice.step &* channels, adding: true, &ahead, shift)
      }
    }
  }
}

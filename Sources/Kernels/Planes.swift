/// Elementwise passes over planes of one sample; all are linear in memory and bound by it.
///
/// A plane is [pixels][channels] with channels padded to a multiple of 8; a channel's coefficients are [channels].
extension Arena {
  @inline(__always)
  func isWide(_ channels: Int) -> Bool { channels % 16 == 0 }

  /// Copies activation(x), or activation(scale·x + offset) with coefficients, into the inside of a plane with a border
  /// of zeros. x: [rows][columns][channels] at `x`.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func padActivated(
    _ x: Int, scale: Int? = nil, offset: Int = 0, _ activation: Activation,
    into plane: Int, _ table: StencilTable
  ) {
    let wide = isWide(table.channels)
    switch (activation, wide) {
    case (.relu, true): padActivated(A.Wide.self, x, scale, offset, .relu, plane, table)
    case (.relu, false): padActivated(A.Narrow.self, x, scale, offset, .relu, plane, table)
    case (.silu, true): padActivated(A.Wide.self, x, scale, offset, .silu, plane, table)
    case (.silu, false): padActivated(A.Narrow.self, x, scale, offset, .silu, plane, table)
    }
  }

  @inline(__always)
  private func padActivated<L: Lanes>(
    _: L.Type, _ x: Int, _ scale: Int?, _ offset: Int, _ activation: Activation, _ plane: Int,
    _ table: StencilTable
  ) where L.Element == Element {
    let channels = table.channels
    let inset = table.border &* (table.sourcePitch &+ channels)
    let width = table.columns &* channels
    rows(
      L.self, x, scale, offset, activation, plane + inset, table.rows, width, channels,
      table.sourcePitch)
  }

  @inline(__always)
  private func rows<L: Lanes>(
    _: L.Type, _ x: Int, _ scale: Int?, _ offset: Int, _ activation: Activation, _ target: Int,
    _ rows: Int, _ width: Int, _ channels: Int, _ pitch: Int
  ) where L.Element == Element {
    for y in 0..<rows {
      let from = base + (x &+ y &* width)
      let to = base + (target &+ y &* pitch)
      if let scale {
        var c = 0
        while c < channels {
          let a = L.load(base + (scale &+ c), shift)
          let b = L.load(base + (offset &+ c), shift)
          var i = c
          while i < width {
            activation.apply(b.adding(L.load(from + i, shift), times: a)).store(to + i, shift)
            i &+= channels
          }
          c &+= L.width
        }
      } else {
        var i = 0
        while i < width {
          activation.apply(L.load(from + i, shift)).store(to + i, shift)
          i &+= L.width
        }
      }
    }
  }

  /// x ← scale·x + offset in place, or into another plane.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func normalise(
    _ x: Int, scale: Int, offset: Int, pixels: Int, channels: Int, into y: Int
  ) {
    if isWide(channels) {
      normalise(A.Wide.self, x, scale, offset, pixels, channels, y)
    } else {
      normalise(A.Narrow.self, x, scale, offset, pixels, channels, y)
    }
  }

  @inline(__always)
  private func normalise<L: Lanes>(
    _: L.Type, _ x: Int, _ scale: Int, _ offset: Int, _ pixels: Int, _ channels: Int, _ y: Int
  ) where L.Element == Element {
    var c = 0
    while c < channels {
      let a = L.load(base + (scale &+ c), shift)
      let b = L.load(base + (offset &+ c), shift)
      var p = c
      while p < pixels &* channels {
        b.adding(L.load(base + (x &+ p), shift), times: a).store(base + (y &+ p), shift)
        p &+= channels
      }
      c &+= L.width
    }
  }

  /// The activation's backward pass in place: d ← d·slope(scale·z + offset); adds the sums of d and d·z to `moments`.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func maskGradient(
    _ d: Int, at z: Int, scale: Int, offset: Int, _ activation: Activation, pixels: Int,
    channels: Int, into g: Int, moments: Int
  ) {
    switch (activation, isWide(channels)) {
    case (.relu, true):
      maskGradient(A.Wide.self, d, z, scale, offset, .relu, pixels, channels, g, moments)
    case (.relu, false):
      maskGradient(A.Narrow.self, d, z, scale, offset, .relu, pixels, channels, g, moments)
    case (.silu, true):
      maskGradient(A.Wide.self, d, z, scale, offset, .silu, pixels, channels, g, moments)
    case (.silu, false):
      maskGradient(A.Narrow.self, d, z, scale, offset, .silu, pixels, channels, g, moments)
    }
  }

  @inline(__always)
  private func maskGradient<L: Lanes>(
    _: L.Type, _ d: Int, _ z: Int, _ scale: Int, _ offset: Int, _ activation: Activation,
    _ pixels: Int, _ channels: Int, _ g: Int, _ moments: Int
  ) where L.Element == Element {
    var c = 0
    while c < channels {
      let a = L.load(base + (scale &+ c), shift)
      let b = L.load(base + (offset &+ c), shift)
      var sum = L.zero
      var products = L.zero
      var p = 0
      while p < pixels {
        let at = p &* channels &+ c
        let value = L.load(base + (z &+ at), shift)
        let masked = activation.backward(
          L.load(base + (d &+ at), shift), at: b.adding(value, times: a))
        masked.store(base + (g &+ at), shift)
        sum = sum + masked
        products = products.adding(masked, times: value)
        p &+= 1
      }
      sum.flush(sums + (moments &+ c), sumShift)
      products.flush(sums + (moments &+ channels &+ c), sumShift)
      c &+= L.width
    }
  }

  /// g += d·slope(x).
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func addMasked(
    _ d: Int, at x: Int, _ activation: Activation, pixels: Int, channels: Int, into g: Int
  ) {
    switch activation {
    case .relu: addMasked(A.Narrow.self, d, x, .relu, pixels &* channels, g)
    case .silu: addMasked(A.Narrow.self, d, x, .silu, pixels &* channels, g)
    }
  }

  @inline(__always)
  private func addMasked<L: Lanes>(
    _: L.Type, _ d: Int, _ x: Int, _ activation: Activation, _ count: Int, _ g: Int
  ) where L.Element == Element {
    var i = 0
    while i < count {
      let masked = activation.backward(
        L.load(base + (d &+ i), shift), at: L.load(base + (x &+ i), shift))
      (L.load(base + (g &+ i), shift) + masked).store(base + (g &+ i), shift)
      i &+= L.width
    }
  }

  /// Adds the mean over the pixels of a plane's channels to `moments`: global average pooling of one source.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func addPlaneSums(_ x: Int, pixels: Int, channels: Int, into target: Int) {
    for c in 0..<channels {
      var value = 0.0
      var tangent = 0.0
      for p in 0..<pixels {
        value += Double(base[x + p * channels + c])
        if A.components == 2 { tangent += Double(base[x + shift + p * channels + c]) }
      }
      sums[target + c] = value
      if A.components == 2 { sums[target + sumShift + c] = tangent }
    }
  }

  /// Fills every pixel of a plane with the same channels: the backward pass of global average pooling.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func fill(_ x: Int, pixels: Int, channels: Int, with values: Int) {
    for component in 0..<A.components {
      let start = base + component * shift
      for p in 0..<pixels {
        (start + (x + p * channels)).update(from: start + values, count: channels)
      }
    }
  }
}

/// Sums of planes with a factor for each sample, and their backward passes: the nodes of a derived network.
///
/// A plane is [pixels][channels] with padded channels; coefficients are [channels]. The factor is what drop-path makes
/// of a branch in this sample: 0, or 1 over the probability to stay.
extension Arena {
  /// y (+)= factor·x.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func addScaled(_ x: Int, factor: Element, count: Int, into y: Int, adding: Bool) {
    let weight = A.Narrow(values: A.Narrow.Vector(repeating: factor))
    var i = 0
    while i < count {
      let before = adding ? A.Narrow.load(base + (y &+ i), shift) : A.Narrow.zero
      before.adding(A.Narrow.load(base + (x &+ i), shift), times: weight)
        .store(base + (y &+ i), shift)
      i &+= A.Narrow.width
    }
  }

  /// y (+)= factor·(scale·x + offset).
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func addAffine(
    _ x: Int, scale: Int, offset: Int, factor: Element, pixels: Int, channels: Int, into y: Int,
    adding: Bool
  ) {
    if isWide(channels) {
      addAffine(A.Wide.self, x, scale, offset, factor, pixels, channels, y, adding)
    } else {
      addAffine(A.Narrow.self, x, scale, offset, factor, pixels, channels, y, adding)
    }
  }

  @inline(__always)
  private func addAffine<L: Lanes>(
    _: L.Type, _ x: Int, _ scale: Int, _ offset: Int, _ factor: Element, _ pixels: Int,
    _ channels: Int, _ y: Int, _ adding: Bool
  ) where L.Element == Element {
    let weight = L(values: L.Vector(repeating: factor))
    var c = 0
    while c < channels {
      let a = weight * L.load(base + (scale &+ c), shift)
      let b = weight * L.load(base + (offset &+ c), shift)
      var at = c
      while at < pixels &* channels {
        let before = adding ? b + L.load(base + (y &+ at), shift) : b
        before.adding(L.load(base + (x &+ at), shift), times: a).store(base + (y &+ at), shift)
        at &+= channels
      }
      c &+= L.width
    }
  }

  /// Adds factor·Σg and factor·Σg·z of each channel to `target`, [2][channels] in Double.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func addWeightedProducts(
    _ g: Int, _ z: Int, factor: Element, pixels: Int, channels: Int, into target: Int
  ) {
    if isWide(channels) {
      addWeightedProducts(A.Wide.self, g, z, factor, pixels, channels, target)
    } else {
      addWeightedProducts(A.Narrow.self, g, z, factor, pixels, channels, target)
    }
  }

  @inline(__always)
  private func addWeightedProducts<L: Lanes>(
    _: L.Type, _ g: Int, _ z: Int, _ factor: Element, _ pixels: Int, _ channels: Int,
    _ target: Int
  ) where L.Element == Element {
    let weight = L(values: L.Vector(repeating: factor))
    var c = 0
    while c < channels {
      var sum = L.zero
      var products = L.zero
      var at = c
      while at < pixels &* channels {
        let gradient = L.load(base + (g &+ at), shift)
        sum = sum + gradient
        products = products.adding(gradient, times: L.load(base + (z &+ at), shift))
        at &+= channels
      }
      (weight * sum).flush(sums + (target &+ c), sumShift)
      (weight * products).flush(sums + (target &+ channels &+ c), sumShift)
      c &+= L.width
    }
  }

  /// dz = factor·a·g + b·z + d: what a batch norm hands back. coefficients: a, b and d, [3][channels].
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func normGradient(
    _ g: Int, _ z: Int, coefficients: Int, factor: Element, pixels: Int, channels: Int,
    into dz: Int
  ) {
    if isWide(channels) {
      normGradient(A.Wide.self, g, z, coefficients, factor, pixels, channels, dz)
    } else {
      normGradient(A.Narrow.self, g, z, coefficients, factor, pixels, channels, dz)
    }
  }

  @inline(__always)
  private func normGradient<L: Lanes>(
    _: L.Type, _ g: Int, _ z: Int, _ coefficients: Int, _ factor: Element, _ pixels: Int,
    _ channels: Int, _ dz: Int
  ) where L.Element == Element {
    let weight = L(values: L.Vector(repeating: factor))
    var c = 0
    while c < channels {
      let a = weight * L.load(base + (coefficients &+ c), shift)
      let b = L.load(base + (coefficients &+ channels &+ c), shift)
      let d = L.load(base + (coefficients &+ 2 &* channels &+ c), shift)
      var at = c
      while at < pixels &* channels {
        d.adding(L.load(base + (z &+ at), shift), times: b)
          .adding(L.load(base + (g &+ at), shift), times: a).store(base + (dz &+ at), shift)
        at &+= channels
      }
      c &+= L.width
    }
  }
}

// MARK: - Averages over windows

/// Average pooling over square windows without padding: the auxiliary head's, and over the whole plane.
public struct WindowShape: Sendable {
  /// Rows and columns of the plane.
  public var size: Int
  /// Padded.
  public var channels: Int
  /// Rows and columns of a window.
  public var window: Int
  /// From one window to the next.
  public var stride: Int
  /// Windows down and across.
  public var outSize: Int { (size - window) / stride + 1 }

  /// A square plane, and square windows on it.
  public init(size: Int, channels: Int, window: Int, stride: Int) {
    self.size = size
    self.channels = channels
    self.window = window
    self.stride = stride
  }
}

extension Arena {
  /// y = the mean of x, or of its positive part, over each window. x: [size][size][channels].
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func averageWindows(_ x: Int, _ shape: WindowShape, rectifies: Bool, into y: Int) {
    let share = A.Narrow(
      values: A.Narrow.Vector(repeating: 1 / Element(shape.window &* shape.window)))
    let channels = shape.channels
    for u in 0..<shape.outSize {
      for v in 0..<shape.outSize {
        var c = 0
        while c < channels {
          var total = A.Narrow.zero
          for i in 0..<shape.window {
            let row = (u &* shape.stride &+ i) &* shape.size &+ v &* shape.stride
            for j in 0..<shape.window {
              let value = A.Narrow.load(base + (x &+ (row &+ j) &* channels &+ c), shift)
              total = total + (rectifies ? value.whereOver(value) : value)
            }
          }
          (total * share).store(
            base + (y &+ (u &* shape.outSize &+ v) &* channels &+ c), shift)
          c &+= A.Narrow.width
        }
      }
    }
  }

  /// dx += the backward pass of `averageWindows` at x.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  public func averageWindowsBackward(
    _ dy: Int, _ shape: WindowShape, at x: Int, rectifies: Bool, into dx: Int
  ) {
    let share = A.Narrow(
      values: A.Narrow.Vector(repeating: 1 / Element(shape.window &* shape.window)))
    let channels = shape.channels
    for u in 0..<shape.outSize {
      for v in 0..<shape.outSize {
        var c = 0
        while c < channels {
          let from = base + (dy &+ (u &* shape.outSize &+ v) &* channels &+ c)
          let part = A.Narrow.load(from, shift) * share
          for i in 0..<shape.window {
            let row = (u &* shape.stride &+ i) &* shape.size &+ v &* shape.stride
            for j in 0..<shape.window {
              let at = (row &+ j) &* channels &+ c
              let to = base + (dx &+ at)
              let masked =
                rectifies ? part.whereOver(A.Narrow.load(base + (x &+ at), shift)) : part
              (A.Narrow.load(to, shift) + masked).store(to, shift)
            }
          }
          c &+= A.Narrow.width
        }
      }
    }
  }
}

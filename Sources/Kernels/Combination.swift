/// A list of planes with per-channel coefficients, refilled between phases.
///
/// Node values, the gradients that batch norms hand back and sums over edges are all of this form.
@safe
public final class TermList: @unchecked Sendable {
  struct Term {
    /// Offset of sample 0 of the plane.
    var plane: Int
    var sampleStep: Int
    /// Offset of the coefficients, [channels].
    var coefficients: Int
  }

  let terms: UnsafeMutablePointer<Term>
  private let capacity: Int
  public private(set) var count = 0
  /// Offset of the constants, [channels]; none when negative.
  public var constants = -1

  public init(capacity: Int) {
    self.capacity = capacity
    terms = .allocate(capacity: max(capacity, 1))
  }

  deinit { terms.deallocate() }

  public func removeAll() {
    count = 0
    constants = -1
  }

  public func append(plane: Int, sampleStep: Int, coefficients: Int) {
    precondition(count < capacity, "more than \(capacity) terms")
    (terms + count).initialize(
      to: Term(plane: plane, sampleStep: sampleStep, coefficients: coefficients))
    count += 1
  }
}

extension Arena {
  /// y (+)= constants + Σ coefficients·plane, for one sample; y: [pixels][channels].
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func combine(
    _ list: TermList, sample: Int, pixels: Int, channels: Int, into y: Int, adding: Bool
  ) {
    if isWide(channels) {
      combine(A.Wide.self, list, sample, pixels, channels, y, adding)
    } else {
      combine(A.Narrow.self, list, sample, pixels, channels, y, adding)
    }
  }

  @inline(__always)
  private func combine<L: Lanes>(
    _: L.Type, _ list: TermList, _ sample: Int, _ pixels: Int, _ channels: Int, _ y: Int,
    _ adding: Bool
  ) where L.Element == Element {
    var c = 0
    while c < channels {
      let constant = list.constants < 0 ? L.zero : L.load(base + (list.constants &+ c), shift)
      var p = 0
      while p < pixels {
        if pixels &- p >= 8 {
          tile(L.self, 8, list, sample, channels, c, p, y, adding, constant)
          p &+= 8
        } else {
          tile(L.self, 1, list, sample, channels, c, p, y, adding, constant)
          p &+= 1
        }
      }
      c &+= L.width
    }
  }

  @inline(__always)
  private func tile<L: Lanes>(
    _: L.Type, _ size: Int, _ list: TermList, _ sample: Int, _ channels: Int, _ c: Int, _ p: Int,
    _ y: Int, _ adding: Bool, _ constant: L
  ) where L.Element == Element {
    let at = p &* channels &+ c
    var sum = InlineArray<8, L>(repeating: constant)
    var t = 0
    while t < list.count {
      let term = list.terms[t]
      let coefficient = L.load(base + (term.coefficients &+ c), shift)
      let plane = base + (term.plane &+ sample &* term.sampleStep &+ at)
      var q = 0
      while q < size {
        sum[unchecked: q] = sum[unchecked: q].adding(
          L.load(plane + q &* channels, shift), times: coefficient)
        q &+= 1
      }
      t &+= 1
    }
    var q = 0
    while q < size {
      let to = base + (y &+ at &+ q &* channels)
      if adding {
        (L.load(to, shift) + sum[unchecked: q]).store(to, shift)
      } else {
        sum[unchecked: q].store(to, shift)
      }
      q &+= 1
    }
  }

  /// Adds Σ g and, for each plane of the list, Σ g·plane over the pixels of one sample to `target`:
  /// [1 + planes][channels] in Double. The coefficients of the list are not read.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func addProducts(
    _ g: Int, _ list: TermList, sample: Int, pixels: Int, channels: Int, into target: Int
  ) {
    if isWide(channels) {
      addProducts(A.Wide.self, g, list, sample, pixels, channels, target)
    } else {
      addProducts(A.Narrow.self, g, list, sample, pixels, channels, target)
    }
  }

  @inline(__always)
  private func addProducts<L: Lanes>(
    _: L.Type, _ g: Int, _ list: TermList, _ sample: Int, _ pixels: Int, _ channels: Int,
    _ target: Int
  ) where L.Element == Element {
    var c = 0
    while c < channels {
      var total = InlineArray<4, L>(repeating: L.zero)
      var p = 0
      while p < pixels {
        let at = base + (g &+ p &* channels &+ c)
        total[unchecked: p & 3] = total[unchecked: p & 3] + L.load(at, shift)
        p &+= 1
      }
      for k in 0..<4 { total[k].flush(sums + (target &+ c), sumShift) }
      var t = 0
      while t < list.count {
        if list.count &- t >= 3 {
          products(L.self, 3, t, g, list, sample, pixels, channels, c, target)
          t &+= 3
        } else {
          products(L.self, 1, t, g, list, sample, pixels, channels, c, target)
          t &+= 1
        }
      }
      c &+= L.width
    }
  }

  /// Products with `count` ≤ 3 planes from `first` on, two pixels at a time.
  @inline(__always)
  private func products<L: Lanes>(
    _: L.Type, _ count: Int, _ first: Int, _ g: Int, _ list: TermList, _ sample: Int, _ pixels: Int,
    _ channels: Int, _ c: Int, _ target: Int
  ) where L.Element == Element {
    var even = InlineArray<3, L>(repeating: L.zero)
    var odd = InlineArray<3, L>(repeating: L.zero)
    func plane(_ k: Int) -> Int {
      let term = list.terms[first &+ k]
      return term.plane &+ sample &* term.sampleStep &+ c
    }
    let planes: InlineArray<3, Int> = [
      plane(0), count > 1 ? plane(1) : 0, count > 2 ? plane(2) : 0,
    ]
    var p = 0
    while p &+ 1 < pixels {
      let a = L.load(base + (g &+ p &* channels &+ c), shift)
      let b = L.load(base + (g &+ (p &+ 1) &* channels &+ c), shift)
      var k = 0
      while k < count {
        let from = base + (planes[unchecked: k] &+ p &* channels)
        even[unchecked: k] = even[unchecked: k].adding(L.load(from, shift), times: a)
        odd[unchecked: k] = odd[unchecked: k].adding(L.load(from + channels, shift), times: b)
        k &+= 1
      }
      p &+= 2
    }
    if p < pixels {
      let a = L.load(base + (g &+ p &* channels &+ c), shift)
      for k in 0..<count {
        even[k] = even[k].adding(
          L.load(base + (planes[k] &+ p &* channels), shift), times: a)
      }
    }
    for k in 0..<count {
      (even[k] + odd[k]).flush(sums + (target &+ (1 &+ first &+ k) &* channels &+ c), sumShift)
    }
  }
}

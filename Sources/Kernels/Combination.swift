import CCacheHints

/// A list of planes with per-channel coefficients, refilled between phases.
///
/// Node values, the gradients that batch norms hand back and sums over edges are all of this form.
@safe
public final class TermList: @unchecked Sendable {
  struct Term {
    /// Offset of sample 0 of the plane.
    var plane: Int
    /// From one sample to the next: scalars of a plane.
    var sampleStep: Int
    /// Offset of the coefficients, [channels].
    var coefficients: Int
  }

  /// Terms that are taken at once.
  public static var partSize: Int { 4 }

  let terms: UnsafeMutablePointer<Term>
  /// Terms that fit.
  public let capacity: Int
  /// Terms in it.
  public private(set) var count = 0
  /// Offset of the constants, [channels]; none when negative.
  public var constants = -1

  /// An empty list for at most so many terms.
  public init(capacity: Int) {
    self.capacity = capacity
    terms = .allocate(capacity: max(capacity, 1))
  }

  deinit { terms.deallocate() }

  /// A list of one plane without coefficients.
  public convenience init(plane: Int, sampleStep: Int) {
    self.init(capacity: 1)
    append(plane: plane, sampleStep: sampleStep, coefficients: 0)
  }

  /// Empties it, constants included.
  public func removeAll() {
    count = 0
    constants = -1
  }

  /// Adds a term; traps beyond the capacity.
  public func append(plane: Int, sampleStep: Int, coefficients: Int) {
    precondition(count < capacity, "more than \(capacity) terms")
    (terms + count).initialize(
      to: Term(plane: plane, sampleStep: sampleStep, coefficients: coefficients))
    count += 1
  }
}

extension Arena {
  /// y (+)= constants + Σ coefficients·plane, for one sample; y: [pixels][channels].
  ///
  /// - Parameter part: the terms to take now, after those before them; the first one a multiple of `partSize`.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func combine(
    _ list: TermList, sample: Int, pixels: Int, channels: Int, into y: Int, adding: Bool,
    part: Range<Int> = 0..<Int.max
  ) {
    let terms = part.lowerBound..<min(part.upperBound, list.count)
    if isWide(channels) {
      combine(A.Wide.self, list, terms, sample, pixels, channels, y, adding)
    } else {
      combine(A.Narrow.self, list, terms, sample, pixels, channels, y, adding)
    }
  }

  @inline(never)
  private func combine<L: Lanes>(
    _: L.Type, _ list: TermList, _ part: Range<Int>, _ sample: Int, _ pixels: Int,
    _ channels: Int, _ y: Int, _ adding: Bool
  ) where L.Element == Element {
    // Blocks that stay in the first cache, terms a part at a time: few streams from memory at once.
    let block = max(8, 1024 / channels)
    var start = 0
    while start < pixels {
      let end = min(start &+ block, pixels)
      var t = part.lowerBound
      repeat {
        let left = part.upperBound &- t
        let fresh = t == 0 && !adding
        switch min(left, TermList.partSize) {
        case 4: terms(L.self, 4, t, list, sample, start, end, channels, y, fresh)
        case 3: terms(L.self, 3, t, list, sample, start, end, channels, y, fresh)
        case 2: terms(L.self, 2, t, list, sample, start, end, channels, y, fresh)
        case 1: terms(L.self, 1, t, list, sample, start, end, channels, y, fresh)
        default: terms(L.self, 0, t, list, sample, start, end, channels, y, fresh)
        }
        t &+= TermList.partSize
      } while t < part.upperBound
      start = end
    }
  }

  /// `count` terms from `first` on, for the pixels start ..< end; the constants come with the first terms.
  @inline(__always)
  private func terms<L: Lanes>(
    _: L.Type, _ count: Int, _ first: Int, _ list: TermList, _ sample: Int, _ start: Int,
    _ end: Int, _ channels: Int, _ y: Int, _ fresh: Bool
  ) where L.Element == Element {
    var c = 0
    while c < channels {
      var coefficients = InlineArray<4, L>(repeating: L.zero)
      var planes = InlineArray<4, Int>(repeating: 0)
      var k = 0
      while k < count {
        let term = list.terms[first &+ k]
        coefficients[unchecked: k] = L.load(base + (term.coefficients &+ c), shift)
        planes[unchecked: k] = term.plane &+ sample &* term.sampleStep &+ c
        k &+= 1
      }
      let constant =
        first > 0 || list.constants < 0 ? L.zero : L.load(base + (list.constants &+ c), shift)
      var at = start &* channels
      let stop = end &* channels
      while at < stop {
        let to = base + (y &+ at &+ c)
        var sum = fresh ? constant : constant + L.load(to, shift)
        var k = 0
        while k < count {
          let from = base + (planes[unchecked: k] &+ at)
          prefetch_line(from + 256)
          sum = sum.adding(L.load(from, shift), times: coefficients[unchecked: k])
          k &+= 1
        }
        sum.store(to, shift)
        at &+= channels
      }
      c &+= L.width
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

  @inline(never)
  private func addProducts<L: Lanes>(
    _: L.Type, _ g: Int, _ list: TermList, _ sample: Int, _ pixels: Int, _ channels: Int,
    _ target: Int
  ) where L.Element == Element {
    var c = 0
    while c < channels {
      var even = L.zero
      var odd = L.zero
      var p = 0
      while p &+ 1 < pixels {
        let at = base + (g &+ p &* channels &+ c)
        even = even + L.load(at, shift)
        odd = odd + L.load(at + channels, shift)
        p &+= 2
      }
      if p < pixels { even = even + L.load(base + (g &+ p &* channels &+ c), shift) }
      (even + odd).flush(sums + (target &+ c), sumShift)
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
        prefetch_line(from + 256)
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

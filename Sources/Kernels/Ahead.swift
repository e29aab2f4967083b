import CCacheHints

/// Planes that the steps after a computing one read, in the order of reading.
@safe
public final class AheadList: @unchecked Sendable {
  struct Plane {
    var term: TermList.Term
    /// Samples beyond the present one.
    var later: Int
  }

  fileprivate let planes: UnsafeMutableBufferPointer<Plane>

  /// The planes of terms, each so many samples beyond the present one.
  public init(_ reads: [(terms: TermReads, later: Int)]) {
    let all = reads.flatMap { reads, later in
      reads.range.map { Plane(term: reads.list.terms[$0], later: later) }
    }
    planes = .allocate(capacity: all.count)
    _ = planes.initialize(from: all)
  }

  deinit { planes.deallocate() }
}

/// What a step reads of earlier phases: the planes of a list, or of some of its terms.
public struct TermReads: Sendable {
  let list: TermList
  private let terms: Range<Int>

  /// All planes of the list, or those of some of its terms as far as there are any.
  public init(_ list: TermList, _ terms: Range<Int> = 0..<Int.max) {
    self.list = list
    self.terms = terms
  }

  var range: Range<Int> { terms.clamped(to: 0..<list.count) }
}

/// An `AheadList` at a sample, which must outlive it: fetched line by line while a step computes.
///
/// Results of an earlier phase lie in main memory by the time they are read; asked for in time, they cost little. The
/// requests are spread over the multiply-adds, two at a time: a core keeps count of some sixteen lines on their way, and
/// whatever else misses the first cache waits once there are more.
@safe
public struct Ahead: @unchecked Sendable {
  fileprivate let planes: UnsafeMutableBufferPointer<AheadList.Plane>?
  fileprivate let sample: Int
  fileprivate let end: Int

  /// The planes of a list at a sample, as far as their own samples come before `end`.
  public init(_ list: AheadList?, sample: Int, end: Int) {
    planes = list?.planes
    self.sample = sample
    self.end = end
  }

  /// Nothing to fetch.
  public static var nothing: Self { Self(nil, sample: 0, end: 0) }
}

/// How far the planes of an `Ahead` have been asked for.
struct AheadCursor {
  private var line: UnsafeRawPointer
  /// From a line to its companion, in the other half of the plane.
  private var companion = 0
  private var left = 0
  private var plane = 0
  private let ahead: Ahead
  private let base: UnsafeRawPointer
  private let scalarBytes: Int

  private static var lineBytes: Int { 64 }

  init<A: Arithmetic>(_ ahead: Ahead, in arena: Arena<A>) {
    self.ahead = ahead
    base = UnsafeRawPointer(arena.base)
    line = base
    scalarBytes = MemoryLayout<A.Element>.stride
    advance()
  }

  /// Asks for the next two lines.
  @inline(__always)
  mutating func fetch() {
    guard left > 0 else { return }
    left &-= 1
    prefetch_line_to_second_level(line)
    prefetch_line_to_second_level(line + companion)
    line += Self.lineBytes
    if left == 0 { advance() }
  }

  /// Goes on to the next plane.
  @inline(never)
  private mutating func advance() {
    guard let planes = ahead.planes else { return }
    while plane < planes.count {
      let (term, sample) = (planes[plane].term, ahead.sample &+ planes[plane].later)
      plane &+= 1
      guard sample < ahead.end else { continue }
      line = base + (term.plane &+ sample &* term.sampleStep) &* scalarBytes
      companion = term.sampleStep / 2 &* scalarBytes
      left = (companion &+ Self.lineBytes &- 1) / Self.lineBytes
      return
    }
  }
}

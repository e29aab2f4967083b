import CCacheHints

/// Planes that the step after the present one reads, fetched line by line while this one computes.
///
/// Results of an earlier phase lie in main memory by the time they are read; asked for in time, they cost little. The
/// requests are spread over the multiply-adds, two at a time: a core keeps count of some sixteen lines on their way, and
/// whatever else misses the first cache waits once there are more.
public struct Ahead: Sendable {
  /// Offsets of up to two planes; the same twice where there is one.
  fileprivate var planes: (Int, Int)
  /// Scalars of a plane; 0 for nothing to fetch.
  fileprivate var count: Int

  /// Two planes to fetch.
  ///
  /// - Parameters:
  ///   - first: offset of one plane.
  ///   - second: offset of another one; the same again where there is one.
  ///   - count: scalars of each plane.
  public init(_ first: Int, _ second: Int, count: Int) {
    planes = (first, second)
    self.count = count
  }

  /// Nothing to fetch.
  public static var nothing: Self { Self(0, 0, count: 0) }
}

/// How far the planes of an `Ahead` have been asked for.
struct AheadCursor {
  private var line: UnsafeRawPointer
  /// From a line to its companion: of the other plane, or of the other half of the only one.
  private let companion: Int
  private var left: Int

  private static var lineBytes: Int { 64 }

  init<A: Arithmetic>(_ ahead: Ahead, in arena: Arena<A>) {
    let size = MemoryLayout<A.Element>.stride
    let isOne = ahead.planes.0 == ahead.planes.1
    line = UnsafeRawPointer(arena.base + ahead.planes.0)
    let bytes = (isOne ? ahead.count / 2 : ahead.count) &* size
    companion = isOne ? bytes : (ahead.planes.1 &- ahead.planes.0) &* size
    left = (bytes &+ Self.lineBytes &- 1) / Self.lineBytes
  }

  /// Asks for the next two lines.
  @inline(__always)
  mutating func fetch() {
    guard left > 0 else { return }
    left &-= 1
    prefetch_line_to_second_level(line)
    prefetch_line_to_second_level(line + companion)
    line += Self.lineBytes
  }
}

import CCacheHints

/// Planes that the step after the present one reads, fetched line by line while this one computes.
///
/// Results of an earlier phase lie in main memory by the time they are read; asked for in time, they cost none.
public struct Ahead: Sendable {
  /// Offsets of up to two planes; the same twice where there is one.
  private var planes: (Int, Int)
  /// Scalars of a plane; 0 for nothing to fetch.
  private var count: Int

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

  /// Asks for the part of the planes that falls to one of so many turns.
  @inline(__always)
  func fetch<A: Arithmetic>(_ arena: Arena<A>, turn: Int, of turns: Int) {
    let line = 64 / MemoryLayout<A.Element>.stride
    let share = (count &+ turns &- 1) / turns
    var at = turn &* share
    let end = min(at &+ share, count)
    while at < end {
      prefetch_line_to_second_level(arena.base + (planes.0 &+ at))
      if planes.1 != planes.0 { prefetch_line_to_second_level(arena.base + (planes.1 &+ at)) }
      at &+= line
    }
  }
}

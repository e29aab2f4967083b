import CProcessor

/// The cores that a process may run on; the door to sched_setaffinity(2).
public enum CPUAffinity {
  /// Room for 4,096 cores, as Linux has it.
  private static let words = 64

  /// Cores by number, as the operating system, a container or a batch system allows them.
  public static func allowed() -> [Int] {
    var mask = [UInt](repeating: 0, count: words)
    guard unsafe get_allowed_cores(&mask, UInt(8 * words)) > 0 else { return [0] }
    let cores = (0..<(64 * words)).filter { mask[$0 / 64] & (1 << UInt($0 % 64)) != 0 }
    return cores.isEmpty ? [0] : cores
  }

  /// Does something while this thread may use these cores alone; processes that it starts inherit them.
  static func pinned<Result>(to cores: [Int], _ body: () throws -> Result) rethrows -> Result {
    let before = allowed()
    restrict(to: cores)
    defer { restrict(to: before) }
    return try body()
  }

  /// A system that does not allow it leaves the thread where it is: placing is for speed alone.
  private static func restrict(to cores: [Int]) {
    var mask = [UInt](repeating: 0, count: words)
    for core in cores where core < 64 * words { mask[core / 64] |= 1 << UInt(core % 64) }
    _ = unsafe set_allowed_cores(mask, UInt(8 * words))
  }
}

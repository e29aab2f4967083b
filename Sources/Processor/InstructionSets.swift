import CProcessor

/// What this build may execute; the target has the flags of `Kernels` and no other code, so that it can be asked on any
/// processor.
public enum InstructionSets {
  /// Names as in /proc/cpuinfo, each after a space.
  @inline(never)
  public static func ofThisBuild() -> UnsafePointer<CChar> { compiled_instruction_sets() }
}

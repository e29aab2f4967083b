import Kernels

/// Where a step of a phase works: its sample, and the parts that belong to its chunk and worker.
struct StepContext {
  var sample: Int
  /// Sums in Double of this chunk.
  var sums: Int
  /// Partial weight gradients of this chunk; −1 when none are wanted.
  var gradients: Int
  /// Scratch of this worker.
  var scratch: Int
}

/// A pass as a list of phases: steps that are independent between samples, then a serial end that may need sums
/// over all of them (batch norms), then the reduction of weight gradients.
///
/// Steps of one phase run one after the other on a sample while it is in the cache.
struct Script {
  struct Phase {
    var name = PhaseName(kind: .derived)
    var steps: [(StepContext) -> Void] = []
    var ends: [() -> Void] = []
    var reductions: [Reduction] = []
    var sumCount = 0
    /// Scalars that the phase's partial gradients take in a chunk's part.
    var gradientCount = 0
  }

  /// A weight gradient that is kept in parts, one for each chunk, until the phase has ended.
  struct Reduction {
    /// Places of the parts, relative to a chunk's.
    var places: Range<Int>
    /// Whether the present pass has this gradient.
    var isActive: () -> Bool
    /// Adds up the parts of the chunks.
    var task: () -> Void
  }

  private(set) var phases: [Phase] = []
  private var present = Phase()

  /// Largest number of sums that a chunk needs in any phase.
  var sumExtent: Int { phases.map(\.sumCount).max() ?? 0 }

  /// Largest number of scalars that a chunk's partial gradients take in any phase.
  var gradientExtent: Int { phases.map(\.gradientCount).max() ?? 0 }

  /// Adds a step to the present phase.
  mutating func each(_ step: @escaping (StepContext) -> Void) { present.steps.append(step) }

  /// Reserves sums in the present phase; the place is relative to the chunk's part.
  mutating func sums(_ count: Int) -> Int {
    defer { present.sumCount += count }
    return present.sumCount
  }

  /// Reserves partial gradients in the present phase; the place is relative to the chunk's part.
  mutating func gradients(_ count: Int) -> Int {
    defer { present.gradientCount += (count + 15) / 16 * 16 }
    return present.gradientCount
  }

  /// Adds to what is done, in one thread, when all samples have passed.
  mutating func atEnd(_ end: @escaping () -> Void) { present.ends.append(end) }

  /// Adds a gradient, in the places of a chunk's part, and the task that adds up the chunks.
  mutating func reduce(
    _ places: Range<Int>, when isActive: @escaping () -> Bool = { true },
    _ task: @escaping () -> Void
  ) {
    present.reductions.append(Reduction(places: places, isActive: isActive, task: task))
  }

  /// Ends the present phase.
  mutating func barrier(_ kind: PhaseName.Kind = .derived, cell: Int? = nil) {
    present.name = PhaseName(kind: kind, cell: cell)
    phases.append(present)
    present = Phase()
  }
}

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
  /// What a later step reads, to be fetched meanwhile.
  var ahead = Ahead.nothing
}

/// A pass as a list of phases: steps that are independent between samples, then a serial end that may need sums
/// over all of them (batch norms), then the reduction of weight gradients.
///
/// Steps of one phase run one after the other on a sample while it is in the cache. They are handed the pass that takes
/// them rather than hold it: counting references to it in every step would make the threads wait for each other.
struct Script<Pass: AnyObject> {
  struct Phase {
    var name = PhaseName(kind: .derived)
    var steps: [Step] = []
    var ends: [(Pass) -> Void] = []
    var reductions: [Reduction] = []
    var sumCount = 0
    /// Scalars that the phase's partial gradients take in a chunk's part.
    var gradientCount = 0
  }

  /// What is done on each sample.
  struct Step {
    /// Results of earlier phases that it reads, two tensors of one size or one given twice; its kernel fetches those of
    /// the next such step while it computes.
    var reads: (Tensor, Tensor)?
    /// Whether the present pass has this step.
    var isActive: (Pass) -> Bool
    var run: (Pass, StepContext) -> Void
  }

  /// A weight gradient that is kept in parts, one for each chunk, until the phase has ended.
  struct Reduction {
    /// Places of the parts, relative to a chunk's.
    var places: Range<Int>
    /// Whether the present pass has this gradient.
    var isActive: (Pass) -> Bool
    /// Adds up the parts of the chunks.
    var task: (Pass) -> Void
  }

  private(set) var phases: [Phase] = []
  private var present = Phase()

  /// Largest number of sums that a chunk needs in any phase.
  var sumExtent: Int { phases.map(\.sumCount).max() ?? 0 }

  /// Largest number of scalars that a chunk's partial gradients take in any phase.
  var gradientExtent: Int { phases.map(\.gradientCount).max() ?? 0 }

  /// Adds a step to the present phase.
  mutating func each(
    reading tensors: (Tensor, Tensor)? = nil,
    when isActive: @escaping (Pass) -> Bool = { _ in true },
    _ step: @escaping (Pass, StepContext) -> Void
  ) {
    present.steps.append(Step(reads: tensors, isActive: isActive, run: step))
  }

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
  mutating func atEnd(_ end: @escaping (Pass) -> Void) { present.ends.append(end) }

  /// Adds a gradient, in the places of a chunk's part, and the task that adds up the chunks.
  mutating func reduce(
    _ places: Range<Int>, when isActive: @escaping (Pass) -> Bool = { _ in true },
    _ task: @escaping (Pass) -> Void
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

/// The steps of a phase that the present pass has, each with what the next one reads.
struct Schedule<Pass: AnyObject> {
  private struct Entry {
    var run: (Pass, StepContext) -> Void
    /// What the next reading step reads, on the next sample after the last one.
    var next: (planes: (Tensor, Tensor), isOnNextSample: Bool)?

    func ahead(of sample: Int, before end: Int) -> Ahead {
      guard let next else { return .nothing }
      let sample = next.isOnNextSample ? sample + 1 : sample
      guard sample < end else { return .nothing }
      let (a, b) = next.planes
      return Ahead(a.at(sample), b.at(sample), count: a.sampleStep)
    }
  }

  private let entries: [Entry]

  init(_ phase: Script<Pass>.Phase, of pass: Pass) {
    let steps = phase.steps.filter { $0.isActive(pass) }
    let first = steps.lazy.compactMap(\.reads).first
    entries = steps.indices.map { i in
      guard steps[i].reads != nil else { return Entry(run: steps[i].run) }
      let later = steps[(i + 1)...].lazy.compactMap(\.reads).first
      return Entry(
        run: steps[i].run,
        next: (later ?? first).map { (planes: $0, isOnNextSample: later == nil) })
    }
  }

  /// Takes all steps on a sample, then all on the next one.
  func run(_ samples: Range<Int>, _ context: StepContext, in pass: Pass) {
    var context = context
    for sample in samples {
      context.sample = sample
      for entry in entries {
        context.ahead = entry.ahead(of: sample, before: samples.upperBound)
        entry.run(pass, context)
      }
    }
  }
}

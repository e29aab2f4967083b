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
  /// What later steps read, to be fetched meanwhile.
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
    var timing: Timing
    /// What it reads of earlier phases.
    var reads: [TermReads]
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
  ///
  /// - Parameter reads: planes that earlier phases left, for the computing steps before it to fetch.
  mutating func each(
    _ timing: Timing = .inOrder, reading reads: [TermReads] = [],
    when isActive: @escaping (Pass) -> Bool = { _ in true },
    _ step: @escaping (Pass, StepContext) -> Void
  ) {
    present.steps.append(Step(timing: timing, reads: reads, isActive: isActive, run: step))
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

/// When a step of a phase is taken.
///
/// A phase computes for a while and waits for memory for a while. Steps that only move planes are therefore spread between
/// those that compute, which fetch ahead what comes after them.
enum Timing {
  /// After the steps before it.
  case inOrder
  /// The same; its kernel fetches ahead.
  case computing
  /// It needs no other step of its phase, nor do they need it: anywhere between the computing ones.
  case anywhere
  /// It needs no other step of its phase, but they need it: between the computing ones of the sample before.
  case sampleBefore
}

/// The steps of a phase that the present pass has, in the order in which they are taken on a sample.
struct Schedule<Pass: AnyObject> {
  private struct Entry {
    var run: (Pass, StepContext) -> Void
    /// 1 for what is done on the sample after the present one.
    var later: Int
    /// What is read after a computing step, until the next one has read; nil for others.
    var ahead: AheadList?
  }

  private let entries: [Entry]
  /// What the first sample needs beforehand.
  private let first: [Script<Pass>.Step]

  init(_ phase: Script<Pass>.Phase, of pass: Pass) {
    let steps = phase.steps.filter { $0.isActive(pass) }
    let before = steps.filter { $0.timing == .sampleBefore }
    let anywhere = steps.filter { $0.timing == .anywhere }
    let computing = steps.count { $0.timing == .computing }
    first = computing > 0 ? before : []
    var order: [(step: Script<Pass>.Step, later: Int)] = computing > 0 ? [] : before.map { ($0, 0) }
    var passed = 0
    for step in steps where step.timing == .inOrder || step.timing == .computing {
      order.append((step, 0))
      guard step.timing == .computing else { continue }
      func share(of all: [Script<Pass>.Step]) -> ArraySlice<Script<Pass>.Step> {
        all[(all.count * passed / computing)..<(all.count * (passed + 1) / computing)]
      }
      order += share(of: before).map { ($0, 1) } + share(of: anywhere).map { ($0, 0) }
      passed += 1
    }
    if computing == 0 { order += anywhere.map { ($0, 0) } }
    entries = order.indices.map { i in
      let (step, later) = order[i]
      guard step.timing == .computing else { return Entry(run: step.run, later: later) }
      var reads: [(terms: TermReads, later: Int)] = []
      for distance in 1...order.count {
        let (turn, k) = (i + distance).quotientAndRemainder(dividingBy: order.count)
        reads += order[k].step.reads.map { (terms: $0, later: order[k].later + turn) }
        if order[k].step.timing == .computing { break }
      }
      return Entry(run: step.run, later: later, ahead: AheadList(reads))
    }
  }

  /// Takes all steps on a sample, then all on the next one.
  func run(_ samples: Range<Int>, _ context: StepContext, in pass: Pass) {
    var context = context
    context.sample = samples.lowerBound
    for step in first { step.run(pass, context) }
    for sample in samples {
      for entry in entries where sample + entry.later < samples.upperBound {
        context.sample = sample + entry.later
        context.ahead = Ahead(entry.ahead, sample: sample, end: samples.upperBound)
        entry.run(pass, context)
      }
    }
  }
}

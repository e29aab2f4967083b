import Foundation
import Search

/// Computes steps of a recorded search again.
public typealias Replay = RecordReplay<SearchLoop>

/// What a replay says of a run.
public enum ReplayAnswer: Equatable, Sendable {
  /// Every bit that is recorded of so many steps and epochs, and of the result where they end with it.
  case identical(steps: Int, epochs: Int)
  /// Bits differ, and nothing that may change them has changed.
  case differs(RunDifference)
  /// Bits differ, and what may have changed them has changed: named.
  case incomparable(RunDifference, environment: [String])
  /// So many steps were computed, and the record's level keeps nothing of them.
  case nothingRecorded(steps: Int)
}

/// Computes steps of a recorded run again.
public final class RecordReplay<Loop: RecordedLoop> {
  /// Of the record.
  public let reader: RecordReader<Loop>
  /// Set up as the run was.
  public let loop: Loop
  private let shelf: CheckpointShelf<Loop>

  /// One step, computed again.
  public struct Step {
    /// As it would be logged.
    public var record: Loop.Step
    /// Its weight gradient.
    public var trace: StepTrace
    /// The state that it started from.
    public var before: Loop.State
    /// The state that it led to.
    public var after: Loop.State
  }

  /// Opens a record and the images that it was made with; nothing is computed yet.
  ///
  /// - Parameter dataFolder: where the images lie now; nil for where they lay.
  /// - Throws: as `RecordReader` and `RecordedLoop.open`.
  public init(_ run: RunFolder, threads: Int, dataFolder: String? = nil) throws {
    reader = try RecordReader(run)
    try LogDatabase.check(reader.manifest, against: reader.queue, of: run)
    loop = try Loop.open(reader.manifest, dataFolder: dataFolder, threads: threads)
    shelf = try CheckpointShelf(run: run, manifest: reader.manifest, queue: reader.queue)
  }

  /// How many steps the run has recorded; at levels without steps as many as its epochs and its result tell.
  public func recordedSteps() throws -> Int {
    if reader.manifest.logLevel >= .step { return try reader.stepCount() }
    return try reader.result()?.steps ?? reader.epochs().count * loop.stepsPerEpoch
  }

  /// The steps from one to another, both included; from the first and to the last where they are left out.
  ///
  /// - Throws: `EventLogError.noSuchStep` for a step that is not recorded, and for a last one before the first.
  public func range(from first: Int?, to last: Int?) throws -> Range<Int> {
    let count = try recordedSteps()
    for step in [first, last].compactMap(\.self) where !(0..<count ~= step) {
      throw EventLogError.noSuchStep(step, run: reader.run.name, steps: count)
    }
    let (first, end) = (first ?? 0, last.map { $0 + 1 } ?? count)
    return first..<max(first, end)
  }

  /// The state before a step: from the nearest checkpoint, and the steps between computed again.
  ///
  /// - Throws: `EventLogError.noSuchStep`.
  public func state(before step: Int) throws -> Loop.State { try checkpoint(before: step).state }

  /// The same with the records of the epochs before it.
  private func checkpoint(before step: Int) throws -> RunCheckpoint<Loop> {
    let count = try recordedSteps()
    guard 0...count ~= step else {
      throw EventLogError.noSuchStep(step, run: reader.run.name, steps: count)
    }
    var checkpoint =
      try shelf.last(atOrBefore: step)?.checkpoint
      ?? RunCheckpoint(try loop.initialState, after: [])
    while checkpoint.state.step < step { _ = try advance(&checkpoint) }
    return checkpoint
  }

  /// The addresses from which `state(before:)` costs least: the steps that follow a checkpoint.
  public func checkpointedSteps() throws -> [Int] { try shelf.entries().map(\.step) }

  /// A step, and the end of the epoch where it is the last one.
  private func advance(_ place: inout RunCheckpoint<Loop>) throws -> (Step, Loop.Epoch?) {
    let before = place.state
    let (record, trace) = try loop.tracedStep(&place.state)
    let step = Step(record: record, trace: trace, before: before, after: place.state)
    guard place.state.stepInEpoch == loop.stepsPerEpoch else { return (step, nil) }
    let epoch = try loop.closeEpoch(&place.state)
    place.epochs.append(epoch)
    return (step, epoch)
  }

  /// Computes a range of steps again and compares every bit with the record, and that of the result after its last step.
  ///
  /// - Parameters:
  ///   - steps: nil for all.
  ///   - isCancelled: asked between steps; the answer is then that of the steps so far.
  ///   - visit: is told of each step.
  /// - Throws: `EventLogError.noSuchStep`, and what `visit` throws.
  public func compare(
    _ steps: Range<Int>? = nil, isCancelled: () -> Bool = { false },
    visit: (Step) throws -> Void = { _ in }
  ) throws -> ReplayAnswer {
    let count = try recordedSteps()
    let range = steps ?? 0..<count
    guard range.lowerBound >= 0, range.upperBound <= count, !range.isEmpty || count == 0 else {
      throw EventLogError.noSuchStep(
        range.lowerBound < count ? range.upperBound - 1 : range.lowerBound,
        run: reader.run.name, steps: count)
    }
    let epochs = Dictionary(
      try reader.epochs().map { ($0.epoch, $0) }, uniquingKeysWith: { first, _ in first })
    let epochStates = try reader.epochStates()
    var place = try checkpoint(before: range.lowerBound)
    var (stepsDone, epochsDone, rowsCompared) = (0, 0, 0)
    while place.state.step < range.upperBound, !isCancelled() {
      let number = place.state.step
      let (step, epoch) = try advance(&place)
      try visit(step)
      stepsDone += 1
      if let (recorded, hash) = try row(ofStep: number) {
        if let difference = try difference(of: step, number, recorded, hash) {
          return answer(difference)
        }
        rowsCompared += 1
      }
      guard let epoch else { continue }
      epochsDone += 1
      guard let recorded = epochs[epoch.epoch], let hash = epochStates[epoch.epoch] else {
        continue
      }
      if let difference = epoch.difference(
        from: recorded, state: StateHash(place.state), recorded: hash)
      {
        return answer(difference)
      }
      rowsCompared += 1
    }
    if let recorded = try reader.result(), recorded.steps == place.state.step, stepsDone > 0 {
      // Interrupted at once, it takes no step, and ends as it must from here.
      let (result, _) = try loop.run(
        from: place.state, after: place.epochs, isCancelled: { true }, emit: { _, _ in })
      if let difference = result.difference(from: recorded) { return answer(difference) }
      rowsCompared += 1
    }
    return rowsCompared == 0 && stepsDone > 0
      ? .nothingRecorded(steps: stepsDone) : .identical(steps: stepsDone, epochs: epochsDone)
  }

  /// What is recorded of a step; nil at levels that keep none.
  private func row(ofStep number: Int) throws -> (Loop.Step, StateHash)? {
    let range = number..<(number + 1)
    guard reader.manifest.logLevel >= .step, let step = try reader.steps(range).first,
      let hash = try reader.states(range)[number]
    else { return nil }
    return (step, hash)
  }

  private func difference(
    of step: Step, _ number: Int, _ recorded: Loop.Step, _ hash: StateHash
  ) throws -> RunDifference? {
    if let difference = step.record.difference(
      from: recorded, state: StateHash(step.after), recorded: hash)
    {
      return difference
    }
    guard let trace = try reader.trace(ofStep: number),
      let (quantity, relative) = Quantity.firstDifference(
        [Quantity("weight gradient", step.trace.weightGradient)],
        [Quantity("weight gradient", trace.weightGradient)])
    else { return nil }
    return RunDifference(step: number, epoch: nil, quantity: quantity, relative: relative)
  }

  private func answer(_ difference: RunDifference) -> ReplayAnswer {
    let environment = reader.manifest.environment.differences(from: .current())
    return environment.isEmpty
      ? .differs(difference) : .incomparable(difference, environment: environment)
  }
}

extension RecordReplay.Step {
  /// Every vector of a step by name, those that no log level stores included; the state is that before the step.
  public static var quantityNames: [String] {
    ["grad-w"] + Loop.Step.vectorNames + Loop.State.vectorNames
  }

  /// The vectors that a name stands for, with names of their own where there are several.
  ///
  /// - Throws: `EventLogError.noSuchQuantity`.
  public func vectors(_ name: String) throws -> [(name: String, values: [Float])] {
    guard Self.quantityNames.contains(name) else {
      throw EventLogError.noSuchQuantity(name, known: Self.quantityNames)
    }
    if name == "grad-w" { return [(name, trace.weightGradient)] }
    if let place = Loop.State.vectorNames.firstIndex(of: name) {
      return [(name, before.vectors[place])]
    }
    return record.vectors(named: name)
  }
}

import Datasets
import Foundation
import Search

/// A search and its record.
public typealias RecordedSearch = RecordedRun<SearchLoop>

/// Where loop and record meet: a new run, or one that goes on.
public final class RecordedRun<Loop: RecordedLoop> {
  /// Where the record lies.
  public let run: RunFolder
  /// The step that it begins with; 0 for a new run.
  public var firstStep: Int { start.state.step }
  /// What is ahead of it.
  public var plan: (epochs: Int, stepsPerEpoch: Int, batch: Int) {
    (loop.configuration.epochs, loop.stepsPerEpoch, loop.configuration.batch)
  }
  /// What computes it.
  public let loop: Loop
  private let writer: Writer<Loop>
  private let start: RunCheckpoint<Loop>
  private let interval: Double

  /// What a run tells while it works.
  public enum Report {
    /// An event whose record is on disk; `waiting` more are not yet.
    case event(LoopEvent<Loop.Step, Loop.Epoch>, waiting: Int)
    /// A sentence that the user should see.
    case notice(String)
  }

  /// Makes the run's folder, writes its manifest and opens its log; nothing is computed yet.
  ///
  /// - Parameter cell: where the cell of an evaluation comes from.
  /// - Throws: `EventLogError.runExists`, `.impossibleName`, `.folderNotWritable`, `.diskFull`.
  public init(
    _ loop: Loop, name: String, in store: RunStore, record: RecordOptions = .init(),
    cell: CellOrigin? = nil, threads: Int, environment: RunEnvironment = .current()
  ) throws {
    let manifest = RunManifest<Loop>(
      name: name, record: record, configuration: loop.configuration, cell: cell, data: loop.data,
      threads: threads, environment: environment)
    self.loop = loop
    // Before there is a folder, which would keep the name of a run that does not fit into memory.
    start = RunCheckpoint(try loop.initialState, after: [])
    run = try store.create(name: name)
    do {
      writer = try Writer(creating: run, manifest: manifest, layout: loop.layout)
    } catch {
      run.removeIfEmpty()
      throw error
    }
    interval = LogDatabase.commitInterval(for: run.logFile)
  }

  /// Takes up a run that was interrupted, failed or was killed, from its last checkpoint that is whole.
  ///
  /// Steps recorded after that checkpoint are computed again and compared; the run goes on where they end.
  ///
  /// - Parameters:
  ///   - notice: is told of checkpoints that cannot be used, and of another build or processor than the run began with.
  ///   - open: makes the loop, on the images of the manifest.
  /// - Throws: `EventLogError.alreadyWriting`, `.nothingToResume`, `.unreadableManifest`, `.damaged`, `.otherKind`.
  public init(
    resuming run: RunFolder, environment: RunEnvironment = .current(),
    notice: (String) -> Void = { _ in }, open: (RunManifest<Loop>) throws -> Loop
  ) throws {
    let lock = try RunLock(run)
    let manifest = try RunManifest<Loop>(contentsOf: run.manifestFile)
    self.run = run
    interval = LogDatabase.commitInterval(for: run.logFile)
    if interval > 0 { notice(Self.networkNotice(interval)) }
    let changes = manifest.environment.differences(from: environment)
    if !changes.isEmpty {
      notice(
        "\(run.name) was begun with another environment (\(changes.joined(separator: "; "))): "
          + "what is computed from here on may have other bits than there")
    }
    guard LogDatabase.isBegun(run.logFile, opening: LogDatabase.openForWriting) else {
      loop = try open(manifest)
      start = RunCheckpoint(try loop.initialState, after: [])
      writer = try Writer(beginning: run, manifest: manifest, layout: loop.layout, lock: lock)
      return
    }
    let queue = try LogDatabase.openForWriting(run.logFile)
    try FixedTables.checkColumns(in: queue, of: run, Loop.kind)
    try LogDatabase.check(manifest, against: queue, of: run)
    let outcome = try LogDatabase.outcome(in: queue, of: run)
    if let outcome, outcome != RunResult.Outcome.interrupted.rawValue {
      throw EventLogError.nothingToResume(run: run.name, outcome: outcome)
    }
    loop = try open(manifest)
    let found = try CheckpointShelf(run: run, manifest: manifest, queue: queue)
      .last { notice("\($0); going on from the one before") }
    start = try found?.checkpoint ?? RunCheckpoint(try loop.initialState, after: [])
    writer = try Writer(
      resuming: run, manifest: manifest, layout: loop.layout, lock: lock, queue: queue,
      from: found.map { ($0.checkpoint.state.step, $0.digest) }, environment: environment)
  }

  /// Works to the end, or until `isCancelled`, which is asked between steps.
  ///
  /// - Parameter report: is told of each event once its record is on disk.
  /// - Throws: what the loop and the record throw; the log is closed then, and says why it failed.
  public func run(
    isCancelled: () -> Bool = { false }, report: (Report) -> Void = { _ in }
  ) throws -> Loop.Result {
    do {
      if interval > 0 && firstStep == 0 { report(.notice(Self.networkNotice(interval))) }
      if writer.keeps(.trace) { report(.notice(traceNotice)) }
      let result = try work(isCancelled: isCancelled, report: report)
      try writer.finish(result)
      return result
    } catch {
      // The first error is the one to tell; a log that cannot even be closed is whole all the same.
      try? writer.fail(error)
      throw error
    }
  }

  private func work(isCancelled: () -> Bool, report: (Report) -> Void) throws -> Loop.Result {
    let background = BackgroundWriter(interval: interval) { [writer] in try writer.store($0) }
    var epochs = start.epochs
    var submitted = 0
    var unreported: [(event: LoopEvent<Loop.Step, Loop.Epoch>, entry: Int)] = []
    func submit(_ entry: LogEntry<Loop>) throws {
      try background.submit(entry)
      submitted += 1
    }
    func tell() {
      for notice in background.takeNotices() { report(.notice(notice)) }
      let stored = background.stored
      while let first = unreported.first, first.entry <= stored {
        report(.event(first.event, waiting: submitted - stored))
        unreported.removeFirst()
      }
    }
    do {
      let (result, state) = try loop.run(
        from: start.state, after: start.epochs, isCancelled: isCancelled
      ) { [writer] event, state in
        switch event {
        case .step(let step, let trace):
          if writer.keeps(.step) {
            try submit(.step(step, writer.keeps(.trace) ? trace : nil, StateHash(state)))
          }
          unreported.append((.step(step, StepTrace(weightGradient: [])), submitted))
        case .epoch(let epoch):
          epochs.append(epoch)
          try submit(.epoch(epoch, StateHash(state)))
          unreported.append((event, submitted))
          try submit(.checkpoint(RunCheckpoint(state, after: epochs)))
        }
        tell()
      }
      // Within an epoch: what was interrupted goes on from here, and loses nothing.
      if state.stepInEpoch > 0 { try submit(.checkpoint(RunCheckpoint(state, after: epochs))) }
      try background.drain()
      tell()
      return result
    } catch {
      // What was found until it failed is kept.
      try background.drain()
      throw error
    }
  }

  /// Makes the disk seem full once the log has so many pages of 4 KB, for the tests.
  func limit(pages: Int) throws { try writer.limit(pages: pages) }

  private var traceNotice: String {
    let steps = plan.stepsPerEpoch * plan.epochs - firstStep
    let gigabytes = Double(4 * loop.layout.count) * Double(steps) * 1e-9
    return String(
      format: "weight gradients of %d steps take up to %.2f GB; the log may grow to %.2f GB",
      steps, gigabytes, Double(writer.largestLogBytes) * 1e-9)
  }

  private static func networkNotice(_ interval: Double) -> String {
    "the record lies on a network file system: steps are committed together, every \(interval) s"
  }
}

extension RecordedSearch {
  /// The same for a search.
  ///
  /// - Parameters:
  ///   - dataset: as `Manifest.openData` gives it.
  ///   - notice: as there.
  /// - Throws: as `init(resuming:environment:notice:open:)`.
  public convenience init(
    resuming run: RunFolder, dataset: Dataset, threads: Int,
    environment: RunEnvironment = .current(), notice: (String) -> Void = { _ in }
  ) throws {
    try self.init(resuming: run, environment: environment, notice: notice) {
      try SearchLoop($0.configuration, dataset: dataset, threads: threads)
    }
  }
}

import EventLog
import Foundation

/// What analyses have found about a run: `analysis.sqlite` as values.
///
/// A result is kept under its settings, the state it looks at, and the digest of the record: whoever asks for the same
/// again gets it without computing.
public struct KeptResults {
  /// A kind of result, as the file names it.
  enum Kind: String {
    case gradientError = "gradient-error"
    case epsilon, unroll, descent, curvature
    case estimator
  }

  private let run: RunFolder

  /// Opens nothing yet.
  public init(of run: RunFolder) { self.run = run }

  // MARK: - What figures draw

  /// Probes of the gradient error: those with the settings of the newest, one a state, in order.
  ///
  /// - Throws: `AnalysisError.notAnalysed`, as all that follow; `EventLogError.damaged`.
  public func probes() throws -> [ProbeResult] {
    try latest(
      .gradientError, what: "gradient errors", command: "gradient-error \(run.name) --every-epoch")
  }

  /// The newest sweep of the radius.
  public func epsilonSweep() throws -> EpsilonSweep {
    try newest(
      .epsilon, what: "sweep of the radius", command: "gradient-error \(run.name) --sweep epsilon")
  }

  /// The newest sweep of K.
  public func unrollSweep() throws -> UnrollSweep {
    try newest(
      .unroll, what: "sweep of the unrolled steps",
      command: "gradient-error \(run.name) --sweep unroll")
  }

  /// Spectra of the α-Hessian: those with the settings of the newest, one a state, in order.
  public func spectra() throws -> [AlphaSpectrum] {
    try latest(.curvature, what: "curvature", command: "curvature \(run.name)")
  }

  private func newest<Result: Decodable>(_ kind: Kind, what: String, command: String) throws
    -> Result
  {
    let entries = try AnalysisStore(reading: run)?.results(kind.rawValue, as: Result.self) ?? []
    guard let newest = entries.last else {
      throw AnalysisError.notAnalysed(run: run.name, what: what, command: command)
    }
    return newest.result
  }

  private func latest<Result: Decodable>(_ kind: Kind, what: String, command: String) throws
    -> [Result]
  {
    let entries = try AnalysisStore(reading: run)?.results(kind.rawValue, as: Result.self) ?? []
    guard let newest = entries.last else {
      throw AnalysisError.notAnalysed(run: run.name, what: what, command: command)
    }
    let alike = entries.filter { Self.settings(of: $0.key) == Self.settings(of: newest.key) }
    let byStep = Dictionary(alike.map { ($0.step, $0.result) }, uniquingKeysWith: { $1 })
    return byStep.sorted { $0.key < $1.key }.map(\.value)
  }

  // MARK: - Keys

  /// - Parameter leavesEpoch: whether batches beyond the epoch are looked at. They were those of its beginning once
  ///   more, so that results of that time must not be found.
  static func key(
    _ settings: some Encodable, step: Int, of digest: String, leavesEpoch: Bool = false
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(settings), as: UTF8.self)
    return "\(text)\(separator)\(step) of \(digest)" + (leavesEpoch ? ", beyond the epoch" : "")
  }

  private static func key(
    _ settings: some Encodable, step: Int, batches: Int, of replay: Replay
  ) throws -> String {
    try key(
      settings, step: step, of: try replay.reader.digest(),
      leavesEpoch: replay.leavesEpoch(from: step, batches: batches))
  }

  private static let separator = " step "

  private static func settings(of key: String) -> Substring {
    key.firstRange(of: separator).map { key[..<$0.lowerBound] } ?? key[...]
  }

  /// Whether a result is kept under these settings.
  static func holds(
    _ kind: Kind, of replay: Replay, settings: some Encodable, step: Int, batches: Int
  ) throws -> Bool {
    let key = try key(settings, step: step, batches: batches, of: replay)
    return try AnalysisStore(reading: replay.reader.run)?.holds(kind.rawValue, key: key) ?? false
  }

  /// The result that is kept, or one that is made and then kept.
  ///
  /// - Parameters:
  ///   - settings: with the step and the record they decide the result.
  ///   - batches: how many addresses of batches it looks at, from the step's own on.
  ///   - isCancelled: is asked before anything is made.
  ///   - make: is given where to keep its parts; once the result is there, they are dropped.
  /// - Throws: `CancellationError` once cancelled; what the store and `make` throw.
  static func result<Result: Codable>(
    _ kind: Kind, of replay: Replay, settings: some Encodable, step: Int, batches: Int,
    isCancelled: @escaping () -> Bool = { false }, make: (ResultParts) throws -> Result
  ) throws -> Result {
    let store = try AnalysisStore(replay.reader.run)
    let key = try key(settings, step: step, batches: batches, of: replay)
    if let kept = try store.result(kind.rawValue, key: key, as: Result.self) { return kept }
    if isCancelled() { throw CancellationError() }
    let made = try make(
      ResultParts(store: store, kind: kind.rawValue, key: key, step: step, isCancelled: isCancelled)
    )
    try store.store(made, kind.rawValue, key: key, step: step)
    return made
  }
}

/// Parts of a result, kept as each is finished, so that a computation that was interrupted goes on where it ended.
public struct ResultParts {
  private let shelf: (store: AnalysisStore, kind: String, key: String, step: Int)?
  private let isCancelled: () -> Bool

  /// Makes every part and keeps none.
  public static var notKept: ResultParts { ResultParts() }

  private init() {
    shelf = nil
    isCancelled = { false }
  }

  init(
    store: AnalysisStore, kind: String, key: String, step: Int,
    isCancelled: @escaping () -> Bool
  ) {
    shelf = (store, kind, key, step)
    self.isCancelled = isCancelled
  }

  /// The part that is kept under a name, or one that is made and then kept.
  ///
  /// - Parameter name: of the part within its result: "batch 0, K 3".
  /// - Throws: `CancellationError` once cancelled, where there is something to make; what the store and `make` throw.
  func part<Part: Codable>(_ name: String, make: () throws -> Part) throws -> Part {
    guard let shelf else { return try make() }
    if let kept = try shelf.store.part(name, of: shelf.kind, key: shelf.key, as: Part.self) {
      return kept
    }
    if isCancelled() { throw CancellationError() }
    let made = try make()
    try shelf.store.store(made, part: name, of: shelf.kind, key: shelf.key, step: shelf.step)
    return made
  }
}

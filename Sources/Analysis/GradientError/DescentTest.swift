import EventLog
import Kernels
import Search
import Supernet

/// How far L_val(w_K(α)) really falls when α moves along each direction: a test that needs no truth and no derivative.
public struct DescentTest: Codable, Equatable, Sendable {
  /// One direction.
  public struct Row: Codable, Equatable, Sendable {
    /// Its name: "darts-2nd-exact".
    public var direction: String
    /// [L_val(w_K(α)) − L_val(w_K(α − s·d/‖d‖))]/s, over the validation batches.
    public var fall: Estimate
    /// How much further it falls than along darts-2nd-exact, batch by batch; nil in results of older versions.
    public var beyondExact: Estimate?
  }

  /// The state is the one before this step, from 0.
  public var step: Int
  /// s, how far α moves.
  public var length: Double
  /// K, how many steps w then takes.
  public var unroll: Int
  /// Largest fall first.
  public var rows: [Row]

  /// Moves α along each direction, trains w from there, and measures how far the validation loss falls.
  ///
  /// - Parameters:
  ///   - length: s.
  ///   - batches: validation batches on which the fall is measured; none of them formed a direction.
  ///   - parts: keeps the losses after each direction.
  public init(
    _ replay: Replay, step: Int, threads: Int, unroll: Int, batches: Int, length: Double = 0.05,
    parts: ResultParts = .notKept, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    var descent = try Descent(
      replay, step: step, threads: threads, unroll: unroll, batches: batches)
    let names = Descent.names(unroll: unroll)
    progress(0, names.count + 1)
    let before = try parts.part("no direction") { try descent.losses(at: descent.alpha) }
    let falls = try names.enumerated().map { index, name in
      progress(index + 1, names.count + 1)
      let after = try parts.part(name) {
        let direction = try descent.direction(name)
        return try descent.losses(
          at: descent.alpha.adding(-length / direction.norm, times: direction))
      }
      return before.subtracting(after).scaled(by: 1 / length)
    }
    let exact = names.firstIndex(of: Descent.exactName).map { falls[$0] }
    rows = zip(names, falls).map { name, fall in
      Row(
        direction: name, fall: Estimate(fall),
        beyondExact: exact.map { Estimate(fall.subtracting($0)) })
    }.sorted { $0.fall.mean > $1.fall.mean }
    self.step = step
    self.length = length
    self.unroll = unroll
  }

  /// The test that is kept with the run, or a new one; where one was interrupted, its parts are not made again.
  ///
  /// - Throws: what the passes throw; `CancellationError` once cancelled.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, unroll: Int, batches: Int,
    isCancelled: @escaping () -> Bool = { false }, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> DescentTest {
    try KeptResults.result(
      .descent, of: replay, settings: settings(batches, unroll), step: step,
      batches: max(unroll, batches + 1), isCancelled: isCancelled
    ) { parts in
      try DescentTest(
        replay, step: step, threads: threads, unroll: unroll, batches: batches, parts: parts,
        progress: progress)
    }
  }

  private static func settings(_ batches: Int, _ unroll: Int) -> [String: Int] {
    ["batches": batches, "unroll": unroll]
  }

  /// What the test costs: passes, and seconds by the time of one of them.
  ///
  /// - Throws: what the passes throw.
  public static func plan(
    _ replay: Replay, step: Int, threads: Int, unroll: Int, batches: Int
  ) throws -> GradientErrorAnalysis.Plan {
    // The directions; then seven times K steps and a forward pass on each batch.
    let directions = 11 + 3.5 * Double(unroll)
    return try GradientErrorAnalysis.plan(
      replay, step: step, threads: threads,
      isKept: KeptResults.holds(
        .descent, of: replay, settings: settings(batches, unroll), step: step,
        batches: max(unroll, batches + 1)),
      passes: directions + 7 * (Double(unroll) + 0.4 * Double(batches)))
  }
}

/// The state of a descent test: its directions, and where α leads.
private struct Descent {
  private let probe: ProbePoint
  private let net: Supernet<Double>
  private let path: [SupernetInput<Double>]
  private let batches: Int
  /// Of DARTS-2nd, once it was asked for.
  private var exact: Hypergradient<Double>?

  init(_ replay: Replay, step: Int, threads: Int, unroll: Int, batches: Int) throws {
    probe = try ProbePoint(
      replay, step: step, pairs: batches + 1, further: max(0, unroll - batches - 1))
    net = try ProbeNetworks(replay, threads: threads).double
    path = Array(probe.train.double.prefix(unroll))
    self.batches = batches
  }

  var alpha: [Double] { probe.double.point.alpha }

  static let exactName = "darts-2nd-exact"

  static func names(unroll: Int) -> [String] {
    [
      "darts-1st", "single-level", "milenas-1st", "darts-2nd (difference)", exactName,
      "unrolled \(unroll)",
    ]
  }

  /// - Parameter name: one of `names`; what is none of the others is the gradient through the path.
  mutating func direction(_ name: String) throws -> [Double] {
    let (train, validation) = (probe.train.double[0], probe.validation.double[0])
    func alphaGradient(_ input: SupernetInput<Double>) throws -> [Double] {
      try net.gradient(.alpha, at: probe.double.point, on: input).alpha
    }
    switch name {
    case "darts-1st": return try alphaGradient(validation)
    case "single-level": return try alphaGradient(train)
    case "milenas-1st": return try alphaGradient(train).adding(1, times: alphaGradient(validation))
    case Self.exactName: return try oneStep().direction
    case "darts-2nd (difference)":
      let oneStep = try oneStep()
      let product = try net.finiteDifferenceProduct(
        radius: 0.01, along: oneStep.outerGradient, at: probe.double.point, on: train)
      return oneStep.direct.adding(-probe.descent.rate, times: product)
    default:
      return try net.unrolledHypergradient(
        at: probe.double, through: path, outer: validation, descent: probe.descent
      ).direction
    }
  }

  private mutating func oneStep() throws -> Hypergradient<Double> {
    if let exact { return exact }
    let found = try net.oneStepHypergradient(
      at: probe.double,
      on: BilevelInputs(inner: probe.train.double[0], outer: probe.validation.double[0]),
      step: UnrolledStep(.dartsCode, probe.descent), secondOrder: .exact)
    exact = found
    return found
  }

  /// L_val(w_K(α)) on the validation batches after the first.
  func losses(at alpha: [Double]) throws -> [Double] {
    let start = BilevelState(
      Point(weights: probe.double.point.weights, alpha: alpha), momentum: probe.double.momentum)
    let end = try net.descended(from: start, through: path, descent: probe.descent)
    return try (1...batches).map {
      try net.gradient([], at: end, on: probe.validation.double[$0]).loss
    }
  }
}

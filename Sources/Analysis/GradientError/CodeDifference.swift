import EventLog
import Kernels
import Search
import Supernet

/// Something that public codes do otherwise than the paper, how it is had here, and what it does to one step.
public struct CodeDifference: Codable, Equatable, Sendable {
  /// "momentum is missing in w'"
  public var what: String
  /// The public codes that do so.
  public var code: String
  /// The option that does the same here, or what is done instead.
  public var here: String
  /// ‖changed − unchanged‖/‖unchanged‖ of the direction of α, or of what `of` names; nil where it was not measured, or
  /// one step does not show it.
  public var effect: Double?
  /// Of the angle between the two directions.
  public var cosine: Double?
  /// What the effect is measured on.
  public var of: String?

  private init(_ what: String, _ code: String, _ here: String) {
    self.what = what
    self.code = code
    self.here = here
  }

  private static let momentum = CodeDifference(
    "w' lacks the momentum that SGD's step has", "MiLeNAS", "--variant milenas-code")
  private static let movesAlpha = CodeDifference(
    "w' comes with a moved alpha, and v with a part along it", "MiLeNAS", "--variant milenas-code")
  private static let momentumAndDecay = CodeDifference(
    "w' is SGD's step, with momentum and decay, not eq. 7's", "DARTS", "--variant darts-code")
  private static let difference = CodeDifference(
    "the mixed product is a finite difference, r = 0.01 (as in eq. 8)", "DARTS, MiLeNAS",
    "darts-2nd, milenas-2nd; --radius")
  private static let deadLambda = CodeDifference(
    "lambda of the validation term is read by nobody (0.1 against 1)", "MiLeNAS",
    "--lambda works; 1 is what the code computes")
  private static let lambdaPlacement = CodeDifference(
    "lambda = 0.1 on the training bracket of milenas-2nd", "MiLeNAS, and the paper's sec. 3.1",
    "--variant milenas-code")
  private static let order = CodeDifference(
    "alpha moves before w, not after it (Algorithm 1)", "DARTS, MiLeNAS", "--order")
  private static let clipping = CodeDifference(
    "alpha's gradient is clipped after its use, w's never", "MiLeNAS", "--clip-target alpha")

  /// What one step does not show.
  private static let others = [
    CodeDifference(
      "validation images are augmented, drawn anew at every step", "MiLeNAS",
      "--variant milenas-code; darts-code draws them, too"),
    CodeDifference(
      "every forward pass moves the running statistics", "DARTS, MiLeNAS",
      "--bn-stats every-forward"),
    CodeDifference("Gumbel noise is drawn per cell, not per kind", "MiLeNAS", "--noise cell"),
    CodeDifference(
      "model_size looks dilated convolutions up under other names", "MiLeNAS",
      "not reproduced: parameters are counted"),
    CodeDifference(
      "early stopping asks for (6, 0) exactly and drops the cell", "MiLeNAS",
      "not reproduced: --stop-at n,r stops at or below and keeps it"),
  ]

  /// All of them, without effects.
  public static var known: [CodeDifference] {
    [
      momentumAndDecay, momentum, movesAlpha, difference, deadLambda, lambdaPlacement, order,
      clipping,
    ] + others
  }

  /// The same with the effect on a step of a run, on the step's own batches, in Double.
  public static func measured(_ replay: Replay, step: Int, threads: Int) throws -> [CodeDifference]
  {
    let probe = try ProbePoint(replay, step: step, pairs: 1)
    let net = try ProbeNetworks(replay, threads: threads).double
    let (train, validation) = (probe.train.double[0], probe.validation.double[0])
    let (state, descent) = (probe.double, probe.descent)
    let still = BilevelState(state.point)
    func oneStep(
      _ variant: Variant, _ state: BilevelState<Double>, _ order: SecondOrder = .exact
    ) throws -> [Double] {
      try net.oneStepHypergradient(
        at: state, on: BilevelInputs(inner: train, outer: validation),
        step: UnrolledStep(variant, descent), secondOrder: order
      ).direction
    }
    func mixed(_ placement: LambdaPlacement) throws -> [Double] {
      try net.mixedLevelHypergradient(
        at: state, training: train, validation: validation, step: UnrolledStep(.paper, descent),
        secondOrder: .exact, lambda: 0.1, on: placement
      ).direction
    }
    func firstOrder(_ point: Point<Double>, lambda: Double) throws -> [Double] {
      try net.gradient(.alpha, at: point, on: train).alpha.adding(
        lambda, times: net.gradient(.alpha, at: point, on: validation).alpha)
    }
    let slope = try net.gradient(.weights, at: state.point, on: train).weights
    let clipped = slope.scaled(
      by: Clipping.factor(norm: slope.norm, largest: replay.loop.configuration.clip))
    let (paper, official) = (try oneStep(.paper, state), try oneStep(.dartsCode, state))
    let plain = try firstOrder(state.point, lambda: 1)
    let after = try net.descended(from: state, through: [train], descent: descent)
    return try [
      momentumAndDecay.with(official, against: paper, of: "darts-2nd-exact"),
      momentum.with(oneStep(.dartsCode, still), against: official, of: "darts-2nd-exact"),
      movesAlpha.with(
        oneStep(.milenasCode, still), against: oneStep(.dartsCode, still), of: "darts-2nd-exact"),
      difference.with(
        oneStep(.dartsCode, state, .finiteDifference(radius: 0.01)), against: official,
        of: "darts-2nd"),
      deadLambda.with(plain, against: firstOrder(state.point, lambda: 0.1), of: "milenas-1st"),
      lambdaPlacement.with(
        mixed(.training), against: mixed(.validation), of: "milenas-2nd-exact"),
      order.with(plain, against: firstOrder(after, lambda: 1), of: "milenas-1st"),
      clipping.with(slope, against: clipped, of: "the gradient of w"),
    ] + others
  }

  private func with(_ changed: [Double], against unchanged: [Double], of subject: String)
    -> CodeDifference
  {
    let comparison = DirectionComparison(
      estimate: changed, reference: unchanged, edges: 1, operations: unchanged.count)
    var measured = self
    (measured.effect, measured.cosine) = (comparison.relativeError, comparison.cosine)
    measured.of = subject
    return measured
  }
}

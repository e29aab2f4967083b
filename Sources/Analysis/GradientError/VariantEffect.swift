import EventLog
import Kernels
import Search
import Supernet

/// What a public code's form of the unrolled step does to the α-direction of one step.
public struct VariantEffect: Codable, Equatable, Sendable {
  /// Its name: "darts-code".
  public var variant: String
  /// What it does, in one line.
  public var meaning: String
  /// ‖d − d_paper‖/‖d_paper‖
  public var difference: Double
  /// Of the angle to the paper's direction.
  public var cosine: Double
  /// Share of the entries whose sign differs from the paper's.
  public var changedSigns: Double

  /// Those that are measured.
  public static let variants = Variant.allCases

  /// One line for a variant.
  public static func meaning(of variant: Variant) -> String {
    switch variant {
    case .paper: "w' = w - xi grad_w L_train, alpha fixed (eq. 7 as printed)"
    case .dartsCode:
      "w' is the step that SGD takes: momentum and decay included (public DARTS, architect.py)"
    case .milenasCode:
      "alpha is registered as a weight: the step moves it, the difference perturbs it, momentum is lost (public MiLeNAS)"
    }
  }

  /// Forms the exact direction by every variant before a step of a run, in Double.
  public static func measure(_ replay: Replay, step: Int, threads: Int) throws -> [VariantEffect] {
    let probe = try ProbePoint(replay, step: step, pairs: 1)
    let net = try Supernet<Double>(
      replay.loop.net.shape, batchCapacity: replay.loop.configuration.batch, threads: threads)
    let inputs = BilevelInputs(inner: probe.train.double[0], outer: probe.validation.double[0])
    let directions = try variants.map { variant in
      try net.oneStepHypergradient(
        at: probe.double, on: inputs, step: UnrolledStep(variant, probe.descent),
        secondOrder: .exact
      ).direction
    }
    return zip(variants, directions).map { variant, direction in
      let comparison = DirectionComparison(
        estimate: direction, reference: directions[0], edges: 1, operations: direction.count)
      return VariantEffect(
        variant: variant.rawValue, meaning: meaning(of: variant),
        difference: comparison.relativeError, cosine: comparison.cosine,
        changedSigns: 1 - comparison.signAgreement)
    }
  }
}

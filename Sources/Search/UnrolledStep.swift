import Kernels
import Supernet

/// Whose form of the unrolled step a second-order method follows.
public enum Variant: String, CaseIterable, Codable, Sendable {
  /// w′ = w − ξ∇_wL_tr (eq. 7 as printed).
  case paper
  /// w′ = w − ξ(μm + ∇_wL_tr + ρw): the step that SGD would take (public DARTS, `architect.py`).
  case dartsCode = "darts-code"
  /// The public MiLeNAS code: α is registered as a weight, so the step moves it too, α′ = α −
  /// ξ(∇_αL_tr + ρα), and the finite difference perturbs it; the same registration makes its
  /// look-up of the momentum fail on every step, so that μm is dropped.
  case milenasCode = "milenas-code"

  /// Whether α takes part in the unrolled step and in the second derivative.
  public var movesAlpha: Bool { self == .milenasCode }
}

/// Stochastic gradient descent on w as PyTorch does it: m ← μm + ∇_wL + ρw, w ← w − η m.
public struct InnerDescent: Equatable, Sendable {
  /// η, ξ of the unrolled step: the learning rate of w.
  public var rate: Double
  /// μ
  public var momentum: Double
  /// ρ
  public var weightDecay: Double

  /// Plain descent, unless said otherwise.
  public init(rate: Double, momentum: Double = 0, weightDecay: Double = 0) {
    self.rate = rate
    self.momentum = momentum
    self.weightDecay = weightDecay
  }
}

/// Where a hypergradient is taken: the point (w, α) and the momentum of w.
public struct BilevelState<Scalar: KernelScalar>: Equatable, Sendable {
  /// (w, α)
  public var point: Point<Scalar>
  /// m, [weightCount]; empty before the first step, which is zero.
  public var momentum: [Scalar]

  /// Before the first step, unless there is momentum.
  public init(_ point: Point<Scalar>, momentum: [Scalar] = []) {
    self.point = point
    self.momentum = momentum
  }
}

/// What the two losses of a hypergradient are taken on.
public struct BilevelInputs<Input> {
  /// The loss that w descends: L_tr.
  public var inner: Input
  /// The loss that α descends: L_val; for the training bracket of MiLeNAS-2nd again L_tr.
  public var outer: Input

  /// What L_tr and L_val are taken on.
  public init(inner: Input, outer: Input) {
    self.inner = inner
    self.outer = outer
  }
}

extension BilevelInputs: Sendable where Input: Sendable {}

/// One unrolled step of w, and in the MiLeNAS code of α.
public struct UnrolledStep: Equatable, Sendable {
  /// Whose form.
  public var variant: Variant
  /// ξ, μ and ρ; the paper's variant uses ξ alone, the MiLeNAS code's ξ and ρ.
  public var descent: InnerDescent

  /// A form, with its constants.
  public init(_ variant: Variant, _ descent: InnerDescent) {
    self.variant = variant
    self.descent = descent
  }

  /// Which derivatives of L_tr the step needs.
  var wanted: Wanted { variant.movesAlpha ? [.weights, .alpha] : .weights }

  /// (w′, α′): the point after the step along `gradient`, taken at `state` on the training batch.
  public func taken<Scalar>(from state: BilevelState<Scalar>, along gradient: Gradient<Scalar>)
    -> Point<Scalar>
  {
    let (point, decay) = (state.point, Scalar(descent.weightDecay))
    var step = gradient.weights
    if variant != .paper { step.add(decay, times: point.weights) }
    if variant == .dartsCode && !state.momentum.isEmpty {
      step.add(Scalar(descent.momentum), times: state.momentum)
    }
    var direction = Direction(weights: step)
    if variant.movesAlpha { direction.alpha = gradient.alpha.adding(decay, times: point.alpha) }
    return point.moved(by: -Scalar(descent.rate), along: direction)
  }
}

import Datasets
import Kernels

/// The point (w, α) at which a loss and its derivatives are taken.
///
/// weights: [ParameterLayout.count]; alpha: [2 kinds][edges][8 operations], flattened.
public struct Point<Scalar: KernelScalar>: Equatable, Sendable {
  /// w
  public var weights: [Scalar]
  /// α
  public var alpha: [Scalar]

  /// w and α.
  public init(weights: [Scalar], alpha: [Scalar]) {
    self.weights = weights
    self.alpha = alpha
  }
}

/// What a pass is asked to compute; an α-step does not pay for weight gradients.
public struct Wanted: OptionSet, Sendable {
  /// A bit for each part.
  public let rawValue: Int
  /// The parts whose bits are set.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// ∇_w
  public static let weights = Wanted(rawValue: 1)
  /// ∇_α
  public static let alpha = Wanted(rawValue: 2)
  /// The batch's means and variances of every batch norm, for the running statistics.
  public static let statistics = Wanted(rawValue: 4)
}

/// A loss and the derivatives that were wanted; empty vectors for those that were not.
public struct Gradient<Scalar: KernelScalar>: Sendable {
  /// Mean cross-entropy over the batch, in nats.
  public var loss: Double
  /// Images whose label has the largest logit.
  public var correct: Int
  /// ∇_w, [weightCount].
  public var weights: [Scalar]
  /// ∇_α, [alphaCount].
  public var alpha: [Scalar]
  /// nil unless wanted.
  public var statistics: BatchNormStatistics<Scalar>?

  /// Empty vectors for what was not wanted.
  public init(
    loss: Double, correct: Int = 0, weights: [Scalar] = [], alpha: [Scalar] = [],
    statistics: BatchNormStatistics<Scalar>? = nil
  ) {
    self.loss = loss
    self.correct = correct
    self.weights = weights
    self.alpha = alpha
    self.statistics = statistics
  }
}

/// Means and variances of all batch norms of a network, one after the other in the order of the forward pass.
///
/// Used both for one batch (variances unbiased; NaN where a sampled path left a batch norm out) and for the running
/// statistics (0 and 1 at first).
public struct BatchNormStatistics<Scalar: KernelScalar>: Equatable, Sendable {
  /// One for each channel.
  public var means: [Scalar]
  /// One for each channel.
  public var variances: [Scalar]

  /// Both of one length.
  public init(means: [Scalar], variances: [Scalar]) {
    self.means = means
    self.variances = variances
  }

  /// Moves the running statistics by one batch: running ← (1 − rate)·running + rate·batch (PyTorch: rate 0.1).
  ///
  /// A batch norm that saw one value in all has a mean and no variance, and stays as it is: PyTorch refuses such a batch.
  public mutating func absorb(_ batch: BatchNormStatistics, rate: Scalar = 0.1) {
    for i in means.indices where !batch.means[i].isNaN && !batch.variances[i].isNaN {
      means[i] += rate * (batch.means[i] - means[i])
      variances[i] += rate * (batch.variances[i] - variances[i])
    }
  }
}

/// How α becomes the weights of the operations on an edge.
public enum Relaxation<Scalar: KernelScalar>: Equatable, Sendable {
  /// softmax(α) (eq. 9).
  case softmax
  /// softmax((α + noise)/τ) on all operations (eq. 10).
  ///
  /// noise: [sets][edges][8], flattened; sets is 2 (shared per cell kind) or the number of cells.
  case gumbel(noise: [Scalar], temperature: Double)
  /// One operation per edge, the largest (α + noise)/τ, with weight 1; gradients through the soft weight of
  /// the chosen one only (straight-through). noise as for `gumbel`.
  case gdas(noise: [Scalar], temperature: Double)
}

/// All that a loss of the supernet is taken on: a batch, and the sampled relaxation.
public struct SupernetInput<Scalar: KernelScalar>: Equatable, Sendable {
  /// Images and labels.
  public var batch: Batch<Scalar>
  /// How α becomes weights in this pass.
  public var relaxation: Relaxation<Scalar>

  /// The softmax, unless said otherwise.
  public init(_ batch: Batch<Scalar>, _ relaxation: Relaxation<Scalar> = .softmax) {
    self.batch = batch
    self.relaxation = relaxation
  }
}

/// A direction (ẇ, α̇) along which a gradient is differentiated; an empty vector is zero.
public struct Direction<Scalar: KernelScalar>: Sendable {
  /// ẇ
  public var weights: [Scalar]
  /// α̇
  public var alpha: [Scalar]

  /// Empty for a part that is zero.
  public init(weights: [Scalar] = [], alpha: [Scalar] = []) {
    self.weights = weights
    self.alpha = alpha
  }
}

/// The derivatives of a loss's gradient along a direction, with the gradient itself, which comes for free.
public struct Tangent<Scalar: KernelScalar>: Sendable {
  /// The plain gradient at the point, with the same `Wanted` parts.
  public var gradient: Gradient<Scalar>
  /// R∇_w = ∇²_ww L ẇ + ∇²_wα L α̇; empty unless `.weights` was wanted.
  public var weights: [Scalar]
  /// R∇_α = ∇²_αw L ẇ + ∇²_αα L α̇; empty unless `.alpha` was wanted.
  public var alpha: [Scalar]

  /// Empty vectors for what was not wanted.
  public init(gradient: Gradient<Scalar>, weights: [Scalar] = [], alpha: [Scalar] = []) {
    self.gradient = gradient
    self.weights = weights
    self.alpha = alpha
  }
}

/// What search methods and hypergradient estimators ask of a problem: losses at (w, α) and their derivatives.
///
/// The supernet is one; the small problems with known answers, which certify the estimators, are others.
public protocol BilevelProblem<Scalar, Input> {
  /// Float or Double.
  associatedtype Scalar: KernelScalar
  /// What a loss is taken on: for the supernet a batch and its Gumbel noise.
  associatedtype Input
  /// Entries of w.
  var weightCount: Int { get }
  /// Entries of α.
  var alphaCount: Int { get }
  /// The loss of `input` at `point`, with the derivatives wanted.
  func gradient(_ wanted: Wanted, at point: Point<Scalar>, on input: Input) throws
    -> Gradient<Scalar>
  /// The derivative of the gradient along `direction` (forward over reverse), exact.
  func tangent(
    _ wanted: Wanted, at point: Point<Scalar>, along direction: Direction<Scalar>, on input: Input
  ) throws -> Tangent<Scalar>
}

import Kernels
import Supernet

/// All that a step reads and changes.
public struct SearchState: Equatable, Sendable {
  /// w, [weightCount].
  public var weights: [Float]
  /// m of SGD, [weightCount].
  public var momentum: [Float]
  /// α, [alphaCount].
  public var alpha: [Float]
  /// Moments of α.
  public var adam: Adam.Moments
  /// Running statistics of the batch norms, for evaluation.
  public var statistics: BatchNormStatistics<Float>
  /// Steps done.
  public var step = 0
  /// From 0.
  public var epoch = 0
  /// Steps done in it.
  public var stepInEpoch = 0
  /// Training loss and accuracy of the epoch so far.
  public var progress = EpochProgress()

  /// Sums over the weight steps of an epoch.
  public struct EpochProgress: Codable, Equatable, Sendable {
    /// Sum over the training batches, in nats.
    public var loss = 0.0
    /// Images whose label had the largest logit.
    public var correct = 0
    /// Images seen.
    public var images = 0
    /// Wall time of the steps.
    public var seconds = 0.0

    /// Before the first step of an epoch.
    public init() {}
  }

  /// A state from its vectors, before the first step.
  ///
  /// w, momentum: [weightCount]; α, Adam's moments: [alphaCount].
  public init(
    weights: [Float], momentum: [Float], alpha: [Float], adam: Adam.Moments,
    statistics: BatchNormStatistics<Float>
  ) {
    self.weights = weights
    self.momentum = momentum
    self.alpha = alpha
    self.adam = adam
    self.statistics = statistics
  }

  /// (w, α)
  public var point: Point<Float> { Point(weights: weights, alpha: alpha) }

  /// The state before the first step: weights uniform in ±1/√fan-in (PyTorch's default for convolutions and linear
  /// layers), γ = 1, β = 0, α = 1e-3 · normal (public DARTS code); `random` draws α at full size.
  public init(_ net: Supernet<Float>, configuration: SearchConfiguration) throws {
    let random = Philox(seed: configuration.seed, purpose: .weights)
    var weights: [Float] = []
    weights.reserveCapacity(net.weightCount)
    for slice in net.layout.slices {
      switch slice.role {
      case .weight(let fanIn), .bias(let fanIn):
        let bound = 1 / Double(fanIn).squareRoot()
        for i in slice.range { weights.append(Float((2 * random.uniform(index: i) - 1) * bound)) }
      case .gamma: weights += [Float](repeating: 1, count: slice.count)
      case .beta: weights += [Float](repeating: 0, count: slice.count)
      }
    }
    let normal = Philox(seed: configuration.seed, purpose: .alpha)
    let scale = configuration.method == .random ? 1.0 : 1e-3
    self.weights = weights
    momentum = [Float](repeating: 0, count: weights.count)
    alpha = (0..<net.alphaCount).map { Float(scale * normal.normal(index: $0)) }
    adam = Adam.Moments(count: net.alphaCount)
    statistics = try net.initialStatistics
  }
}

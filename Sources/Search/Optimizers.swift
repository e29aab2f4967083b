import Kernels

/// Stochastic gradient descent with momentum and decay as PyTorch does it: g ← g + ρw, m ← μm + g, w ← w − ηm.
///
/// The first step sets m = g, which a zero m gives by itself.
public struct SGD: Equatable, Sendable {
  /// μ
  public var momentum: Double
  /// ρ
  public var weightDecay: Double

  /// μ and ρ.
  public init(momentum: Double, weightDecay: Double) {
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  /// Moves w and m; all vectors [weightCount].
  public func step(
    _ weights: inout [Float], _ buffer: inout [Float], along gradient: [Float], rate: Double
  ) {
    buffer.scale(by: Float(momentum))
    buffer.add(1, times: gradient)
    buffer.add(Float(weightDecay), times: weights)
    weights.add(-Float(rate), times: buffer)
  }
}

/// Adam with L2 decay added to the gradient, bias correction and ε = 1e-8 (torch.optim.Adam).
public struct Adam: Equatable, Sendable {
  /// β₁ and β₂: [2].
  public var betas: (Double, Double)
  /// Added to the gradient, times α.
  public var decay: Double

  /// β₁, β₂ and the decay.
  public init(betas: (Double, Double), decay: Double) {
    self.betas = betas
    self.decay = decay
  }

  public static func == (a: Adam, b: Adam) -> Bool { a.betas == b.betas && a.decay == b.decay }

  /// First and second moments, [alphaCount], and the number of steps taken.
  public struct Moments: Equatable, Sendable {
    /// m, α-shaped.
    public var first: [Float]
    /// v, α-shaped.
    public var second: [Float]
    /// Steps done, for the correction of the bias.
    public var steps = 0

    /// Zeros, before the first step.
    public init(count: Int) {
      first = [Float](repeating: 0, count: count)
      second = first
    }
  }

  /// Moves α and the moments by one step, in place.
  public func step(
    _ alpha: inout [Float], _ moments: inout Moments, along direction: [Float], rate: Double
  ) {
    moments.steps += 1
    let (b1, b2) = betas
    let correction1 = 1 - Self.power(b1, moments.steps)
    let correction2 = (1 - Self.power(b2, moments.steps)).squareRoot()
    for i in alpha.indices {
      let g = direction[i].addingProduct(Float(decay), alpha[i])
      moments.first[i] += Float(1 - b1) * (g - moments.first[i])
      moments.second[i] = moments.second[i] * Float(b2) + Float(1 - b2) * g * g
      let scale = moments.second[i].squareRoot() / Float(correction2) + 1e-8
      alpha[i] -= Float(rate / correction1) * moments.first[i] / scale
    }
  }

  /// b to the power of n by squaring: the same bits with every C library.
  private static func power(_ b: Double, _ n: Int) -> Double {
    var (result, square, rest) = (1.0, b, n)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}

/// Scales a gradient down to a largest norm (torch.nn.utils.clip_grad_norm_).
public enum Clipping {
  /// The factor max/(norm + 1e-6), at most 1.
  public static func factor(norm: Double, largest: Double) -> Double {
    largest > 0 ? min(1, largest / (norm + 1e-6)) : 1
  }
}

/// Rates and temperatures by epoch.
public struct Schedule: Sendable {
  private let configuration: SearchConfiguration

  /// The rates and temperatures of a configuration.
  public init(_ configuration: SearchConfiguration) { self.configuration = configuration }

  /// Cosine from the first to the last rate, stepped per epoch (torch CosineAnnealingLR with T_max = epochs).
  public func weightRate(inEpoch epoch: Int) -> Double {
    let share = Double(epoch) / Double(configuration.epochs)
    return configuration.weightRateEnd
      + (configuration.weightRate - configuration.weightRateEnd) * 0.5 * (1 + Cosine.ofPi(share))
  }

  /// τ_max − (epoch/epochs)(τ_max − τ_min), as in the public MiLeNAS code, which never quite reaches τ_min.
  public func temperature(inEpoch epoch: Int) -> Double {
    let share = Double(epoch) / Double(configuration.epochs)
    return configuration.temperatureStart
      - share * (configuration.temperatureStart - configuration.temperatureEnd)
  }
}

/// cos(πx) for 0 ≤ x ≤ 1 by its series, so that rates have the same bits with every C library.
enum Cosine {
  static func ofPi(_ x: Double) -> Double {
    // cos(πx) = −cos(π(1 − x)) brings the argument below π/2; then 14 terms reach 1e-17.
    if x > 0.5 { return -ofPi(1 - x) }
    let t = Double.pi * x
    var (term, sum) = (1.0, 1.0)
    for k in 1...14 {
      term *= -t * t / Double((2 * k - 1) * (2 * k))
      sum += term
    }
    return sum
  }
}

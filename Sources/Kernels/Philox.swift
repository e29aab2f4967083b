/// Random numbers by address, not in sequence: Philox 4×32-10 (Salmon et al. 2011).
///
/// The key is the seed, the counter is (index, step, epoch, purpose): any number of any step can be had alone, from
/// any thread, without a stored state.
public struct Philox: Sendable {
  /// What numbers are for; streams of different purposes never overlap.
  public enum Purpose: UInt32, Sendable {
    /// Initial w.
    case weights
    /// Initial α.
    case alpha
    /// The order of the training images in an epoch.
    case shuffle
    /// The order of the validation images, or the draw of a random batch of them.
    case validation
    /// Crop, flip and cutout of training images, and the colours of photographs.
    case augmentation
    /// The same of validation images, where they are augmented.
    case validationAugmentation
    /// Gumbel noise of the passes of a step.
    case gumbel
    /// Which branches a training step drops.
    case dropPath
    /// Cells drawn at random.
    case genotype
    /// Directions, noise and resampling of analyses and benchmarks.
    case direction
  }

  private let key: SIMD2<UInt32>
  private let purpose: Purpose

  /// The stream of a seed for one purpose.
  public init(seed: UInt64, purpose: Purpose) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    self.purpose = purpose
  }

  /// 128 random bits at an address; epoch, step and index below 2³² (index) and 2³¹.
  public func block(epoch: Int = 0, step: Int = 0, index: Int) -> SIMD4<UInt32> {
    Self.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: step),
        UInt32(truncatingIfNeeded: epoch), purpose.rawValue), key: key)
  }

  /// The bijection itself: ten rounds.
  public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (c, k) = (counter, key)
    for round in 0..<10 {
      if round > 0 { k = k &+ SIMD2(0x9E37_79B9, 0xBB67_AE85) }
      let a = UInt64(0xD251_1F53) * UInt64(c[0])
      let b = UInt64(0xCD9E_8D57) * UInt64(c[2])
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: a))
    }
    return c
  }

  /// Uniform in the open interval (0, 1): a multiple of 2⁻⁵² plus a half of it.
  public func uniform(epoch: Int = 0, step: Int = 0, index: Int) -> Double {
    let bits = block(epoch: epoch, step: step, index: index)
    return Self.uniform(bits[0], bits[1])
  }

  /// 52 bits, not 53: with one more, the half would round the largest value up to 1.
  static func uniform(_ a: UInt32, _ b: UInt32) -> Double {
    let bits = (UInt64(a) << 32 | UInt64(b)) >> 12
    return (Double(bits) + 0.5) * 0x1p-52
  }

  /// Standard normal (Box and Muller).
  public func normal(epoch: Int = 0, step: Int = 0, index: Int) -> Double {
    let bits = block(epoch: epoch, step: step, index: index)
    let radius = (-2 * Exponential.log(Self.uniform(bits[0], bits[1]))).squareRoot()
    return radius * Self.cosine(turns: Self.uniform(bits[2], bits[3]))
  }

  /// cos 2πt for t in 0 ... 1, of our own like `Exponential`: the C library's last bit differs between versions.
  static func cosine(turns t: Double) -> Double {
    let fromWhole = min(t, 1 - t)
    let isNegative = fromWhole > 0.25
    let quarter = isNegative ? 0.5 - fromWhole : fromWhole
    // cos in the first eighth of a turn, sin of the rest to a quarter in the second: |x| ≤ π/4.
    let isSine = quarter > 0.125
    let x = 2 * Double.pi * (isSine ? 0.25 - quarter : quarter)
    // Ten terms of Taylor's series: the next is below 1e-20.
    var series = 1.0
    for k in stride(from: 9, through: 1, by: -1) {
      let n = 2 * k - 1 + (isSine ? 1 : 0)
      series = 1 - series * (x * x) / Double(n * (n + 1))
    }
    let magnitude = isSine ? x * series : series
    return isNegative ? -magnitude : magnitude
  }

  /// Gumbel(0, 1): −log(−log u).
  public func gumbel(epoch: Int = 0, step: Int = 0, index: Int) -> Double {
    -Exponential.log(-Exponential.log(uniform(epoch: epoch, step: step, index: index)))
  }

  /// An integer in 0 ..< bound, each as likely: words that would favour small numbers are rejected.
  ///
  /// The four words of the block are tried in turn, then those of the block that has it as counter, and so on.
  public func integer(below bound: Int, epoch: Int = 0, step: Int = 0, index: Int) -> Int {
    precondition(0 < bound && bound <= 1 << 31)
    let bound = UInt64(bound)
    let limit = (UInt64(1) << 32) / bound * bound
    var bits = block(epoch: epoch, step: step, index: index)
    while true {
      for word in 0..<4 where UInt64(bits[word]) < limit { return Int(UInt64(bits[word]) % bound) }
      bits = Self.block(counter: bits, key: key)
    }
  }

  /// A shuffle of 0 ..< count for an epoch (Fisher and Yates).
  public func permutation(of count: Int, epoch: Int) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(i, integer(below: i + 1, epoch: epoch, index: i))
    }
    return order
  }
}

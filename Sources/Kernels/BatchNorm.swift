/// Places of a batch norm: coefficients in the arena, moments among its sums in Double; [padded] each.
public struct NormPlaces: Sendable {
  /// y = scale·z + offset
  public var scale: Int
  /// Of the same map.
  public var offset: Int
  /// Packed γ and β; negative where there are none.
  public var gamma: Int
  /// Packed β.
  public var beta: Int
  /// Among the sums.
  public var mean: Int
  /// Biased, over batch and plane.
  public var variance: Int
  /// 1/√(variance + ε)
  public var inverse: Int
  /// Channels, padded to the vector width.
  public var padded: Int

  /// All places at once.
  public init(
    scale: Int, offset: Int, gamma: Int, beta: Int, mean: Int, variance: Int, inverse: Int,
    padded: Int
  ) {
    self.scale = scale
    self.offset = offset
    self.gamma = gamma
    self.beta = beta
    self.mean = mean
    self.variance = variance
    self.inverse = inverse
    self.padded = padded
  }
}

/// Sums that the chunks of a phase have left: chunk k's part begins at first + k·step.
public struct ChunkSums: Sendable {
  /// Where the first chunk's part begins.
  public var first: Int
  /// From one chunk's part to the next.
  public var step: Int
  /// How many.
  public var chunks: Int

  /// Parts at equal distances.
  public init(first: Int, step: Int, chunks: Int) {
    self.first = first
    self.step = step
    self.chunks = chunks
  }
}

/// Batch norm as coefficients, in Double: y = scale·z + offset forward, dz = a·g + b·z + d backward.
///
/// ε = 1e-5 and the biased variance, as in PyTorch. Chunks are added up in their order.
extension Arena {
  @inline(__always)
  private func number(_ place: Int) -> A.Scalar {
    A.Scalar(value: sums[place], tangent: A.components == 2 ? sums[place &+ sumShift] : 0)
  }

  @inline(__always)
  private func keep(_ number: A.Scalar, _ place: Int) {
    sums[place] = number.value
    if A.components == 2 { sums[place &+ sumShift] = number.tangent }
  }

  @inline(__always)
  private func coefficient(_ number: A.Scalar, _ place: Int) {
    base[place] = Element(number.value)
    if A.components == 2 { base[place &+ shift] = Element(number.tangent) }
  }

  @inline(__always)
  private func packed(_ place: Int) -> A.Scalar {
    A.Scalar(
      value: Double(base[place]), tangent: A.components == 2 ? Double(base[place &+ shift]) : 0)
  }

  @inline(__always)
  private func total(_ sums: ChunkSums, _ place: Int) -> A.Scalar {
    var result = A.Scalar.zero
    var chunk = 0
    while chunk < sums.chunks {
      result = result + number(sums.first &+ chunk &* sums.step &+ place)
      chunk &+= 1
    }
    return result
  }

  /// Moments from Σz and Σz², at `place` and `place` + padded of each chunk, of `count` values; then the coefficients.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func settle(_ norm: NormPlaces, _ sums: ChunkSums, at place: Int, count: Int) {
    let share = A.Scalar(1 / Double(count))
    for c in 0..<norm.padded {
      let mean = total(sums, place + c) * share
      let difference = total(sums, place + norm.padded + c) * share - mean * mean
      keep(mean, norm.mean + c)
      keep(difference.value > 0 ? difference : .zero, norm.variance + c)
    }
    settle(norm)
  }

  /// Coefficients from moments that are already there.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func settle(_ norm: NormPlaces) {
    for c in 0..<norm.padded {
      let mean = number(norm.mean + c)
      let inverse = A.Scalar(1) / (number(norm.variance + c) + A.Scalar(1e-5)).squareRoot
      keep(inverse, norm.inverse + c)
      let scale = norm.gamma < 0 ? inverse : packed(norm.gamma + c) * inverse
      let shift = norm.beta < 0 ? A.Scalar.zero : packed(norm.beta + c)
      coefficient(scale, norm.scale + c)
      coefficient(shift - scale * mean, norm.offset + c)
    }
  }

  /// Takes over running statistics as the moments.
  public func setMoments(
    _ norm: NormPlaces, mean: ArraySlice<Element>, variance: ArraySlice<Element>
  ) {
    for c in 0..<norm.padded {
      keep(
        A.Scalar(c < mean.count ? Double(mean[mean.startIndex + c]) : 0), norm.mean + c)
      keep(
        A.Scalar(c < variance.count ? Double(variance[variance.startIndex + c]) : 1),
        norm.variance + c)
    }
  }

  /// The moments' values: what the running statistics absorb.
  public func moments(_ norm: NormPlaces, channels: Int) -> (means: [Double], variances: [Double]) {
    (
      (0..<channels).map { sums[norm.mean + $0] }, (0..<channels).map { sums[norm.variance + $0] }
    )
  }

  /// Coefficients of weight·batchnorm(z) in a node's value; the constant part is added to `constants` among the sums.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func mix(
    _ norm: NormPlaces?, weight: A.Scalar, channels: Int, into place: Int, constants: Int
  ) {
    for c in 0..<channels {
      guard let norm else {
        coefficient(weight, place + c)
        continue
      }
      let scale = weight * number(norm.inverse + c)
      coefficient(scale, place + c)
      keep(number(constants + c) - scale * number(norm.mean + c), constants + c)
    }
  }

  /// Copies `count` sums as coefficients.
  public func coefficients(fromSums place: Int, count: Int, to target: Int) {
    for c in 0..<count { coefficient(number(place + c), target + c) }
  }

  /// Coefficients of dz = weight·∂batchnormᵀ·g; hands back Σ g·y, summed over the channels.
  ///
  /// sum, product: places of Σ g and Σ g·z in each chunk. a goes to the arena at `gradient`; b and d are added to the
  /// sums at `parts` and `parts` + padded, since several gradients may flow into one batch norm. With an affine norm,
  /// Σ g·y and Σ g of each channel are left at `affine` and `affine` + padded among the sums.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func normBackward(
    _ norm: NormPlaces, _ sums: ChunkSums, sum: Int, product: Int, count: Int, weight: A.Scalar,
    gradient: Int, parts: Int, affine: Int = -1
  ) -> A.Scalar {
    let share = A.Scalar(1 / Double(count))
    var result = A.Scalar.zero
    for c in 0..<norm.padded {
      let inverse = number(norm.inverse + c)
      let mean = number(norm.mean + c)
      let g = total(sums, sum + c)
      let gy = inverse * (total(sums, product + c) - mean * g)
      result = result + gy
      if affine >= 0 {
        keep(gy, affine + c)
        keep(g, affine + norm.padded + c)
      }
      let a = norm.gamma < 0 ? weight * inverse : weight * packed(norm.gamma + c) * inverse
      let b = -(a * inverse * gy * share)
      keep(number(parts + c) + b, parts + c)
      keep(
        number(parts + norm.padded + c) - a * g * share - b * mean, parts + norm.padded + c)
      coefficient(a, gradient + c)
    }
    return result
  }

  /// The same for values that were normalised in place: z there is y, and Σ g·y is at `product`.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func normBackwardInPlace(
    _ norm: NormPlaces, _ sums: ChunkSums, sum: Int, product: Int, count: Int, gradient: Int,
    value: Int, constant: Int
  ) {
    let share = A.Scalar(1 / Double(count))
    for c in 0..<norm.padded {
      let inverse = number(norm.inverse + c)
      coefficient(inverse, gradient + c)
      coefficient(-(inverse * total(sums, product + c) * share), value + c)
      coefficient(-(inverse * total(sums, sum + c) * share), constant + c)
    }
  }

  /// The sum over chunks and channels of products with an identity.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  public func channelTotal(_ sums: ChunkSums, at place: Int, channels: Int) -> A.Scalar {
    (0..<channels).reduce(A.Scalar.zero) { $0 + total(sums, place + $1) }
  }
}

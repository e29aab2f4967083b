import Kernels

/// Batch norm as coefficients: y = scale·z + offset forward, dz = a·g + b·z + d backward, both in Double.
///
/// ε = 1e-5, biased variance in the normalisation (PyTorch's defaults, as in the public code).
extension Pass {
  static var epsilon: Double { 1e-5 }

  /// Sets the coefficients from the sums of z and z², at a place of the phase, or from running statistics.
  func settle(_ norm: BatchNorm, sums place: Int, pixels: Int) {
    let count = Number(Double(samples * pixels))
    counts[norm.index] = samples * pixels
    for c in 0..<norm.padded {
      let mean: Number
      let variance: Number
      if let running {
        mean = c < norm.channels ? Number(Double(running.means[norm.statistics + c])) : .zero
        variance =
          c < norm.channels ? Number(Double(running.variances[norm.statistics + c])) : Number(1)
      } else {
        mean = total(place + c) / count
        let second = total(place + norm.padded + c) / count
        let difference = second - mean * mean
        variance = difference.value > 0 ? difference : .zero
      }
      let inverse = Number(1) / (variance + Number(Self.epsilon)).squareRoot
      means[norm.index][c] = mean
      variances[norm.index][c] = variance
      inverses[norm.index][c] = inverse
      let gamma = norm.gamma.map { c < norm.channels ? parameter($0.offset + c) : .zero } ?? Number(1)
      let beta = norm.beta.map { c < norm.channels ? parameter($0.offset + c) : .zero } ?? .zero
      arena.write(gamma * inverse, at: norm.scale + c)
      arena.write(beta - gamma * mean * inverse, at: norm.offset + c)
    }
  }

  /// Writes the coefficients of dz = weight·∂(batch norm)ᵀ·g for source `index` of `terms`, and hands back Σ g·y.
  ///
  /// sum, product: places of Σ g and Σ g·z of the phase. The parts that multiply z and the constants are added to
  /// `valueParts` and `constants`, [padded], since several gradients may flow into one batch norm.
  func backward(
    _ norm: BatchNorm, sum: Int, product: Int, pixels: Int, weight: Number, into terms: GradientTerms,
    source index: Int, valueParts: inout [Number], constants: inout [Number]
  ) -> Number {
    let count = Number(Double(samples * pixels))
    var result = Number.zero
    for c in 0..<norm.padded {
      let inverse = inverses[norm.index][c]
      let mean = means[norm.index][c]
      let g = total(sum + c)
      let gy = inverse * (total(product + c) - mean * g)
      if c < norm.channels { result += gy }
      let gamma = norm.gamma.map { c < norm.channels ? parameter($0.offset + c) : .zero } ?? Number(1)
      let a = weight * gamma * inverse
      let b = -(a * inverse * gy / count)
      valueParts[c] += b
      constants[c] += -(a * g / count) - b * mean
      arena.write(a, at: terms.place(index) + c)
    }
    return result
  }

  /// Finishes terms with the parts that were gathered.
  func close(
    _ terms: GradientTerms, z: Tensor, valueParts: [Number], constants: [Number]
  ) {
    arena.write(valueParts, at: terms.valuePlace)
    arena.write(constants, at: terms.constantPlace)
    terms.list.append(
      plane: z.offset, sampleStep: z.sampleStep, coefficients: terms.valuePlace)
    terms.list.constants = terms.constantPlace
  }

  /// The usual case: one gradient into one batch norm.
  func backward(
    _ norm: BatchNorm, of z: Tensor, gradient: Tensor, sum: Int, product: Int,
    weight: Number = Number(1), into terms: GradientTerms
  ) -> Number {
    terms.list.removeAll()
    var parts = [Number](repeating: .zero, count: norm.padded)
    var constants = parts
    let result = backward(
      norm, sum: sum, product: product, pixels: z.pixels, weight: weight, into: terms, source: 0,
      valueParts: &parts, constants: &constants)
    terms.list.append(
      plane: gradient.offset, sampleStep: gradient.sampleStep, coefficients: terms.place(0))
    close(terms, z: z, valueParts: parts, constants: constants)
    return result
  }
}

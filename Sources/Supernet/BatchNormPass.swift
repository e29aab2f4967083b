import Kernels

/// Where batch norms meet the scripts: which sums they read, and the terms that carry their gradients.
extension Pass {
  /// Sums that the chunks of the phase that has just ended left.
  var chunkTotals: ChunkSums { ChunkSums(first: chunkSums, step: sumExtent, chunks: chunks) }

  /// Sets the coefficients from the sums of z and z² at a place of the phase, or from running statistics.
  func settle(_ norm: BatchNorm, sums place: Int, pixels: Int) {
    counts[norm.index] = samples * pixels
    if let running {
      let range = norm.statistics..<(norm.statistics + norm.channels)
      arena.setMoments(
        norm.places, mean: running.means[range], variance: running.variances[range])
      arena.settle(norm.places)
    } else {
      arena.settle(norm.places, chunkTotals, at: place, count: samples * pixels)
    }
  }

  /// Begins the terms of a gradient that flows into a batch norm.
  func open(_ terms: GradientTerms) {
    terms.list.removeAll()
    arena.clearSums(terms.parts, count: 2 * terms.padded)
  }

  /// Adds weight·gradient to the terms and hands back Σ gradient·y.
  ///
  /// sum, product: places of Σ g and Σ g·z of the phase.
  func add(
    _ gradient: Tensor, to terms: GradientTerms, through norm: BatchNorm, sum: Int, product: Int,
    weight: Number = Number(1), affine: Int = -1
  ) -> Number {
    let place = terms.place(terms.list.count)
    let result = arena.normBackward(
      norm.places, chunkTotals, sum: sum, product: product, count: samples * gradient.pixels,
      weight: weight, gradient: place, parts: terms.parts, affine: affine)
    terms.list.append(
      plane: gradient.offset, sampleStep: gradient.sampleStep, coefficients: place)
    return result
  }

  /// Ends the terms with the parts that multiply z, and the constants.
  func close(_ terms: GradientTerms, z: Tensor) {
    arena.coefficients(fromSums: terms.parts, count: 2 * terms.padded, to: terms.valuePlace)
    terms.list.append(
      plane: z.offset, sampleStep: z.sampleStep, coefficients: terms.valuePlace)
    terms.list.constants = terms.constantPlace
  }

  /// The usual case: one gradient into one batch norm.
  func backward(
    _ norm: BatchNorm, of z: Tensor, gradient: Tensor, sum: Int, product: Int,
    weight: Number = Number(1), into terms: GradientTerms, affine: Int = -1
  ) -> Number {
    open(terms)
    let result = add(
      gradient, to: terms, through: norm, sum: sum, product: product, weight: weight,
      affine: affine)
    close(terms, z: z)
    return result
  }
}

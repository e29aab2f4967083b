import Kernels

/// The backward pass as a script.
///
/// Phases of a group of states: products Σ g and Σ g·z per operation, which give the batch norms' coefficients and the
/// gradients of the mixing weights; the second halves; the first halves and all that flows into the states.
extension Pass {
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  func backwardScript() -> Script {
    var script = Script()
    var written: Set<Int> = []
    let nodes = cells[cells.count - 1].nodes
    let width = nodes.reduce(0) { $0 + $1.x.padded }
    script.each { [unowned self] context in
      for (i, node) in nodes.enumerated() {
        arena.fill(
          node.gradient.at(context.sample), pixels: node.x.pixels, channels: node.x.padded,
          with: featureGradient + context.sample * width + i * node.x.padded)
      }
    }
    written.formUnion(nodes.map(\.gradient.offset))
    for cell in cells.reversed() { backward(cell, &script, &written) }
    stemBackward(&script)
    return script
  }

  private func backward(_ cell: Cell, _ script: inout Script, _ written: inout Set<Int>) {
    for group in cell.groups.reversed() {
      for state in group { products(cell, cell.states[state], &script) }
      script.barrier(.products, cell: cell.index)
      let order = ReadingOrder()
      for state in group { secondHalves(cell, cell.states[state], order, &script) }
      script.barrier(.secondBackward, cell: cell.index)
      let reading = ReadingOrder()
      for state in group { firstHalves(cell, state, reading, &script) }
    }
    for (unit, state) in zip(cell.preprocess, cell.states) { products(unit, state, &script) }
    script.barrier(.preprocessBackward, cell: cell.index)
    for unit in cell.preprocess {
      for source in unit.sources where written.insert(source.gradient.offset).inserted {
        script.each { [unowned self] context in
          arena.clear(source.gradient.at(context.sample), count: source.gradient.sampleStep)
        }
      }
      multiplyBackward(unit, &script) { true }
    }
  }

  // MARK: - Products

  private func products(_ cell: Cell, _ state: Cell.State, _ script: inout Script) {
    var places: [Int] = []
    for index in state.edges {
      let edge = cell.edges[index]
      let gradient = cell.states[edge.node + 2].gradient
      let place = script.sums((1 + Operation.allCases.count) * cell.padded)
      places.append(place)
      script.each { [unowned self] context in
        arena.addProducts(
          gradient.at(context.sample), edge.products, sample: context.sample,
          pixels: gradient.pixels, channels: gradient.padded, into: context.sums + place)
      }
    }
    script.atEnd { [unowned self] in settleGradients(cell, state, places) }
  }

  /// What each edge's `products` are taken with; refreshed when the active operations change.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  func refreshProducts() {
    for cell in cells {
      for (index, edge) in cell.edges.enumerated() {
        edge.products.removeAll()
        for operation in Operation.allCases where isActive(operation, index, cell) {
          guard let output = edge.output(of: operation, from: cell.states[edge.source]) else {
            continue
          }
          edge.products.append(
            plane: output.z.offset, sampleStep: output.z.sampleStep, coefficients: 0)
        }
      }
    }
  }

  /// Coefficients of everything that flows back through the edges that leave a state.
  private func settleGradients(_ cell: Cell, _ state: Cell.State, _ places: [Int]) {
    state.skips.list.removeAll()
    for (_, pool) in pools(of: state) { open(pool.gradient) }
    for (index, place) in zip(state.edges, places) {
      let edge = cell.edges[index]
      let gradient = cell.states[edge.node + 2].gradient
      var product = place
      for operation in Operation.allCases where isActive(operation, index, cell) {
        let weight = weight(operation, index, cell)
        product += cell.padded
        let result: Number
        switch operation {
        case .none: continue
        case .maxPool3, .avgPool3:
          guard let pool = state.pools[operation] else { continue }
          result = add(
            gradient, to: pool.gradient, through: pool.norm, sum: place, product: product,
            weight: weight)
        case .skipConnect:
          if let reduction = edge.reduction {
            result = backward(
              reduction.norm, of: reduction.z, gradient: gradient, sum: place, product: product,
              weight: weight, into: reduction.gradient)
          } else {
            result = arena.channelTotal(chunkTotals, at: product, channels: cell.padded)
            let coefficients = state.skips.place(state.skips.list.count)
            arena.mix(
              nil, weight: weight, channels: cell.padded, into: coefficients, constants: 0)
            state.skips.list.append(
              plane: gradient.offset, sampleStep: gradient.sampleStep, coefficients: coefficients)
          }
        default:
          guard let unit = edge.output(of: operation) else { continue }
          result = backward(
            unit.norm, of: unit.z, gradient: gradient, sum: place, product: product,
            weight: weight, into: unit.gradient)
        }
        products[cell.index][index * Operation.allCases.count + operation.rawValue] = result
      }
    }
    for (_, pool) in pools(of: state) where pool.gradient.list.count > 0 {
      close(pool.gradient, z: pool.y)
    }
  }

  private func products(_ unit: MatrixUnit, _ state: Cell.State, _ script: inout Script) {
    let list = TermList(capacity: 1)
    list.append(plane: state.x.offset, sampleStep: state.x.sampleStep, coefficients: 0)
    let place = script.sums(2 * state.x.padded)
    script.each { [unowned self] context in
      arena.addProducts(
        state.gradient.at(context.sample), list, sample: context.sample, pixels: state.x.pixels,
        channels: state.x.padded, into: context.sums + place)
    }
    script.atEnd { [unowned self] in
      let terms = unit.gradient
      terms.list.removeAll()
      arena.normBackwardInPlace(
        unit.norm.places, chunkTotals, sum: place, product: place + state.x.padded,
        count: samples * state.x.pixels, gradient: terms.place(0), value: terms.valuePlace,
        constant: terms.constantPlace)
      terms.list.append(
        plane: state.gradient.offset, sampleStep: state.gradient.sampleStep,
        coefficients: terms.place(0))
      terms.list.append(
        plane: state.x.offset, sampleStep: state.x.sampleStep, coefficients: terms.valuePlace)
      terms.list.constants = terms.constantPlace
    }
  }

  // MARK: - Units

  private func secondHalves(
    _ cell: Cell, _ state: Cell.State, _ order: ReadingOrder, _ script: inout Script
  ) {
    for index in state.edges {
      let edge = cell.edges[index]
      for (operation, unit) in units(edge.second) {
        guard let first = edge.first[operation] else { continue }
        let place = script.sums(2 * first.z.padded)
        let isMixed = { [unowned self] in isActive(operation, index, cell) }
        let number = order.append(unit.z, first.z, when: isMixed)
        script.each { [unowned self] context in
          guard isMixed() else { return }
          let z = unit.z
          arena.combine(
            unit.gradient.list, sample: context.sample, pixels: z.pixels, channels: z.padded,
            into: context.scratch + denseB, adding: false)
          padNormalised(first, into: unit, context)
          arena.clear(context.scratch + denseC, count: first.z.sampleStep)
          arena.separableBackward(
            context.scratch + unit.plane, unit.table, unit.places, dz: context.scratch + denseB,
            scratch: context.scratch + denseA, bordered: context.scratch + unit.bordered,
            into: context.scratch + denseC, gradients: context.gradients,
            ahead: order.ahead(of: number, sample: context.sample, samples: samples))
          arena.maskGradient(
            context.scratch + denseC, at: first.z.at(context.sample),
            scale: first.norm.places.scale,
            offset: first.norm.places.offset, activation, pixels: first.z.pixels,
            channels: first.z.padded, into: z.at(context.sample), moments: context.sums + place)
        }
        script.atEnd { [unowned self] in
          guard isActive(operation, index, cell) else { return }
          _ = backward(
            first.norm, of: first.z, gradient: unit.z, sum: place,
            product: place + first.z.padded, into: first.gradient)
        }
        reduce(unit, &script, when: isMixed)
      }
    }
  }

  private func firstHalves(
    _ cell: Cell, _ number: Int, _ order: ReadingOrder, _ script: inout Script
  ) {
    let state = cell.states[number]
    script.each { [unowned self] context in
      arena.combine(
        state.skips.list, sample: context.sample, pixels: state.x.pixels, channels: state.x.padded,
        into: state.gradient.at(context.sample), adding: number >= 2)
      guard isConvolved(state, in: cell) else { return }
      arena.padActivated(
        state.x.at(context.sample), activation, into: context.scratch + state.plane, state.table)
      arena.clear(context.scratch + denseC, count: state.x.sampleStep)
    }
    for index in state.edges {
      let edge = cell.edges[index]
      for (operation, unit) in units(edge.first) {
        let isMixed = { [unowned self] in isActive(operation, index, cell) }
        // The gradient of a first half lies where its second half's values were.
        let number = order.append(edge.second[operation]?.z ?? unit.z, unit.z, when: isMixed)
        script.each { [unowned self] context in
          guard isMixed() else { return }
          arena.combine(
            unit.gradient.list, sample: context.sample, pixels: unit.z.pixels,
            channels: unit.z.padded, into: context.scratch + denseB, adding: false)
          arena.separableBackward(
            context.scratch + state.plane, unit.table, unit.places, dz: context.scratch + denseB,
            scratch: context.scratch + denseA, bordered: context.scratch + unit.bordered,
            into: context.scratch + denseC, gradients: context.gradients,
            ahead: order.ahead(of: number, sample: context.sample, samples: samples))
        }
        reduce(unit, &script, when: isMixed)
      }
      if let reduction = edge.reduction {
        multiplyBackward(reduction, &script) { [unowned self] in
          isActive(.skipConnect, index, cell)
        }
      }
    }
    let pools = pools(of: state).map(\.1)
    script.each { [unowned self] context in
      for pool in pools where isUsed(pool, by: state, in: cell) {
        arena.combine(
          pool.gradient.list, sample: context.sample, pixels: pool.y.pixels,
          channels: pool.y.padded, into: context.scratch + denseB, adding: false)
        arena.poolBackward(
          context.scratch + denseB, taps: pool.taps?.at(context.sample), pool.shape,
          into: state.gradient.at(context.sample))
      }
      guard isConvolved(state, in: cell) else { return }
      arena.addMasked(
        context.scratch + denseC, at: state.x.at(context.sample), activation,
        pixels: state.x.pixels, channels: state.x.padded, into: state.gradient.at(context.sample))
    }
  }

  private func reduce(
    _ unit: SeparableUnit, _ script: inout Script, when isActive: @escaping () -> Bool
  ) {
    let start = unit.places.depthwiseGradient
    script.reduce(start..<(start + unit.gradientCount), when: isActive) { [unowned self] in
      unpack(unit.depthwise, from: unit.places.depthwiseGradient, pitch: unit.table.channels)
      unpack(unit.pointwise, from: unit.places.pointwiseGradient, pitch: unit.places.outputs)
    }
  }

  private func multiplyBackward(
    _ unit: MatrixUnit, _ script: inout Script, when isActive: @escaping () -> Bool
  ) {
    script.each { [unowned self] context in
      guard isActive() else { return }
      arena.combine(
        unit.gradient.list, sample: context.sample, pixels: unit.z.pixels, channels: unit.z.padded,
        into: context.scratch + denseB, adding: false)
      if context.gradients >= 0 {
        gather(unit, context)
        arena.matrixGradient(
          context.scratch + gathered, context.scratch + denseB, inputs: unit.inputs,
          outputs: unit.z.padded, pixels: unit.z.pixels,
          into: context.gradients + unit.weightGradient)
      }
      arena.matrix(
        context.scratch + denseB, unit.transposed, inputs: unit.z.padded, outputs: unit.inputs,
        pixels: unit.z.pixels, into: context.scratch + gatheredGradient)
      for source in unit.sources {
        arena.scatter(
          context.scratch + gatheredGradient, column: source.column, pitch: unit.inputs,
          source.lattice, at: source.x.at(context.sample), activation,
          into: source.gradient.at(context.sample))
      }
    }
    script.reduce(
      unit.weightGradient..<(unit.weightGradient + unit.gradientCount), when: isActive
    ) { [unowned self] in
      for packing in unit.packings {
        unpack(packing, from: unit.weightGradient, pitch: unit.z.padded)
      }
    }
  }

  // MARK: - Stem

  private func stemBackward(_ script: inout Script) {
    let list = TermList(capacity: 1)
    list.append(plane: stem.z.offset, sampleStep: stem.z.sampleStep, coefficients: 0)
    let padded = stem.z.padded
    let place = script.sums(2 * padded)
    script.each { [unowned self] context in
      arena.addProducts(
        stem.gradient.at(context.sample), list, sample: context.sample, pixels: stem.z.pixels,
        channels: padded, into: context.sums + place)
    }
    script.atEnd { [unowned self] in
      _ = backward(
        stem.norm, of: stem.z, gradient: stem.gradient, sum: place, product: place + padded,
        into: stem.terms, affine: stem.affine)
      guard let flat, let gamma = stem.norm.gamma, let beta = stem.norm.beta else { return }
      for c in 0..<stem.norm.channels {
        flat.write(arena.sum(stem.affine + c), at: gamma.offset + c)
        flat.write(arena.sum(stem.affine + padded + c), at: beta.offset + c)
      }
    }
    script.barrier(.stemBackward)
    script.each { [unowned self] context in
      guard context.gradients >= 0 else { return }
      arena.combine(
        stem.terms.list, sample: context.sample, pixels: stem.z.pixels, channels: padded,
        into: context.scratch + denseB, adding: false)
      gatherStem(context)
      arena.matrixGradient(
        context.scratch + stem.matrix, context.scratch + denseB, inputs: stem.inputs,
        outputs: padded, pixels: stem.z.pixels, into: context.gradients + stem.weightGradient)
    }
    script.reduce(stem.weightGradient..<(stem.weightGradient + stem.inputs * padded)) {
      [unowned self] in
      for packing in stem.packing { unpack(packing, from: stem.weightGradient, pitch: padded) }
    }
    script.barrier(.stemBackward)
  }
}

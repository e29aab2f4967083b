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
  func backwardScript() -> Script<Pass> {
    var script = Script<Pass>()
    var written: Set<Int> = []
    let nodes = cells[cells.count - 1].nodes
    let width = nodes.reduce(0) { $0 + $1.x.padded }
    script.each { pass, context in
      for (i, node) in nodes.enumerated() {
        pass.arena.fill(
          node.gradient.at(context.sample), pixels: node.x.pixels, channels: node.x.padded,
          with: pass.featureGradient + context.sample * width + i * node.x.padded)
      }
    }
    written.formUnion(nodes.map(\.gradient.offset))
    for cell in cells.reversed() { backward(cell, &script, &written) }
    stemBackward(&script)
    return script
  }

  private func backward(_ cell: Cell, _ script: inout Script<Pass>, _ written: inout Set<Int>) {
    let groups = Array(cell.groups.reversed())
    for (turn, group) in groups.enumerated() {
      // States whose gradients are complete before this phase: those of the last group are completed in it.
      let complete = turn == 0 ? [] : [cell.states.count - 1] + groups.prefix(turn - 1).joined()
      for state in group { products(cell, cell.states[state], complete, &script) }
      script.barrier(.products, cell: cell.index)
      for state in group { secondHalves(cell, cell.states[state], &script) }
      script.barrier(.secondBackward, cell: cell.index)
      for state in group { firstHalves(cell, state, &script) }
    }
    for (unit, state) in zip(cell.preprocess, cell.states) { products(unit, state, &script) }
    script.barrier(.preprocessBackward, cell: cell.index)
    for unit in cell.preprocess {
      for source in unit.sources where written.insert(source.gradient.offset).inserted {
        script.each { pass, context in
          pass.arena.clear(source.gradient.at(context.sample), count: source.gradient.sampleStep)
        }
      }
      multiplyBackward(unit, &script) { _ in true }
    }
  }

  // MARK: - Products

  private func products(
    _ cell: Cell, _ state: Cell.State, _ complete: [Int], _ script: inout Script<Pass>
  ) {
    var places: [Int] = []
    for index in state.edges {
      let edge = cell.edges[index]
      let gradient = cell.states[edge.node + 2].gradient
      let place = script.sums((1 + Operation.allCases.count) * cell.padded)
      places.append(place)
      script.each(
        complete.contains(edge.node + 2) ? .anywhere : .inOrder,
        reading: [gradient.read, TermReads(edge.products)]
      ) { pass, context in
        pass.arena.addProducts(
          gradient.at(context.sample), edge.products, sample: context.sample,
          pixels: gradient.pixels, channels: gradient.padded, into: context.sums + place)
      }
    }
    script.atEnd { pass in pass.settleGradients(cell, state, places) }
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

  private func products(_ unit: MatrixUnit, _ state: Cell.State, _ script: inout Script<Pass>) {
    let list = TermList(capacity: 1)
    list.append(plane: state.x.offset, sampleStep: state.x.sampleStep, coefficients: 0)
    let place = script.sums(2 * state.x.padded)
    script.each { pass, context in
      pass.arena.addProducts(
        state.gradient.at(context.sample), list, sample: context.sample, pixels: state.x.pixels,
        channels: state.x.padded, into: context.sums + place)
    }
    script.atEnd { pass in
      let terms = unit.gradient
      terms.list.removeAll()
      pass.arena.normBackwardInPlace(
        unit.norm.places, pass.chunkTotals, sum: place, product: place + state.x.padded,
        count: pass.samples * state.x.pixels, gradient: terms.place(0), value: terms.valuePlace,
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

  private func secondHalves(_ cell: Cell, _ state: Cell.State, _ script: inout Script<Pass>) {
    for index in state.edges {
      let edge = cell.edges[index]
      for (operation, unit) in units(edge.second) {
        guard let first = edge.first[operation] else { continue }
        let place = script.sums(2 * first.z.padded)
        let isMixed = { (pass: Pass) in pass.isActive(operation, index, cell) }
        script.each(
          .computing, reading: [TermReads(unit.gradient.list), first.z.read], when: isMixed
        ) { pass, context in
          let z = unit.z
          pass.arena.combine(
            unit.gradient.list, sample: context.sample, pixels: z.pixels, channels: z.padded,
            into: context.scratch + pass.denseB, adding: false)
          pass.padNormalised(first, into: unit, context)
          pass.arena.clear(context.scratch + pass.denseC, count: first.z.sampleStep)
          pass.arena.separableBackward(
            context.scratch + unit.plane, unit.table, unit.places,
            dz: context.scratch + pass.denseB,
            scratch: context.scratch + pass.denseA, bordered: context.scratch + unit.bordered,
            into: context.scratch + pass.denseC, gradients: context.gradients, ahead: context.ahead)
          pass.arena.maskGradient(
            context.scratch + pass.denseC, at: first.z.at(context.sample),
            scale: first.norm.places.scale,
            offset: first.norm.places.offset, pass.activation, pixels: first.z.pixels,
            channels: first.z.padded, into: z.at(context.sample), moments: context.sums + place)
        }
        script.atEnd { pass in
          guard isMixed(pass) else { return }
          _ = pass.backward(
            first.norm, of: first.z, gradient: unit.z, sum: place,
            product: place + first.z.padded, into: first.gradient)
        }
        reduce(unit, &script, when: isMixed)
      }
    }
  }

  private func firstHalves(_ cell: Cell, _ number: Int, _ script: inout Script<Pass>) {
    let state = cell.states[number]
    script.each(reading: [TermReads(state.skips.list)]) { pass, context in
      pass.arena.combine(
        state.skips.list, sample: context.sample, pixels: state.x.pixels, channels: state.x.padded,
        into: state.gradient.at(context.sample), adding: number >= 2)
    }
    let hasReaders = { (pass: Pass) in pass.isConvolved(state, in: cell) }
    script.each(when: hasReaders) { pass, context in
      pass.arena.padActivated(
        state.x.at(context.sample), pass.activation, into: context.scratch + state.plane,
        state.table)
      pass.arena.clear(context.scratch + pass.denseC, count: state.x.sampleStep)
    }
    for index in state.edges {
      let edge = cell.edges[index]
      for (operation, unit) in units(edge.first) {
        let isMixed = { (pass: Pass) in pass.isActive(operation, index, cell) }
        script.each(.computing, reading: [TermReads(unit.gradient.list)], when: isMixed) {
          pass, context in
          pass.arena.combine(
            unit.gradient.list, sample: context.sample, pixels: unit.z.pixels,
            channels: unit.z.padded, into: context.scratch + pass.denseB, adding: false)
          pass.arena.separableBackward(
            context.scratch + state.plane, unit.table, unit.places,
            dz: context.scratch + pass.denseB,
            scratch: context.scratch + pass.denseA, bordered: context.scratch + unit.bordered,
            into: context.scratch + pass.denseC, gradients: context.gradients, ahead: context.ahead)
        }
        reduce(unit, &script, when: isMixed)
      }
      if let reduction = edge.reduction {
        multiplyBackward(reduction, &script) { pass in
          pass.isActive(.skipConnect, index, cell)
        }
      }
    }
    for (_, pool) in pools(of: state) {
      let isMixed = { (pass: Pass) in pass.isUsed(pool, by: state, in: cell) }
      script.each(
        reading: [TermReads(pool.gradient.list)] + (pool.taps.map { [$0.read] } ?? []),
        when: isMixed
      ) { pass, context in
        pass.arena.combine(
          pool.gradient.list, sample: context.sample, pixels: pool.y.pixels,
          channels: pool.y.padded, into: context.scratch + pass.denseB, adding: false)
        pass.arena.poolBackward(
          context.scratch + pass.denseB, taps: pool.taps?.at(context.sample), pool.shape,
          into: state.gradient.at(context.sample))
      }
    }
    script.each(when: hasReaders) { pass, context in
      pass.arena.addMasked(
        context.scratch + pass.denseC, at: state.x.at(context.sample), pass.activation,
        pixels: state.x.pixels, channels: state.x.padded, into: state.gradient.at(context.sample))
    }
  }

  private func reduce(
    _ unit: SeparableUnit, _ script: inout Script<Pass>, when isActive: @escaping (Pass) -> Bool
  ) {
    let start = unit.places.depthwiseGradient
    script.reduce(start..<(start + unit.gradientCount), when: isActive) { pass in
      pass.unpack(unit.depthwise, from: unit.places.depthwiseGradient, pitch: unit.table.channels)
      pass.unpack(unit.pointwise, from: unit.places.pointwiseGradient, pitch: unit.places.outputs)
    }
  }

  private func multiplyBackward(
    _ unit: MatrixUnit, _ script: inout Script<Pass>, when isActive: @escaping (Pass) -> Bool
  ) {
    script.each(when: isActive) { pass, context in
      pass.arena.combine(
        unit.gradient.list, sample: context.sample, pixels: unit.z.pixels, channels: unit.z.padded,
        into: context.scratch + pass.denseB, adding: false)
      if context.gradients >= 0 {
        pass.gather(unit, context)
        pass.arena.matrixGradient(
          context.scratch + pass.gathered, context.scratch + pass.denseB, inputs: unit.inputs,
          outputs: unit.z.padded, pixels: unit.z.pixels,
          into: context.gradients + unit.weightGradient)
      }
      pass.arena.matrix(
        context.scratch + pass.denseB, unit.transposed, inputs: unit.z.padded, outputs: unit.inputs,
        pixels: unit.z.pixels, into: context.scratch + pass.gatheredGradient)
      for source in unit.sources {
        pass.arena.scatter(
          context.scratch + pass.gatheredGradient, column: source.column, pitch: unit.inputs,
          source.lattice, at: source.x.at(context.sample), pass.activation,
          into: source.gradient.at(context.sample))
      }
    }
    script.reduce(
      unit.weightGradient..<(unit.weightGradient + unit.gradientCount), when: isActive
    ) { pass in
      for packing in unit.packings {
        pass.unpack(packing, from: unit.weightGradient, pitch: unit.z.padded)
      }
    }
  }

  // MARK: - Stem

  private func stemBackward(_ script: inout Script<Pass>) {
    let stem = stem
    let list = TermList(capacity: 1)
    list.append(plane: stem.z.offset, sampleStep: stem.z.sampleStep, coefficients: 0)
    let padded = stem.z.padded
    let place = script.sums(2 * padded)
    script.each { pass, context in
      pass.arena.addProducts(
        stem.gradient.at(context.sample), list, sample: context.sample, pixels: stem.z.pixels,
        channels: padded, into: context.sums + place)
    }
    script.atEnd { pass in
      _ = pass.backward(
        stem.norm, of: stem.z, gradient: stem.gradient, sum: place, product: place + padded,
        into: stem.terms, affine: stem.affine)
      guard let flat = pass.flat, let gamma = stem.norm.gamma, let beta = stem.norm.beta else {
        return
      }
      for c in 0..<stem.norm.channels {
        flat.write(pass.arena.sum(stem.affine + c), at: gamma.offset + c)
        flat.write(pass.arena.sum(stem.affine + padded + c), at: beta.offset + c)
      }
    }
    script.barrier(.stemBackward)
    script.each { pass, context in
      guard context.gradients >= 0 else { return }
      pass.arena.combine(
        stem.terms.list, sample: context.sample, pixels: stem.z.pixels, channels: padded,
        into: context.scratch + pass.denseB, adding: false)
      pass.gatherStem(context)
      pass.arena.matrixGradient(
        context.scratch + stem.matrix, context.scratch + pass.denseB, inputs: stem.inputs,
        outputs: padded, pixels: stem.z.pixels, into: context.gradients + stem.weightGradient)
    }
    script.reduce(stem.weightGradient..<(stem.weightGradient + stem.inputs * padded)) { pass in
      for packing in stem.packing { pass.unpack(packing, from: stem.weightGradient, pitch: padded) }
    }
    script.barrier(.stemBackward)
  }
}

import Kernels

/// The forward pass as a script.
///
/// Phases of a cell, split only by batch-norm barriers: preprocessing; for each group of states the first halves and
/// the pooling, then the second halves, then the α-weighted sum into the node, which opens the next phase.
extension Pass {
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  func forwardScript() -> Script<Pass> {
    var script = Script<Pass>()
    stemForward(&script)
    for cell in cells { forward(cell, &script) }
    let nodes = cells[cells.count - 1].nodes
    let width = nodes.reduce(0) { $0 + $1.x.padded }
    script.each { pass, context in
      for (i, node) in nodes.enumerated() {
        let place = pass.features + context.sample * width + i * node.x.padded
        pass.arena.addPlaneSums(
          node.x.at(context.sample), pixels: node.x.pixels, channels: node.x.padded, into: place)
      }
    }
    script.barrier(.features)
    return script
  }

  private func stemForward(_ script: inout Script<Pass>) {
    let stem = stem
    let place = script.sums(2 * stem.z.padded)
    script.each { pass, context in
      pass.gatherStem(context)
      pass.arena.matrix(
        context.scratch + stem.matrix, stem.weights, inputs: stem.inputs, outputs: stem.z.padded,
        pixels: stem.z.pixels, into: stem.z.at(context.sample), moments: context.sums + place)
    }
    script.atEnd { pass in pass.settle(stem.norm, sums: place, pixels: stem.z.pixels) }
    script.barrier(.stem)
    script.each { pass, context in
      pass.arena.normalise(
        stem.z.at(context.sample), scale: stem.norm.places.scale, offset: stem.norm.places.offset,
        pixels: stem.z.pixels, channels: stem.z.padded, into: stem.x.at(context.sample))
    }
  }

  func gatherStem(_ context: StepContext) {
    let size = shape.imageSize
    arena.neighbourhoods(
      images + context.sample * size * size * shape.inputChannels, rows: size, columns: size,
      channels: shape.inputChannels, into: context.scratch + stem.matrix, pitch: stem.inputs)
  }

  private func forward(_ cell: Cell, _ script: inout Script<Pass>) {
    for unit in cell.preprocess { multiply(unit, &script) { _ in true } }
    script.barrier(.preprocess, cell: cell.index)
    script.each { pass, context in
      for unit in cell.preprocess {
        let z = unit.z.at(context.sample)
        pass.arena.normalise(
          z, scale: unit.norm.places.scale, offset: unit.norm.places.offset, pixels: unit.z.pixels,
          channels: unit.z.padded, into: z)
      }
    }
    for (node, group) in cell.groups.enumerated() {
      for state in group { firstHalves(cell, cell.states[state], &script) }
      script.barrier(.firstForward, cell: cell.index)
      for state in group { secondHalves(cell, cell.states[state], &script) }
      script.atEnd { pass in pass.settleValue(of: node, in: cell) }
      script.barrier(.secondForward, cell: cell.index)
      nodeValue(cell, node, &script)
    }
  }

  /// The α-weighted sum at a node, a few of its many planes at a time.
  private func nodeValue(_ cell: Cell, _ node: Int, _ script: inout Script<Pass>) {
    let list = cell.values[node]
    let x = cell.states[node + 2].x
    for first in stride(from: 0, to: list.capacity, by: TermList.partSize) {
      let part = first..<(first + TermList.partSize)
      let isUsed = { (_: Pass) in first == 0 || first < list.count }
      script.each(.sampleBefore, reading: [TermReads(list, part)], when: isUsed) { pass, context in
        pass.arena.combine(
          list, sample: context.sample, pixels: x.pixels, channels: x.padded,
          into: x.at(context.sample), adding: false, part: part)
      }
    }
  }

  /// Gather, multiply, settle: preprocessing and factorised reductions.
  private func multiply(
    _ unit: MatrixUnit, _ script: inout Script<Pass>, when isActive: @escaping (Pass) -> Bool
  ) {
    let place = script.sums(2 * unit.z.padded)
    script.each(when: isActive) { pass, context in
      pass.gather(unit, context)
      pass.arena.matrix(
        context.scratch + pass.gathered, unit.weights, inputs: unit.inputs, outputs: unit.z.padded,
        pixels: unit.z.pixels, into: unit.z.at(context.sample), moments: context.sums + place)
    }
    script.atEnd { pass in
      if isActive(pass) { pass.settle(unit.norm, sums: place, pixels: unit.z.pixels) }
    }
  }

  func gather(_ unit: MatrixUnit, _ context: StepContext) {
    for source in unit.sources {
      arena.gather(
        source.x.at(context.sample), source.lattice, activation, into: context.scratch + gathered,
        column: source.column, pitch: unit.inputs)
    }
  }

  private func firstHalves(_ cell: Cell, _ state: Cell.State, _ script: inout Script<Pass>) {
    let hasReaders = { (pass: Pass) in pass.isConvolved(state, in: cell) }
    script.each(when: hasReaders) { pass, context in
      pass.arena.padActivated(
        state.x.at(context.sample), pass.activation, into: context.scratch + state.plane,
        state.table)
    }
    for (_, pool) in pools(of: state) {
      let place = script.sums(2 * pool.y.padded)
      let isMixed = { (pass: Pass) in pass.isUsed(pool, by: state, in: cell) }
      script.each(when: isMixed) { pass, context in
        let (x, y) = (state.x.at(context.sample), pool.y.at(context.sample))
        if let taps = pool.taps {
          pass.arena.maxPool(
            x, pool.shape, into: y, taps: taps.at(context.sample), moments: context.sums + place)
        } else {
          pass.arena.averagePool(x, pool.shape, into: y, moments: context.sums + place)
        }
      }
      script.atEnd { pass in
        if isMixed(pass) { pass.settle(pool.norm, sums: place, pixels: pool.y.pixels) }
      }
    }
    for index in state.edges {
      let edge = cell.edges[index]
      if let reduction = edge.reduction {
        multiply(reduction, &script) { pass in pass.isActive(.skipConnect, index, cell) }
      }
      for (operation, unit) in units(edge.first) {
        let place = script.sums(2 * unit.z.padded)
        let isMixed = { (pass: Pass) in pass.isActive(operation, index, cell) }
        script.each(.computing, when: isMixed) { pass, context in
          pass.arena.separable(
            context.scratch + state.plane, unit.table, unit.places,
            scratch: context.scratch + pass.denseA, into: unit.z.at(context.sample),
            moments: context.sums + place, ahead: context.ahead)
        }
        settleAtEnd(unit, place, &script, when: isMixed)
      }
    }
  }

  private func secondHalves(_ cell: Cell, _ state: Cell.State, _ script: inout Script<Pass>) {
    for index in state.edges {
      let edge = cell.edges[index]
      for (operation, unit) in units(edge.second) {
        guard let first = edge.first[operation] else { continue }
        let place = script.sums(2 * unit.z.padded)
        let isMixed = { (pass: Pass) in pass.isActive(operation, index, cell) }
        script.each(.computing, reading: [first.z.read], when: isMixed) { pass, context in
          pass.padNormalised(first, into: unit, context)
          pass.arena.separable(
            context.scratch + unit.plane, unit.table, unit.places,
            scratch: context.scratch + pass.denseA, into: unit.z.at(context.sample),
            moments: context.sums + place, ahead: context.ahead)
        }
        settleAtEnd(unit, place, &script, when: isMixed)
      }
    }
  }

  /// The activated plane that a second half reads, from the first half's z.
  func padNormalised(_ first: SeparableUnit, into unit: SeparableUnit, _ context: StepContext) {
    arena.padActivated(
      first.z.at(context.sample), scale: first.norm.places.scale, offset: first.norm.places.offset,
      activation,
      into: context.scratch + unit.plane, unit.table)
  }

  private func settleAtEnd(
    _ unit: SeparableUnit, _ place: Int, _ script: inout Script<Pass>,
    when isActive: @escaping (Pass) -> Bool
  ) {
    script.atEnd { pass in
      if isActive(pass) { pass.settle(unit.norm, sums: place, pixels: unit.z.pixels) }
    }
  }

  /// The terms of a node's value: Σ_edges Σ_operations weight·batchnorm(z).
  private func settleValue(of node: Int, in cell: Cell) {
    let list = cell.values[node]
    list.removeAll()
    arena.clearSums(cell.constantSums, count: cell.padded)
    for (index, edge) in cell.edges.enumerated() where edge.node == node {
      for operation in Operation.allCases where isActive(operation, index, cell) {
        guard let output = edge.output(of: operation, from: cell.states[edge.source]) else {
          continue
        }
        let place = edge.mixture + operation.rawValue * cell.padded
        arena.mix(
          output.norm?.places, weight: weight(operation, index, cell), channels: cell.padded,
          into: place, constants: cell.constantSums)
        list.append(
          plane: output.z.offset, sampleStep: output.z.sampleStep, coefficients: place)
      }
    }
    arena.coefficients(
      fromSums: cell.constantSums, count: cell.padded, to: cell.constants[node])
    list.constants = cell.constants[node]
  }

  // MARK: - What is mixed

  func isActive(_ operation: Operation, _ edge: Int, _ cell: Cell) -> Bool {
    mixing.isActive[cell.index][edge * Operation.allCases.count + operation.rawValue]
  }

  func weight(_ operation: Operation, _ edge: Int, _ cell: Cell) -> Number {
    mixing.weights[cell.index][edge * Operation.allCases.count + operation.rawValue]
  }

  /// Whether any active convolution reads the state's activated plane.
  func isConvolved(_ state: Cell.State, in cell: Cell) -> Bool {
    state.edges.contains { edge in
      Operation.allCases.contains { $0.isConvolution && isActive($0, edge, cell) }
    }
  }

  func isUsed(_ pool: PoolUnit, by state: Cell.State, in cell: Cell) -> Bool {
    state.edges.contains { edge in
      [Operation.maxPool3, .avgPool3].contains {
        state.pools[$0] === pool && isActive($0, edge, cell)
      }
    }
  }

  /// Units in the order of the operations: dictionaries have none.
  func units(_ units: [Operation: SeparableUnit]) -> [(Operation, SeparableUnit)] {
    Operation.allCases.compactMap { operation in units[operation].map { (operation, $0) } }
  }

  /// The distinct pools of a state: one where the twin's maximum is an average.
  func pools(of state: Cell.State) -> [(Operation, PoolUnit)] {
    let all = [Operation.maxPool3, .avgPool3].compactMap { o in state.pools[o].map { (o, $0) } }
    return all.count == 2 && all[0].1 === all[1].1 ? [all[1]] : all
  }
}

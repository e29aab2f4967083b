import Kernels

/// The backward pass of a derived network as a script, block by block from the last.
extension DerivedPass {
  /// Sets all gradients of activations to 0.
  static func clearingScript(_ plan: DerivedPlan) -> Script<DerivedPass> {
    var script = Script<DerivedPass>()
    let gradients = plan.activations.map(\.gradient)
    script.each { pass, context in
      for gradient in gradients {
        pass.arena.clear(gradient.at(context.sample), count: gradient.sampleStep)
      }
    }
    script.barrier()
    return script
  }

  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  static func backwardScript(_ blocks: [DerivedPlan.Block]) -> Script<DerivedPass> {
    var script = Script<DerivedPass>()
    for block in blocks.reversed() {
      switch block {
      case .sums(let nodes): backward(nodes, &script)
      case .average(let block):
        script.each { pass, context in
          for (source, output) in zip(block.sources, block.outputs) {
            pass.arena.averageWindowsBackward(
              output.gradient.at(context.sample), block.shape, at: source.x.at(context.sample),
              rectifies: block.rectifies, into: source.gradient.at(context.sample))
          }
        }
      case .linear(let block):
        backward(block.unit, &script) { _, context in block.gradient.at(context.sample) }
      }
    }
    script.barrier()
    return script
  }

  private static func backward(_ nodes: [SumNode], _ script: inout Script<DerivedPass>) {
    let branches = nodes.flatMap { node in node.branches.map { (node.output.gradient, $0) } }
    for (g, branch) in branches { open(branch, g, &script) }
    if branches.contains(where: { $0.1.norm != nil }) { script.barrier() }
    var hasSecondHalves = false
    for (g, branch) in branches {
      switch branch.body {
      case .identity, .pool: break
      case .dense(let units): backward(units, of: branch, g, &script)
      case .separable(let input, let units):
        let last = units[units.count - 1]
        if units.count == 1 {
          backwardFirst(last, on: input, &script) { $0.normGradient(branch, g, $1) }
        } else {
          hasSecondHalves = true
          backwardSecond(units, &script) { $0.normGradient(branch, g, $1) }
        }
      }
    }
    guard hasSecondHalves else { return }
    script.barrier()
    for (_, branch) in branches {
      guard case .separable(let input, let units) = branch.body, units.count == 2 else { continue }
      let (first, g) = (units[0], units[1].z)
      backwardFirst(first, on: input, &script) { pass, context in
        pass.arena.normGradient(
          g.at(context.sample), first.z.at(context.sample), coefficients: first.norm.coefficients,
          factor: 1, pixels: first.z.pixels, channels: first.z.padded,
          into: context.scratch + pass.plan.denseA)
      }
    }
  }

  /// What needs no sums: identities and pooling; and the sums that the others need.
  private static func open(_ branch: Branch, _ g: Tensor, _ script: inout Script<DerivedPass>) {
    switch branch.body {
    case .identity(let plane):
      script.each { pass, context in
        pass.arena.addScaled(
          g.at(context.sample), factor: 1, count: g.sampleStep,
          into: plane.gradient.at(context.sample), adding: true)
      }
    case .pool(let block):
      script.each { pass, context in
        let scaled = context.scratch + pass.plan.denseA
        pass.arena.addScaled(
          g.at(context.sample), factor: pass.factor(branch, context.sample), count: g.sampleStep,
          into: scaled, adding: false)
        pass.arena.poolBackward(
          scaled, taps: block.taps?.at(context.sample), block.shape,
          into: block.input.gradient.at(context.sample))
      }
    case .dense, .separable:
      guard let norm = branch.norm else { return }
      let z = branch.value
      let place = script.sums(2 * z.padded)
      script.each { pass, context in
        pass.arena.addWeightedProducts(
          g.at(context.sample), z.at(context.sample), factor: pass.factor(branch, context.sample),
          pixels: z.pixels, channels: z.padded, into: context.sums + place)
      }
      script.atEnd { pass in pass.settleBackward(norm, sums: place, pixels: z.pixels) }
    }
  }

  /// The gradient of a branch's last output before its batch norm, in scratch A.
  private func normGradient(_ branch: Branch, _ g: Tensor, _ context: StepContext) {
    let z = branch.value
    let target = context.scratch + plan.denseA
    if let norm = branch.norm {
      arena.normGradient(
        g.at(context.sample), z.at(context.sample), coefficients: norm.coefficients,
        factor: factor(branch, context.sample), pixels: z.pixels, channels: z.padded, into: target)
    } else {
      arena.addScaled(
        g.at(context.sample), factor: factor(branch, context.sample), count: z.sampleStep,
        into: target, adding: false)
    }
  }

  // MARK: - Dense convolutions

  private static func backward(
    _ units: [DenseUnit], of branch: Branch, _ g: Tensor, _ script: inout Script<DerivedPass>
  ) {
    for (k, unit) in units.enumerated().reversed() {
      if k == units.count - 1 {
        backward(unit, &script) { pass, context in
          pass.normGradient(branch, g, context)
          return context.scratch + pass.plan.denseA
        }
      } else {
        // The gradient of what lies between two convolutions is kept with their activations.
        let gradient = units[k + 1].sources[0].plane.gradient
        backward(unit, &script) { _, context in gradient.at(context.sample) }
      }
    }
  }

  /// - Parameter gradient: computes the gradient of z, [pixels][outputs], and tells where it lies.
  private static func backward(
    _ unit: DenseUnit, _ script: inout Script<DerivedPass>,
    gradient: @escaping (DerivedPass, StepContext) -> Int
  ) {
    let place = script.gradients(unit.inputs * unit.z.padded)
    script.each { pass, context in
      let dz = gradient(pass, context)
      pass.gather(unit, context)
      pass.arena.matrixGradient(
        context.scratch + pass.plan.gathered, dz, inputs: unit.inputs, outputs: unit.z.padded,
        pixels: unit.z.pixels, into: context.gradients + place)
      guard unit.passesGradient else { return }
      let matrix = context.scratch + pass.plan.gatheredGradient
      pass.arena.matrix(
        dz, unit.transposed, inputs: unit.z.padded, outputs: unit.inputs, pixels: unit.z.pixels,
        into: matrix)
      for source in unit.sources {
        pass.arena.scatterPatches(
          matrix, column: source.column, pitch: unit.inputs, source.shape,
          at: source.plane.x.at(context.sample), rectifies: unit.rectifies,
          into: source.plane.gradient.at(context.sample))
      }
    }
    script.reduce(place..<(place + unit.inputs * unit.z.padded)) { pass in
      for packing in unit.packings { pass.unpack(packing, from: place, pitch: unit.z.padded) }
    }
  }

  // MARK: - Depthwise convolutions

  /// A first half, or a dilated convolution: `prepare` leaves the gradient of z in scratch A.
  private static func backwardFirst(
    _ unit: DepthwiseUnit, on input: Activations, _ script: inout Script<DerivedPass>,
    prepare: @escaping (DerivedPass, StepContext) -> Void
  ) {
    let places = reserve(unit, &script)
    script.each { pass, context in
      prepare(pass, context)
      let x = input.x.at(context.sample)
      pass.arena.padActivated(x, .relu, into: context.scratch + unit.plane, unit.table)
      pass.backward(unit, places, context)
      pass.arena.addMasked(
        context.scratch + pass.plan.denseC, at: x, .relu, pixels: input.x.pixels,
        channels: input.x.padded, into: input.gradient.at(context.sample))
    }
  }

  /// A second half: leaves the gradient of the first half's normalised output where its own z was.
  private static func backwardSecond(
    _ units: [DepthwiseUnit], _ script: inout Script<DerivedPass>,
    prepare: @escaping (DerivedPass, StepContext) -> Void
  ) {
    let (first, unit) = (units[0], units[1])
    let places = reserve(unit, &script)
    let sums = script.sums(2 * first.z.padded)
    script.each { pass, context in
      prepare(pass, context)
      pass.activate(units, context)
      pass.backward(unit, places, context)
      pass.arena.maskGradient(
        context.scratch + pass.plan.denseC, at: first.z.at(context.sample),
        scale: first.norm.places.scale, offset: first.norm.places.offset, .relu,
        pixels: first.z.pixels, channels: first.z.padded, into: unit.z.at(context.sample),
        moments: context.sums + sums)
    }
    script.atEnd { pass in
      pass.settleBackward(first.norm, sums: sums, pixels: first.z.pixels)
    }
  }

  /// Reserves the partial gradients of a unit in the present phase, and their reduction.
  private static func reserve(_ unit: DepthwiseUnit, _ script: inout Script<DerivedPass>)
    -> UnitPlaces
  {
    var places = unit.places
    let taps = unit.taps * unit.table.channels
    let matrix = unit.table.channels * places.outputs
    places.depthwiseGradient = script.gradients(taps)
    places.pointwiseGradient = script.gradients(matrix)
    let (depthwise, pointwise) = (places.depthwiseGradient, places.pointwiseGradient)
    script.reduce(depthwise..<(pointwise + matrix)) { pass in
      pass.unpack(unit.depthwise, from: depthwise, pitch: unit.table.channels)
      pass.unpack(unit.pointwise, from: pointwise, pitch: unit.places.outputs)
    }
    return places
  }

  /// From the gradient of z in scratch A to that of the activated input in scratch C.
  private func backward(_ unit: DepthwiseUnit, _ places: UnitPlaces, _ context: StepContext) {
    let dx = context.scratch + plan.denseC
    arena.clear(dx, count: unit.table.rows * unit.table.columns * unit.table.channels)
    arena.separableBackward(
      context.scratch + unit.plane, unit.table, places, dz: context.scratch + plan.denseA,
      scratch: context.scratch + plan.denseB, bordered: context.scratch + unit.bordered, into: dx,
      gradients: context.gradients)
  }
}

import Kernels

/// The forward pass of a derived network as a script: phases end where a batch norm needs the whole batch.
extension DerivedPass {
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  static func forwardScript(
    _ blocks: [DerivedPlan.Block], copyingImagesTo target: Tensor? = nil
  ) -> Script<DerivedPass> {
    var script = Script<DerivedPass>()
    if let target {
      script.each { pass, context in
        pass.arena.copyImage(
          pass.images, image: context.sample, pixels: target.pixels, channels: target.channels,
          padded: target.padded, to: target.at(context.sample))
      }
    }
    for block in blocks {
      switch block {
      case .sums(let nodes): forward(nodes, &script)
      case .average(let block):
        script.each { pass, context in
          for (source, output) in zip(block.sources, block.outputs) {
            pass.arena.averageWindows(
              source.x.at(context.sample), block.shape, rectifies: block.rectifies,
              into: output.x.at(context.sample))
          }
        }
      case .linear(let block): forward(block.unit, &script)
      }
    }
    script.barrier()
    return script
  }

  private static func forward(_ nodes: [SumNode], _ script: inout Script<DerivedPass>) {
    let branches = nodes.flatMap(\.branches)
    for branch in branches {
      switch branch.body {
      case .identity: break
      case .pool(let block): forward(block, &script)
      case .dense(let units): for unit in units { forward(unit, &script) }
      case .separable(let input, let units):
        let unit = units[0]
        forward(unit, &script) { pass, context in
          pass.arena.padActivated(
            input.x.at(context.sample), .relu, into: context.scratch + unit.plane, unit.table)
        }
      }
    }
    if branches.contains(where: { $0.norm != nil }) { script.barrier() }
    var hasSecondHalves = false
    for branch in branches {
      guard case .separable(_, let units) = branch.body, units.count == 2 else { continue }
      hasSecondHalves = true
      forward(units[1], &script) { $0.activate(units, $1) }
    }
    if hasSecondHalves { script.barrier() }
    for node in nodes {
      script.each { pass, context in pass.add(node, context) }
    }
  }

  /// The activated input of a second half, from the first half's output.
  func activate(_ units: [DepthwiseUnit], _ context: StepContext) {
    arena.padActivated(
      units[0].z.at(context.sample), scale: units[0].norm.places.scale,
      offset: units[0].norm.places.offset, .relu, into: context.scratch + units[1].plane,
      units[1].table)
  }

  private static func forward(_ block: PoolBlock, _ script: inout Script<DerivedPass>) {
    // The kernels leave moments for the supernet's batch norms; nothing reads them here.
    let place = script.sums(2 * block.y.padded)
    script.each { pass, context in
      let (x, y) = (block.input.x.at(context.sample), block.y.at(context.sample))
      if let taps = block.taps {
        pass.arena.maxPool(
          x, block.shape, into: y, taps: taps.at(context.sample), moments: context.sums + place)
      } else {
        pass.arena.averagePool(x, block.shape, into: y, moments: context.sums + place)
      }
    }
  }

  private static func forward(_ unit: DenseUnit, _ script: inout Script<DerivedPass>) {
    let place = unit.norm == nil ? -1 : script.sums(2 * unit.z.padded)
    script.each { pass, context in
      pass.gather(unit, context)
      pass.arena.matrix(
        context.scratch + pass.plan.gathered, unit.weights, inputs: unit.inputs,
        outputs: unit.z.padded, pixels: unit.z.pixels, into: unit.z.at(context.sample),
        moments: place < 0 ? -1 : context.sums + place)
    }
    guard let norm = unit.norm else { return }
    script.atEnd { pass in pass.settle(norm, sums: place, pixels: unit.z.pixels) }
  }

  func gather(_ unit: DenseUnit, _ context: StepContext) {
    for source in unit.sources {
      arena.gatherPatches(
        source.plane.x.at(context.sample), source.shape, rectifies: unit.rectifies,
        into: context.scratch + plan.gathered, column: source.column, pitch: unit.inputs)
    }
  }

  private static func forward(
    _ unit: DepthwiseUnit, _ script: inout Script<DerivedPass>,
    activate: @escaping (DerivedPass, StepContext) -> Void
  ) {
    let place = script.sums(2 * unit.z.padded)
    script.each { pass, context in
      activate(pass, context)
      pass.arena.separable(
        context.scratch + unit.plane, unit.table, unit.places,
        scratch: context.scratch + pass.plan.denseA,
        into: unit.z.at(context.sample), moments: context.sums + place)
    }
    script.atEnd { pass in pass.settle(unit.norm, sums: place, pixels: unit.z.pixels) }
  }

  /// The value of a node in one sample.
  private func add(_ node: SumNode, _ context: StepContext) {
    let output = node.output.x
    let y = output.at(context.sample)
    for (k, branch) in node.branches.enumerated() {
      let factor = factor(branch, context.sample)
      if let norm = branch.norm {
        arena.addAffine(
          branch.value.at(context.sample), scale: norm.places.scale, offset: norm.places.offset,
          factor: factor, pixels: output.pixels, channels: output.padded, into: y, adding: k > 0)
      } else {
        arena.addScaled(
          branch.value.at(context.sample), factor: factor, count: output.sampleStep, into: y,
          adding: k > 0)
      }
    }
  }
}

import Datasets
import Kernels

/// The passes over a derived network: its buffers, its scripts, and what a pass leaves behind.
final class DerivedPass<A: Arithmetic> {
  typealias Element = A.Element

  let plan: DerivedPlan
  let team: ThreadTeam
  let arena: Arena<A>
  private let forward: Script<DerivedPass>
  private let auxiliaryForward: Script<DerivedPass>
  private let clearing: Script<DerivedPass>
  private let auxiliaryBackward: Script<DerivedPass>
  private let backward: Script<DerivedPass>
  // Decided by the scripts, which name places only; so the arena comes after them.
  private let sumExtent: Int
  private let gradientExtent: Int
  private let scratchExtent: Int
  private let gradientPlace: Int
  private let scratchPlace: Int

  // What the present pass works on.
  private var samples = 0
  private var chunk = 1
  var images: [Element] = []
  private var parameters: [Element] = []
  /// [masks][samples], or empty for none.
  private var factors: [Element] = []
  private var running: BatchNormStatistics<Element>?
  private(set) var flat: FlatGradient<Element>?
  /// Values that went into each batch norm in the present pass; 0 where none passed.
  private var counts: [Int]

  /// Chunks of samples: their number does not depend on the number of threads, so neither do the bits.
  private static var maximumChunks: Int { 16 }
  private var chunks: Int { (samples + chunk - 1) / chunk }

  /// - Throws: `SupernetError.tooLarge`.
  init(_ plan: DerivedPlan, team: ThreadTeam) throws {
    self.plan = plan
    self.team = team
    counts = plan.norms.map { _ in 0 }
    scratchExtent = (plan.planner.scratch + 127) / 128 * 128 + 80
    forward = Self.forwardScript(plan.blocks, copyingImagesTo: plan.images)
    auxiliaryForward = Self.forwardScript(plan.auxiliaryBlocks)
    clearing = Self.clearingScript(plan)
    auxiliaryBackward = Self.backwardScript(plan.auxiliaryBlocks)
    backward = Self.backwardScript(plan.blocks)
    let scripts = [forward, auxiliaryForward, auxiliaryBackward, backward]
    sumExtent = scripts.map(\.sumExtent).max() ?? 0
    gradientExtent = scripts.map(\.gradientExtent).max() ?? 0
    gradientPlace = plan.planner.scalars
    scratchPlace = gradientPlace + Self.maximumChunks * gradientExtent
    arena = try Arena.planned(
      scalars: scratchPlace + team.workers * scratchExtent,
      sums: plan.planner.sums + Self.maximumChunks * sumExtent, weights: plan.layout.count,
      batch: plan.samples)
  }

  // MARK: - What is asked

  /// Prepares a pass: packs w, takes the images over.
  func begin(
    weights: [Element], batch: Batch<Element>, factors: [Element],
    running: BatchNormStatistics<Element>?
  ) {
    samples = batch.count
    chunk = max(2, (samples + Self.maximumChunks - 1) / Self.maximumChunks)
    parameters = weights
    images = batch.images
    self.factors = factors
    self.running = running
    for i in counts.indices { counts[i] = 0 }
    packWeights()
  }

  /// Logits of the network, [samples][classes], and of the auxiliary head if it is wanted.
  func logits(auxiliary: Bool) -> (main: [[Double]], auxiliary: [[Double]]?) {
    run(forward)
    guard auxiliary else { return (read(plan.classifiers[0]), nil) }
    run(auxiliaryForward)
    return (read(plan.classifiers[0]), read(plan.classifiers[1]))
  }

  /// The gradient of w from those of the logits, scaled for the auxiliary head.
  func gradient(logits: [[Double]], auxiliary: [[Double]]?) -> [Element] {
    let flat = FlatGradient<Element>(count: plan.layout.count, tangents: false)
    self.flat = flat
    defer { self.flat = nil }
    write(logits, to: plan.classifiers[0])
    run(clearing)
    if let auxiliary {
      write(auxiliary, to: plan.classifiers[1])
      run(auxiliaryBackward)
    }
    run(backward)
    return flat.valueArray
  }

  /// Means and unbiased variances of the batch; NaN where a batch norm did not take part.
  func batchStatistics() -> BatchNormStatistics<Element> {
    var result = BatchNormStatistics<Element>(means: [], variances: [])
    for norm in plan.norms.map(\.norm) {
      let count = counts[norm.index]
      let moments = arena.moments(norm.places, channels: norm.channels)
      let unbiased = Double(count) / Double(count - 1)
      result.means += moments.means.map { count == 0 ? .nan : Element($0) }
      result.variances += moments.variances.map { count < 2 ? .nan : Element($0 * unbiased) }
    }
    return result
  }

  // MARK: - Running

  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  private func run(_ script: Script<DerivedPass>) {
    for phase in script.phases {
      let gradients = flat != nil && !phase.reductions.isEmpty
      if !phase.steps.isEmpty {
        let schedule = Schedule(phase, of: self)
        team.run(chunks) { chunkIndex, worker in
          let context = StepContext(
            sample: 0, sums: plan.planner.sums + chunkIndex * sumExtent,
            gradients: gradientPlace + chunkIndex * gradientExtent,
            scratch: scratchPlace + worker * scratchExtent)
          arena.clearSums(context.sums, count: phase.sumCount)
          if gradients { arena.clear(context.gradients, count: phase.gradientCount) }
          schedule.run(
            (chunkIndex * chunk)..<min((chunkIndex + 1) * chunk, samples), context, in: self)
        }
      }
      for end in phase.ends { end(self) }
      if gradients {
        team.run(phase.reductions.count) { task, _ in phase.reductions[task].task(self) }
      }
    }
  }

  /// What drop-path makes of a branch in a sample.
  func factor(_ branch: Branch, _ sample: Int) -> Element {
    guard let mask = branch.mask, !factors.isEmpty else { return 1 }
    return factors[mask * samples + sample]
  }

  var chunkTotals: ChunkSums {
    ChunkSums(first: plan.planner.sums, step: sumExtent, chunks: chunks)
  }

  /// Sets a batch norm's coefficients from the sums of z and z², or from running statistics.
  func settle(_ norm: AffineNorm, sums place: Int, pixels: Int) {
    counts[norm.norm.index] = samples * pixels
    if let running {
      let range = norm.norm.statistics..<(norm.norm.statistics + norm.norm.channels)
      arena.setMoments(
        norm.places, mean: running.means[range], variance: running.variances[range])
      arena.settle(norm.places)
    } else {
      arena.settle(norm.places, chunkTotals, at: place, count: samples * pixels)
    }
  }

  /// Sets the coefficients of a batch norm's backward pass from the sums of g and g·z; leaves the gradients of γ and β.
  func settleBackward(_ norm: AffineNorm, sums place: Int, pixels: Int) {
    arena.clearSums(norm.parts, count: 2 * norm.padded)
    _ = arena.normBackward(
      norm.places, chunkTotals, sum: place, product: place + norm.padded, count: samples * pixels,
      weight: A.Scalar(1), gradient: norm.coefficients, parts: norm.parts, affine: norm.gradients)
    arena.coefficients(
      fromSums: norm.parts, count: 2 * norm.padded, to: norm.coefficients + norm.padded)
    guard let flat, let gamma = norm.norm.gamma, let beta = norm.norm.beta else { return }
    for c in 0..<norm.norm.channels {
      flat.write(arena.sum(norm.gradients + c), at: gamma.offset + c)
      flat.write(arena.sum(norm.gradients + norm.padded + c), at: beta.offset + c)
    }
  }

  // MARK: - Logits

  private func read(_ classifier: LinearBlock) -> [[Double]] {
    let bias = classifier.bias
    return (0..<samples).map { sample in
      (0..<bias.count).map {
        arena.read(classifier.unit.z.at(sample) + $0).value + Double(parameters[bias.offset + $0])
      }
    }
  }

  private func write(_ gradient: [[Double]], to classifier: LinearBlock) {
    var sums = [Double](repeating: 0, count: classifier.bias.count)
    for (sample, row) in gradient.enumerated() {
      for (k, g) in row.enumerated() {
        arena.write(A.Scalar(g), at: classifier.gradient.at(sample) + k)
        sums[k] += g
      }
    }
    for (k, sum) in sums.enumerated() { flat?.write(sum, at: classifier.bias.offset + k) }
  }

  // MARK: - Parameters

  private func packWeights() {
    let (dense, depthwise) = (plan.denseUnits, plan.depthwiseUnits)
    team.run(dense.count + depthwise.count + 1) { task, _ in
      if task < dense.count {
        let unit = dense[task]
        for packing in unit.packings {
          pack(packing, to: unit.weights, pitch: unit.z.padded)
          packTransposed(packing, to: unit.transposed, pitch: unit.inputs)
        }
      } else if task < dense.count + depthwise.count {
        let unit = depthwise[task - dense.count]
        pack(unit.depthwise, to: unit.places.depthwise, pitch: unit.table.channels)
        pack(unit.pointwise, to: unit.places.pointwise, pitch: unit.places.outputs)
        packTransposed(unit.pointwise, to: unit.places.transposed, pitch: unit.table.channels)
      } else {
        for norm in plan.norms.map(\.norm) {
          for (slice, place) in [(norm.gamma, norm.places.gamma), (norm.beta, norm.places.beta)] {
            guard let slice else { continue }
            pack(
              Packing(slice: slice, rows: 1, columns: slice.count, rowStep: 0, columnStep: 1),
              to: place, pitch: norm.padded)
          }
        }
      }
    }
  }

  private func pack(_ packing: Packing, to place: Int, pitch: Int) {
    arena.pack(
      parameters, tangents: [], from: packing.slice.offset + packing.first, rows: packing.rows,
      columns: packing.columns, rowStep: packing.rowStep, columnStep: packing.columnStep,
      to: place + packing.row * pitch + packing.column, pitch: pitch)
  }

  private func packTransposed(_ packing: Packing, to place: Int, pitch: Int) {
    arena.pack(
      parameters, tangents: [], from: packing.slice.offset + packing.first, rows: packing.columns,
      columns: packing.rows, rowStep: packing.columnStep, columnStep: packing.rowStep,
      to: place + packing.column * pitch + packing.row, pitch: pitch)
  }

  /// Adds the chunks' parts of a packed gradient and writes them to w's layout.
  func unpack(_ packing: Packing, from place: Int, pitch: Int) {
    guard let flat else { return }
    arena.unpack(
      gradientPlace + place + packing.row * pitch + packing.column, parts: chunks,
      partStep: gradientExtent, rows: packing.rows, columns: packing.columns, pitch: pitch,
      into: flat, to: packing.slice.offset + packing.first, rowStep: packing.rowStep,
      columnStep: packing.columnStep)
  }
}

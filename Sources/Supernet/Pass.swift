import Datasets
import Kernels

/// The passes over one network in one arithmetic: the plan, the arena, and what a pass leaves behind.
///
/// With tangents the same scripts give exact directional derivatives of everything they compute.
final class Pass<A: Arithmetic> {
  typealias Element = A.Element
  typealias Number = A.Scalar

  let shape: SupernetShape
  let layout: ParameterLayout
  let arena: Arena<A>
  let team: ThreadTeam
  let activation: Kernels.Activation
  let capacity: Int
  let stem: Stem
  let cells: [Cell]
  let norms: [BatchNorm]
  /// Per-sample features of the classifier: sums over pixels, in Double; and their gradients in the arena.
  let features: Int
  let featureGradient: Int
  let images: Int
  let sumExtent: Int
  let chunkSums: Int
  private let gradientExtent: Int
  private let gradientPlace: Int
  private let scratchExtent: Int
  private let scratchPlace: Int
  /// Scratch regions, relative to a worker's part.
  let denseA: Int
  let denseB: Int
  let denseC: Int
  let gathered: Int
  let gatheredGradient: Int
  private(set) var forward = Script<Pass>()
  private(set) var backward = Script<Pass>()
  var profile: PassProfile?

  // What the present pass works on.
  private(set) var samples = 0
  private(set) var chunk = 1
  private(set) var mixing: Mixing<Number>
  private(set) var parameters: [Element] = []
  private(set) var parameterTangents: [Element] = []
  private(set) var running: BatchNormStatistics<Element>?
  var flat: FlatGradient<Element>?
  /// Values that went into each batch norm in the present pass; 0 where none passed.
  var counts: [Int]
  /// Gradients of the mixing weights, [cells][edges·8].
  var products: [[Number]] = []

  /// The stem: 3×3 convolution and an affine batch norm.
  final class Stem {
    let x: Tensor
    let z: Tensor
    let gradient: Tensor
    let norm: BatchNorm
    let terms: GradientTerms
    let packing: [Packing]
    let weights: Int
    let weightGradient: Int
    let inputs: Int
    let matrix: Int
    /// Gradients of γ and β among the sums, [2][padded].
    let affine: Int

    init(_ shape: SupernetShape, builder: inout NetworkBuilder, gradients: inout Int) {
      let channels = 3 * shape.channels
      let size = shape.imageSize
      z = builder.planner.tensor(rows: size, columns: size, channels: channels)
      x = builder.planner.tensor(rows: size, columns: size, channels: channels)
      gradient = builder.planner.tensor(rows: size, columns: size, channels: channels)
      norm = builder.norm(
        channels, gamma: builder.layout["stem.bn.gamma"], beta: builder.layout["stem.bn.beta"])
      terms = GradientTerms(sources: 1, channels: channels, planner: &builder.planner)
      affine = builder.planner.takeSums(2 * z.padded)
      inputs = Tensor.padded(9 * shape.inputChannels)
      let slice = builder.layout["stem.conv"]
      // Rows of the packed matrix: tap-major, then input channel; in w the channel comes first.
      packing = (0..<shape.inputChannels).flatMap { c in
        (0..<9).map { tap in
          Packing(
            slice: slice, rows: 1, columns: channels, rowStep: 1,
            columnStep: 9 * shape.inputChannels, first: c * 9 + tap,
            row: tap * shape.inputChannels + c)
        }
      }
      weights = builder.planner.take(inputs * z.padded)
      weightGradient = gradients
      gradients += inputs * z.padded
      matrix = builder.planner.ownScratch(size * size * inputs)
      builder.dense = max(builder.dense, z.sampleStep)
    }
  }

  init(_ shape: SupernetShape, layout: ParameterLayout, capacity: Int, team: ThreadTeam) throws {
    self.shape = shape
    self.layout = layout
    self.team = team
    self.capacity = capacity
    activation = shape.activation == .relu ? .relu : .silu
    var builder = NetworkBuilder(layout: layout, samples: capacity)
    images = builder.planner.take(
      capacity * shape.imageSize * shape.imageSize * shape.inputChannels)
    var extents: [Int] = []
    var gradients = 0
    let stem = Stem(shape, builder: &builder, gradients: &gradients)
    self.stem = stem
    extents.append(gradients)
    var cells: [Cell] = []
    var width = shape.channels
    func outputs(_ index: Int) -> [(x: Tensor, gradient: Tensor)] {
      index < 0
        ? [(stem.x, stem.gradient)] : cells[index].nodes.map { ($0.x, $0.gradient) }
    }
    for index in 0..<shape.cells {
      if shape.kind(ofCell: index) == .reduction { width *= 2 }
      gradients = 0
      cells.append(
        Cell(
          index: index, shape: shape, channels: width,
          inputs: [
            (outputs(index - 2), index > 0 && shape.kind(ofCell: index - 1) == .reduction),
            (outputs(index - 1), false),
          ], builder: &builder, gradients: &gradients))
      extents.append(gradients)
    }
    self.cells = cells
    norms = builder.norms
    let last = outputs(shape.cells - 1)
    featureGradient = builder.planner.take(capacity * last.reduce(0) { $0 + $1.x.padded })
    denseA = builder.planner.ownScratch(builder.dense)
    denseB = builder.planner.ownScratch(builder.dense)
    denseC = builder.planner.ownScratch(builder.dense)
    gathered = builder.planner.ownScratch(builder.gathered)
    gatheredGradient = builder.planner.ownScratch(builder.gathered)
    counts = norms.map { _ in 0 }
    mixing = try Mixing(
      Relaxation<Element>.softmax,
      alpha: [Number](repeating: .zero, count: shape.alphaCount), shape: shape)

    // The scripts decide how many sums a chunk needs, so the arena comes after them; they name places only.
    let chunks = Self.maximumChunks
    gradientExtent = extents.max() ?? 0
    let planner = builder.planner
    gradientPlace = planner.scalars
    scratchPlace = planner.scalars + chunks * gradientExtent
    scratchExtent = (planner.scratch + 127) / 128 * 128 + 80
    let featureCount = capacity * last.reduce(0) { $0 + $1.x.padded }
    features = builder.planner.takeSums(featureCount)
    chunkSums = builder.planner.sums
    // Bounded by the widest cell: a factor for each plane that any phase sums over.
    let widest = cells.map(\.padded).max() ?? 0
    sumExtent =
      max(3 * stem.z.padded, widest * (24 * max(shape.edgeCount, 1) + 16)) + stem.z.padded * 2
    arena = try Arena.planned(
      scalars: planner.scalars + chunks * gradientExtent + team.workers * scratchExtent,
      sums: chunkSums + chunks * sumExtent, weights: layout.count, batch: capacity)
    forward = forwardScript()
    backward = backwardScript()
    precondition(forward.sumExtent <= sumExtent && backward.sumExtent <= sumExtent)
  }

  /// Chunks of samples: their number does not depend on the number of threads, so neither do the bits.
  static var maximumChunks: Int { 16 }

  var chunks: Int { (samples + chunk - 1) / chunk }

  // MARK: - Running

  /// Prepares a pass: packs w, mixes α, copies the images.
  func begin(
    weights: [Element], weightTangents: [Element], alpha: [Number],
    input: SupernetInput<Element>, running: BatchNormStatistics<Element>? = nil
  ) throws {
    samples = input.batch.count
    chunk = max(2, (samples + Self.maximumChunks - 1) / Self.maximumChunks)
    parameters = weights
    parameterTangents = weightTangents
    self.running = running
    mixing = try Mixing(input.relaxation, alpha: alpha, shape: shape)
    products = mixing.weights.map { $0.map { _ in Number.zero } }
    for i in counts.indices { counts[i] = 0 }
    refreshProducts()
    arena.copy(input.batch.images, to: images)
    packWeights()
  }

  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  func run(_ script: Script<Pass>) {
    for phase in script.phases {
      let began = profile == nil ? nil : ContinuousClock().now
      let reductions = flat == nil ? [] : phase.reductions.filter { $0.isActive(self) }
      let parts = reductions.map(\.places)
      if !phase.steps.isEmpty {
        let schedule = Schedule(phase, of: self)
        team.run(chunks) { chunkIndex, worker in
          let sums = chunkSums + chunkIndex * sumExtent
          let gradients = gradientPlace + chunkIndex * gradientExtent
          arena.clearSums(sums, count: phase.sumCount)
          let context = StepContext(
            sample: 0, sums: sums, gradients: flat == nil ? -1 : gradients,
            scratch: scratchPlace + worker * scratchExtent)
          for part in parts { arena.clear(gradients + part.lowerBound, count: part.count) }
          schedule.run(
            (chunkIndex * chunk)..<min((chunkIndex + 1) * chunk, samples), context, in: self)
        }
      }
      for end in phase.ends { end(self) }
      team.run(reductions.count) { task, _ in reductions[task].task(self) }
      if let profile, let began { profile.add(ContinuousClock().now - began, to: phase.name) }
    }
  }

  // MARK: - Parameters

  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  private func packWeights() {
    var tasks: [() -> Void] = []
    tasks.append { [self] in
      for packing in stem.packing { pack(packing, to: stem.weights, pitch: stem.z.padded) }
      for (slice, place) in [
        (stem.norm.gamma, stem.norm.places.gamma), (stem.norm.beta, stem.norm.places.beta),
      ] {
        guard let slice else { continue }
        pack(
          Packing(slice: slice, rows: 1, columns: slice.count, rowStep: 0, columnStep: 1),
          to: place, pitch: stem.z.padded)
      }
    }
    for cell in cells {
      for unit in cell.preprocess + cell.edges.compactMap(\.reduction) {
        tasks.append { [self] in pack(unit) }
      }
      for (index, edge) in cell.edges.enumerated() {
        for (operation, unit) in units(edge.first) + units(edge.second)
        where isActive(operation, index, cell) {
          tasks.append { [self] in pack(unit) }
        }
      }
    }
    team.run(tasks.count) { task, _ in tasks[task]() }
  }

  private func pack(_ packing: Packing, to place: Int, pitch: Int) {
    arena.pack(
      parameters, tangents: parameterTangents, from: packing.slice.offset + packing.first,
      rows: packing.rows, columns: packing.columns, rowStep: packing.rowStep,
      columnStep: packing.columnStep, to: place + packing.row * pitch + packing.column,
      pitch: pitch)
  }

  private func packTransposed(_ packing: Packing, to place: Int, pitch: Int) {
    arena.pack(
      parameters, tangents: parameterTangents, from: packing.slice.offset + packing.first,
      rows: packing.columns, columns: packing.rows, rowStep: packing.columnStep,
      columnStep: packing.rowStep, to: place + packing.column * pitch + packing.row, pitch: pitch)
  }

  private func pack(_ unit: MatrixUnit) {
    for packing in unit.packings {
      pack(packing, to: unit.weights, pitch: unit.z.padded)
      packTransposed(packing, to: unit.transposed, pitch: unit.inputs)
    }
  }

  private func pack(_ unit: SeparableUnit) {
    pack(unit.depthwise, to: unit.places.depthwise, pitch: unit.table.channels)
    pack(unit.pointwise, to: unit.places.pointwise, pitch: unit.places.outputs)
    packTransposed(unit.pointwise, to: unit.places.transposed, pitch: unit.table.channels)
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

  /// The number at an index of w, with its tangent.
  func parameter(_ index: Int) -> Number {
    Number(
      value: Double(parameters[index]),
      tangent: parameterTangents.isEmpty ? 0 : Double(parameterTangents[index]))
  }
}

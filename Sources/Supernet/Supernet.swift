import Datasets
import Kernels

/// The supernet: a pure function of (w, α, input), with its derivatives.
///
/// Not to be shared by several threads; it does its own splitting over a team of workers.
public final class Supernet<Scalar: KernelScalar>: BilevelProblem {
  /// A batch and its relaxation.
  public typealias Input = SupernetInput<Scalar>

  /// What decides the network.
  public let shape: SupernetShape
  /// Names and places of the weights.
  public let layout: ParameterLayout
  /// The largest batch that fits into the buffers.
  public let batchCapacity: Int
  private let team: ThreadTeam
  /// Times the phases of the passes without tangents while it is there.
  public var profile: PassProfile? {
    didSet { plain?.profile = profile }
  }
  private var plain: Pass<Scalar.Plain>?
  private var dual: Pass<Scalar.Dual>?

  /// Entries of w.
  public var weightCount: Int { layout.count }
  /// Entries of α.
  public var alphaCount: Int { shape.alphaCount }

  /// The supernet of a shape; memory for batches up to a capacity is taken with the first pass.
  ///
  /// - Parameter threads: workers that share the work; results have the same bits for any number.
  /// - Throws: `SupernetError.impossible`, `.tooLarge`; the passes throw `.tooLarge` for what is free when they are made.
  public init(_ shape: SupernetShape, batchCapacity: Int, threads: Int) throws {
    try shape.validate()
    try Planner.check(
      samples: batchCapacity, imageSize: shape.imageSize, channels: shape.channels)
    self.shape = shape
    self.layout = ParameterLayout(shape)
    self.batchCapacity = batchCapacity
    team = ThreadTeam(workers: max(1, threads))
  }

  public func gradient(_ wanted: Wanted, at point: Point<Scalar>, on input: Input) throws
    -> Gradient<Scalar>
  {
    let pass = try plainPass()
    try check(point, input)
    try pass.begin(
      weights: point.weights, weightTangents: [], alpha: point.alpha.map { .init(Double($0)) },
      input: input)
    let head = pass.gradient(wanted, labels: input.batch.labels)
    return result(pass, head, wanted)
  }

  public func tangent(
    _ wanted: Wanted, at point: Point<Scalar>, along direction: Direction<Scalar>, on input: Input
  ) throws -> Tangent<Scalar> {
    let pass = try dualPass()
    try check(point, input)
    guard [0, weightCount].contains(direction.weights.count) else {
      throw SupernetError.wrongLength(
        what: "the direction in w", expected: weightCount, found: direction.weights.count)
    }
    guard [0, alphaCount].contains(direction.alpha.count) else {
      throw SupernetError.wrongLength(
        what: "the direction in α", expected: alphaCount, found: direction.alpha.count)
    }
    let alpha = point.alpha.indices.map { i in
      DualNumberOf<Scalar>(
        value: Double(point.alpha[i]),
        tangent: direction.alpha.isEmpty ? 0 : Double(direction.alpha[i]))
    }
    try pass.begin(
      weights: point.weights, weightTangents: direction.weights, alpha: alpha, input: input)
    let head = pass.gradient(wanted, labels: input.batch.labels)
    let alphaGradient = wanted.contains(.alpha) ? pass.mixing.alphaGradient(pass.products) : []
    return Tangent(
      gradient: result(pass, head, wanted), weights: pass.flat?.tangentArray ?? [],
      alpha: alphaGradient.map { Scalar($0.tangent) })
  }

  /// Loss and correct count in evaluation mode, with running statistics; no derivatives.
  public func evaluate(
    at point: Point<Scalar>, on input: Input, statistics: BatchNormStatistics<Scalar>
  ) throws -> Gradient<Scalar> {
    let pass = try plainPass()
    try check(point, input)
    try pass.begin(
      weights: point.weights, weightTangents: [], alpha: point.alpha.map { .init(Double($0)) },
      input: input, running: statistics)
    pass.run(pass.forward)
    let head = pass.classify(input.batch.labels)
    return Gradient(loss: head.loss.value, correct: head.correct)
  }

  /// The logits of a batch in training mode, [count][classes].
  public func logits(at point: Point<Scalar>, on input: Input) throws -> [[Double]] {
    try forwardPass(at: point, on: input).classify(input.batch.labels).logits.map {
      $0.map(\.value)
    }
  }

  /// A pass that has gone forward in training mode.
  func forwardPass(at point: Point<Scalar>, on input: Input) throws -> Pass<Scalar.Plain> {
    let pass = try plainPass()
    try check(point, input)
    try pass.begin(
      weights: point.weights, weightTangents: [], alpha: point.alpha.map { .init(Double($0)) },
      input: input)
    pass.run(pass.forward)
    return pass
  }

  /// Running statistics before the first step: means 0, variances 1.
  public var initialStatistics: BatchNormStatistics<Scalar> {
    get throws {
      let count = try plainPass().norms.reduce(0) { $0 + $1.channels }
      return BatchNormStatistics(
        means: .init(repeating: 0, count: count), variances: .init(repeating: 1, count: count))
    }
  }

  /// Takes the memory of the passes now rather than with the first of them.
  ///
  /// - Parameter tangents: those with tangents, too, which need twice as much again.
  /// - Throws: `SupernetError.tooLarge`.
  public func reserve(tangents: Bool) throws {
    _ = try plainPass()
    if tangents { _ = try dualPass() }
  }

  /// Bytes that the passes made so far hold.
  public var byteCount: Int {
    (plain?.arena.byteCount ?? 0) + (dual?.arena.byteCount ?? 0)
  }

  fileprivate func plainPass() throws -> Pass<Scalar.Plain> {
    if let plain { return plain }
    let made = try Pass<Scalar.Plain>(shape, layout: layout, capacity: batchCapacity, team: team)
    made.profile = profile
    plain = made
    return made
  }

  private func dualPass() throws -> Pass<Scalar.Dual> {
    if let dual { return dual }
    let made = try Pass<Scalar.Dual>(shape, layout: layout, capacity: batchCapacity, team: team)
    dual = made
    return made
  }

  private func check(_ point: Point<Scalar>, _ input: Input) throws {
    try SupernetError.require("w", weightCount, point.weights.count)
    try SupernetError.require("α", alphaCount, point.alpha.count)
    try input.batch.check(
      capacity: batchCapacity, imageSize: shape.imageSize, channels: shape.inputChannels,
      classes: shape.classes)
  }

  private func result<A: Arithmetic>(
    _ pass: Pass<A>, _ head: Head<A.Scalar>, _ wanted: Wanted
  ) -> Gradient<Scalar> where A.Element == Scalar {
    Gradient(
      loss: head.loss.value, correct: head.correct, weights: pass.flat?.valueArray ?? [],
      alpha: wanted.contains(.alpha)
        ? pass.mixing.alphaGradient(pass.products).map { Scalar($0.value) } : [],
      statistics: wanted.contains(.statistics) ? pass.batchStatistics() : nil)
  }
}

typealias DualNumberOf<Scalar: KernelScalar> = Scalar.Dual.Scalar

extension Pass {
  /// Forward and backward with what is wanted; the results lie in `flat`, `products` and the head.
  func gradient(_ wanted: Wanted, labels: [Int]) -> Head<Number> {
    flat =
      wanted.contains(.weights)
      ? FlatGradient(count: layout.count, tangents: A.components == 2) : nil
    run(forward)
    let head = classify(labels)
    if !wanted.isDisjoint(with: [.weights, .alpha]) {
      classifyBackward(head)
      run(backward)
    }
    return head
  }

  /// Means and unbiased variances of the batch; NaN for batch norms that it did not pass.
  func batchStatistics() -> BatchNormStatistics<Element> {
    var means: [Element] = []
    var variances: [Element] = []
    for norm in norms {
      let count = counts[norm.index]
      guard count > 0 else {
        means += [Element](repeating: .nan, count: norm.channels)
        variances += [Element](repeating: .nan, count: norm.channels)
        continue
      }
      let moments = arena.moments(norm.places, channels: norm.channels)
      let unbiased = Double(count) / Double(max(count - 1, 1))
      means += moments.means.map { Element($0) }
      variances += moments.variances.map { Element($0 * unbiased) }
    }
    return BatchNormStatistics(means: means, variances: variances)
  }
}

extension Supernet {
  /// Channels of each batch norm and the values that its last pass averaged, in the order of `BatchNormStatistics`.
  func normCounts() throws -> [(channels: Int, count: Int)] {
    let pass = try plainPass()
    return pass.norms.map { ($0.channels, pass.counts[$0.index]) }
  }
}

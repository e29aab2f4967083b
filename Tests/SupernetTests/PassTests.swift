import Datasets
import Kernels
import Testing

@testable import Supernet

/// Networks of closed formulas, small enough for finite differences.
private struct Sample {
  var shape: SupernetShape
  var batch: Int

  static let smooth = smooth(channels: 4)
  static func smooth(channels: Int) -> Sample {
    Sample(
      shape: SupernetShape(
        inputChannels: 2, imageSize: 8, channels: channels, cells: 3, nodes: 2, activation: .silu,
        maxPool: .avg), batch: 3)
  }
  static let kinked = Sample(
    shape: SupernetShape(inputChannels: 1, imageSize: 12, channels: 6, cells: 4, nodes: 3),
    batch: 5)

  func point<Scalar: KernelScalar>(as: Scalar.Type = Scalar.self) -> Point<Scalar> {
    let layout = ParameterLayout(shape)
    let random = Philox(seed: 7, purpose: .weights)
    var weights: [Scalar] = []
    for slice in layout.slices {
      for i in slice.range {
        let u = 2 * random.uniform(index: i) - 1
        switch slice.role {
        case .weight(let fanIn): weights.append(Scalar(u * (3 / Double(fanIn)).squareRoot()))
        case .gamma: weights.append(Scalar(1 + 0.2 * u))
        case .beta, .bias: weights.append(Scalar(0.2 * u))
        }
      }
    }
    let alpha = (0..<shape.alphaCount).map {
      Scalar(0.5 * Philox(seed: 7, purpose: .alpha).normal(index: $0))
    }
    return Point(weights: weights, alpha: alpha)
  }

  func input<Scalar: KernelScalar>(
    _ seed: UInt64 = 1, _ relaxation: Relaxation<Scalar> = .softmax
  ) -> SupernetInput<Scalar> {
    let count = batch * shape.imageSize * shape.imageSize * shape.inputChannels
    let random = Philox(seed: seed, purpose: .direction)
    return SupernetInput(
      Batch(
        images: (0..<count).map { Scalar(random.normal(index: $0)) },
        labels: (0..<batch).map { ($0 * 3 + 1) % shape.classes }, rows: shape.imageSize,
        columns: shape.imageSize, channels: shape.inputChannels), relaxation)
  }

  func direction(_ count: Int, _ seed: UInt64) -> [Double] {
    let random = Philox(seed: seed, purpose: .direction)
    return (0..<count).map { random.normal(step: 1, index: $0) }
  }

  func net<Scalar: KernelScalar>(threads: Int = 1) throws -> Supernet<Scalar> {
    try Supernet(shape, batchCapacity: batch, threads: threads)
  }
}

@Test func thePaperPresetHas1930618Weights() {
  let shape = SupernetShape(inputChannels: 3, imageSize: 32, channels: 16, cells: 8)
  #expect(ParameterLayout(shape).count == 1_930_618)
}

/// An odd width halves nothing: only reduction cells, which have doubled it, hold factorised reductions.
@Test(arguments: [UInt64(3), 4, 5], [4, 3])
func gradientsOfTheSmoothTwinAreThoseOfFiniteDifferences(seed: UInt64, channels: Int) throws {
  let sample = Sample.smooth(channels: channels)
  let net: Supernet<Double> = try sample.net()
  let point: Point<Double> = sample.point()
  let input: SupernetInput<Double> = sample.input()
  let gradient = try net.gradient([.weights, .alpha], at: point, on: input)
  let v = sample.direction(net.weightCount, seed)
  let u = sample.direction(net.alphaCount, seed + 100)
  let step = 1e-5
  func loss(_ t: Double) throws -> Double {
    var moved = point
    moved.weights.add(t * step, times: v)
    moved.alpha.add(t * step, times: u)
    return try net.gradient([], at: moved, on: input).loss
  }
  // Five points: the error falls with the fourth power of the step.
  let slope =
    (8 * (try loss(1) - loss(-1)) - (try loss(2) - loss(-2))) / (12 * step)
  let expected = gradient.weights.dot(v) + gradient.alpha.dot(u)
  #expect(abs(slope - expected) <= 1e-6 * max(abs(expected), 1))
}

@Test(arguments: [Sample.smooth.shape.activation, Sample.kinked.shape.activation])
func tangentsAreLinearSymmetricAndAdjoint(activation: SupernetShape.Activation) throws {
  let sample = activation == .silu ? Sample.smooth : Sample.kinked
  let net: Supernet<Double> = try sample.net()
  let point: Point<Double> = sample.point()
  let input: SupernetInput<Double> = sample.input()
  let (v, w) = (sample.direction(net.weightCount, 1), sample.direction(net.weightCount, 2))
  let (a, b) = (sample.direction(net.alphaCount, 3), sample.direction(net.alphaCount, 4))
  func tangent(_ direction: Direction<Double>) throws -> Tangent<Double> {
    try net.tangent([.weights, .alpha], at: point, along: direction, on: input)
  }
  let (tv, tw) = (try tangent(Direction(weights: v)), try tangent(Direction(weights: w)))
  let (ta, tb) = (try tangent(Direction(alpha: a)), try tangent(Direction(alpha: b)))
  func close(_ x: Double, _ y: Double, _ scale: Double) -> Bool { abs(x - y) <= 1e-12 * scale }
  // uᵀHv = vᵀHu in w, in α, and across.
  #expect(close(w.dot(tv.weights), v.dot(tw.weights), tv.weights.norm * w.norm))
  #expect(close(b.dot(ta.alpha), a.dot(tb.alpha), ta.alpha.norm * b.norm))
  #expect(close(a.dot(tv.alpha), v.dot(ta.weights), tv.alpha.norm * a.norm))
  // Linearity, with both parts at once.
  let both = try tangent(Direction(weights: v.adding(2, times: w), alpha: a.scaled(by: -3)))
  let sum = tv.weights.adding(2, times: tw.weights).adding(-3, times: ta.weights)
  #expect(both.weights.subtracting(sum).norm <= 1e-12 * sum.norm)
  // The gradient that comes along is the gradient.
  let gradient = try net.gradient([.weights, .alpha], at: point, on: input)
  #expect(tv.gradient.weights.subtracting(gradient.weights).norm <= 1e-13 * gradient.weights.norm)
  #expect(tv.gradient.loss == gradient.loss)
  // Softmax does not see a shift: each edge's row of an α-direction sums to 0.
  for vector in [gradient.alpha, tv.alpha, ta.alpha] {
    for edge in 0..<(vector.count / 8) {
      let row = vector[(edge * 8)..<(edge * 8 + 8)]
      #expect(abs(row.reduce(0, +)) <= 1e-13 * max(1, vector.norm))
    }
  }
}

@Test func tangentsOfTheSmoothTwinAreDerivativesOfGradients() throws {
  let sample = Sample.smooth
  let net: Supernet<Double> = try sample.net()
  let point: Point<Double> = sample.point()
  let input: SupernetInput<Double> = sample.input()
  let v = sample.direction(net.weightCount, 8)
  let u = sample.direction(net.alphaCount, 9)
  let exact = try net.tangent(
    [.weights, .alpha], at: point, along: Direction(weights: v, alpha: u), on: input)
  func difference(_ step: Double) throws -> Double {
    var (up, down) = (point, point)
    up.weights.add(step, times: v)
    up.alpha.add(step, times: u)
    down.weights.add(-step, times: v)
    down.alpha.add(-step, times: u)
    let plus = try net.gradient([.weights, .alpha], at: up, on: input)
    let minus = try net.gradient([.weights, .alpha], at: down, on: input)
    let slope = plus.alpha.subtracting(minus.alpha).scaled(by: 1 / (2 * step))
    let weights = plus.weights.subtracting(minus.weights).scaled(by: 1 / (2 * step))
    return slope.subtracting(exact.alpha).norm / exact.alpha.norm
      + weights.subtracting(exact.weights).norm / exact.weights.norm
  }
  let (coarse, fine) = (try difference(2e-4), try difference(1e-4))
  #expect(fine < 1e-4)
  // Halving the step quarters the error: 2.00 in the exponent.
  #expect(abs((coarse / fine).squareRoot() - 2) < 0.05)
}

@Test func bitsDoNotDependOnTheNumberOfThreads() throws {
  let sample = Sample.kinked
  let point: Point<Float> = sample.point()
  let input: SupernetInput<Float> = sample.input()
  let results = try [1, 2, 3, 8].map { threads in
    let net: Supernet<Float> = try sample.net(threads: threads)
    return try net.tangent(
      [.weights, .alpha, .statistics], at: point, along: Direction(weights: point.weights),
      on: input)
  }
  for other in results.dropFirst() {
    #expect(other.weights == results[0].weights)
    #expect(other.alpha == results[0].alpha)
    #expect(other.gradient.weights == results[0].gradient.weights)
    #expect(other.gradient.statistics == results[0].gradient.statistics)
    #expect(other.gradient.loss.bitPattern == results[0].gradient.loss.bitPattern)
  }
}

@Test func aPassLeavesNothingBehindForTheNext() throws {
  let sample = Sample.kinked
  let point: Point<Float> = sample.point()
  let fresh: Supernet<Float> = try sample.net()
  let used: Supernet<Float> = try sample.net()
  var noise = [Float](repeating: 0, count: used.alphaCount)
  for i in noise.indices { noise[i] = Float(i % 5) }
  _ = try used.gradient(
    [.weights, .alpha], at: point, on: sample.input(9, .gdas(noise: noise, temperature: 2)))
  _ = try used.evaluate(
    at: point, on: sample.input(2), statistics: used.initialStatistics)
  let input: SupernetInput<Float> = sample.input()
  let expected = try fresh.gradient([.weights, .alpha], at: point, on: input)
  let found = try used.gradient([.weights, .alpha], at: point, on: input)
  #expect(found.weights == expected.weights)
  #expect(found.alpha == expected.alpha)
}

@Test func aSmallerBatchIsAsGoodAsAFullOne() throws {
  let sample = Sample.smooth
  let point: Point<Double> = sample.point()
  let input: SupernetInput<Double> = sample.input()
  let exact: Supernet<Double> = try sample.net()
  let roomy = try Supernet<Double>(sample.shape, batchCapacity: 64, threads: 2)
  let a = try exact.gradient([.weights, .alpha], at: point, on: input)
  let b = try roomy.gradient([.weights, .alpha], at: point, on: input)
  #expect(a.weights == b.weights)
  #expect(a.alpha == b.alpha)
}

@Test func evaluationUsesTheRunningStatistics() throws {
  let sample = Sample.kinked
  let net: Supernet<Double> = try sample.net()
  let point: Point<Double> = sample.point()
  let input: SupernetInput<Double> = sample.input()
  let training = try net.gradient(.statistics, at: point, on: input)
  var statistics = try #require(training.statistics)
  // Running variances are unbiased; the batch's own are not. With one batch absorbed whole and the factor taken
  // back, evaluation is training.
  var first = 0
  let counts = try net.normCounts()
  for (channels, count) in counts {
    for i in first..<(first + channels) {
      statistics.variances[i] *= Double(count - 1) / Double(count)
    }
    first += channels
  }
  #expect(first == statistics.variances.count)
  let evaluation = try net.evaluate(at: point, on: input, statistics: statistics)
  #expect(abs(evaluation.loss - training.loss) < 1e-10)
}

@Test func aHardSampleComputesOnlyTheChosenOperations() throws {
  let sample = Sample.kinked
  let net: Supernet<Double> = try sample.net()
  let point: Point<Double> = sample.point()
  // Every edge takes avg_pool_3x3: no convolution of an edge may have a gradient.
  var noise = [Double](repeating: 0, count: net.alphaCount)
  for row in 0..<(noise.count / 8) { noise[row * 8 + Operation.avgPool3.rawValue] = 100 }
  let gradient = try net.gradient(
    [.weights, .alpha, .statistics], at: point,
    on: sample.input(1, .gdas(noise: noise, temperature: 5)))
  for slice in net.layout.slices {
    let norm = Array(gradient.weights[slice.range]).norm
    if slice.name.contains("edge") {
      #expect(norm == 0, "\(slice.name)")
    } else {
      #expect(norm > 0, "\(slice.name)")
    }
  }
  #expect(gradient.statistics?.means.contains { $0.isNaN } == true)
}

@Test(arguments: [
  (SupernetShape(inputChannels: 1, imageSize: 7, channels: 4, cells: 3), "even size"),
  (SupernetShape(inputChannels: 1, imageSize: 8, channels: 0, cells: 3), "--channels"),
  (SupernetShape(inputChannels: 1, imageSize: 8, channels: 4, cells: 0), "--cells"),
  (SupernetShape(inputChannels: 0, imageSize: 8, channels: 4, cells: 3), "channel"),
])
func impossibleShapesAreRefusedInOneSentence(shape: SupernetShape, word: String) throws {
  let error = #expect(throws: SupernetError.self) {
    _ = try Supernet<Float>(shape, batchCapacity: 2, threads: 1)
  }
  #expect(try #require(error).description.contains(word))
}

@Test func wrongVectorsAndBatchesAreRefused() throws {
  let sample = Sample.smooth
  let net: Supernet<Float> = try sample.net()
  var point: Point<Float> = sample.point()
  point.weights.removeLast()
  #expect(throws: SupernetError.self) {
    _ = try net.gradient(.alpha, at: point, on: sample.input())
  }
  var input: SupernetInput<Float> = sample.input()
  input.batch.labels[0] = 10
  #expect(throws: SupernetError.self) {
    _ = try net.gradient(.alpha, at: sample.point(), on: input)
  }
}

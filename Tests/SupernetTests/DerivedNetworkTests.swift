import Datasets
import Foundation
import Kernels
import Testing

@testable import Supernet

/// A case that PyTorch computed in Double (`Fixtures/derived/README.md`).
private struct Golden: Decodable, CustomTestStringConvertible {
  struct Case: Decodable {
    var genotype: String
    var stem: DerivedShape.Stem
    var channels: Int
    var cells: Int
    var image: Int
    var batch: Int
    var inChannels: Int
    var classes: Int
    var auxiliary: Bool
    var drop: Bool
    var smoothing: Double
    var weightScale: Double
  }

  var `case`: Case
  var parameters: Int
  var loss: Double
  var mainLoss: Double
  var auxiliaryLoss: Double?
  var logits: [[Double]]
  var auxiliaryLogits: [[Double]]?
  var evaluationLogits: [[Double]]
  var shapes: [[Int]]
  /// Norm, projection and the first entries, for each parameter.
  var gradients: [[Double]]

  static let names = ["darts-v2-cifar", "amoebanet-cifar", "nasnet-imagenet", "milenas-gray"]

  init(_ name: String) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/derived/\(name).json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Golden.self, from: Data(contentsOf: file))
  }

  var testDescription: String { `case`.genotype }

  var shape: DerivedShape {
    DerivedShape(
      stem: `case`.stem, inputChannels: `case`.inChannels, imageSize: `case`.image,
      classes: `case`.classes, channels: `case`.channels, cells: `case`.cells)
  }

  func network<Scalar: KernelScalar>(threads: Int = 2, spare: Int = 0) throws
    -> DerivedNetwork<Scalar>
  {
    try DerivedNetwork(
      KnownGenotypes()[`case`.genotype].genotype, as: shape, auxiliary: `case`.auxiliary,
      batchCapacity: `case`.batch + spare, threads: threads)
  }

  func weights<Scalar: KernelScalar>(_ layout: ParameterLayout) -> [Scalar] {
    layout.slices.enumerated().flatMap { p, slice in
      (0..<slice.count).map { i -> Scalar in
        let wave = sin(0.7 * Double(i) + 1.3 * Double(p) + 0.1)
        let scale = `case`.weightScale
        return switch slice.role {
        case .weight(let fanIn): Scalar(scale * (2 / Double(fanIn)).squareRoot() * wave)
        case .gamma: Scalar(scale * (1 + 0.1 * wave))
        case .beta, .bias: Scalar(scale * 0.1 * wave)
        }
      }
    }
  }

  func batch<Scalar: KernelScalar>() -> Batch<Scalar> {
    let (size, channels) = (`case`.image, `case`.inChannels)
    var images: [Scalar] = []
    for n in 0..<`case`.batch {
      for pixel in 0..<(size * size) {
        for c in 0..<channels {
          let i = (n * channels + c) * size * size + pixel
          images.append(Scalar(sin(0.37 * Double(i) + 0.5)))
        }
      }
    }
    return Batch(
      images: images, labels: (0..<`case`.batch).map { (3 * $0 + 1) % `case`.classes }, rows: size,
      columns: size, channels: channels)
  }

  func terms<Scalar: KernelScalar>(masks: Int) -> DerivedTerms<Scalar> {
    let factors = (0..<masks).flatMap { k in
      (0..<`case`.batch).map { s -> Scalar in
        sin(1.1 * Double(k) + 2.3 * Double(s)) > 0.6 ? 0 : Scalar(1 / 0.8)
      }
    }
    return DerivedTerms(
      auxiliaryWeight: `case`.auxiliary ? 0.4 : 0, labelSmoothing: `case`.smoothing,
      dropPathFactors: `case`.drop ? factors : [])
  }
}

/// Written so that NaN fails.
private func agrees(_ ours: [Double], _ theirs: [Double], _ tolerance: Double) -> Bool {
  let scale = max(theirs.map(abs).max() ?? 0, 1e-3)
  return ours.count == theirs.count
    && zip(ours, theirs).allSatisfy { abs($0 - $1) <= tolerance * scale }
}

struct DerivedNetworkTests {
  @Test(arguments: Golden.names) func forwardAgreesWithPyTorch(name: String) throws {
    let golden = try Golden(name)
    let net: DerivedNetwork<Double> = try golden.network()
    #expect(net.weightCount == golden.parameters)
    #expect(
      net.layout.slices.map { $0.shape.reduce(1, *) } == golden.shapes.map { $0.reduce(1, *) })
    let result = try net.loss(
      at: golden.weights(net.layout), on: golden.batch(), golden.terms(masks: net.maskCount))
    #expect(agrees([result.loss, result.mainLoss], [golden.loss, golden.mainLoss], 1e-9))
    #expect(agrees(result.logits.flatMap { $0 }, golden.logits.flatMap { $0 }, 1e-9))
    #expect((result.auxiliaryLoss == nil) == (golden.auxiliaryLoss == nil))
    if let auxiliary = result.auxiliaryLogits, let theirs = golden.auxiliaryLogits {
      #expect(agrees(auxiliary.flatMap { $0 }, theirs.flatMap { $0 }, 1e-9))
    }
  }

  @Test(arguments: Golden.names) func gradientAgreesWithPyTorch(name: String) throws {
    let golden = try Golden(name)
    let net: DerivedNetwork<Double> = try golden.network()
    let result = try net.gradient(
      at: golden.weights(net.layout), on: golden.batch(), golden.terms(masks: net.maskCount))
    #expect(net.layout.slices.count == golden.gradients.count)
    // Behind a batch norm some gradients are 0 but for rounding: all are measured by the largest.
    let largest = golden.gradients.map { $0[0] }.max() ?? 0
    for (p, slice) in net.layout.slices.enumerated() {
      let g = Array(result.weights[slice.range])
      let projection = g.indices.reduce(0) {
        $0 + g[$1] * sin(0.9 * Double($1) + 0.4 * Double(p))
      }
      let ours = [g.norm, projection] + g.prefix(2)
      let distance = zip(ours, golden.gradients[p]).map { abs($0 - $1) }.max() ?? .nan
      #expect(
        ours.count == golden.gradients[p].count
          && distance <= 1e-9 * max(golden.gradients[p][0], 1e-3 * largest), "\(slice.name)")
    }
  }

  @Test(arguments: Golden.names) func evaluationAgreesWithPyTorch(name: String) throws {
    let golden = try Golden(name)
    let net: DerivedNetwork<Double> = try golden.network()
    var statistics = net.initialStatistics
    var first = 0
    for (n, slice) in net.layout.slices.filter({ $0.role == .gamma }).enumerated() {
      for c in 0..<slice.count {
        let wave = sin(0.5 * Double(c) + 0.3 * Double(n))
        statistics.means[first + c] = 0.1 * wave
        statistics.variances[first + c] = 1 + 0.5 * wave
      }
      first += slice.count
    }
    let result = try net.evaluate(
      at: golden.weights(net.layout), on: golden.batch(), statistics: statistics)
    #expect(first == statistics.means.count)
    #expect(
      agrees(result.logits.flatMap { $0 }, golden.evaluationLogits.flatMap { $0 }, 1e-9))
  }

  /// Drop-path, auxiliary loss and label smoothing included where the case has them.
  @Test(arguments: Golden.names) func finiteDifferencesConfirmTheGradient(name: String) throws {
    let golden = try Golden(name)
    let net: DerivedNetwork<Double> = try golden.network()
    let weights: [Double] = golden.weights(net.layout)
    let batch: Batch<Double> = golden.batch()
    let terms: DerivedTerms<Double> = golden.terms(masks: net.maskCount)
    let gradient = try net.gradient(at: weights, on: batch, terms).weights
    let random = Philox(seed: 3, purpose: .direction)
    let noise = weights.indices.map { random.normal(index: $0) }
    // Along the gradient and across it, at lengths that leave nearly all ReLUs where they are.
    let direction = gradient.scaled(by: 1 / gradient.norm).adding(1 / noise.norm, times: noise)
    let step = 1e-7
    let up = try net.loss(at: weights.adding(step, times: direction), on: batch, terms).loss
    let down = try net.loss(at: weights.adding(-step, times: direction), on: batch, terms).loss
    let slope = (up - down) / (2 * step)
    let exact = gradient.dot(direction)
    #expect(abs(slope - exact) <= 1e-5 * exact, "\(slope) against \(exact)")
  }

  @Test func bitsDoNotHangOnThreadsNorOnSpareCapacity() throws {
    let golden = try Golden("amoebanet-cifar")
    func run(_ net: DerivedNetwork<Float>) throws -> DerivedGradient<Float> {
      try net.gradient(
        at: golden.weights(net.layout), on: golden.batch(), golden.terms(masks: net.maskCount))
    }
    let one = try run(golden.network(threads: 1))
    let three = try run(golden.network(threads: 3, spare: 11))
    #expect(one.loss == three.loss && one.weights == three.weights)
    #expect(one.statistics == three.statistics)
  }

  @Test func floatStaysNearDouble() throws {
    let golden = try Golden("darts-v2-cifar")
    let net: DerivedNetwork<Float> = try golden.network()
    let result = try net.gradient(
      at: golden.weights(net.layout), on: golden.batch(), golden.terms(masks: net.maskCount))
    #expect(abs(result.loss - golden.loss) < 1e-4 * golden.loss)
    let squares = golden.gradients.reduce(0) { $0 + $1[0] * $1[0] }
    #expect(abs(result.weights.norm - squares.squareRoot()) < 1e-3 * squares.squareRoot())
  }

  @Test func droppedBranchesCarryNoGradient() throws {
    let golden = try Golden("milenas-gray")
    let net: DerivedNetwork<Double> = try golden.network()
    let none = [Double](repeating: 0, count: net.maskCount * golden.case.batch)
    let result = try net.gradient(
      at: golden.weights(net.layout), on: golden.batch(), DerivedTerms(dropPathFactors: none))
    let dropped = net.layout.slices.filter { $0.name.contains(".ops.") }
    #expect(!dropped.isEmpty)
    #expect(dropped.allSatisfy { result.weights[$0.range].allSatisfy { $0 == 0 } })
    #expect(result.weights[net.layout["classifier.bias"].range].contains { $0 != 0 })
  }

  @Test func dropPathKeepsAnAverageOfOne() throws {
    let golden = try Golden("milenas-gray")
    let net: DerivedNetwork<Double> = try golden.network()
    let random = Philox(seed: 5, purpose: .dropPath)
    let factors = net.dropPathFactors(
      probability: 0.2, by: random, epoch: 1, step: 2, samples: 400)
    #expect(factors.count == net.maskCount * 400)
    #expect(factors.allSatisfy { $0 == 0 || $0 == 1 / 0.8 })
    // Standard error of a mean of n factors with variance p/(1 − p): 0.5/√n.
    let mean = factors.reduce(0, +) / Double(factors.count)
    #expect(abs(mean - 1) < 5 * 0.5 / Double(factors.count).squareRoot())
    #expect(
      factors != net.dropPathFactors(probability: 0.2, by: random, epoch: 1, step: 3, samples: 400))
    #expect(
      net.dropPathFactors(probability: 0, by: random, epoch: 1, step: 2, samples: 4).isEmpty)
  }

  @Test func parametersAreThoseThatTheCountingRulesGive() throws {
    for entry in try KnownGenotypes().entries {
      for shape in [DerivedShape.cifar10, .imageNet] {
        let count = try NetworkCount(entry.genotype, as: shape)
        let plain = try DerivedPlan(entry.genotype, as: shape, auxiliary: false, samples: 1)
        let full = try DerivedPlan(entry.genotype, as: shape, auxiliary: true, samples: 1)
        #expect(plain.layout.count == count.parameters, "\(entry.name)")
        #expect(full.layout.count == count.parametersWithAuxiliary, "\(entry.name)")
      }
    }
  }

  @Test func sizesThatDoNotHalveAreRefused() throws {
    var shape = DerivedShape.cifar10
    shape.imageSize = 30
    #expect(throws: SupernetError.self) {
      try DerivedPlan(
        KnownGenotypes()["DARTS_V2"].genotype, as: shape, auxiliary: false, samples: 1)
    }
  }
}

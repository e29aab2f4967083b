import Foundation
import Kernels
import Supernet
import Testing

@testable import Search

/// λ_max of 67 published searches of R-DARTS, and where its rule stops them; `source` says where they come from.
private struct PublishedCurvatures: Decodable {
  struct Run: Decodable, CustomStringConvertible {
    var space: String
    var dataset: String
    var run: Int
    var epochs: [Int]
    var lambdaMax: [Double]
    var earlyStopEpoch: Int?
    var description: String { "\(space) \(dataset) run \(run)" }
  }

  var runs: [Run]

  static func load() throws -> PublishedCurvatures {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/rdarts_curvature.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(PublishedCurvatures.self, from: Data(contentsOf: file))
  }
}

struct StopRuleTests {
  @Test func publishedSearchesStopWhereTheirRuleStopsThem() throws {
    let rule = CurvatureRule()
    let runs = try PublishedCurvatures.load().runs
    for run in runs {
      // Their last measurement, after epoch 49, is off the grid of every second epoch.
      let measured = zip(run.epochs, run.lambdaMax).filter { rule.measures(afterEpoch: $0.0) }
      let stop = rule.stop(epochs: measured.map(\.0), curvatures: measured.map(\.1))
      #expect(stop == run.earlyStopEpoch, "\(run)")
    }
    #expect(runs.count == 67 && runs.count { $0.earlyStopEpoch != nil } == 40)
  }

  @Test func collapsedNetworkNeverStops() {
    let epochs = Array(stride(from: 0, to: 60, by: 2))
    #expect(CurvatureRule().stop(epochs: epochs, curvatures: epochs.map { _ in 0 }) == nil)
  }

  fileprivate func record(_ epoch: Int, n: Int, r: Int, curvature: Double? = nil) -> EpochRecord {
    EpochRecord(
      epoch: epoch, trainLoss: 1, trainAccuracy: 0.5, validLoss: 1, validAccuracy: 0.5, alpha: [],
      alphaSoftmax: [], genotype: "cell of epoch \(epoch)", normalConvolutions: n,
      reductionConvolutions: r, parameters: 1, multiplyAdds: 1, curvature: curvature,
      trainSeconds: 1, validSeconds: 1)
  }

  @Test(arguments: [(6, 0, true), (5, 0, true), (7, 0, false), (5, 1, false)])
  func sizeRuleStopsAtOrBelowTheSize(n: Int, r: Int, stops: Bool) {
    let rule = StopRule.size(ConvolutionCounts(normal: 6, reduction: 0))
    let stop = rule.stop(after: [record(0, n: 8, r: 4), record(1, n: n, r: r)])
    #expect(stop?.epoch == (stops ? 1 : nil))
  }

  /// Epochs that measured nothing are passed over.
  @Test func curvatureRuleKeepsTheCellOfTheOlderWindow() {
    let epochs = (0..<40).map { epoch in
      record(
        epoch, n: 6, r: 0, curvature: epoch % 2 == 0 ? (epoch < 24 ? 0.2 : 0.6) : nil)
    }
    let stops = epochs.indices.map {
      StopRule.curvature(CurvatureRule()).stop(after: Array(epochs[...$0]))?.epoch
    }
    // At 24 one of five measurements is three times the others: 1.4 times the mean, and the older window ends at 16.
    #expect(stops[23] == nil && stops[24] == 12)
  }
}

extension StopRuleTests {
  /// λ_max grows by 3 % an epoch: measured at more epochs, a window would hold fewer of them.
  @Test(arguments: [1, 2, 3])
  func furtherMeasurementsDoNotMoveTheStop(every: Int) {
    var rule = CurvatureRule()
    rule.factor = 1.2
    let epochs = (0..<40).map { epoch in
      record(
        epoch, n: 6, r: 0,
        curvature: rule.measures(afterEpoch: epoch) || epoch % every == 0
          ? pow(1.03, Double(epoch)) : nil)
    }
    // The first window whose centre is epoch 10 ends at 14; four measurements later it is 1.03⁸ = 1.27 times as high.
    let first = epochs.indices.first {
      StopRule.curvature(rule).stop(after: Array(epochs[...$0])) != nil
    }
    #expect(first == 22)
  }
}

struct AlphaCurvatureTests {
  @Test(arguments: [1, 2, 5, 20])
  func bisectionFindsTheLargestEigenvalueOfASecondDifference(size: Int) {
    // Eigenvalues of tridiag(−1, 2, −1): 2 − 2 cos(kπ/(n + 1)).
    let largest = largestEigenvalue(
      diagonal: [Double](repeating: 2, count: size),
      offDiagonal: [Double](repeating: -1, count: size - 1))
    #expect(abs(largest - (2 - 2 * cos(.pi * Double(size) / Double(size + 1)))) <= 1e-14)
  }

  /// f = ½ αᵀA α with A = diag(1 … n) in a basis turned by a reflection.
  @Test func lanczosFindsTheLargestEigenvalueOfAQuadratic() throws {
    let value = try ReflectedQuadratic(alphaCount: 9).largestAlphaCurvature(
      at: Point(weights: [], alpha: [Double](repeating: 0, count: 9)), on: ())
    #expect(abs(value - 9) <= 1e-9)
  }

  @Test func curvatureOfASupernetIsARayleighQuotientsUpperBound() throws {
    let loop = try TinySearch.loop { $0.curvatureEvery = 1 }
    let run = try Trajectory(loop)
    let curvature = try #require(run.epochs[1].curvature)
    let input = SupernetInput(loop.source.evaluationBatch(0))
    for seed in 0..<5 as Range<UInt64> {
      let random = Philox(seed: seed, purpose: .direction)
      let u = (0..<loop.net.alphaCount).map { Float(random.normal(index: 1_000 + $0)) }
      let product = try loop.net.alphaHessianProduct(u, at: run.state.point, on: input)
      let quotient = u.dot(product) / u.dot(u)
      #expect(quotient <= curvature - loop.configuration.alphaDecay + 1e-6, "seed \(seed)")
    }
    #expect(try Trajectory(TinySearch.loop()).epochs.allSatisfy { $0.curvature == nil })
  }
}

/// ½ αᵀ(I − 2vvᵀ) diag(1 … n) (I − 2vvᵀ) α with v = 1/√n.
private struct ReflectedQuadratic: BilevelProblem {
  let weightCount = 0
  let alphaCount: Int

  private func applied(_ u: [Double]) -> [Double] {
    func reflected(_ u: [Double]) -> [Double] {
      let mean = u.reduce(0, +) / Double(u.count)
      return u.map { $0 - 2 * mean }
    }
    return reflected(reflected(u).enumerated().map { Double($0.offset + 1) * $0.element })
  }

  func gradient(_ wanted: Wanted, at point: Point<Double>, on input: Void) -> Gradient<Double> {
    let image = applied(point.alpha)
    return Gradient(loss: point.alpha.dot(image) / 2, alpha: image)
  }

  func tangent(
    _ wanted: Wanted, at point: Point<Double>, along direction: Direction<Double>, on input: Void
  ) -> Tangent<Double> {
    Tangent(gradient: gradient(wanted, at: point, on: input), alpha: applied(direction.alpha))
  }
}

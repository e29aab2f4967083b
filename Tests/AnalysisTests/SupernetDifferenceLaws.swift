import Datasets
import Foundation
import Kernels
import Search
import Supernet
import Testing

@testable import Analysis

/// What the finite difference of DARTS-2nd costs on a real supernet and on its smooth twin, in Double.
struct SupernetDifferenceLaws {
  /// Relative error of g2 = ξ ∇²_{αw}L v for a radius.
  private func errors(_ name: String, _ radii: [Double]) throws -> [Double] {
    let folder = try ShippedFile.url(bundle: "milenas-lab_Analysis", path: "golden")
    let golden = try #require(try GoldenCase.load(folder).first { $0.name == name })
    let net = try Supernet<Double>(golden.shape, batchCapacity: golden.batchSize, threads: 2)
    let state = BilevelState(golden.point(as: Double.self))
    let inputs = BilevelInputs(
      inner: SupernetInput<Double>(golden.trainBatch(0)),
      outer: SupernetInput<Double>(golden.validationBatch()))
    let step = UnrolledStep(.paper, InnerDescent(rate: 0.025))
    let exact = try net.oneStepHypergradient(
      at: state, on: inputs, step: step, secondOrder: .exact
    ).implicit
    return try radii.map { radius in
      let estimate = try net.oneStepHypergradient(
        at: state, on: inputs, step: step, secondOrder: .finiteDifference(radius: radius)
      ).implicit
      return estimate.subtracting(exact).norm / exact.norm
    }
  }

  @Test func errorOnTheSmoothTwinFallsWithTheSquareOfTheRadius() throws {
    let radii = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]
    let found = try errors("silu-c4-l3", radii)
    #expect(abs(slope(radii.map(log), found.map(log)) - 2) <= 0.05)
  }

  /// Jumps of independent signs add up like a random walk: their number grows as r, what each adds falls as 1/r.
  @Test func errorAcrossKinksGrowsAsTheRootOfTheInverseRadius() throws {
    let radii = [1e-3, 3e-3, 1e-2, 3e-2, 0.1]
    let found = try errors("relu-c8-l3-steps4", radii)
    #expect(abs(slope(radii.map(log), found.map(log)) + 0.5) <= 0.25)
  }

  @Test func kinksMakeTheErrorAtLeastFiftyTimesThatOfTheTwin() throws {
    let kinked = try errors("relu-c4-l3", [1e-2])[0]
    let smooth = try errors("silu-c4-l3", [1e-2])[0]
    #expect(kinked >= 0.1)
    #expect(kinked >= 50 * smooth)
  }
}

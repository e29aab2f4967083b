import Kernels
import Search
import Supernet
import Testing

@testable import Analysis

/// What holds for the second derivatives of any network, with no certified value.
@Suite struct SecondDerivativeLaws {
  @Test(arguments: ShippedNet.allCases, Seed.first(3))
  func theHessianIsSymmetric(net: ShippedNet, seed: Seed) throws {
    let setting = try net.load()
    let all = seed.vector(2 * setting.net.weightCount)
    let (u, v) = (
      Array(all[..<setting.net.weightCount]), Array(all[setting.net.weightCount...])
    )
    let hv = try setting.net.hessianProduct(v, at: setting.point, on: setting.full)
    let hu = try setting.net.hessianProduct(u, at: setting.point, on: setting.full)
    #expect(abs(u.dot(hv) - v.dot(hu)) <= 1e-13 * u.norm * hv.norm)
  }

  @Test(arguments: ShippedNet.allCases, Seed.first(3))
  func theTwoMixedProductsAreAdjoint(net: ShippedNet, seed: Seed) throws {
    let setting = try net.load()
    let (v, u) = (seed.vector(setting.net.weightCount), seed.vector(setting.net.alphaCount))
    let jv = try setting.net.mixedProduct(v, at: setting.point, on: setting.full)
    let ju = try setting.net.tangent(
      .weights, at: setting.point, along: Direction(alpha: u), on: setting.full
    ).weights
    #expect(abs(u.dot(jv) - v.dot(ju)) <= 1e-13 * u.norm * jv.norm)
  }

  @Test(arguments: ShippedNet.allCases)
  func noDirectionChangesTheSumOfAnEdge(net: ShippedNet) throws {
    let setting = try net.load()
    let inputs = try setting.inputs()
    let operations = SmallSupernetShape.operations
    let step = UnrolledStep(.dartsCode, try setting.descent())
    let state = try setting.state()
    func oneStep(_ order: SecondOrder) throws -> [Double] {
      try setting.net.oneStepHypergradient(
        at: state, on: inputs, step: step, secondOrder: order
      ).direction
    }
    func implicit(_ solver: LinearSolver) throws -> [Double] {
      try setting.net.implicitHypergradient(
        at: setting.point, on: inputs, damping: 2, solver: solver
      ).hypergradient.direction
    }
    let unrolled = try [0, 1, 4].map { steps in
      try setting.net.unrolledHypergradient(
        at: state, through: Array(repeating: inputs.inner, count: steps), outer: inputs.outer,
        descent: try setting.descent()
      ).direction
    }
    let others = [
      try setting.net.mixedLevelHypergradient(
        at: state, training: inputs.inner, validation: inputs.outer, step: step,
        secondOrder: .exact, lambda: 0.5
      ).direction,
      try oneStep(.exact), try implicit(.neumann(terms: 3, rate: 0.1)),
      try implicit(.conjugateGradients(iterations: 10, tolerance: 0)),
    ]
    // A difference is a sum of two directions over 2ε: the rounding of both over the radius.
    let bounds = (unrolled + others).map { _ in 1e-15 } + [1e-13]
    let directions = unrolled + others + [try oneStep(.finiteDifference(radius: 0.01))]
    for (direction, bound) in zip(directions, bounds) {
      for edge in 0..<SmallSupernetShape.edges {
        let row = direction[(edge * operations)..<((edge + 1) * operations)]
        #expect(abs(row.reduce(0, +)) <= bound)
      }
    }
  }

  @Test func aTangentIsLinearInItsDirection() throws {
    let setting = try ShippedNet.batchNorm.load()
    let (u, v) = (
      Seed(value: 1).vector(setting.net.weightCount), Seed(value: 2).vector(setting.net.weightCount)
    )
    func product(_ x: [Double]) throws -> [Double] {
      try setting.net.hessianProduct(x, at: setting.point, on: setting.full)
    }
    let together = try product(u.adding(-3, times: v))
    #expect(relativeError(try product(u).adding(-3, times: product(v)), together) <= 1e-13)
  }
}

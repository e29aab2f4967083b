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
    for steps in [0, 1, 4] {
      let direction = try setting.net.unrolledHypergradient(
        at: try setting.state(), through: Array(repeating: inputs.inner, count: steps),
        outer: inputs.outer, descent: try setting.descent()
      ).direction
      for edge in 0..<SmallSupernetShape.edges {
        let row = direction[(edge * operations)..<((edge + 1) * operations)]
        #expect(abs(row.reduce(0, +)) <= 1e-15)
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

import Foundation
import Kernels
import Search
import Supernet
import Testing

@testable import Analysis

/// How the error of eq. 8 depends on its radius.
@Suite struct FiniteDifferenceLaws {
  @Test(arguments: ShippedNet.allCases, Seed.first(3))
  func errorFallsWithTheSquareOfTheRadius(net: ShippedNet, seed: Seed) throws {
    let setting = try net.load()
    let v = seed.vector(setting.net.weightCount)
    // Below the nearest kink of the ReLU network along any of these directions.
    let radii = (net == .relu ? [1e-4, 3e-4, 1e-3] : [1e-4, 1e-3, 1e-2, 3e-2])
    let errors = try radii.map { try doubleError(setting, v, radius: $0) }
    #expect(abs(slope(radii.map(log), errors.map(log)) - 2) <= 0.02)
  }

  @Test func errorJumpsWhereTheRadiusReachesTheNearestKink() throws {
    let setting = try ShippedNet.relu.load()
    let v = try setting.net.gradient(
      .weights, at: setting.point, on: setting.validation
    ).weights
    let radii = stride(from: 0.01, through: 0.2, by: 0.01)
    let errors = try radii.map { try doubleError(setting, v, radius: $0) }
    let jumps = zip(errors, errors.dropFirst()).map { $1 / $0 }
    // A square law grows by at most 4 from one radius to the next; a kink adds an order of
    // magnitude.
    #expect(jumps.contains { $0 > 4.5 })
  }

  @Test func roundingInFloatGrowsWithTheInverseOfTheRadius() throws {
    let setting = try ShippedNet.smooth.load()
    let radii = [1e-6, 1e-5, 1e-4]
    let errors = try radii.map { radius in
      median(
        try Seed.first(9).map {
          try floatError(setting, $0.vector(setting.net.weightCount), radius: radius)
        })
    }
    #expect(abs(slope(radii.map(log), errors.map(log)) + 1) <= 0.15)
  }

  @Test(arguments: ShippedNet.allCases)
  func theRadiusOfThePublicCodesIsSmallEnoughInFloat(net: ShippedNet) throws {
    let setting = try net.load()
    let v = try setting.net.gradient(
      .weights, at: setting.point, on: setting.validation
    ).weights
    let error = try floatError(setting, v, radius: 0.01)
    #expect(error >= 5e-6 && error <= 5e-4)
  }

  @Test(arguments: [ShippedNet.smooth, .batchNorm])
  func theBestRadiusInFloatIsWhereTruncationMeetsRounding(net: ShippedNet) throws {
    let setting = try net.load()
    let directions = Seed.first(9).map { $0.vector(setting.net.weightCount) }
    func error(_ radius: Double) throws -> Double {
      median(try directions.map { try floatError(setting, $0, radius: radius) })
    }
    let truncation =
      median(try directions.map { try doubleError(setting, $0, radius: 0.01) }) / 1e-4  // a
    let rounding = try error(1e-5) * 1e-5  // b
    let predicted = cbrt(rounding / (2 * truncation))
    let radii = stride(from: -4.0, through: -1, by: 0.125).map { pow(10, $0) }
    let errors = try radii.map(error)
    let best = try #require(zip(errors, radii).min { $0.0 < $1.0 }).1
    #expect(best >= predicted / 4 && best <= predicted * 4)
  }

  @Test(arguments: [1e-2, 1, 100])
  func itIsExactOnAQuadraticAtAnyRadius(radius: Double) throws {
    let v = [0.3, -0.7, 0.2]
    let exact = try quadratic.mixedProduct(v, at: quadraticPoint, on: .inner)
    let difference = try quadratic.finiteDifferenceProduct(
      radius: radius, along: v, at: quadraticPoint, on: .inner)
    #expect(relativeError(difference, exact) <= 1e-12)
  }

  @Test func itsOnlyErrorOnACubicIsTheThirdDerivative() throws {
    let problem = CubicCoupling(
      a: [[2, 0.4], [0.4, 1.2]], b: [0.5, -0.3], coupling: [[0.3, -0.5], [0.6, 0.1]], t: [0, 0])
    let point = Point(weights: [0.9, -0.7], alpha: [0.2, -0.1])
    let v = [0.5, -0.25]
    let radius = 0.75
    let difference = try problem.finiteDifferenceProduct(
      radius: radius, along: v, at: point, on: .inner)
    let epsilon = radius / v.norm
    let predicted = try problem.mixedProduct(v, at: point, on: .inner).adding(
      epsilon * epsilon / 3, times: times(problem.coupling, v.map { $0 * $0 * $0 }))
    #expect(relativeError(difference, predicted) <= 1e-13)
  }

  @Test func theProductWithZeroIsZero() throws {
    let product = try quadratic.finiteDifferenceProduct(
      radius: 0.01, along: [0, 0, 0], at: quadraticPoint, on: .inner)
    #expect(product == [0, 0])
  }

  @Test(arguments: [0, -1, .nan, .infinity])
  func aRadiusThatIsNoneIsRefused(radius: Double) {
    #expect(
      throws: SearchError.impossible("a finite difference needs a radius above 0, not \(radius)")
    ) {
      try quadratic.finiteDifferenceProduct(
        radius: radius, along: [1, 0, 0], at: quadraticPoint, on: .inner)
    }
  }

  // MARK: Helpers

  private func doubleError(_ setting: SupernetCase, _ v: [Double], radius: Double) throws
    -> Double
  {
    let batch = try setting.batch("batch0")
    return relativeError(
      try setting.net.finiteDifferenceProduct(
        radius: radius, along: v, at: setting.point, on: batch),
      try setting.net.mixedProduct(v, at: setting.point, on: batch))
  }

  /// The difference in Float against the exact product in Double at the same, rounded point.
  private func floatError(_ setting: SupernetCase, _ v: [Double], radius: Double) throws
    -> Double
  {
    let net = SmallSupernet<Float>(shape: setting.net.shape)
    let point = Point(
      weights: setting.point.weights.map(Float.init), alpha: setting.point.alpha.map(Float.init))
    let direction = v.map(Float.init)
    let batch = try setting.batch("batch0")
    let difference = try net.finiteDifferenceProduct(
      radius: radius, along: direction, at: point, on: batch)
    let exact = try setting.net.mixedProduct(
      direction.map(Double.init),
      at: Point(weights: point.weights.map(Double.init), alpha: point.alpha.map(Double.init)),
      on: batch)
    return relativeError(difference.map(Double.init), exact)
  }
}

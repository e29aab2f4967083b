import Kernels
import Testing

@testable import Analysis

@Suite struct CurvatureTests {
  /// One eigenvalue far from the rest: without reorthogonalisation it comes back as ghosts.
  private let spectrum = [100.0, 3, 2.9, 2.5, 2, 1.7, 1.5, 1.1, 0.8, 0.5, 0.2, -1]

  private func product(_ x: [Double]) -> [Double] { zip(spectrum, x).map(*) }

  @Test(arguments: Seed.first(4))
  func theLargestRitzValueRisesToTheLargestEigenvalue(seed: Seed) throws {
    var previous = -Double.infinity
    for iterations in 1...spectrum.count {
      let found = try Lanczos(iterations: iterations, tolerance: 0, seed: seed.value).spectrum(
        dimension: spectrum.count, product: product)
      #expect(found.largest >= previous - 1e-12)
      #expect(found.largest <= 100 + 1e-12)
      #expect(found.smallest >= -1 - 1e-12)
      previous = found.largest
    }
    #expect(abs(previous - 100) <= 1e-12)
  }

  @Test(arguments: Seed.first(4))
  func everyEigenvalueIsFoundOnceWithoutGhosts(seed: Seed) throws {
    let found = try Lanczos(iterations: 40, tolerance: 0, seed: seed.value).spectrum(
      dimension: spectrum.count, product: product)
    #expect(found.iterations == spectrum.count)
    #expect(found.values.subtracting(spectrum.sorted()).norm <= 1e-10)
  }

  @Test func repeatedEigenvaluesAreFoundOnceInAsManyStepsAsThereAreDistinctOnes() throws {
    let found = try Lanczos(iterations: 12, tolerance: 1e-10).spectrum(dimension: 12) { x in
      x.indices.map { Double($0 % 3 + 1) * x[$0] }
    }
    #expect(found.iterations == 3)
    #expect(found.values.subtracting([1, 2, 3]).norm <= 1e-12)
  }

  @Test func boundsHoldTheDistanceToAnEigenvalue() throws {
    let found = try Lanczos(iterations: 5, tolerance: 0).spectrum(
      dimension: spectrum.count, product: product)
    for (value, bound) in zip(found.values, found.bounds) {
      let distance = spectrum.map { abs($0 - value) }.min() ?? .nan
      #expect(distance <= bound + 1e-12)
    }
  }

  @Test func theTopVectorIsAnEigenvector() throws {
    let found = try Lanczos(iterations: 12, tolerance: 0).spectrum(
      dimension: spectrum.count, product: product)
    let residual = product(found.topVector).adding(-found.largest, times: found.topVector)
    #expect(residual.norm <= 1e-10)
    #expect(abs(found.topVector.norm - 1) <= 1e-12)
  }

  @Test func deflatedEigenvectorsDoNotAppear() throws {
    var first = [Double].zeros(12)
    first[0] = 1
    let found = try Lanczos(iterations: 40, tolerance: 0).spectrum(
      dimension: 12, deflating: [first], product: product)
    #expect(abs(found.largest - 3) <= 1e-10)
    #expect(found.values.count == 11)
  }

  /// On the α-Hessians of the shipped networks, with the constants of the edges deflated.
  @Test(arguments: ShippedNet.allCases)
  func theAlphaHessianOfANetworkIsFoundFromBelow(net: ShippedNet) throws {
    let setting = try net.load()
    let (count, operations) = (setting.net.alphaCount, SmallSupernetShape.operations)
    func hessian(_ vector: [Double]) throws -> [Double] {
      try setting.net.alphaHessianProduct(vector, at: setting.point, on: setting.validation)
    }
    let dense = try (0..<count).map { index in
      try hessian((0..<count).map { $0 == index ? 1 : 0 })
    }
    let top = try #require(try SymmetricEigen(dense).values.last)
    let constants = (0..<SmallSupernetShape.edges).map { edge in
      (0..<count).map { $0 / operations == edge ? 1 / Double(operations).squareRoot() : 0 }
    }
    for constant in constants { #expect(try hessian(constant).norm <= 1e-14) }
    var previous = -Double.infinity
    for iterations in 1...(count - constants.count) {
      let found = try Lanczos(iterations: iterations, tolerance: 0).spectrum(
        dimension: count, deflating: constants, product: hessian
      ).largest
      #expect(found >= previous - 1e-15 && found <= top + 1e-15)
      previous = found
    }
    #expect(abs(previous / top - 1) <= 1e-12)
  }

  @Test func powerIterationFindsTheLargestMagnitudeAndWithAShiftTheLargestValue() throws {
    let spectrum = [-3.0, -1, 0.5, 2]
    let start = [1.0, 1, 1, 1]
    func eigenvalue(shift: Double) throws -> Double {
      try PowerIteration(shift: shift).eigenvalue(from: start) { zip(spectrum, $0).map(*) }
    }
    #expect(abs(try eigenvalue(shift: 0) + 3) <= 1e-12)
    #expect(abs(try eigenvalue(shift: 3) - 2) <= 1e-12)
  }

  @Test func matricesThatAreNotFiniteAreRefused() {
    #expect(throws: AnalysisError.noEigenvalues(size: 2)) {
      try SymmetricEigen([[1, .nan], [.nan, 1]])
    }
    #expect(throws: AnalysisError.noEigenvalues(size: 1)) {
      try Lanczos().spectrum(dimension: 3) { $0.map { _ in .infinity } }
    }
  }

  @Test func eigenvectorsBelongToTheirEigenvalues() throws {
    let matrix = quadratic.a
    let eigen = try SymmetricEigen(matrix)
    #expect(relativeError(eigen.values, quadraticEigenvalues) <= 1e-14)
    for (value, vector) in zip(eigen.values, eigen.vectors) {
      #expect(times(matrix, vector).adding(-value, times: vector).norm <= 1e-14)
    }
  }
}

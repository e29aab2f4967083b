import Foundation
import Kernels
import Search
import Supernet
import Testing

@testable import Analysis

/// The solvers behind the implicit function theorem, and what its answer is worth.
@Suite struct ImplicitLaws {
  // MARK: Conjugate gradients

  @Test(arguments: Seed.first(4))
  func conjugateGradientsNeedAsManyStepsAsThereAreDistinctEigenvalues(seed: Seed) throws {
    // Four eigenvalues among twelve.
    let spectrum = (0..<12).map { Double($0 % 4 + 1) }
    let b = seed.vector(12)
    let solution = try LinearSolver.conjugateGradients(iterations: 4, tolerance: 0).solve(b) {
      zip(spectrum, $0).map(*)
    }
    #expect(relativeError(solution.x, zip(b, spectrum).map(/)) <= 1e-13)
    #expect(solution.residualNorms[3] > 1e-3 * b.norm)
  }

  @Test(arguments: Seed.first(4))
  func theErrorInTheNormOfTheMatrixFallsAtLeastAtTheBound(seed: Seed) throws {
    let spectrum = (0..<20).map { 1 + Double($0) }
    let b = seed.vector(20)
    let exact = zip(b, spectrum).map(/)
    func error(_ iterations: Int) throws -> Double {
      let x = try LinearSolver.conjugateGradients(iterations: iterations, tolerance: 0).solve(b) {
        zip(spectrum, $0).map(*)
      }.x
      let gap = x.subtracting(exact)
      return gap.dot(zip(spectrum, gap).map(*)).squareRoot()
    }
    let rate = (20.0.squareRoot() - 1) / (20.0.squareRoot() + 1)
    let errors = try (0...12).map(error)
    for k in 1...12 {
      #expect(errors[k] < errors[k - 1])
      #expect(errors[k] <= 2 * pow(rate, Double(k)) * errors[0])
    }
  }

  /// Three weights need three iterations, the 81 of the smooth network at its minimum no more than 40.
  @Test func conjugateGradientsSolveTheShippedSystems() throws {
    let three = try quadratic.implicitHypergradient(
      at: quadraticMinimum(), on: bothLevels,
      solver: .conjugateGradients(iterations: 3, tolerance: 0))
    #expect(three.relativeResidual <= 1e-14)
    let (setting, minimum, decay) = try smoothMinimum()
    func solved(_ iterations: Int) throws -> ImplicitHypergradient<Double> {
      try setting.net.implicitHypergradient(
        at: minimum, on: BilevelInputs(inner: setting.full, outer: setting.validation),
        weightDecay: decay, solver: .conjugateGradients(iterations: iterations, tolerance: 0))
    }
    let direction = try solved(40).hypergradient.direction
    #expect(relativeError(direction, try solved(81).hypergradient.direction) <= 1e-10)
    #expect(try solved(40).isValid(startingStationarity: 1))
  }

  @Test func conjugateGradientsStopAtNegativeCurvature() throws {
    let solution = try LinearSolver.conjugateGradients(iterations: 10, tolerance: 0)
      .solve([1.0, 1.0]) { [$0[0], -2 * $0[1]] }
    #expect(solution.negativeCurvature)
    #expect(solution.iterations == 0)
    #expect(solution.x == [0, 0])
  }

  @Test func theToleranceIsThatOfTheReturnedIterate() throws {
    let b = [1.0, 2, 3]
    let solution = try LinearSolver.conjugateGradients(iterations: 50, tolerance: 0.1).solve(b) {
      times(quadratic.a, $0)
    }
    let residual = b.subtracting(times(quadratic.a, solution.x)).norm
    #expect(residual <= 0.1 * b.norm)
    #expect(abs(residual - (solution.residualNorms.last ?? .nan)) <= 1e-14)
  }

  // MARK: MINRES

  @Test func minresLowersTheTrueResidualOfAnIndefiniteSystem() throws {
    let setting = try ShippedNet.smooth.load()
    let batch = try setting.batch("batch0")
    let b = try setting.net.gradient(
      .weights, at: setting.point, on: setting.validation
    ).weights
    func product(_ v: [Double]) throws -> [Double] {
      try setting.net.hessianProduct(v, at: setting.point, on: batch).adding(0.1, times: v)
    }
    var previous = b.norm
    for iterations in [1, 2, 3, 5, 10, 20, 40] {
      let solution = try LinearSolver.minres(iterations: iterations, tolerance: 0).solve(
        b, product: product)
      let residual = b.subtracting(try product(solution.x)).norm
      #expect(residual < previous)
      #expect(abs(residual - (solution.residualNorms.last ?? .nan)) <= 1e-10)
      previous = residual
    }
    #expect(
      try LinearSolver.minres(iterations: 40, tolerance: 0).solve(b, product: product)
        .negativeCurvature)
  }

  @Test(arguments: Seed.first(4))
  func minresSolvesAnIndefiniteDiagonal(seed: Seed) throws {
    let spectrum = [-3.0, -1, 0.5, 2, 7]
    let b = seed.vector(5)
    let solution = try LinearSolver.minres(iterations: 5, tolerance: 0).solve(b) {
      zip(spectrum, $0).map(*)
    }
    #expect(relativeError(solution.x, zip(b, spectrum).map(/)) <= 1e-11)
  }

  // MARK: Neumann

  @Test func theNeumannErrorFallsByTheSlowestFactor() throws {
    let expected = 1 - 0.2 * quadraticEigenvalues[0]
    let ratio = try pow(neumannError(100, rate: 0.2) / neumannError(50, rate: 0.2), 1.0 / 50)
    #expect(abs(ratio - expected) <= 1e-6)
  }

  @Test func theNeumannSeriesDivergesBeyondTwoOverTheLargestEigenvalue() throws {
    let limit = 2 / quadraticEigenvalues[2]
    #expect(try neumannError(80, rate: 0.95 * limit) < neumannError(40, rate: 0.95 * limit))
    #expect(try neumannError(80, rate: 1.05 * limit) > 10 * neumannError(40, rate: 1.05 * limit))
  }

  @Test func noTermsGiveTheFirstOrderDirection() throws {
    let result = try quadratic.implicitHypergradient(
      at: quadraticPoint, on: bothLevels, solver: .neumann(terms: 0, rate: 0.2))
    #expect(result.hypergradient.direction == [0.135, -0.225])
    #expect(result.relativeResidual == 1)
  }

  // MARK: Damping and validity

  @Test func dampingLeadsFromTheTruthToTheFirstOrder() throws {
    func direction(_ damping: Double) throws -> [Double] {
      try quadratic.implicitHypergradient(
        at: quadraticMinimum(), on: bothLevels, damping: damping,
        solver: .conjugateGradients(iterations: 12, tolerance: 1e-15)
      ).hypergradient.direction
    }
    let truth = try direction(0)
    let small = try [1e-5, 1e-4, 1e-3].map { try direction($0).subtracting(truth).norm }
    #expect(abs(slope([1e-5, 1e-4, 1e-3].map(log), small.map(log)) - 1) <= 0.01)
    let first = try quadratic.gradient(.alpha, at: quadraticMinimum(), on: .outer).alpha
    #expect(relativeError(try direction(1e9), first) <= 1e-8)
  }

  @Test func onlyASolvedSystemAtAMinimumIsAGradient() throws {
    let start = try quadratic.gradient(.weights, at: quadraticPoint, on: .inner).weights.norm
    func result(_ point: Point<Double>, _ iterations: Int) throws
      -> ImplicitHypergradient<Double>
    {
      try quadratic.implicitHypergradient(
        at: point, on: bothLevels,
        solver: .conjugateGradients(iterations: iterations, tolerance: 0))
    }
    #expect(try result(quadraticMinimum(), 3).isValid(startingStationarity: start))
    #expect(try !result(quadraticMinimum(), 1).isValid(startingStationarity: start))
    #expect(try !result(quadraticPoint, 3).isValid(startingStationarity: start))
    let away = try result(quadraticPoint, 3)
    #expect(abs(away.stationarity - 0.7857480512225277) <= 1e-14)
  }

  @Test func productsAreCounted() throws {
    let result = try quadratic.implicitHypergradient(
      at: quadraticPoint, on: bothLevels, solver: .neumann(terms: 4, rate: 0.2))
    #expect(result.hypergradient.cost.units == 3 + 3 * 8 + 8)
    #expect(result.hypergradient.cost.tangents == 4)
  }

  private func neumannError(_ terms: Int, rate: Double) throws -> Double {
    func direction(_ solver: LinearSolver) throws -> [Double] {
      try quadratic.implicitHypergradient(at: quadraticPoint, on: bothLevels, solver: solver)
        .hypergradient.direction
    }
    let exact = try direction(.conjugateGradients(iterations: 12, tolerance: 1e-15))
    return try direction(.neumann(terms: terms, rate: rate)).subtracting(exact).norm
  }
}

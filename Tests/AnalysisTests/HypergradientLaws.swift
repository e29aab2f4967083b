import Foundation
import Kernels
import Search
import Supernet
import Testing

@testable import Analysis

/// How the estimators relate to each other and to the truth.
@Suite struct HypergradientLaws {
  @Test(arguments: ShippedNet.allCases)
  func oneUnrolledStepIsTheStepOfTheDARTSCode(net: ShippedNet) throws {
    let setting = try net.load()
    let descent = try setting.descent()
    let inputs = try setting.inputs()
    let oneStep = try setting.net.oneStepHypergradient(
      at: try setting.state(), on: inputs, step: UnrolledStep(.dartsCode, descent),
      secondOrder: .exact)
    let unrolled = try setting.net.unrolledHypergradient(
      at: try setting.state(), through: [inputs.inner], outer: inputs.outer, descent: descent)
    #expect(relativeError(unrolled.direction, oneStep.direction) <= 1e-13)
  }

  @Test func noStepsGiveTheFirstOrderDirection() throws {
    let unrolled = try quadratic.unrolledHypergradient(
      at: BilevelState(quadraticPoint), through: [], outer: .outer,
      descent: InnerDescent(rate: 0.2))
    #expect(unrolled.direction == [0.135, -0.225])
    #expect(unrolled.implicit == [0, 0])
  }

  @Test(arguments: [1, 3, 10])
  func unrollingFromAMinimumIsTheNeumannSeries(steps: Int) throws {
    let minimum = try quadraticMinimum()
    let unrolled = try quadratic.unrolledHypergradient(
      at: BilevelState(minimum), through: [Level](repeating: .inner, count: steps),
      outer: .outer, descent: InnerDescent(rate: 0.2))
    let neumann = try quadratic.implicitHypergradient(
      at: minimum, on: bothLevels, solver: .neumann(terms: steps, rate: 0.2))
    #expect(relativeError(unrolled.direction, neumann.hypergradient.direction) <= 1e-11)
  }

  /// The same on the smooth supernet at its minimum with decay, where the Hessian is that of a network.
  @Test(arguments: [1, 5])
  func unrollingFromAMinimumOfANetworkIsTheNeumannSeries(steps: Int) throws {
    let (setting, minimum, decay) = try smoothMinimum()
    let inputs = BilevelInputs(inner: setting.full, outer: setting.validation)
    let unrolled = try setting.net.unrolledHypergradient(
      at: BilevelState(minimum),
      through: [LabelledRows](repeating: setting.full, count: steps), outer: inputs.outer,
      descent: InnerDescent(rate: 0.5, weightDecay: decay))
    let neumann = try setting.net.implicitHypergradient(
      at: minimum, on: inputs, weightDecay: decay, solver: .neumann(terms: steps, rate: 0.5))
    #expect(relativeError(unrolled.direction, neumann.hypergradient.direction) <= 1e-11)
  }

  /// ‖d_N(K) − d‖ ≤ ‖J‖ (1 − ηλ_min)^K/λ_min ‖∇_wL_val‖ for η ≤ 1/λ_max: the tail of the series (Shaban et al. 2019).
  @Test(arguments: [1, 2, 4, 8, 16, 32])
  func whatIsCutOffIsBoundedByTheTailOfTheSeries(steps: Int) throws {
    let (eta, minimum) = (0.4, try quadraticMinimum())
    let slope = try quadratic.gradient(.weights, at: minimum, on: .outer).weights.norm
    let coupling = quadratic.b.reduce(0) { $0 + $1.dot($1) }.squareRoot()  // Frobenius: above ‖J‖
    let rate = 1 - eta * quadraticEigenvalues[0]
    let truncated = try quadratic.implicitHypergradient(
      at: minimum, on: bothLevels, solver: .neumann(terms: steps, rate: eta))
    let error = truncated.hypergradient.direction.subtracting(try truth()).norm
    #expect(error > 0)
    #expect(error <= coupling * pow(rate, Double(steps)) / quadraticEigenvalues[0] * slope)
  }

  @Test func decayIsPartOfTheHessianOfBoth() throws {
    let decay = 0.3
    let minimum = try quadraticMinimum(weightDecay: decay)
    let unrolled = try quadratic.unrolledHypergradient(
      at: BilevelState(minimum), through: [Level](repeating: .inner, count: 5), outer: .outer,
      descent: InnerDescent(rate: 0.2, weightDecay: decay))
    let neumann = try quadratic.implicitHypergradient(
      at: minimum, on: bothLevels, weightDecay: decay, solver: .neumann(terms: 5, rate: 0.2))
    #expect(relativeError(unrolled.direction, neumann.hypergradient.direction) <= 1e-11)
  }

  @Test(arguments: [(0.0, 1e-10), (0.9, 1e-4)])
  func theLimitOfLongUnrollsIsTheTruthWithAnyMomentum(momentum: Double, bound: Double) throws {
    let unrolled = try quadratic.unrolledHypergradient(
      at: BilevelState(quadraticPoint), through: [Level](repeating: .inner, count: 200),
      outer: .outer, descent: InnerDescent(rate: 0.2, momentum: momentum))
    #expect(relativeError(unrolled.direction, try truth()) <= bound)
  }

  @Test func errorOfTheUnrollFallsLikeTheStepsTimesAPower() throws {
    let (problem, start) = try shippedLogistic()
    let minimum = try StationaryPoint(problem: problem).find(from: start, on: .inner)
    let exact = try problem.implicitHypergradient(
      at: minimum, on: bothLevels,
      solver: .conjugateGradients(iterations: 12, tolerance: 1e-15)
    ).hypergradient.direction
    func error(_ steps: Int) throws -> Double {
      try problem.unrolledHypergradient(
        at: BilevelState(start), through: [Level](repeating: .inner, count: steps),
        outer: .outer, descent: InnerDescent(rate: 1)
      ).direction.subtracting(exact).norm
    }
    let q = 0.8331579584688853  // max |1 − λ| at the minimum
    #expect(abs(try error(100) / error(50) / (2 * pow(q, 50)) - 1) <= 0.05)
  }

  @Test func theDerivativeOfTheMinimumIsThePartialDerivative() throws {
    let (decay, h) = (0.3, 0.125)
    // Quadratic in α, so that the central difference is exact.
    func minimum(_ shift: Double) throws -> Double {
      let alpha = [quadraticPoint.alpha[0] + shift, quadraticPoint.alpha[1]]
      let point = try quadraticMinimum(weightDecay: decay, alpha: alpha)
      return try quadratic.gradient(.alpha, at: point, on: .inner).loss
        + decay / 2 * point.weights.dot(point.weights)
    }
    let partial = try quadratic.gradient(
      .alpha, at: quadraticMinimum(weightDecay: decay), on: .inner
    ).alpha[0]
    #expect(abs((try minimum(h) - minimum(-h)) / (2 * h) - partial) <= 1e-10)
  }

  @Test func theMiLeNASCodeMovesAlphaAndIgnoresTheMomentum() throws {
    let gradient = try quadratic.gradient([.weights, .alpha], at: quadraticPoint, on: .inner)
    let descent = InnerDescent(rate: 0.5, momentum: 0.9, weightDecay: 0.1)
    let state = BilevelState(quadraticPoint, momentum: [1, 1, 1])
    let moved = UnrolledStep(.milenasCode, descent).taken(from: state, along: gradient)
    let still = UnrolledStep(.milenasCode, descent).taken(
      from: BilevelState(quadraticPoint), along: gradient)
    #expect(moved == still)
    #expect(relativeError(moved.alpha, [0.7 - 0.5 * (-0.3 + 0.07), -0.5 - 0.5 * 0.02]) <= 1e-14)
  }

  @Test func lambdaMultipliesTheBracketThatIsNamed() throws {
    func mixed(_ placement: LambdaPlacement) throws -> MixedLevelHypergradient<Double> {
      try quadratic.mixedLevelHypergradient(
        at: BilevelState(quadraticPoint), training: .inner, validation: .outer,
        step: UnrolledStep(.paper, InnerDescent(rate: 0.2)), secondOrder: .exact, lambda: 0,
        on: placement)
    }
    #expect(try mixed(.validation).direction == mixed(.training).training.direction)
    #expect(try mixed(.training).direction == mixed(.training).validation.direction)
  }

  @Test func costsAreThoseOfTheOperationCounts() throws {
    func oneStep(_ secondOrder: SecondOrder) throws -> PassCost {
      try quadratic.oneStepHypergradient(
        at: BilevelState(quadraticPoint), on: bothLevels,
        step: UnrolledStep(.paper, InnerDescent(rate: 0.2)), secondOrder: secondOrder
      ).cost
    }
    #expect(try oneStep(.finiteDifference(radius: 0.01)).units == 3 + 3 + 2 * 2)
    #expect(try oneStep(.exact).units == 3 + 3 + 6)
    let mixed = try quadratic.mixedLevelHypergradient(
      at: BilevelState(quadraticPoint), training: .inner, validation: .outer,
      step: UnrolledStep(.paper, InnerDescent(rate: 0.2)),
      secondOrder: .finiteDifference(radius: 0.01), lambda: 1)
    #expect(mixed.cost.units == 3 + 2 * (3 + 4))
    let unrolled = try quadratic.unrolledHypergradient(
      at: BilevelState(quadraticPoint), through: [.inner, .inner, .inner], outer: .outer,
      descent: InnerDescent(rate: 0.2))
    #expect(unrolled.cost.units == 3 * 3 + 8 * 3 + 3)
  }

  @Test func severalOuterLossesShareTheSteps() throws {
    let state = BilevelState(quadraticPoint, momentum: [1, -1, 2])
    let descent = InnerDescent(rate: 0.2, momentum: 0.9, weightDecay: 0.1)
    let both = try quadratic.unrolledHypergradients(
      at: state, through: [.inner, .inner], outers: [.outer, .inner], descent: descent)
    for (found, outer) in zip(both, [Level.outer, .inner]) {
      let alone = try quadratic.unrolledHypergradient(
        at: state, through: [.inner, .inner], outer: outer, descent: descent)
      #expect(found.direction == alone.direction)
    }
    #expect(both[0].cost.gradients == 3 && both[1].cost.gradients == 1)
  }

  @Test func statesOfAnotherSizeAreRefused() {
    #expect(throws: SearchError.wrongLength(what: "the momentum", expected: 3, found: 2)) {
      try quadratic.unrolledHypergradient(
        at: BilevelState(quadraticPoint, momentum: [0, 0]), through: [.inner], outer: .outer,
        descent: InnerDescent(rate: 0.2))
    }
  }

  @Test func anOverflowIsNamed() {
    #expect(throws: SearchError.notFinite(term: "g2")) {
      try quadratic.oneStepHypergradient(
        at: BilevelState(quadraticPoint), on: bothLevels,
        step: UnrolledStep(.paper, InnerDescent(rate: 1e200)), secondOrder: .exact)
    }
  }

  private func truth() throws -> [Double] {
    try quadratic.implicitHypergradient(
      at: quadraticMinimum(), on: bothLevels,
      solver: .conjugateGradients(iterations: 12, tolerance: 1e-15)
    ).hypergradient.direction
  }
}

import Kernels
import Supernet
import Testing

@testable import Search

/// How the methods relate to each other, bit for bit.
struct MethodLaws {
  /// The α-direction of the first step.
  private func firstDirection(_ change: (inout SearchConfiguration) -> Void) throws -> [Float] {
    let loop = try TinySearch.loop(change)
    var state = try SearchState(loop.net, configuration: loop.configuration)
    return try loop.step(&state).alphaGradient
  }

  @Test(arguments: SearchSpace.allCases)
  func lambdaZeroIsSingleLevel(space: SearchSpace) throws {
    func trajectory(_ method: SearchMethod, _ lambda: Double) throws -> SearchState {
      try Trajectory(
        TinySearch.loop {
          ($0.method, $0.lambda, $0.space) = (method, lambda, space)
        }
      ).state.timeless
    }
    #expect(try trajectory(.milenas1st, 0) == trajectory(.singleLevel, 1))
    #expect(try trajectory(.milenas1st, 1) != trajectory(.singleLevel, 1))
  }

  @Test(arguments: SearchSpace.allCases)
  func withoutTheTrainingTermMiLeNASIsDARTS(space: SearchSpace) throws {
    func trajectory(_ method: SearchMethod, _ train: Double) throws -> SearchState {
      try Trajectory(
        TinySearch.loop {
          ($0.method, $0.lambdaTrain, $0.space) = (method, train, space)
        }
      ).state.timeless
    }
    #expect(try trajectory(.milenas1st, 0) == trajectory(.darts1st, 1))
  }

  @Test func directionOfMiLeNASIsTheWeightedSumOfItsTerms() throws {
    let loop = try TinySearch.loop {
      ($0.method, $0.lambda, $0.lambdaTrain) = (.milenas1st, 0.3, 2)
    }
    var state = try SearchState(loop.net, configuration: loop.configuration)
    let record = try loop.step(&state)
    #expect(record.terms.map(\.name) == ["grad_alpha_train", "grad_alpha_valid"])
    #expect(record.terms.map(\.coefficient) == [2, 0.3])
    for i in record.alphaGradient.indices {
      let sum = 2 * record.terms[0].gradient[i] + 0.3 * record.terms[1].gradient[i]
      #expect(abs(record.alphaGradient[i] - sum) <= 1e-6)
    }
  }

  /// λ_train multiplies the training bracket, wherever λ stands.
  @Test(arguments: [SearchMethod.milenas2nd, .milenas2ndExact], Variant.allCases)
  func withoutTheTrainingBracketMiLeNAS2ndIsDARTS2nd(method: SearchMethod, variant: Variant) throws
  {
    func direction(_ method: SearchMethod, _ train: Double) throws -> [Float] {
      try firstDirection {
        $0.adopt(variant)
        ($0.method, $0.lambdaTrain) = (method, train)
      }
    }
    let darts: SearchMethod = method == .milenas2nd ? .darts2nd : .darts2ndExact
    let (none, one, two) = (
      try direction(method, 0), try direction(method, 1), try direction(method, 2)
    )
    #expect(try none == direction(darts, 1))
    // Linear in λ_train: the second unit adds what the first has added.
    let (first, second) = (one.subtracting(none), two.subtracting(one))
    #expect(first.norm > 0.1 * none.norm)
    #expect(second.subtracting(first).norm <= 1e-5 * first.norm)
  }

  /// With δ far above all curvature one iteration solves the system; with one iteration and no damping none does.
  @Test func linearSystemsAreCounted() throws {
    func tally(_ change: (inout SearchConfiguration) -> Void) throws -> SolverTally {
      let loop = try TinySearch.loop {
        $0.epochs = 1
        change(&$0)
      }
      _ = try Trajectory(loop)
      return loop.solverTally
    }
    let easy = try tally { ($0.method, $0.damping) = (.implicit, 1e6) }
    #expect(easy.steps == 3 && easy.solved == 3 && easy.negativeCurvature == 0)
    #expect(easy.largestResidual <= SolverTally.tolerance)
    let hard = try tally {
      ($0.method, $0.damping, $0.solverIterations) = (.implicit, 0, 1)
    }
    #expect(hard.steps == 3 && hard.solved == 0 && hard.largestResidual > 0.1)
    #expect(try tally { $0.method = .darts2ndExact } == SolverTally())
  }

  /// With ξ → 0 the unrolled step goes nowhere, and only the first-order term is left.
  @Test(arguments: [
    (SearchMethod.darts2ndExact, SearchMethod.darts1st),
    (SearchMethod.milenas2ndExact, SearchMethod.milenas1st),
  ])
  func smallXiLeavesTheFirstOrderDirection(second: SearchMethod, first: SearchMethod) throws {
    let exact = try firstDirection {
      ($0.method, $0.weightRate, $0.weightRateEnd) = (second, 1e-9, 0)
    }
    let plain = try firstDirection { $0.method = first }
    #expect(exact.subtracting(plain).norm <= 1e-5 * plain.norm)
  }

  /// The smooth twin in Float: rounding over ε, and ε² (eq. 8), stay near a hundredth of the direction.
  @Test(arguments: [
    (SearchMethod.darts2nd, SearchMethod.darts2ndExact),
    (SearchMethod.milenas2nd, SearchMethod.milenas2ndExact),
  ])
  func finiteDifferencesComeNearTheExactProduct(fd: SearchMethod, exact: SearchMethod) throws {
    func direction(_ method: SearchMethod) throws -> [Float] {
      try firstDirection {
        $0.method = method
        ($0.shape.activation, $0.shape.maxPool) = (.silu, .avg)
      }
    }
    let (near, truth) = (try direction(fd), try direction(exact))
    #expect(near.subtracting(truth).norm <= 0.02 * truth.norm)
    #expect(near != truth)
  }

  @Test func oneUnrolledStepIsDARTS2ndOfThePublicCode() throws {
    let unrolled = try firstDirection { ($0.method, $0.unrollSteps) = (.unrolled, 1) }
    let exact = try firstDirection {
      $0.adopt(.dartsCode)
      ($0.method, $0.validationBatches) = (.darts2ndExact, .epoch)
    }
    #expect(unrolled.subtracting(exact).norm <= 1e-5 * exact.norm)
  }

  @Test(arguments: SearchMethod.allCases, SearchSpace.allCases)
  func everyMethodRunsOnEverySpaceAndEndsWithAGenotype(method: SearchMethod, space: SearchSpace)
    throws
  {
    if method == .randomSharing && space != .darts { return }
    let run = try Trajectory(
      TinySearch.loop {
        ($0.method, $0.space) = (method, space)
        ($0.epochs, $0.stepsPerEpoch, $0.unrollSteps, $0.solverIterations) = (1, 2, 2, 2)
      })
    #expect(run.result.outcome == .completed && run.steps.count == 2 && run.epochs.count == 1)
    #expect(try Genotype(run.result.genotype).normal.count == 4)
    #expect((run.steps.last?.temperature == nil) == (space == .darts))
  }
}

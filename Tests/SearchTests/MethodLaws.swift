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

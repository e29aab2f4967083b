import Testing

@testable import Search

struct StepCostTests {
  /// 3F for w; 2F for ∇_α of a loss; 10F for eq. 8, 12F for eq. 7 with one more forward pass for the tangent.
  @Test(arguments: [
    (SearchMethod.singleLevel, 5), (.darts1st, 5), (.milenas1st, 7), (.darts2nd, 13),
    (.darts2ndExact, 15), (.milenas2nd, 20), (.milenas2ndExact, 24), (.unrolled, 28), (.random, 3),
  ])
  func stepsCostTheirOperationCount(method: SearchMethod, units: Int) throws {
    let loop = try TinySearch.loop { ($0.method, $0.unrollSteps) = (method, 2) }
    let state = try SearchState(loop.net, configuration: loop.configuration)
    #expect(try loop.passUnits(at: state) == units)
  }

  @Test func onePassForBothGradientsSavesTheSecondAndFurtherWeightStepsCostThree() throws {
    let loop = try TinySearch.loop { ($0.order, $0.weightUpdates) = (.simultaneous, 3) }
    let state = try SearchState(loop.net, configuration: loop.configuration)
    #expect(try loop.passUnits(at: state) == 5 + 2 * 3)
  }

  private func result(_ method: SearchMethod, _ space: SearchSpace, _ seconds: Double, _ units: Int)
    -> StepBenchmark.Result
  {
    StepBenchmark.Result(
      size: .large, method: method, space: space, order: .alphaFirst, threads: 2,
      medianSeconds: seconds, minimumSeconds: seconds, maximumSeconds: seconds, passUnits: units,
      imagesPerSecond: 1, gradientGFLOPS: 1, gradientSeconds: 1, shareOfPeak: 1, peakGFLOPS: 1,
      peakMegabytes: 1)
  }

  @Test func ratiosStandBesideThoseOfTheCounts() {
    let ratios = CostRatio.all(of: [
      result(.milenas1st, .darts, 2, 7), result(.darts2nd, .darts, 4, 13),
      result(.darts2ndExact, .darts, 5, 15), result(.darts2nd, .gdas, 1, 13),
    ])
    func found(_ step: String, _ other: String) -> CostRatio? {
      ratios.first { $0.step == step && $0.comparedWith == other }
    }
    #expect(ratios.count == 4)
    #expect(found("darts-2nd on darts", "milenas-1st on darts")?.measured == 2)
    #expect(found("darts-2nd on darts", "milenas-1st on darts")?.counted == 13.0 / 7)
    #expect(found("darts-2nd-exact on darts", "milenas-1st on darts")?.measured == 2.5)
    #expect(found("darts-2nd-exact on darts", "darts-2nd on darts")?.measured == 1.25)
    let sampled = found("darts-2nd on gdas", "darts-2nd on darts")
    #expect(sampled?.measured == 0.25 && sampled?.counted == nil)
  }
}

import Kernels
import Supernet
import Testing

@testable import Search

struct SearchLoopTests {
  @Test func sameSeedGivesTheSameBits() throws {
    let (a, b) = (try Trajectory(TinySearch.loop()), try Trajectory(TinySearch.loop(threads: 2)))
    #expect(a.state.timeless == b.state.timeless)
    #expect(a.steps.map(\.trainLoss) == b.steps.map(\.trainLoss))
    #expect(a.steps.map(\.alphaGradient) == b.steps.map(\.alphaGradient))
  }

  @Test func anotherSeedGivesAnotherSearch() throws {
    let (a, b) = (
      try Trajectory(TinySearch.loop()), try Trajectory(TinySearch.loop { $0.seed = 8 })
    )
    #expect(a.state.weights != b.state.weights && a.state.alpha != b.state.alpha)
  }

  @Test(arguments: 0...6)
  func goingOnFromAnyStepGivesTheBitsOfARunWithoutAStop(stop: Int) throws {
    let whole = try Trajectory(TinySearch.loop { $0.space = .gumbel })
    let first = try Trajectory(TinySearch.loop { $0.space = .gumbel }, stopAfter: stop)
    #expect(first.steps.count == stop)
    let second = try Trajectory(TinySearch.loop { $0.space = .gumbel }, from: first.state)
    #expect(second.state.timeless == whole.state.timeless)
    #expect((first.epochs + second.epochs).map(\.validLoss) == whole.epochs.map(\.validLoss))
  }

  @Test func cancelledSearchEndsBetweenSteps() throws {
    let run = try Trajectory(TinySearch.loop(), stopAfter: 4)
    #expect(run.result.outcome == .interrupted && run.steps.count == 4 && run.epochs.count == 1)
    #expect(run.state.step == 4 && run.state.epoch == 1 && run.state.stepInEpoch == 1)
  }

  @Test func initialWeightsFollowTheFanIn() throws {
    let loop = try TinySearch.loop()
    let state = try SearchState(loop.net, configuration: loop.configuration)
    for slice in loop.net.layout.slices {
      let values = state.weights[slice.range]
      switch slice.role {
      case .gamma: #expect(values.allSatisfy { $0 == 1 })
      case .beta: #expect(values.allSatisfy { $0 == 0 })
      case .weight(let fanIn), .bias(let fanIn):
        let bound = 1 / Float(fanIn).squareRoot()
        #expect(values.allSatisfy { abs($0) <= bound })
        // The largest of n uniform numbers falls short of 0.7 of the bound with probability 0.7ⁿ.
        if values.count >= 36 { #expect(values.map { abs($0) }.reduce(0, max) > 0.7 * bound) }
      }
    }
    #expect(state.alpha.allSatisfy { abs($0) < 0.01 } && state.alpha.norm > 0)
  }

  // MARK: - Orders

  /// One step from the initial state in an order.
  private func step(_ order: StepOrder, _ change: (inout SearchConfiguration) -> Void = { _ in })
    throws -> (record: StepRecord, state: SearchState)
  {
    let loop = try TinySearch.loop {
      $0.order = order
      change(&$0)
    }
    var state = try SearchState(loop.net, configuration: loop.configuration)
    return (try loop.step(&state), state)
  }

  @Test func simultaneousTakesBothGradientsAtTheSamePoint() throws {
    let (both, alphaFirst, weightsFirst) = (
      try step(.simultaneous), try step(.alphaFirst), try step(.weightsFirst)
    )
    // α-first forms its direction, and weights-first its weight step, at that same point.
    #expect(both.record.alphaGradient == alphaFirst.record.alphaGradient)
    #expect(both.state.alpha == alphaFirst.state.alpha)
    #expect(both.record.gradientNorms == weightsFirst.record.gradientNorms)
    #expect(both.state.weights == weightsFirst.state.weights)
    // Elsewhere the two orders see the other variable moved.
    #expect(alphaFirst.state.weights != both.state.weights)
    #expect(weightsFirst.state.alpha != both.state.alpha)
  }

  @Test func simultaneousLogsTheNoiseThatItsPassSaw() throws {
    let record = try step(.simultaneous) { $0.space = .gumbel }.record
    let noise = Dictionary(uniqueKeysWithValues: record.samples.map { ($0.pass, $0.noise) })
    #expect(noise["weights"] == noise["train"] && noise["valid"] != noise["train"])
  }

  @Test func passesOfAStepSeeNoiseOfTheirOwn() throws {
    let samples = try step(.alphaFirst) { $0.space = .gdas }.record.samples
    #expect(samples.map(\.pass) == ["train", "valid", "weights"])
    #expect(Set(samples.map(\.noise)).count == 3)
    // 2 kinds × 5 edges × 8 operations.
    #expect(samples.allSatisfy { $0.noise.count == 80 })
    let perCell = try step(.alphaFirst) { ($0.space, $0.noise) = (.gdas, .cell) }.record.samples
    #expect(perCell.allSatisfy { $0.noise.count == 120 })
  }

  // MARK: - Schedules

  @Test func weightUpdatesRepeatTheBatchOrSeeTheNext() throws {
    let once = try step(.alphaFirst).state
    let twice = try step(.alphaFirst) { $0.weightUpdates = 2 }.state
    let next = try step(.alphaFirst) { ($0.weightUpdates, $0.updatesSeeNextBatches) = (2, true) }
    #expect(once.weights != twice.weights && twice.weights != next.state.weights)
    #expect(once.alpha == twice.alpha && once.alpha == next.state.alpha)
  }

  @Test func furtherWeightUpdatesDrawNoiseOfTheirOwn() throws {
    let loop = try TinySearch.loop { $0.space = .gumbel }
    let sampling = GumbelSampling(configuration: loop.configuration, shape: loop.net.shape)
    let noises = (0..<3).map {
      sampling.record(sampling.relaxation(.weights, epoch: 0, step: 1, update: $0), .weights)?.noise
    }
    #expect(Set(noises).count == 3)
  }

  @Test func switchKeepsTheStateOfBothOptimizers() throws {
    let switched = try Trajectory(
      TinySearch.loop {
        ($0.method, $0.switchMethod, $0.switchEpoch) = (.darts2nd, .milenas1st, 1)
      })
    let first = try Trajectory(TinySearch.loop { $0.method = .darts2nd }, stopAfter: 3)
    let second = try Trajectory(TinySearch.loop { $0.method = .milenas1st }, from: first.state)
    #expect(switched.state.timeless == second.state.timeless)
    #expect(switched.state.adam.steps == 6)
    #expect(switched.steps.map { $0.terms[0].name }.suffix(3) == ["grad_alpha_train"] * 3)
  }

  @Test func searchStopsAtTheSizeAndKeepsItsGenotype() throws {
    let whole = try Trajectory(TinySearch.loop { $0.epochs = 3 })
    let counts = try #require(whole.epochs.first)
    let run = try Trajectory(
      TinySearch.loop {
        $0.epochs = 3
        $0.stopRule = .size(
          ConvolutionCounts(
            normal: counts.normalConvolutions, reduction: counts.reductionConvolutions))
      })
    #expect(run.result.outcome == .stoppedEarly && run.epochs.count == 1)
    #expect(run.result.genotype == counts.genotype)
  }

  @Test func randomLeavesAlphaWhereItWasDrawn() throws {
    let loop = try TinySearch.loop { $0.method = .random }
    let start = try SearchState(loop.net, configuration: loop.configuration)
    let run = try Trajectory(loop)
    #expect(run.state.alpha == start.alpha && run.state.weights != start.weights)
    #expect(start.alpha.norm > 1)
  }

  @Test func randomSharingTrainsOneCellAStepAndKeepsTheBestOfSeveral() throws {
    let run = try Trajectory(TinySearch.loop { $0.method = .randomSharing })
    let cells = run.steps.map { $0.samples.map(\.noise) }
    #expect(Set(cells).count == 6 && cells.allSatisfy { $0.count == 1 })
    // Each edge is marked once: by its operation, or by `none`.
    #expect(cells.allSatisfy { $0[0].count { $0 == 1e4 } == 10 && $0[0].count { $0 == 0 } == 70 })
    let last = try #require(run.epochs.last)
    let alpha: [Float] = try Genotype(last.genotype).alpha(in: TinySearch.configuration().shape)
    #expect(last.alpha == alpha && run.result.genotype == last.genotype)
  }

  @Test func epochTellsThePapersModelSize() throws {
    let run = try Trajectory(TinySearch.loop())
    for epoch in run.epochs {
      let count = try NetworkCount(Genotype(epoch.genotype), as: .cifar10)
      #expect(epoch.parameters == count.parameters && epoch.multiplyAdds == count.multiplyAdds)
    }
    #expect(run.result.genotypeEpoch == 1)
  }

  // MARK: - Plans

  /// 16 training images: a batch of all of them, or four batches that one step uses up.
  @Test(arguments: [(16, 1), (4, 4)])
  func anEpochOfOneStepCanBePlanned(batch: Int, updates: Int) throws {
    let plan = try TinySearch.loop {
      ($0.batch, $0.weightUpdates, $0.updatesSeeNextBatches) = (batch, updates, updates > 1)
      ($0.epochs, $0.stepsPerEpoch) = (5, nil)
    }.plan()
    #expect(plan.stepsPerEpoch == 1 && plan.steps == 5 && plan.seconds > 0)
  }

  @Test func aPlanOfTheMostStepsIsCounted() throws {
    let plan = try TinySearch.loop { $0.epochs = 1_000_000 }.plan()
    #expect(plan.steps == 3_000_000 && plan.logBytes > plan.steps && plan.traceBytes > plan.steps)
  }

  /// The memory of passes with tangents is there before the first step.
  @Test func theInitialStateTakesTheMemoryOfAllPasses() throws {
    let loop = try TinySearch.loop { $0.method = .darts2ndExact }
    var state = try loop.initialState
    let before = loop.net.byteCount
    _ = try loop.step(&state)
    #expect(loop.net.byteCount == before)
    let plain = try TinySearch.loop()
    _ = try plain.initialState
    #expect(2 * plain.net.byteCount < before)
  }

  // MARK: - What goes wrong

  @Test func divergenceNamesTheTermAndTheStep() throws {
    let loop = try TinySearch.loop()
    var state = try SearchState(loop.net, configuration: loop.configuration)
    state.weights[0] = .nan
    state.step = 5
    let error = #expect(throws: SearchError.self) { try loop.step(&state) }
    guard case .notFiniteAtStep(_, 5) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}

/// n copies, one after the other.
private func * <Element>(list: [Element], count: Int) -> [Element] {
  (0..<count).flatMap { _ in list }
}

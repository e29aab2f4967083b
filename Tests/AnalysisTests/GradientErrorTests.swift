import Datasets
import EventLog
import Foundation
import Kernels
import Search
import Supernet
import Testing

@testable import Analysis

@Suite(.serialized) struct GradientErrorTests {
  private let run: RunFolder
  private let replay: Replay

  init() throws {
    run = try RecordedRun.shared.get().run
    replay = try Replay(run, threads: 2)
  }

  private func probe(_ change: (inout ProbeSettings) -> Void = { _ in }) throws -> ProbeResult {
    var settings = ProbeSettings()
    change(&settings)
    let step = try #require(try replay.checkpointedSteps().first)
    return try #require(
      try GradientErrorProbe(replay, settings: settings, threads: 2).run(step: step))
  }

  @Test func theTermsAddUpToTheError() throws {
    let result = try probe()
    #expect(result.chainResidual <= 1e-12)
    for batch in 0..<result.settings.batches {
      let total = result.terms.reduce(0) { $0 + $1.shares[batch] }
      #expect(abs(total - 1) <= 1e-12, "batch \(batch)")
    }
  }

  /// With one step as the target, the exact one-step direction is that target, and its mean has no error.
  @Test func oneStepAgainstOneStepIsNoError() throws {
    let result = try probe {
      $0.unroll = 1
      $0.batches = 1
    }
    let exact = try #require(
      result.comparisons.first { $0.direction == "darts-2nd-exact" && $0.target == "bilevel" })
    #expect(exact.relativeErrors[0] < 1e-12)
    let oneStep = try #require(result.terms.first { $0.source == .oneStep })
    #expect(oneStep.sizes[0] < 1e-12)
    let mixed = try #require(
      result.comparisons.first { $0.direction == "milenas-2nd-exact" && $0.target == "mixed" })
    #expect(mixed.relativeErrors[0] < 1e-12)
  }

  /// The mean of both orders leaves the sum of the two terms as it is.
  @Test func theOrderOfTheTermsMovesOnlyNoiseAndStep() throws {
    let result = try probe()
    let orderFree = try #require(result.orderFree)
    #expect(orderFree.map(\.source) == [.batchNoise, .oneStep])
    for batch in 0..<result.settings.batches {
      func sum(_ terms: [ProbeResult.Term]) -> Double {
        terms.filter { [.batchNoise, .oneStep].contains($0.source) }.reduce(0) {
          $0 + $1.shares[batch]
        }
      }
      #expect(abs(sum(orderFree) - sum(result.terms)) < 1e-12)
      #expect(abs(orderFree[0].shares[batch] - result.terms[2].shares[batch]) > 1e-6)
    }
  }

  @Test func theTargetsNoiseIsTheStandardErrorOfTheMean() throws {
    let result = try probe()
    let unrolled = try #require(
      result.comparisons.first { $0.direction == "unrolled 2" && $0.target == "bilevel" })
    // Relative errors are distances from the mean over its norm.
    let count = Double(unrolled.relativeErrors.count)
    let variance = unrolled.relativeErrors.reduce(0) { $0 + $1 * $1 } / (count - 1) / count
    let found = try #require(result.targetOverNoise)
    #expect(abs(found * variance.squareRoot() - 1) < 1e-12)
  }

  @Test func kinksAndNotTheRadiusMakeTheErrorOfTheDifference() throws {
    let result = try probe { $0.batches = 2 }
    let (coarse, fine) = (result.twin[0], result.twin[1])
    #expect(coarse.radius == 1e-2 && fine.radius == 1e-3)
    #expect(coarse.network > 50 * coarse.twin)
    #expect(abs(log10(coarse.twin / fine.twin) - 2) < 0.1, "the twin's error falls as r²")
    #expect(fine.network > 0.1 * coarse.network, "the network's does not")
    #expect(coarse.networks?.count == 2 && coarse.twins?.count == 2)
  }

  @Test func anEdgeOfAHypergradientAddsUpToZero() throws {
    #expect(try probe { $0.batches = 1 }.shiftResidual < 1e-12)
  }

  /// The state, the batches and the direction are those of the search itself.
  @Test func aProbeSeesTheStepThatWasLogged() throws {
    let probe = try ProbePoint(replay, step: 5, pairs: 1)
    let logged = try #require(try replay.reader.steps(5..<6).first)
    #expect(probe.single.point.alpha == logged.alpha)
    let gradient = try replay.loop.net.gradient(
      .alpha, at: probe.single.point, on: probe.train.single[0])
    let term = try #require(logged.terms.first { $0.name == "grad_alpha_train" })
    #expect(gradient.alpha == term.gradient)
  }

  /// The run has four steps an epoch; within it the pairs are those of the steps that follow.
  @Test func pairsOfBatchesAreAllDifferentBeyondTheEpochToo() throws {
    let loop = replay.loop
    #expect(loop.stepsPerEpoch == 4)
    let probe = try ProbePoint(replay, step: 5, pairs: 6, further: 1)
    let addresses = [(1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3)]
    #expect(probe.train.single.count == 7 && probe.validation.double.count == 7)
    for (place, address) in addresses.enumerated() {
      let inputs = loop.passInputs(ofStep: address.1, inEpoch: address.0)
      #expect(probe.train.single[place] == inputs.train, "pair \(place)")
      #expect(probe.validation.single[place] == inputs.validation, "pair \(place)")
    }
    for first in 0..<6 {
      for second in (first + 1)..<6 {
        #expect(
          probe.train.single[first].batch.images != probe.train.single[second].batch.images)
        #expect(
          probe.validation.single[first].batch.images
            != probe.validation.single[second].batch.images)
      }
    }
  }

  /// What one step an epoch, of the four that its data fill, had made of three pairs: one, three times.
  @Test func anEpochThatWasCutShortHasDataForMorePairs() throws {
    let one = try RecordedRun { $0.stepsPerEpoch = 1 }
    defer { one.remove() }
    let replay = try Replay(one.run, threads: 2)
    var settings = ProbeSettings()
    settings.unroll = 1
    let found = try #require(
      try GradientErrorProbe(replay, settings: settings, threads: 2).run(step: 1))
    #expect(Set(found.implicitShares).count == 3)
    #expect(found.noise > 0.01 && found.reliability < 0.9999)
    let test = try DescentTest(replay, step: 1, threads: 2, unroll: 1, batches: 3)
    #expect(test.rows.allSatisfy { $0.fall.high - $0.fall.low > 1e-6 })
  }

  /// A batch takes in all of the data's training and all of its validation images.
  @Test func dataThatAreOneBatchAllowNoSecondPair() throws {
    let few = try RecordedRun { $0.trainImages = 16 }
    defer { few.remove() }
    let replay = try Replay(few.run, threads: 2)
    #expect(try ProbePoint(replay, step: 1, pairs: 1, further: 4).train.single.count == 5)
    let expected = AnalysisError.tooFewBatches(run: few.run.name, distinct: 1, asked: 2)
    #expect(throws: expected) { try ProbePoint(replay, step: 1, pairs: 2) }
    #expect("\(expected)".contains("give fewer --batches, or a run with more --train-images"))
  }

  /// τ falls from epoch to epoch, but the pairs of a state are looked at as it sees them.
  @Test(arguments: [SearchSpace.gumbel, .gdas])
  func noiseOfTheNextEpochHasTheTemperatureOfTheState(space: SearchSpace) throws {
    let sampled = try RecordedRun { $0.space = space }
    defer { sampled.remove() }
    let probe = try ProbePoint(Replay(sampled.run, threads: 2), step: 2, pairs: 4)
    func sample(_ relaxation: Relaxation<Float>) throws -> (noise: [Float], temperature: Double) {
      switch relaxation {
      case .gumbel(let noise, let temperature), .gdas(let noise, let temperature):
        (noise, temperature)
      case .softmax: throw CancellationError()
      }
    }
    let samples = try (probe.train.single + probe.validation.single).map {
      try sample($0.relaxation)
    }
    #expect(Set(samples.map(\.temperature)).count == 1)
    #expect(Set(samples.map(\.noise)).count == 8)
  }

  /// What was found on batches that began again at the start of their epoch is not taken for an answer.
  @Test func resultsOfRepeatedPairsAreNotFound() throws {
    var settings = ProbeSettings()
    func key(_ batches: Int, step: Int) throws -> String {
      settings.batches = batches
      return try KeptResults.key(
        settings, step: step, of: "0123",
        leavesEpoch: replay.leavesEpoch(from: step, batches: batches + settings.further))
    }
    func former(_ batches: Int, step: Int) throws -> String {
      settings.batches = batches
      return try KeptResults.key(settings, step: step, of: "0123")
    }
    // With K = 2, M pairs reach over M + 1 of the four steps.
    #expect(try key(3, step: 4) == former(3, step: 4))
    #expect(try key(4, step: 4) != former(4, step: 4))
    #expect(try key(3, step: 5) != former(3, step: 5))
  }

  /// Ctrl-C in a search leaves a checkpoint where it stood.
  @Test func aCheckpointWithinAnEpochIsNoStateAfterOne() throws {
    let stopped = try RecordedRun(stoppedAfter: 6)
    defer { stopped.remove() }
    let replay = try Replay(stopped.run, threads: 2)
    #expect(try replay.checkpointedSteps() == [4, 6])
    #expect(try GradientErrorAnalysis.steps(of: replay, count: nil, named: nil) == [4])
    #expect(try GradientErrorAnalysis.steps(of: replay, count: 2, named: nil) == [4, 6])
    let early = try RecordedRun(stoppedAfter: 2)
    defer { early.remove() }
    #expect(
      throws: AnalysisError.notRecorded(run: early.run.name, what: "checkpoint after an epoch")
    ) {
      try GradientErrorAnalysis.steps(
        of: Replay(early.run, threads: 2), count: nil, named: nil)
    }
  }

  @Test(arguments: ["", ",", "4,x"])
  func nothingElseIsAListOfSteps(words: String) {
    #expect(throws: AnalysisError.self) {
      try GradientErrorAnalysis.steps(of: replay, count: nil, named: words)
    }
  }

  /// Of the reference run; in its second epoch the curvature leaps up for a moment.
  @Test func aStateWithinAnEpochDecidesNothing() throws {
    var rule = CurvatureRule()
    (rule.every, rule.window, rule.lag, rule.firstEpoch, rule.factor) = (1, 1, 1, 0, 1.5)
    var spectra = try KeptResults(of: Reference.run).spectra()
    for index in spectra.indices { spectra[index].largestOfMean = 1 }
    #expect(rule.stop(along: spectra) == nil)
    var within = spectra[1]
    (within.step, within.largestOfMean) = (within.step + 5, 2)
    spectra.insert(within, at: 2)
    #expect(rule.stop(along: spectra) == nil)
    // At the end of an epoch it would decide.
    spectra[3].largestOfMean = 2
    #expect(rule.stop(along: spectra) == 1)
  }

  /// The chain to the implicit gradient closes as well, and off a minimum nobody takes it for a gradient.
  @Test func theImplicitGradientIsASurrogateOffAMinimum() throws {
    let result = try probe {
      $0.batches = 2
      $0.implicit = ImplicitSettings(iterations: 3, damping: 5, settle: 2)
    }
    let implicit = try #require(result.implicit)
    #expect(!implicit.isValid && implicit.residuals.count == 2)
    #expect(implicit.stationarityRatios.allSatisfy { $0 > 1e-3 })
    #expect(implicit.terms.map(\.source) == ProbeResult.Source.allCases)
    for batch in 0..<2 {
      #expect(abs(implicit.terms.reduce(0) { $0 + $1.shares[batch] } - 1) <= 1e-12)
    }
    #expect(implicit.terms[5].sizes[0] > 0)
    #expect(result.comparisons.contains { $0.direction == "implicit" && $0.target == "bilevel" })
    let summary = GradientErrorSummary([result])
    #expect(summary.implicitTerms.count == 6)
    #expect(summary.words.contains("read it as a surrogate"))
    #expect(try probe { $0.batches = 1 }.implicit == nil)
  }

  /// With a damping that outweighs the Hessian the implicit part is v/δ, and vanishes.
  @Test func strongDampingLeavesTheFirstOrderDirection() throws {
    let result = try probe {
      $0.batches = 1
      $0.implicit = ImplicitSettings(iterations: 5, damping: 1e9)
    }
    func direction(_ name: String) throws -> ProbeResult.Comparison {
      try #require(result.comparisons.first { $0.direction == name && $0.target == "bilevel" })
    }
    let (implicit, first) = (try direction("implicit"), try direction("darts-1st"))
    #expect(abs(implicit.relativeErrors[0] - first.relativeErrors[0]) < 1e-6)
  }

  /// Entries, edges and operations are three views of one difference.
  @Test func errorsPerEdgeAndOperationAreThoseOfTheEntries() throws {
    let result = try probe { $0.batches = 2 }
    for comparison in result.comparisons {
      let entries = try #require(comparison.signedErrors)
      let perOperation = try #require(comparison.signedErrorsPerOperation)
      let edges = entries.count / 8
      #expect(try #require(comparison.relativeErrorsPerEdge).map(\.count) == [edges, edges])
      for operation in 0..<8 {
        let mean = (0..<edges).reduce(0) { $0 + entries[$1 * 8 + operation] } / Double(edges)
        let found = perOperation.reduce(0) { $0 + $1[operation] } / 2
        #expect(abs(mean - found) < 1e-12)
      }
      let agreement = comparison.signAgreements.reduce(0, +) / 2
      let disagreements = try #require(comparison.signDisagreements)
      #expect(
        abs(disagreements.reduce(0, +) / Double(disagreements.count) - (1 - agreement)) < 0.02)
    }
  }

  @Test func finishedProbesAreKept() throws {
    var settings = ProbeSettings()
    settings.batches = 2
    settings.unroll = 1
    settings.radius = 0.02
    let steps = try replay.checkpointedSteps()
    func analysis() throws -> GradientErrorAnalysis {
      try GradientErrorAnalysis(replay, settings: settings, threads: 2, steps: steps)
    }
    var asked = 0
    let first = try analysis().run(
      isCancelled: {
        asked += 1
        return asked > 4
      }, progress: { _, _, _ in })
    #expect(first.count == 1)
    #expect(try analysis().plan().finished == 1)
    let all = try analysis().run(isCancelled: { false }, progress: { _, _, _ in })
    #expect(all.count == steps.count)
    #expect(all.first == first.first)
    #expect(!GradientErrorSummary(all).words.isEmpty)
  }

  /// Other numbers, other words.
  @Test func theWordsAreThoseOfTheNumbers() throws {
    let result = try probe { $0.batches = 1 }
    func words(shares: [Double], twin: Double) -> String {
      var changed = result
      for (index, share) in shares.enumerated() { changed.terms[index].shares = [share] }
      (changed.twin[0].network, changed.twin[0].twin) = (0.5, twin)
      return GradientErrorSummary([changed]).words
    }
    let rounded = words(shares: [0.75, 0.2, 0.05, 0], twin: 0.01)
    #expect(
      rounded.contains(
        "Most of that is rounding (75 % of the error), then truncation and jumps (20 %)"))
    #expect(rounded.contains("off by 50 % at r = 0.01 and by 1 % on the smooth twin"))
    #expect(rounded.contains("the kinks of ReLU and maximum pooling make that error"))
    let truncated = words(shares: [0, 0.05, 0.2, 0.75], twin: 0.2)
    #expect(truncated.contains("Most of that is one step instead of K (75 % of the error)"))
    #expect(truncated.contains("so kinks do not make it"))
  }

  @Test func flipsGrowWithTheRadiusAndTheTwinHasNone() throws {
    let step = try #require(try replay.checkpointedSteps().last)
    let sweep = try EpsilonSweep(replay, step: step, threads: 2, radii: [1e-4, 1e-3, 1e-2, 1e-1])
    #expect(sweep.rows.map(\.flips) == sweep.rows.map(\.flips).sorted())
    let last = try #require(sweep.rows.last)
    #expect(last.flips > 0 && last.flips < Double(sweep.kinks))
    let twin = try #require(sweep.curves.first { $0.name == "smooth twin, Double" })
    #expect(twin.a > 0 && twin.c < 1e-6)
    let probe = try ProbePoint(replay, step: step, pairs: 1)
    let networks = try ProbeNetworks(replay, threads: 2)
    #expect(
      try networks.twin.kinkSides(at: probe.double.point, on: probe.train.double[0]).isEmpty)
  }

  @Test func theUnrollEndsAtItsReference() throws {
    let step = try #require(try replay.checkpointedSteps().first)
    let sweep = try UnrollSweep(replay, step: step, threads: 2, largest: 3)
    #expect(sweep.rows.map(\.unroll) == [0, 1, 2, 3])
    let (first, last) = (sweep.rows[0], sweep.rows[3])
    #expect(last.error.mean == 0 && abs(last.captured.mean - 1) < 1e-12)
    #expect(first.captured.mean == 0 && first.error.mean > 0)
  }

  /// Along its own gradient a loss falls, and by the gradient's length for a short way.
  @Test func theLossFallsAlongTheDirections() throws {
    let step = try #require(try replay.checkpointedSteps().last)
    let test = try DescentTest(replay, step: step, threads: 2, unroll: 1, batches: 2)
    #expect(test.rows.count == 6)
    #expect(test.rows.map(\.fall.mean) == test.rows.map(\.fall.mean).sorted(by: >))
    #expect(test.rows.allSatisfy { $0.fall.mean.isFinite })
  }

  /// The dense Hessian, column by column, is the oracle.
  @Test func theSpectrumIsThatOfTheDenseHessian() throws {
    let step = try #require(try replay.checkpointedSteps().last)
    let spectrum = try AlphaSpectrum(replay, step: step, threads: 2, batches: 1, iterations: 80)
    let probe = try ProbePoint(replay, step: step, pairs: 1)
    let net = try Supernet<Double>(replay.loop.net.shape, batchCapacity: 8, threads: 2)
    let dense = try (0..<net.alphaCount).map { index in
      var unit = [Double].zeros(net.alphaCount)
      unit[index] = 1
      return try net.alphaHessianProduct(
        unit, at: probe.double.point, on: probe.validation.double[0])
    }
    // A constant added to an edge changes nothing: as many exact zeros as edges, which are deflated.
    for edge in 0..<(net.alphaCount / 8) {
      let sum = (0..<8).reduce([Double].zeros(net.alphaCount)) {
        $0.adding(1, times: dense[edge * 8 + $1])
      }
      #expect(sum.norm <= 1e-13, "edge \(edge)")
    }
    let eigen = try SymmetricEigen(dense)
    let top = try #require(eigen.values.last)
    #expect(abs(spectrum.largest.mean / top - 1) < 1e-6)
    #expect(abs(spectrum.smallest.mean / (eigen.values.first ?? .nan) - 1) < 1e-6)
    #expect(abs(spectrum.participation.reduce(0, +) - 1) < 1e-9)
  }

  /// All that search no line and meet no end before the last of their iterations.
  @Test func aPlanCountsThePassesThatEstimatorsTake() throws {
    let estimators = try Estimator.list("first,fd,exact,t1t2,neumann:2,idarts,unrolled:2")
    let step = try #require(try replay.checkpointedSteps().last)
    let table = try EstimatorTable.onRun(
      replay, step: step, threads: 2, estimators: estimators, unroll: 2, batches: 1)
    for (row, estimator) in zip(table.rows, estimators) {
      #expect(
        Double(row.gradients) + 2.5 * Double(row.tangents) == estimator.passes,
        "\(row.estimator)")
    }
    func plan(batches: Int) throws -> GradientErrorAnalysis.Plan {
      try EstimatorTable.plan(
        replay, step: step, threads: 2, estimators: estimators, unroll: 2, batches: batches)
    }
    #expect(try plan(batches: 1) == .init(steps: [step], finished: 1, seconds: 0))
    let more = try plan(batches: 2)
    #expect(more.finished == 0 && more.seconds > 0)
  }

  @Test func aPlanOfSpectraLeavesOutThoseThatAreKept() throws {
    let steps = try replay.checkpointedSteps()
    func plan() throws -> GradientErrorAnalysis.Plan {
      try AlphaSpectrum.plan(replay, steps: steps, threads: 2, batches: 1, iterations: 3)
    }
    #expect(try plan().finished == 0 && plan().seconds > 0)
    for step in steps {
      _ = try AlphaSpectrum.kept(replay, step: step, threads: 2, batches: 1, iterations: 3)
    }
    #expect(try plan() == .init(steps: steps, finished: steps.count, seconds: 0))
  }

  @Test func everyKnownDifferenceThatAStepShowsIsMeasured() throws {
    let step = try #require(try replay.checkpointedSteps().last)
    let differences = try CodeDifference.measured(replay, step: step, threads: 2)
    #expect(differences.map(\.what) == CodeDifference.known.map(\.what))
    let effects = differences.compactMap(\.effect)
    #expect(effects.count == 8 && effects.allSatisfy { $0.isFinite })
    // λ = 0.1 against 1 leaves out 0.9 of the validation term: far from nothing.
    let dead = try #require(differences.first { $0.what.contains("read by nobody") }?.effect)
    #expect(dead > 0.1)
    // The public MiLeNAS code together: momentum lost and α moved.
    let variants = try VariantEffect.measure(replay, step: step, threads: 2)
    #expect(differences[0].effect == variants[1].difference)
  }

  @Test func aVariantDiffersFromThePaperAndThePaperDoesNot() throws {
    let step = try #require(try replay.checkpointedSteps().last)
    let effects = try VariantEffect.measure(replay, step: step, threads: 2)
    #expect(effects.map(\.variant) == ["paper", "darts-code", "milenas-code"])
    #expect(effects[0].difference == 0)
    #expect(effects.dropFirst().allSatisfy { $0.difference > 1e-6 })
  }
}

@Suite struct ErrorCurveTests {
  /// error² = (a r²)² + (b/r)² + c²/r, each coefficient zero in turn.
  @Test(arguments: [(0.3, 1e-7, 0.0), (0.3, 0.0, 0.02), (0.0, 1e-7, 0.02), (4, 1e-6, 0.01)])
  func theCoefficientsOfACurveAreFound(a: Double, b: Double, c: Double) throws {
    let radii = EpsilonSweep.radii
    let errors = radii.map { r in
      (pow(a * r * r, 2) + pow(b / r, 2) + c * c / r).squareRoot()
    }
    let curve = try #require(EpsilonSweep.Curve("curve", radii: radii, errors: errors))
    #expect(abs(curve.a - a) <= 1e-6 * a + 1e-9)
    #expect(abs(curve.b - b) <= 1e-4 * b + 1e-12)
    #expect(abs(curve.c - c) <= 1e-4 * c + 1e-6)
  }
}

@Suite struct EstimatorTests {
  /// The survey's table, relative error and cosine at the given w and at the minimum, computed once more with numpy
  /// from the formulas alone, to six digits; the bound is two units of the last.
  @Test(arguments: [
    ("first", [0.769867, 0.653736], [0.769867, 0.653736]),
    ("exact", [0.871963, 0.489843], [0.662768, 0.801726]),
    ("darts", [0.871963, 0.489843], [0.662768, 0.801726]),
    ("t1t2", [1.50308, -0.485516], [0.273493, 0.999906]),
    ("betty", [1.59891, -0.659765], [0.240679, 0.976647]),
    ("torchopt", [2.17107, -0.547131], [0.710811, 0.858674]),
    ("neumann:10:0.2", [1.58219, -0.576175], [0.189299, 0.996432]),
    ("neumann:50:0.2", [1.82747, -0.686561], [0.00140034, 1]),
    ("cg:1", [1.87226, -0.673801], [0.203025, 0.989173]),
    ("cg:2", [1.85116, -0.732685], [0.0261937, 0.999933]), ("cg:3", [1.82925, -0.687128], [0, 1]),
  ])
  func errorsOnTheQuadraticAreThoseOfNumpy(name: String, given: [Double], minimum: [Double])
    throws
  {
    let tables = try EstimatorTable.onQuadratic([try Estimator(name)])
    for (row, expected) in zip(tables.map { $0.rows[0] }, [given, minimum]) {
      #expect(abs(row.error.mean - expected[0]) <= max(1e-12, 1e-5 * expected[0]))
      #expect(abs(row.cosine.mean - expected[1]) <= 2e-6)
    }
  }

  /// jaxopt's own runs on this problem, from the given w: stopped after 10 iterations, and by its tolerance at the
  /// 11th; float32 and float64 alike to the digits given, half a unit of which is the bound.
  ///
  /// The unrolled ones are its reverse mode through the steps: through Nesterov's momentum, with the line search's
  /// lengths as constants, no momentum (3.5e-3) or another stop (50: 1.2e-3 at ‖Δw‖/length ≤ 1e-3 with the length that
  /// was used; 3.3e-3 at ‖∇Φ‖ ≤ 1e-3) gives other digits.
  @Test(arguments: [
    ("jaxopt:10", 2.3e-3), ("jaxopt:50", 3.2e-3), ("jaxopt:500", 3.2e-3), ("jaxopt", 3.2e-3),
    ("jaxopt-unrolled:10", 3.3e-3), ("jaxopt-unrolled:50", 4.6e-3), ("jaxopt-unrolled", 4.6e-3),
  ])
  func errorsOfItsOwnDescentAreThoseOfJaxopt(name: String, error: Double) throws {
    let row = try EstimatorTable.onQuadratic([try Estimator(name)])[0].rows[0]
    #expect(abs(row.error.mean - error) <= 5e-5)
  }

  /// w_K is linear in α on a quadratic as long as the line search halves alike, so that L_val(w_K(α), α) is quadratic
  /// and the central difference exact but for rounding (1e-16 over the step of 1e-3).
  @Test(arguments: [1, 2, 5, 10], [0, 0.3])
  func theGradientThroughTheDescentIsTheDerivativeOfWhereItEnds(steps: Int, decay: Double) throws {
    let descent = AcceleratedDescent(iterations: steps)
    var cost = PassCost()
    func loss(_ alpha: [Double]) throws -> Double {
      let end = try descent.descend(
        quadratic, from: Point(weights: quadraticPoint.weights, alpha: alpha), on: .inner,
        weightDecay: decay, cost: &cost
      ).end
      return try quadratic.gradient([], at: end, on: .outer).loss
    }
    let gradient = try descent.hypergradient(
      quadratic, from: quadraticPoint, on: bothLevels, weightDecay: decay, cost: &cost)
    let h = 0x1p-10
    for index in gradient.indices {
      var (above, below) = (quadraticPoint.alpha, quadraticPoint.alpha)
      above[index] += h
      below[index] -= h
      #expect(abs((try loss(above) - loss(below)) / (2 * h) - gradient[index]) <= 1e-11)
    }
  }

  @Test func onlyASolvedSystemAtTheMinimumIsValid() throws {
    let tables = try EstimatorTable.onQuadratic(try Estimator.list("cg:3,cg:1,exact"))
    #expect(tables[0].rows.map(\.isValid) == [false, false, true])
    #expect(tables[1].rows.map(\.isValid) == [true, false, true])
    #expect(tables[1].rows[0].error.mean < 1e-12)
  }

  @Test(arguments: [
    "", "cg", "cg:0", "jaxopt:0", "jaxopt-unrolled:0", "neumann:x", "neumann:1:-1", "newton",
    "exact:2",
  ])
  func nothingElseIsAnEstimator(name: String) {
    #expect(throws: AnalysisError.badEstimator(name)) { try Estimator(name) }
  }
}

@Suite struct EstimateTests {
  /// Student's interval of four values, by hand: mean 2.5, s = 1.29099, t₃ = 3.18245.
  @Test func anIntervalIsStudents() {
    let estimate = Estimate([1, 2, 3, 4])
    #expect(abs(estimate.mean - 2.5) < 1e-12)
    #expect(abs(estimate.high - (2.5 + 3.18245 * 1.2909944 / 2)) < 1e-4)
  }

  /// Fisher's z of 0.5, 0.6 and 0.7 by hand: mean 0.70325, s = 0.15924, t₂ = 4.30265.
  @Test func anIntervalOfCosinesStaysWithinThem() {
    let estimate = Estimate(cosines: [0.5, 0.6, 0.7])
    #expect(abs(estimate.mean - tanh(0.70325)) < 1e-5)
    #expect(abs(estimate.high - tanh(0.70325 + 4.30265 * 0.15924 / 3.0.squareRoot())) < 1e-4)
    let wide = Estimate(cosines: [0.2, 0.99])
    #expect(wide.low > -1 && wide.high < 1 && wide.low < wide.mean && wide.mean < wide.high)
    #expect(abs(Estimate(cosines: [1, 1]).low - 1) < 1e-9)
  }

  @Test func oneGroupHasTheIntervalOfItsValues() {
    #expect(Estimate(groups: [[1, 2, 3, 4]]) == Estimate([1, 2, 3, 4]))
  }

  @Test func oneValueHasNoInterval() { #expect(Estimate([3]).low.isNaN) }

  /// Means 1, 2 and 6 by hand: mean 3, s = √7, t₂ = 4.30265.
  @Test func theMeansOfGroupsAreWhatIsCounted() {
    let estimate = Estimate(groups: [[0, 2], [2], [5, 6, 7]])
    #expect(estimate.mean == 3 && estimate.count == 6)
    #expect(abs(estimate.high - (3 + 4.30265 * (7.0 / 3).squareRoot())) < 1e-4)
  }

  /// Many groups that agree within but not among one another have the spread of the groups.
  @Test func theBootstrapOfManyGroupsDrawsGroupsFirst() {
    let apart = Estimate(groups: (0..<8).map { [Double($0), Double($0)] })
    let mixed = Estimate(groups: (0..<8).map { _ in (0..<8).map { Double($0) } })
    #expect(apart.mean == 3.5 && mixed.mean == 3.5 && mixed.count == 64)
    #expect(apart.high - apart.low > 2 * (mixed.high - mixed.low))
    #expect(apart.low > 0 && apart.high < 7)
    #expect(Estimate(groups: [[1], [2]] + Array(repeating: [1, 3], count: 6)).low > 1)
  }

  /// One state, or several of them, as cosines alone and as their means are.
  @Test func cosinesOfGroupsStayWithinThem() {
    #expect(Estimate(cosineGroups: [[0.5, 0.6, 0.7]]) == Estimate(cosines: [0.5, 0.6, 0.7]))
    let wide = Estimate(cosineGroups: [[0.2], [0.99, 0.99]])
    #expect(wide.low > -1 && wide.high < 1 && wide.count == 3)
    #expect(abs(wide.mean - Estimate(cosines: [0.2, 0.99]).mean) < 1e-9)
  }

  @Test func anIntervalEndsWhereTheQuantityDoes() {
    let estimate = Estimate([0.5, 1]).within(0...1)
    #expect(estimate.low == 0 && estimate.high == 1 && estimate.mean == 0.75)
    #expect(Estimate([3]).within(0...1).low.isNaN)
  }

  /// Two states of three batches, which differ as much as batches do: 95 of 100 intervals hold the truth.
  @Test func anIntervalOverStatesCoversWhatItSays() {
    let random = Philox(seed: 5, purpose: .direction)
    let trials = 4000
    let held = (0..<trials).count { trial in
      func normal(_ index: Int) -> Double { random.normal(index: 8 * trial + index) }
      let estimate = Estimate(
        groups: (0..<2).map { group in
          (0..<3).map { normal(4 * group) + normal(4 * group + 1 + $0) }
        })
      return estimate.low <= 0 && 0 <= estimate.high
    }
    // Three standard deviations of the count.
    #expect(abs(Double(held) / Double(trials) - 0.95) < 0.0104)
  }
}

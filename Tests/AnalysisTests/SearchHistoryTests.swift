import EventLog
import Foundation
import Search
import Supernet
import Testing

@testable import Analysis

@Suite struct AlphaWeightsTests {
  private let uniform = AlphaWeights(alpha: [Float](repeating: 0.3, count: 2 * 14 * 8))

  @Test func everyRowAddsUpToOne() {
    let alpha = (0..<(2 * 14 * 8)).map { index -> Float in Float(index * 37 % 101) / 10 - 5 }
    let weights = AlphaWeights(alpha: alpha)
    for kind in CellKind.allCases {
      for edge in 0..<weights.edges {
        #expect(abs(weights.row(kind, edge: edge).reduce(0, +) - 1) < 1e-12)
      }
    }
  }

  @Test func whereNothingIsDecidedTheEntropyIsLogEight() {
    #expect(uniform.edges == 14)
    #expect(abs(uniform.meanEntropy(of: .reduction) - log(8)) < 1e-12)
  }

  @Test func oneOperationAloneHasNoEntropy() {
    var alpha = [Float](repeating: -200, count: 2 * 14 * 8)
    for row in 0..<28 { alpha[8 * row + 3] = 200 }
    #expect(AlphaWeights(alpha: alpha).meanEntropy(of: .normal) < 1e-100)
  }

  /// Two operations of equal weight: ln 2, wherever they stand.
  @Test func twoOperationsHaveLogTwo() {
    var alpha = [Float](repeating: -500, count: 2 * 14 * 8)
    for row in 0..<28 { (alpha[8 * row], alpha[8 * row + 7]) = (1, 1) }
    #expect(abs(AlphaWeights(alpha: alpha).entropy(.normal, edge: 5) - log(2)) < 1e-12)
  }
}

/// The small run that is in the repository.
struct Reference {
  static let run = RunFolder(
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(
        path: "runs/reference-gradient-error", directoryHint: .isDirectory))
}

@Suite struct SearchHistoryTests {
  @Test func theHistoryIsThatOfTheRecord() throws {
    let reader = try RunReader(Reference.run)
    let records = try reader.epochs()
    let history = try SearchHistory(reader)
    #expect(history.epochs.map(\.epoch) == records.map { $0.epoch + 1 })
    #expect(history.epochs.map(\.validAccuracy) == records.map(\.validAccuracy))
    // α begins near 0, where all weights are 1/8.
    #expect(history.epochs.allSatisfy { $0.normalEntropy <= log(8) && $0.normalEntropy > 1.9 })
  }

  /// The record holds the softmax that the search itself computed, in Float.
  @Test func theWeightsAreThoseThatTheSearchLogged() throws {
    let reader = try RunReader(Reference.run)
    let logged = try #require(try reader.epochs().last?.alphaSoftmax)
    let history = try AlphaHistory(reader)
    #expect(history.shown.values.count == logged.count)
    #expect(zip(history.shown.values, logged).allSatisfy { abs($0 - Double($1)) < 1e-6 })
    #expect(history.genotype == (try Genotype(try #require(try reader.epochs().last?.genotype))))
  }

  @Test func momentsGoFromTheFirstStepToTheLastEpoch() throws {
    let reader = try RunReader(Reference.run)
    let history = try AlphaHistory(reader, most: 10)
    #expect(history.moments.count == 11)
    #expect(history.moments.first?.epochs == 0)
    #expect(history.moments.last?.epochs == Double(try reader.epochs().count))
    #expect(history.moments.last?.weights == history.shown)
    #expect(history.moments.map(\.epochs) == history.moments.map(\.epochs).sorted())
  }

  @Test func anEarlierEpochCanBeShown() throws {
    let reader = try RunReader(Reference.run)
    let history = try AlphaHistory(reader, epoch: 1)
    #expect(history.shownEpochs == 2)
    #expect(history.shown == AlphaWeights(alpha: try reader.epochs()[1].alpha))
    #expect(throws: AnalysisError.badEpoch(9, run: reader.run.name, last: 3)) {
      try AlphaHistory(reader, epoch: 9)
    }
  }
}

@Suite struct KeptResultsTests {
  private let folder: URL
  private var run: RunFolder { RunFolder(folder) }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)/some-run", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  @Test func whatIsMissingIsNamedWithTheCommandThatMakesIt() throws {
    let kept = KeptResults(of: run)
    let expected = AnalysisError.notAnalysed(
      run: "some-run", what: "gradient errors", command: "gradient-error some-run --every-epoch")
    #expect(throws: expected) { try kept.probes() }
    #expect("\(expected)".contains("`milenas-lab gradient-error some-run --every-epoch`"))
    #expect(throws: AnalysisError.self) { try kept.epsilonSweep() }
    #expect(throws: AnalysisError.self) { try kept.unrollSweep() }
    #expect(throws: AnalysisError.self) { try kept.spectra() }
    #expect(
      !FileManager.default.fileExists(atPath: run.analysisFile.path), "asking leaves no file")
  }

  @Test func theNewestSettingsCountAndStatesAreInOrder() throws {
    let probes = try KeptResults(of: Reference.run).probes()
    #expect(probes.count == 4)
    let store = try AnalysisStore(run)
    func keep(_ probe: ProbeResult, _ settings: ProbeSettings) throws {
      let key = try KeptResults.key(settings, step: probe.step, of: "0123")
      try store.store(probe, "gradient-error", key: key, step: probe.step)
    }
    var other = probes[0].settings
    other.radius = 0.5
    for probe in probes.prefix(3) { try keep(probe, other) }
    for probe in probes.reversed().prefix(2) { try keep(probe, probe.settings) }
    #expect(try KeptResults(of: run).probes() == Array(probes.suffix(2)))
    // Those of before are there once more when they are the newest.
    try keep(probes[1], other)
    #expect(try KeptResults(of: run).probes().map(\.step) == probes.prefix(3).map(\.step))
  }
}

import EventLog
import Foundation
import Search
import Supernet
import Testing

@testable import Analysis

/// Evaluations as points of a fit and as rows of the paper's tables.
@Suite final class EvaluationPairsTests {
  private let store: RunStore

  init() {
    store = RunStore(
      folder: FileManager.default.temporaryDirectory.appending(path: UUID().uuidString))
  }

  deinit { try? FileManager.default.removeItem(at: store.folder) }

  private func evaluate(
    _ name: String, channels: Int = 2, seed: UInt64 = 0, stopAfter limit: Int = .max
  ) throws -> RunFolder {
    var configuration = try TrainingConfiguration.preset(
      "demo", genotype: KnownGenotypes()["DARTS_V2"].genotype)
    configuration.trainImages = 100
    configuration.batch = 50
    configuration.epochs = 1
    configuration.shape.channels = channels
    configuration.shape.cells = 3
    configuration.seed = seed
    let training = try DerivedTraining(
      configuration, on: configuration.openSource(strict: true, workers: 1), threads: 1)
    let evaluation = try RecordedEvaluation(
      training, name: name, in: store, record: RecordOptions(level: .run, checkpoints: .none),
      threads: 1)
    var steps = 0
    _ = try evaluation.run(
      isCancelled: {
        defer { steps += 1 }
        return steps >= limit
      })
    return evaluation.run
  }

  @Test func anEvaluationIsAPairOfSizeAndTestError() throws {
    let runs = [
      try evaluate("a", seed: 1), try evaluate("b", seed: 2), try evaluate("c", channels: 4),
    ]
    let results = try runs.map { try #require(try EvaluationReader($0).result()) }
    let errors = try results.map { 100 * (1 - (try #require($0.lastAccuracy))) }
    let points = try SizeAccuracyFit.Observation.of(runs)
    #expect(
      points.map(\.size) == [results[0].parameters, results[2].parameters].map { Double($0) / 1e6 })
    #expect(abs(points[0].error - (errors[0] + errors[1]) / 2) < 1e-9)
    let deviation = try #require(points[0].deviation)
    #expect(abs(deviation - abs(errors[0] - errors[1]) / 2.0.squareRoot()) < 1e-9)
    #expect(points.map(\.seeds) == [2, 1])
    #expect(abs(points[1].error - errors[2]) < 1e-9)
  }

  @Test func anEvaluationThatHasNotEndedIsNoPair() throws {
    let run = try evaluate("run", stopAfter: 1)
    let error = try #require(throws: AnalysisError.self) {
      try SizeAccuracyFit.Observation.of([run])
    }
    #expect("\(error)".contains("run has not ended: `milenas-lab evaluate --resume run`"))
  }

  @Test func aTableShowsEvaluationsOfItsStemAfterThePapersRows() throws {
    let run = try evaluate("mine")
    let result = try #require(try EvaluationReader(run).result())
    let paper = try PaperTable(.cifar10)
    let table = try PaperTable(.cifar10, runs: store.list())
    #expect(table.rows.count == paper.rows.count + 1 && paper.remark == nil)
    let row = try #require(table.rows.last)
    #expect(row.run == "mine" && row.cells.contains("DARTS_V2"))
    #expect(row.parameters == Double(result.parameters) * 1e-6)
    #expect(abs(row.error - 100 * (1 - (try #require(result.lastAccuracy)))) < 1e-9)
    #expect(row.method == "this program: fashion-mini, C 2, 3 cells, 1 epochs")
    #expect(table.entries.allSatisfy { $0.count == table.headings.count })
    #expect(table.latex.components(separatedBy: "\\midrule").count == 3)
    #expect(try PaperTable(.imageNet, runs: store.list()).rows.allSatisfy { $0.run == nil })
  }
}

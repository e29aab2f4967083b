import Foundation
import Search
import Supernet
import Testing

@testable import EventLog

@Suite struct CheckpointTests {
  /// A state with every kind of float.
  private func checkpoint() throws -> Checkpoint {
    let loop = try SearchLoop(
      Samples.configuration(), dataset: Samples.dataset(), threads: 1)
    var state = try SearchState(loop.net, configuration: loop.configuration)
    state.momentum = Samples.vector(state.momentum.count, from: 3)
    state.adam.first = Samples.vector(state.adam.first.count, from: 4)
    state.adam.steps = 17
    state.statistics.means = Samples.vector(state.statistics.means.count, from: 5)
    (state.step, state.epoch, state.stepInEpoch) = (17, 2, 1)
    state.progress.loss = 0.1 + 0.2
    state.progress.correct = 5
    return Checkpoint(state, after: [Samples.epoch(0), Samples.epoch(1)])
  }

  @Test func aStateComesBackWithEveryBit() throws {
    let checkpoint = try checkpoint()
    let data = try checkpoint.encoded(Samples.layout)
    let back = try Checkpoint(data, Samples.layout, Samples.configuration())
    #expect(StateHash(back.state) == StateHash(checkpoint.state))
    #expect(back.state.adam.steps == 17)
    let position: [Int] = [back.state.step, back.state.epoch, back.state.stepInEpoch]
    #expect(position == [17, 2, 1])
    #expect(back.state.progress == checkpoint.state.progress)
    #expect(
      back.epochs.map(\.canonicalBytes.data) == checkpoint.epochs.map(\.canonicalBytes.data))
    #expect(try back.encoded(Samples.layout) == data)
  }

  @Test func weightsHaveTheNamesAndShapesOfTheirLayers() throws {
    let file = try Safetensors(try checkpoint().encoded(Samples.layout))
    let stem = try #require(file.byName["weights.stem.conv"])
    #expect(stem.shape == [6, 1, 3, 3])
    #expect(file.byName["alpha"]?.shape == [2, 14, 8])
  }

  @Test func aCheckpointOfAnotherNetworkIsRefused() throws {
    let data = try checkpoint().encoded(Samples.layout)
    var configuration = try Samples.configuration()
    configuration.shape.channels = 4
    #expect(throws: Safetensors.Malformed.self) {
      try Checkpoint(data, configuration.parameterLayout(), configuration)
    }
  }

  @Test(arguments: [
    ("all", [Int]()), ("last 1", [10, 20, 30]), ("last 2", [10, 20]), ("last:9", []),
    ("best", [10, 30]), ("none", [10, 20, 30]),
  ])
  func aPolicyKeepsWhatItSays(policy: String, gone: [Int]) throws {
    let checkpoints: [(step: Int, accuracy: Double?)] = [
      (10, 0.25), (20, 0.75), (30, 0.5), (40, 0.5),
    ]
    #expect(try #require(CheckpointPolicy(policy)).superfluous(checkpoints) == gone)
  }

  @Test(arguments: ["", "last", "last 0", "last two", "some", "all 3"])
  func nothingElseIsAPolicy(text: String) { #expect(CheckpointPolicy(text) == nil) }
}

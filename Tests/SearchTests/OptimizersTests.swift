import Foundation
import Kernels
import Testing

@testable import Search

/// Trajectories that torch 2.13 made in Float32 (`Tests/Peers/torch_optimizers.py`).
private struct TorchTrajectories: Decodable {
  struct Trajectory: Decodable {
    var path: [[Double]]
    var rates: [Double]
    /// Before clipping; empty where nothing was clipped.
    var norms: [Double]
  }

  var size: Int
  var steps: Int
  var scale: Double
  var start: [Double]
  var sgd: Trajectory
  var sgdClipped: Trajectory
  var adam: Trajectory

  static func load() throws -> TorchTrajectories {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/optimizers.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(TorchTrajectories.self, from: Data(contentsOf: file))
  }

  func gradient(_ step: Int) -> [Float] {
    (0..<size).map { Float(scale * sin(0.7 * Double($0) + 1.3 * Double(step) + 0.2)) }
  }
}

/// Entries are below 0.2 and torch adds in another order: 1e-7 is four units in the last place.
private func isClose(_ ours: [Float], _ theirs: [Double]) -> Bool {
  zip(ours, theirs).allSatisfy { abs(Double($0) - $1) <= 1e-7 }
}

struct OptimizersTests {
  private let torch: TorchTrajectories

  init() throws { torch = try TorchTrajectories.load() }

  @Test func momentumAndDecayFollowTorch() {
    let sgd = SGD(momentum: 0.9, weightDecay: 3e-4)
    var weights = torch.start.map { Float($0) }
    var momentum = [Float].zeros(torch.size)
    for step in 0..<torch.steps {
      sgd.step(&weights, &momentum, along: torch.gradient(step), rate: torch.sgd.rates[step])
      #expect(isClose(weights, torch.sgd.path[step]), "step \(step)")
    }
  }

  /// Half of the steps have a norm above the bound of 0.85.
  @Test func clippingFollowsTorch() {
    let sgd = SGD(momentum: 0.9, weightDecay: 3e-4)
    var weights = torch.start.map { Float($0) }
    var momentum = [Float].zeros(torch.size)
    var clipped = 0
    for step in 0..<torch.steps {
      var gradient = torch.gradient(step)
      #expect(abs(gradient.norm - torch.sgdClipped.norms[step]) <= 1e-6, "step \(step)")
      let factor = Clipping.factor(norm: gradient.norm, largest: 0.85)
      if factor < 1 { clipped += 1 }
      gradient.scale(by: Float(factor))
      sgd.step(&weights, &momentum, along: gradient, rate: 0.025)
      #expect(isClose(weights, torch.sgdClipped.path[step]), "step \(step)")
    }
    #expect(0 < clipped && clipped < torch.steps)
  }

  @Test func noLargestNormClipsNothing() {
    #expect(Clipping.factor(norm: 1e9, largest: 0) == 1)
  }

  @Test func adamFollowsTorch() {
    let adam = Adam(betas: (0.5, 0.999), decay: 1e-3)
    var alpha = torch.start.map { Float($0) }
    var moments = Adam.Moments(count: torch.size)
    for step in 0..<torch.steps {
      adam.step(&alpha, &moments, along: torch.gradient(step), rate: 3e-4)
      #expect(isClose(alpha, torch.adam.path[step]), "step \(step)")
    }
  }

  @Test func cosineScheduleFollowsTorch() throws {
    var configuration = try SearchConfiguration.preset("paper")
    configuration.epochs = torch.steps
    let schedule = Schedule(configuration)
    for epoch in 0..<torch.steps {
      #expect(abs(schedule.weightRate(inEpoch: epoch) - torch.sgd.rates[epoch]) <= 1e-15)
    }
  }

  /// The public MiLeNAS code: 10 at first, and one 250th above 1 in the last of 250 epochs.
  @Test func temperatureNeverQuiteReachesItsEnd() throws {
    var configuration = try SearchConfiguration.preset("paper")
    configuration.epochs = 250
    let schedule = Schedule(configuration)
    #expect(schedule.temperature(inEpoch: 0) == 10)
    #expect(abs(schedule.temperature(inEpoch: 249) - (1 + 9.0 / 250)) <= 1e-12)
  }
}

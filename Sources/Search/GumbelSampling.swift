import Kernels
import Supernet

/// Draws the relaxations of a step: one sample for each pass that the public code samples separately; a cell for
/// `random-sharing`.
struct GumbelSampling {
  /// The passes of a step that see noise of their own.
  enum Pass: Int, CaseIterable {
    case train, valid, weights, evaluation

    var name: String {
      switch self {
      case .train: "train"
      case .valid: "valid"
      case .weights: "weights"
      case .evaluation: "evaluation"
      }
    }
  }

  let configuration: SearchConfiguration
  let shape: SupernetShape

  /// Addressed by (seed, epoch, step, pass, update): the same sample whenever it is asked for.
  ///
  /// - Parameter update: which weight step of several; 0 in all other passes.
  func relaxation(_ pass: Pass, epoch: Int, step: Int, update: Int = 0) -> Relaxation<Float> {
    if configuration.method(inEpoch: epoch) == .randomSharing {
      return drawnCell(epoch: epoch, draw: step * configuration.weightUpdates + update)
    }
    if configuration.space == .darts { return .softmax }
    let random = Philox(seed: configuration.seed, purpose: .gumbel)
    let sets = configuration.noise == .kind ? 2 : shape.cells
    let count = sets * shape.edgeCount * Operation.allCases.count
    let first = (pass.rawValue + Pass.allCases.count * update) * count
    let noise = (0..<count).map { i in
      Float(random.gumbel(epoch: epoch, step: step, index: first + i))
    }
    let temperature = Schedule(configuration).temperature(inEpoch: epoch)
    return configuration.space == .gumbel
      ? .gumbel(noise: noise, temperature: temperature)
      : .gdas(noise: noise, temperature: temperature)
  }

  /// The cell that `random-sharing` trains in a weight step.
  private func drawnCell(epoch: Int, draw: Int) -> Relaxation<Float> {
    let cell = Genotype.drawn(
      by: Philox(seed: configuration.seed, purpose: .genotype), epoch: epoch, step: draw,
      nodes: shape.nodes)
    guard let relaxation: Relaxation<Float> = try? cell.relaxation(in: shape) else {
      preconditionFailure("a cell drawn for \(shape.nodes) nodes does not fit them")
    }
    return relaxation
  }

  /// What the log keeps of a relaxation.
  func record(_ relaxation: Relaxation<Float>, _ pass: Pass) -> StepRecord.Sample? {
    switch relaxation {
    case .softmax: nil
    case .gumbel(let noise, _), .gdas(let noise, _):
      StepRecord.Sample(pass: pass.name, noise: noise)
    }
  }
}

import Datasets
import EventLog
import Kernels
import Search
import Supernet

/// A logged state of a search with batches to take gradients on: in Float as the search had it, and widened to Double.
public struct ProbePoint {
  /// The state is the one before this step, from 0.
  public let step: Int
  /// Its epoch, from 0.
  public let epoch: Int
  /// η of the search there; ξ of the unrolled step, with momentum and decay of SGD.
  public let descent: InnerDescent
  let single: BilevelState<Float>
  let double: BilevelState<Double>
  /// Training and validation batches by address: those of the step, and of the steps that follow it in the epoch.
  let train: (single: [SupernetInput<Float>], double: [SupernetInput<Double>])
  let validation: (single: [SupernetInput<Float>], double: [SupernetInput<Double>])

  /// The state before a step, replayed from the nearest checkpoint, and the batches at and after it.
  ///
  /// - Parameter batches: how many addresses, from the step's own on; at the end of an epoch they go on at its start.
  /// - Throws: `EventLogError.noSuchStep`, and what the replay throws.
  public init(_ replay: Replay, step: Int, batches: Int) throws {
    let state = try replay.state(before: step)
    let loop = replay.loop
    let configuration = loop.configuration
    self.step = step
    epoch = state.epoch
    descent = InnerDescent(
      rate: loop.weightRate(inEpoch: state.epoch), momentum: configuration.momentum,
      weightDecay: configuration.weightDecay)
    single = BilevelState(state.point, momentum: state.momentum)
    double = BilevelState(
      Point(weights: state.weights.map(Double.init), alpha: state.alpha.map(Double.init)),
      momentum: state.momentum.map(Double.init))
    let inputs = (0..<batches).map {
      loop.passInputs(
        ofStep: (state.stepInEpoch + $0) % loop.stepsPerEpoch, inEpoch: state.epoch)
    }
    train = (inputs.map(\.train), inputs.map { $0.train.widened })
    validation = (inputs.map(\.validation), inputs.map { $0.validation.widened })
  }
}

extension Replay {
  /// ‖∇_wΦ‖ on the first batch, where the search began: what a slope of w is measured by. Cost: 3F.
  func startingStationarity() throws -> Double {
    let configuration = loop.configuration
    let point = try SearchState(loop.net, configuration: configuration).point
    let gradient = try loop.net.gradient(
      .weights, at: point, on: loop.passInputs(ofStep: 0, inEpoch: 0).train)
    return gradient.weights.adding(Float(configuration.weightDecay), times: point.weights).norm
  }
}

extension Replay {
  /// How long a gradient pass in Double takes at a state, in seconds.
  func passSeconds(step: Int, threads: Int) throws -> Double {
    let probe = try ProbePoint(self, step: step, batches: 1)
    let net = try Supernet<Double>(
      loop.net.shape, batchCapacity: loop.configuration.batch, threads: threads)
    func time() throws -> Double {
      let began = ContinuousClock().now
      _ = try net.gradient(
        [.weights, .alpha], at: probe.double.point, on: probe.train.double[0])
      return (ContinuousClock().now - began).inSeconds
    }
    // The first pass touches its memory for the first time.
    _ = try time()
    return try time()
  }
}

extension SupernetInput where Scalar == Float {
  /// The same in Double.
  var widened: SupernetInput<Double> {
    let relaxation: Relaxation<Double> =
      switch relaxation {
      case .softmax: .softmax
      case .gumbel(let noise, let temperature):
        .gumbel(noise: noise.map(Double.init), temperature: temperature)
      case .gdas(let noise, let temperature):
        .gdas(noise: noise.map(Double.init), temperature: temperature)
      }
    return SupernetInput<Double>(batch.converted(to: Double.self), relaxation)
  }
}

/// The networks that a probe is computed on.
struct ProbeNetworks {
  let single: Supernet<Float>
  let double: Supernet<Double>
  /// The same weights with SiLU for ReLU and average for maximum pooling: no kinks.
  let twin: Supernet<Double>

  init(_ replay: Replay, threads: Int) throws {
    let shape = replay.loop.net.shape
    let batch = replay.loop.configuration.batch
    single = replay.loop.net
    double = try Supernet(shape, batchCapacity: batch, threads: threads)
    twin = try Supernet(shape.smoothTwin, batchCapacity: batch, threads: threads)
  }
}

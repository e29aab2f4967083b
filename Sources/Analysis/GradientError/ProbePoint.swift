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
  /// Training and validation batches by address: those of the step, and of the addresses that follow it.
  let train: (single: [SupernetInput<Float>], double: [SupernetInput<Double>])
  let validation: (single: [SupernetInput<Float>], double: [SupernetInput<Double>])

  /// The state before a step, replayed from the nearest checkpoint, and the batches at and after it.
  ///
  /// Where the data of the epoch end, the addresses go on in the next one, at the temperature of the state.
  ///
  /// - Parameters:
  ///   - pairs: how many addresses from the step's own on are pairs of batches; no two hold the same images.
  ///   - further: how many addresses come after these, for paths of w.
  /// - Throws: `EventLogError.noSuchStep`, `AnalysisError.tooFewBatches`, and what the replay throws.
  public init(_ replay: Replay, step: Int, pairs: Int, further: Int = 0) throws {
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
    // An epoch that was cut short has more data than steps.
    let addresses = loop.source.stepsPerEpoch / configuration.batchesPerStep
    let inputs = (0..<(pairs + further)).map {
      let place = state.stepInEpoch + $0
      return loop.passInputs(
        ofStep: place % addresses, inEpoch: state.epoch + place / addresses)
    }
    let single = (
      train: inputs.map { $0.train.atTemperature(of: inputs[0].train) },
      validation: inputs.map { $0.validation.atTemperature(of: inputs[0].validation) }
    )
    let distinct = min(
      Self.distinct(single.train.prefix(pairs)), Self.distinct(single.validation.prefix(pairs)))
    guard distinct == pairs else {
      throw AnalysisError.tooFewBatches(
        run: replay.reader.run.name, distinct: distinct, asked: pairs)
    }
    train = (single.train, single.train.map { $0.widened })
    validation = (single.validation, single.validation.map { $0.widened })
  }

  /// How many of these batches hold different images, in whatever order.
  private static func distinct(_ inputs: ArraySlice<SupernetInput<Float>>) -> Int {
    let sets = inputs.map { input in
      let size = input.batch.images.count / input.batch.count
      return Set(
        stride(from: 0, to: input.batch.images.count, by: size).map {
          input.batch.images[$0..<($0 + size)]
        })
    }
    return Set(sets).count
  }
}

extension Replay {
  /// Whether so many batches from a step on go beyond the steps of its epoch.
  func leavesEpoch(from step: Int, batches: Int) -> Bool {
    step % loop.stepsPerEpoch + batches > loop.stepsPerEpoch
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
    let probe = try ProbePoint(self, step: step, pairs: 1)
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
  /// The same noise at the temperature of another input: τ goes with the epoch, and a state has one.
  func atTemperature(of other: Self) -> Self {
    switch (relaxation, other.relaxation) {
    case (.gumbel(let noise, _), .gumbel(_, let temperature)):
      SupernetInput(batch, .gumbel(noise: noise, temperature: temperature))
    case (.gdas(let noise, _), .gdas(_, let temperature)):
      SupernetInput(batch, .gdas(noise: noise, temperature: temperature))
    default: self
    }
  }

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

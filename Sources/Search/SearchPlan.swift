import Datasets
import Kernels
import Supernet

extension SearchLoop {
  /// What a search would cost.
  public struct Plan: Codable, Equatable, Sendable {
    /// All of them.
    public var epochs: Int
    /// Of each.
    public var stepsPerEpoch: Int
    /// In all.
    public var steps: Int
    /// Images that train w.
    public var trainingImages: Int
    /// Images that α sees.
    public var validationImages: Int
    /// Weights of the supernet.
    public var parameters: Int
    /// Entries of α.
    public var alphaEntries: Int
    /// From one measured step, without evaluation.
    public var seconds: Double
    /// Memory, in bytes.
    public var bytes: Int
    /// Of the step log.
    public var logBytes: Int
    /// Of the weight gradients of level `trace`, before compression.
    public var traceBytes: Int
    /// Of one checkpoint.
    public var checkpointBytes: Int
  }

  /// Measures one step on a copy of the initial state.
  public func plan() throws -> Plan {
    var state = try initialState
    // The first step touches the memory for the first time.
    _ = try step(&state)
    if state.stepInEpoch >= stepsPerEpoch { state.stepInEpoch = 0 }
    let began = ContinuousClock().now
    let record = try step(&state)
    let seconds = (ContinuousClock().now - began).inSeconds
    let steps = configuration.epochs * stepsPerEpoch
    let vectors = 2 + record.terms.count + record.samples.count
    let rowBytes = 4 * (vectors * net.alphaCount + record.gradientNorms.count) + 300
    func ofAllSteps(_ bytes: Int) -> Int {
      let (product, overflows) = bytes.multipliedReportingOverflow(by: steps)
      return overflows ? .max : product
    }
    return Plan(
      epochs: configuration.epochs, stepsPerEpoch: stepsPerEpoch, steps: steps,
      trainingImages: source.trainingCount, validationImages: source.validationCount,
      parameters: net.weightCount, alphaEntries: net.alphaCount, seconds: seconds * Double(steps),
      bytes: net.byteCount, logBytes: ofAllSteps(rowBytes),
      traceBytes: ofAllSteps(4 * net.weightCount),
      checkpointBytes: 4 * (2 * net.weightCount + 3 * net.alphaCount))
  }
}

extension SearchConfiguration {
  /// Name of a record that says what it is: "milenas-1st-darts-fashion-mini-seed0".
  public var defaultName: String { "\(method.rawValue)-\(space.rawValue)-\(data)-seed\(seed)" }
}

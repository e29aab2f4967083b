import Foundation
import Search
import Supernet

/// All that a search needs to go on, as it lies on disk: `checkpoints/step-000375.safetensors`.
///
/// Tensors: `weights.NAME` and `momentum.NAME` for every slice of the parameter layout, in PyTorch's shapes; `alpha`,
/// `adam.first`, `adam.second` [2 kinds][edges][8]; `statistics.means`, `statistics.variances` of the batch norms.
/// The metadata hold the position, and the epochs so far, from which the rules of stopping go on.
public struct Checkpoint: Equatable, Sendable {
  public var state: SearchState
  public var epochs: [EpochRecord]

  public init(_ state: SearchState, after epochs: [EpochRecord]) {
    self.state = state
    self.epochs = epochs
  }

  /// What the metadata hold.
  private struct Position: Codable {
    var step: Int
    var epoch: Int
    var stepInEpoch: Int
    var adamSteps: Int
    var progress: SearchState.EpochProgress
    var epochs: [EpochRecord]
  }

  private static let format = "milenas-lab search state 1"

  /// The file; equal checkpoints have equal bytes.
  func encoded(_ layout: ParameterLayout, _ shape: SupernetShape) throws -> Data {
    func slices(_ name: String, _ vector: [Float]) -> [Safetensors.Tensor] {
      layout.slices.map {
        .init(name: "\(name).\($0.name)", shape: $0.shape, values: Array(vector[$0.range]))
      }
    }
    func alphaShaped(_ name: String, _ vector: [Float]) -> Safetensors.Tensor {
      .init(name: name, shape: [2, shape.edgeCount, Operation.allCases.count], values: vector)
    }
    func flat(_ name: String, _ vector: [Float]) -> Safetensors.Tensor {
      .init(name: name, shape: [vector.count], values: vector)
    }
    let position = Position(
      step: state.step, epoch: state.epoch, stepInEpoch: state.stepInEpoch,
      adamSteps: state.adam.steps, progress: state.progress, epochs: epochs)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = Self.encodingOfNonNumbers
    let file = Safetensors(
      tensors: slices("weights", state.weights) + slices("momentum", state.momentum) + [
        alphaShaped("alpha", state.alpha), alphaShaped("adam.first", state.adam.first),
        alphaShaped("adam.second", state.adam.second),
        flat("statistics.means", state.statistics.means),
        flat("statistics.variances", state.statistics.variances),
      ],
      metadata: [
        "format": Self.format,
        "position": String(decoding: try encoder.encode(position), as: UTF8.self),
      ])
    return try file.encoded()
  }

  /// - Throws: `Safetensors.Malformed` when the bytes are no checkpoint of this network.
  init(_ data: Data, _ layout: ParameterLayout, _ shape: SupernetShape) throws {
    let file = try Safetensors(data)
    guard file.metadata["format"] == Self.format else {
      throw Safetensors.Malformed(reason: "it is no \(Self.format)")
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = Self.decodingOfNonNumbers
    guard
      let position = try? decoder.decode(
        Position.self, from: Data((file.metadata["position"] ?? "").utf8))
    else { throw Safetensors.Malformed(reason: "its position cannot be read") }
    let tensors = file.byName
    func vector(_ name: String, _ count: Int?) throws -> [Float] {
      guard let tensor = tensors[name] else {
        throw Safetensors.Malformed(reason: "\(name) is missing")
      }
      if let count, count != tensor.values.count {
        throw Safetensors.Malformed(
          reason: "\(name) has \(tensor.values.count) entries instead of \(count)")
      }
      return tensor.values
    }
    func whole(_ name: String) throws -> [Float] {
      try layout.slices.flatMap { try vector("\(name).\($0.name)", $0.count) }
    }
    let entries = 2 * shape.edgeCount * Operation.allCases.count
    var adam = Adam.Moments(count: entries)
    adam.first = try vector("adam.first", entries)
    adam.second = try vector("adam.second", entries)
    adam.steps = position.adamSteps
    let means = try vector("statistics.means", nil)
    var state = SearchState(
      weights: try whole("weights"), momentum: try whole("momentum"),
      alpha: try vector("alpha", entries), adam: adam,
      statistics: BatchNormStatistics(
        means: means, variances: try vector("statistics.variances", means.count)))
    state.step = position.step
    state.epoch = position.epoch
    state.stepInEpoch = position.stepInEpoch
    state.progress = position.progress
    self.init(state, after: position.epochs)
  }

  private static let encodingOfNonNumbers = JSONEncoder.NonConformingFloatEncodingStrategy
    .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  private static let decodingOfNonNumbers = JSONDecoder.NonConformingFloatDecodingStrategy
    .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
}

/// Which checkpoints of a run stay on disk; the last one does until the run has ended, for it to go on from.
public enum CheckpointPolicy: Codable, Equatable, Sendable, CustomStringConvertible {
  case all
  case last(Int)
  /// The one with the best validation accuracy.
  case best
  /// The last one while the run works, none once it has ended: a record that is small, and replayed from its start.
  case none

  /// From "all", "last 3", "best" or "none"; nil for anything else.
  public init?(_ text: String) {
    let words = text.split { $0 == " " || $0 == ":" || $0 == "-" }
    switch (words.first, words.count) {
    case ("all", 1): self = .all
    case ("best", 1): self = .best
    case ("none", 1): self = .none
    case ("last", 2):
      guard let count = Int(words[1]), count >= 1 else { return nil }
      self = .last(count)
    default: return nil
    }
  }

  public var description: String {
    switch self {
    case .all: "all"
    case .last(let count): "last \(count)"
    case .best: "best"
    case .none: "none"
    }
  }

  public init(from decoder: any Decoder) throws {
    let text = try String(from: decoder)
    guard let policy = CheckpointPolicy(text) else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "\(text) says not which checkpoints to keep"))
    }
    self = policy
  }

  public func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }

  /// Of checkpoints in order, with the accuracies of the epochs that they close, those that may go.
  func superfluous(_ checkpoints: [(step: Int, validAccuracy: Double?)]) -> [Int] {
    let kept: [Int]
    switch self {
    case .all: return []
    case .last(let count): kept = checkpoints.suffix(count).map(\.step)
    case .none: kept = checkpoints.suffix(1).map(\.step)
    case .best:
      let best = checkpoints.filter { $0.validAccuracy != nil }
        .max { ($0.validAccuracy ?? 0) < ($1.validAccuracy ?? 0) }
      kept = [best?.step, checkpoints.last?.step].compactMap { $0 }
    }
    return checkpoints.map(\.step).filter { !kept.contains($0) }
  }
}

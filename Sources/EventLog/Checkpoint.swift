import Foundation
import Search
import Supernet

/// The checkpoint of a search.
public typealias Checkpoint = RunCheckpoint<SearchLoop>

/// All that a run needs to go on, as it lies on disk: `checkpoints/step-000375.safetensors`.
///
/// Tensors: `weights.NAME` and `momentum.NAME` for every slice of the parameter layout, in PyTorch's shapes;
/// `statistics.means`, `statistics.variances` of the batch norms; of a search `alpha`, `adam.first`, `adam.second`
/// [2 kinds][edges][8]. The metadata hold the position, and the epochs so far, from which the rules of stopping go on.
public struct RunCheckpoint<Loop: RecordedLoop>: Equatable, Sendable {
  /// All that the next step starts from.
  public var state: Loop.State
  /// The records of the epochs before it.
  public var epochs: [Loop.Epoch]

  /// A state, and the epochs that it ends.
  public init(_ state: Loop.State, after epochs: [Loop.Epoch]) {
    self.state = state
    self.epochs = epochs
  }

  /// The file; equal checkpoints have equal bytes.
  func encoded(_ layout: ParameterLayout) throws -> Data {
    try Loop.file(of: self, layout).encoded()
  }

  /// - Throws: `Safetensors.Malformed` when the bytes are no checkpoint of this network.
  init(_ data: Data, _ layout: ParameterLayout, _ configuration: Loop.Configuration) throws {
    self = try Loop.checkpoint(from: StateFile(data), layout, configuration)
  }
}

/// The file of a state: its vectors as tensors, and its position as JSON.
public struct StateFile {
  private var file: Safetensors

  /// - Parameters:
  ///   - format: names the kind of state, and the version of its form.
  ///   - position: what the state holds beside vectors.
  init(format: String, position: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    file = Safetensors(
      tensors: [],
      metadata: [
        "format": format,
        "position": String(decoding: try encoder.encode(position), as: UTF8.self),
      ])
  }

  /// - Throws: `Safetensors.Malformed`.
  init(_ data: Data) throws { file = try Safetensors(data) }

  func encoded() throws -> Data { try file.encoded() }

  /// - Parameter shape: nil for one dimension.
  mutating func add(_ name: String, _ vector: [Float], shape: [Int]? = nil) {
    file.tensors.append(.init(name: name, shape: shape ?? [vector.count], values: vector))
  }

  /// A vector like w: a tensor for each of its slices.
  mutating func add(_ name: String, _ vector: [Float], _ layout: ParameterLayout) {
    for slice in layout.slices {
      add("\(name).\(slice.name)", Array(vector[slice.range]), shape: slice.shape)
    }
  }

  /// - Throws: `Safetensors.Malformed` for a file of another format.
  func position<Position: Decodable>(format: String, as type: Position.Type) throws -> Position {
    guard file.metadata["format"] == format else {
      throw Safetensors.Malformed(reason: "it is no \(format)")
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard
      let position = try? decoder.decode(
        Position.self, from: Data((file.metadata["position"] ?? "").utf8))
    else { throw Safetensors.Malformed(reason: "its position cannot be read") }
    return position
  }

  /// - Parameter count: nil for any.
  /// - Throws: `Safetensors.Malformed` for a tensor that is missing or has another size.
  func vector(_ name: String, _ count: Int? = nil) throws -> [Float] {
    try Self.vector(name, count, in: file.byName)
  }

  /// A vector like w.
  ///
  /// - Throws: as `vector(_:_:)`, for any of its slices.
  func vector(_ name: String, _ layout: ParameterLayout) throws -> [Float] {
    let tensors = file.byName
    return try layout.slices.flatMap { slice in
      try Self.vector("\(name).\(slice.name)", slice.count, in: tensors)
    }
  }

  private static func vector(
    _ name: String, _ count: Int?, in tensors: [String: Safetensors.Tensor]
  ) throws -> [Float] {
    guard let tensor = tensors[name] else {
      throw Safetensors.Malformed(reason: "\(name) is missing")
    }
    if let count, count != tensor.values.count {
      throw Safetensors.Malformed(
        reason: "\(name) has \(tensor.values.count) entries instead of \(count)")
    }
    return tensor.values
  }
}

/// Which checkpoints of a run stay on disk; the last one does until the run has ended, for it to go on from.
public enum CheckpointPolicy: Codable, Equatable, Sendable, CustomStringConvertible {
  /// One per epoch.
  case all
  /// So many of the latest.
  case last(Int)
  /// The one with the best validation accuracy, or test accuracy of an evaluation.
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
  func superfluous(_ checkpoints: [(step: Int, accuracy: Double?)]) -> [Int] {
    let kept: [Int]
    switch self {
    case .all: return []
    case .last(let count): kept = checkpoints.suffix(count).map(\.step)
    case .none: kept = checkpoints.suffix(1).map(\.step)
    case .best:
      let best = checkpoints.filter { $0.accuracy != nil }
        .max { ($0.accuracy ?? 0) < ($1.accuracy ?? 0) }
      kept = [best?.step, checkpoints.last?.step].compactMap { $0 }
    }
    return checkpoints.map(\.step).filter { !kept.contains($0) }
  }
}

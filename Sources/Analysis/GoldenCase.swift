import Datasets
import Foundation
import Kernels
import Supernet

/// A network built from closed formulas, and what an independent implementation computed for it in Double.
///
/// The format is described in `Resources/golden/README.md`; any file of it will do.
public struct GoldenCase: Sendable {
  /// The file's, without its extension.
  public let name: String
  /// The network.
  public let shape: SupernetShape
  /// Images of the batch.
  public let batchSize: Int
  /// Factor of the formula that makes the weights.
  public let weightScale: Double
  /// Phase of the formula that makes α.
  public let alphaPhase: Double
  /// All fields of the file.
  public let values: [String: GoldenValue]

  /// Reads one file; its name without the ending is the case's.
  ///
  /// - Throws: `GoldenError`, naming the file and what is missing or malformed.
  public init(contentsOf file: URL) throws {
    name = file.deletingPathExtension().lastPathComponent
    let data: Data
    do {
      data = try Data(contentsOf: file)
    } catch {
      throw GoldenError.unreadable(path: file.path, reason: reason(of: error))
    }
    let values: [String: GoldenValue]
    do {
      values = try JSONDecoder().decode([String: GoldenValue].self, from: data)
    } catch {
      throw GoldenError.notGolden(path: file.path, missing: "a JSON object")
    }
    self.values = values
    func number(_ path: [String]) throws -> Double {
      guard let found = values[path] else {
        throw GoldenError.notGolden(path: file.path, missing: path.joined(separator: "."))
      }
      guard case .number(let number) = found else {
        throw GoldenError.notGolden(
          path: file.path, missing: "a number in \(path.joined(separator: "."))")
      }
      return number
    }
    func word(_ path: [String], _ fallback: String) -> String {
      if case .string(let string)? = values[path] { return string }
      return fallback
    }
    func integer(_ name: String) throws -> Int {
      let value = try number(["network", name])
      guard let integer = Int(exactly: value) else {
        throw GoldenError.notGolden(path: file.path, missing: "a whole number in network.\(name)")
      }
      return integer
    }
    let activation = word(["network", "activation"], "relu")
    let maxPool = word(["network", "max_pool"], "max")
    guard let activation = SupernetShape.Activation(rawValue: activation),
      let maxPool = SupernetShape.MaxPool(rawValue: maxPool)
    else {
      throw GoldenError.notGolden(
        path: file.path, missing: "an activation of relu or silu and a max_pool of max or avg")
    }
    shape = SupernetShape(
      inputChannels: try integer("in_channels"), imageSize: try integer("image"),
      classes: try integer("classes"), channels: try integer("channels"),
      cells: try integer("layers"), nodes: try integer("steps"), activation: activation,
      maxPool: maxPool)
    batchSize = try integer("batch")
    weightScale = try number(["formula", "weight_scale"])
    alphaPhase = try number(["formula", "alpha_phase"])
    try shape.validate()
  }

  // MARK: - Closed formulas

  /// (w, α) of the case.
  public func point<Scalar: KernelScalar>(as: Scalar.Type = Scalar.self) -> Point<Scalar> {
    var weights: [Scalar] = []
    for (p, slice) in ParameterLayout(shape).slices.enumerated() {
      for i in 0..<slice.count {
        let wave = sin(0.7 * Double(i) + 1.3 * Double(p) + 0.1)
        let value =
          switch slice.role {
          case .weight(let fanIn): weightScale * (2 / Double(fanIn)).squareRoot() * wave
          case .gamma: weightScale * (1 + 0.1 * wave)
          case .beta, .bias: weightScale * 0.1 * wave
          }
        weights.append(Scalar(value))
      }
    }
    return Point(
      weights: weights, alpha: Self.wave(shape.alphaCount, 0.9, alphaPhase).map { Scalar(0.3 * $0) }
    )
  }

  /// Momentum buffer: 0.01 sin(0.31 i + 0.2 p).
  public func momentum<Scalar: KernelScalar>(as: Scalar.Type = Scalar.self) -> [Scalar] {
    ParameterLayout(shape).slices.enumerated().flatMap { p, slice in
      Self.wave(slice.count, 0.31, 0.2 * Double(p)).map { Scalar(0.01 * $0) }
    }
  }

  /// Train batch k, labels n mod 10.
  public func trainBatch<Scalar: KernelScalar>(_ k: Int, as: Scalar.Type = Scalar.self) -> Batch<
    Scalar
  > {
    batch(0.37 + 0.01 * Double(k), 0.5) { $0 % 10 }
  }

  /// The validation batch, labels (2 n + 1) mod 10.
  public func validationBatch<Scalar: KernelScalar>(as: Scalar.Type = Scalar.self) -> Batch<Scalar>
  {
    batch(0.53, 1.1) { (2 * $0 + 1) % 10 }
  }

  /// Gumbel noise −log(−log U), U = 0.5 + 0.45 sin(1.7 i + 0.3), one sample per kind of cell.
  public func noise<Scalar: KernelScalar>(as: Scalar.Type = Scalar.self) -> [Scalar] {
    Self.wave(shape.alphaCount, 1.7, 0.3).map { Scalar(-log(-log(0.5 + 0.45 * $0))) }
  }

  /// sin(frequency · i + phase), i = 0 ..< count.
  public static func wave(_ count: Int, _ frequency: Double, _ phase: Double) -> [Double] {
    (0..<count).map { sin(frequency * Double($0) + phase) }
  }

  /// Images are numbered [batch][channel][row][column] in the formula and stored with the channel last.
  private func batch<Scalar: KernelScalar>(
    _ frequency: Double, _ phase: Double, label: (Int) -> Int
  ) -> Batch<Scalar> {
    let (size, channels) = (shape.imageSize, shape.inputChannels)
    let wave = Self.wave(batchSize * channels * size * size, frequency, phase)
    var images: [Scalar] = []
    for n in 0..<batchSize {
      for pixel in 0..<(size * size) {
        for c in 0..<channels {
          images.append(Scalar(wave[(n * channels + c) * size * size + pixel]))
        }
      }
    }
    return Batch(
      images: images, labels: (0..<batchSize).map(label), rows: size, columns: size,
      channels: channels)
  }
}

/// A value of a golden file.
public indirect enum GoldenValue: Decodable, Equatable, Sendable {
  /// A number, which stands for a scalar quantity.
  case number(Double)
  /// A word.
  case string(String)
  /// A vector, or a list of anything.
  case list([GoldenValue])
  /// Named values.
  case object([String: GoldenValue])

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let string = try? container.decode(String.self) {
      self = .string(string)
    } else if let list = try? container.decode([GoldenValue].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: GoldenValue].self))
    }
  }

  /// All numbers in order, row-major; nil where something else is found.
  public var flat: [Double]? {
    switch self {
    case .number(let number): return [number]
    case .list(let list):
      var result: [Double] = []
      for value in list {
        guard let part = value.flat else { return nil }
        result += part
      }
      return result
    case .string, .object: return nil
    }
  }
}

extension Dictionary where Key == String, Value == GoldenValue {
  /// The value at a path of keys.
  subscript(path: [String]) -> GoldenValue? {
    guard let first = path.first, let value = self[first] else { return nil }
    if path.count == 1 { return value }
    guard case .object(let inner) = value else { return nil }
    return inner[Array(path.dropFirst())]
  }
}

/// What can be wrong with a golden file.
public enum GoldenError: Error, Equatable, CustomStringConvertible {
  /// A file that cannot be read.
  case unreadable(path: String, reason: String)
  /// A file without something that the format demands.
  case notGolden(path: String, missing: String)
  /// A folder without any such file.
  case noFiles(folder: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
    case .notGolden(let path, let missing):
      "\(path) is not a golden file: it lacks \(missing); see the README.md beside the shipped ones"
    case .noFiles(let folder):
      "\(folder) holds no golden file (*.json); leave --golden out to use the shipped ones"
    }
  }
}

import Foundation
import Search
import Supernet

/// A record in the forms that other tools read.
public struct RunExport {
  public enum Format: String, CaseIterable, Sendable {
    /// epochs.csv, steps.csv, alpha.csv.
    case csv
    /// epochs.jsonl, steps.jsonl, with every vector.
    case jsonl
    /// run.npz: an array for each quantity, the first axis being the step or the epoch.
    case npz
    /// events.out.tfevents.…
    case tensorboard
  }

  private let reader: RunReader
  private let epochs: [EpochRecord]
  private let steps: [StepRecord]

  /// - Throws: as `RunReader`.
  public init(_ run: RunFolder) throws {
    reader = try RunReader(run)
    epochs = try reader.epochs()
    steps = try reader.steps()
  }

  /// Writes the files of a format into a folder, which is made.
  ///
  /// - Returns: what was written.
  /// - Throws: `EventLogError.folderNotWritable`, `.writeFailed`, `.diskFull`.
  public func write(_ format: Format, to folder: URL) throws -> [URL] {
    try AtomicFile.createFolder(folder)
    let files: [(String, Data)]
    switch format {
    case .csv: files = csv
    case .jsonl: files = try jsonLines()
    case .npz: files = [("run.npz", NumPy.archive(arrays))]
    case .tensorboard: files = [tensorboard]
    }
    return try files.map { name, data in
      let url = folder.appending(path: name)
      try AtomicFile.write(data, to: url)
      return url
    }
  }

  // MARK: - CSV

  private var csv: [(String, Data)] {
    func file(_ header: String, _ rows: [[String]]) -> Data {
      Data(([header] + rows.map { $0.joined(separator: ",") }).map { $0 + "\r\n" }.joined().utf8)
    }
    func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    let epochRows = epochs.map { epoch in
      [
        "\(epoch.epoch)", text(epoch.trainLoss), text(epoch.trainAccuracy), text(epoch.validLoss),
        text(epoch.validAccuracy), "\(epoch.normalConvolutions)",
        "\(epoch.reductionConvolutions)", "\(epoch.parameters)", "\(epoch.multiplyAdds)",
        text(epoch.curvature), "\"\(epoch.genotype)\"",
      ]
    }
    let stepRows = steps.map { step in
      [
        "\(step.step)", "\(step.epoch)", "\(step.stepInEpoch)", text(step.trainLoss),
        text(step.validLoss), text(step.weightRate), text(step.temperature),
      ]
    }
    let names = alphaNames
    let alphaRows = steps.flatMap { step in
      zip(names, zip(step.alpha, step.alphaGradient)).map { name, values in
        ["\(step.step)", name, "\(values.0)", "\(values.1)"]
      }
    }
    return [
      (
        "epochs.csv",
        file(
          "epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,normal_convolutions,"
            + "reduction_convolutions,parameters,multiply_adds,curvature,genotype", epochRows)
      ),
      (
        "steps.csv",
        file(
          "step,epoch,step_in_epoch,train_loss,valid_loss,weight_rate,temperature", stepRows)
      ),
      ("alpha.csv", file("step,kind,edge,operation,alpha,gradient", alphaRows)),
    ]
  }

  /// "normal,0,max_pool_3x3" for each entry of an α-shaped vector.
  private var alphaNames: [String] {
    let shape = reader.manifest.configuration.shape
    var names = [String](repeating: "", count: 2 * shape.edgeCount * Operation.allCases.count)
    for kind in CellKind.allCases {
      for edge in shape.edges.indices {
        for operation in Operation.allCases {
          names[shape.alphaIndex(kind, edge: edge, operation)] =
            "\(kind),\(edge),\(operation.name)"
        }
      }
    }
    return names
  }

  // MARK: - JSON lines

  private struct StepLine: Encodable {
    var step: Int
    var epoch: Int
    var stepInEpoch: Int
    var trainLoss: Double
    var validLoss: Double?
    var weightRate: Double
    var temperature: Double?
    var alpha: [Float]
    var alphaGradient: [Float]
    var terms: [Term]
    var samples: [Sample]
    var gradientNorms: [Float]

    struct Term: Encodable {
      var name: String
      var coefficient: Double
      var gradient: [Float]
    }

    struct Sample: Encodable {
      var pass: String
      var noise: [Float]
    }

    init(_ record: StepRecord) {
      step = record.step
      epoch = record.epoch
      stepInEpoch = record.stepInEpoch
      trainLoss = record.trainLoss
      validLoss = record.validLoss
      weightRate = record.weightRate
      temperature = record.temperature
      alpha = record.alpha
      alphaGradient = record.alphaGradient
      terms = record.terms.map {
        Term(name: $0.name, coefficient: $0.coefficient, gradient: $0.gradient)
      }
      samples = record.samples.map { Sample(pass: $0.pass, noise: $0.noise) }
      gradientNorms = record.gradientNorms
    }
  }

  private func jsonLines() throws -> [(String, Data)] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    func lines(_ values: [some Encodable]) throws -> Data {
      try values.reduce(into: Data()) { $0 += try encoder.encode($1) + Data("\n".utf8) }
    }
    return [
      ("epochs.jsonl", try lines(epochs)), ("steps.jsonl", try lines(steps.map(StepLine.init))),
    ]
  }

  // MARK: - NumPy

  private var arrays: [(name: String, file: Data)] {
    let shape = reader.manifest.configuration.shape
    let entries = [2, shape.edgeCount, Operation.allCases.count]
    func numbers(_ name: String, _ values: [Double?]) -> (String, Data) {
      (name, NumPy.array(.float64(values.map { $0 ?? .nan }), shape: [values.count]))
    }
    func vectors(_ name: String, _ values: [[Float]], _ shape: [Int]) -> (String, Data) {
      (name, NumPy.array(.float32(values.flatMap { $0 }), shape: [values.count] + shape))
    }
    let terms = (steps.first?.terms ?? []).indices.map { place in
      vectors(
        "step_term_\(steps[0].terms[place].name)",
        steps.map { place < $0.terms.count ? $0.terms[place].gradient : [] }, entries)
    }.filter { _ in Set(steps.map { $0.terms.map(\.name) }).count == 1 }
    return [
      ("epoch", NumPy.array(.int64(epochs.map(\.epoch)), shape: [epochs.count])),
      numbers("epoch_train_loss", epochs.map(\.trainLoss)),
      numbers("epoch_train_accuracy", epochs.map(\.trainAccuracy)),
      numbers("epoch_valid_loss", epochs.map(\.validLoss)),
      numbers("epoch_valid_accuracy", epochs.map(\.validAccuracy)),
      ("epoch_parameters", NumPy.array(.int64(epochs.map(\.parameters)), shape: [epochs.count])),
      vectors("epoch_alpha", epochs.map(\.alpha), entries),
      ("step", NumPy.array(.int64(steps.map(\.step)), shape: [steps.count])),
      numbers("step_train_loss", steps.map(\.trainLoss)),
      numbers("step_valid_loss", steps.map(\.validLoss)),
      numbers("step_weight_rate", steps.map(\.weightRate)),
      vectors("step_alpha", steps.map(\.alpha), entries),
      vectors("step_alpha_gradient", steps.map(\.alphaGradient), entries),
      vectors(
        "step_gradient_norms", steps.map(\.gradientNorms),
        [steps.first?.gradientNorms.count ?? 0]),
    ] + terms
  }

  // MARK: - TensorBoard

  private var tensorboard: (String, Data) {
    let manifest = reader.manifest
    let time =
      (try? Date(
        manifest.started, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))?
      .timeIntervalSince1970 ?? 0
    typealias Scalar = TensorBoard.Scalar
    let stepScalars = steps.flatMap { step -> [Scalar] in
      [
        Scalar(tag: "step/train_loss", value: step.trainLoss, step: step.step),
        step.validLoss.map { Scalar(tag: "step/valid_loss", value: $0, step: step.step) },
        Scalar(tag: "step/weight_rate", value: step.weightRate, step: step.step),
      ].compactMap { $0 }
    }
    let epochScalars = epochs.flatMap { epoch in
      [
        Scalar(tag: "epoch/train_loss", value: epoch.trainLoss, step: epoch.epoch),
        Scalar(tag: "epoch/train_accuracy", value: epoch.trainAccuracy, step: epoch.epoch),
        Scalar(tag: "epoch/valid_loss", value: epoch.validLoss, step: epoch.epoch),
        Scalar(tag: "epoch/valid_accuracy", value: epoch.validAccuracy, step: epoch.epoch),
        Scalar(tag: "epoch/parameters", value: Double(epoch.parameters), step: epoch.epoch),
      ]
    }
    // TensorBoard knows its files by this name: time, host.
    let name = "events.out.tfevents.\(Int(time)).\(manifest.environment.host)"
    return (name, TensorBoard.file(stepScalars + epochScalars, time: time))
  }
}

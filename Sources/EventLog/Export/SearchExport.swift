import Foundation
import Search
import Supernet

/// A search in the forms that other tools read.
struct SearchExport: ExportForms {
  private let reader: RunReader
  private let epochs: [EpochRecord]
  private let steps: [StepRecord]

  /// - Throws: as `RunReader`.
  init(_ run: RunFolder) throws {
    reader = try RunReader(run)
    epochs = try reader.epochs()
    steps = try reader.steps()
  }

  var started: String { reader.manifest.started }
  var host: String { reader.manifest.environment.host }

  // MARK: - CSV

  var csv: [(String, Data)] {
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
        csvFile(
          "epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,normal_convolutions,"
            + "reduction_convolutions,parameters,multiply_adds,curvature,genotype", epochRows)
      ),
      (
        "steps.csv",
        csvFile(
          "step,epoch,step_in_epoch,train_loss,valid_loss,weight_rate,temperature", stepRows)
      ),
      ("alpha.csv", csvFile("step,kind,edge,operation,alpha,gradient", alphaRows)),
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

  func jsonLines() throws -> [(String, Data)] {
    [("epochs.jsonl", try lines(epochs)), ("steps.jsonl", try lines(steps.map(StepLine.init)))]
  }

  // MARK: - NumPy

  var arrays: [(name: String, file: Data)] {
    let shape = reader.manifest.configuration.shape
    let entries = [2, shape.edgeCount, Operation.allCases.count]
    func vectors(_ name: String, _ values: [[Float]], _ shape: [Int]) -> (String, Data) {
      (name, NumPy.array(.float32(values.flatMap { $0 }), shape: [values.count] + shape))
    }
    let terms = (steps.first?.terms ?? []).indices.map { place in
      vectors(
        "step_term_\(steps[0].terms[place].name)",
        steps.map { place < $0.terms.count ? $0.terms[place].gradient : [] }, entries)
    }.filter { _ in Set(steps.map { $0.terms.map(\.name) }).count == 1 }
    return [
      integers("epoch", epochs.map(\.epoch)),
      numbers("epoch_train_loss", epochs.map(\.trainLoss)),
      numbers("epoch_train_accuracy", epochs.map(\.trainAccuracy)),
      numbers("epoch_valid_loss", epochs.map(\.validLoss)),
      numbers("epoch_valid_accuracy", epochs.map(\.validAccuracy)),
      integers("epoch_parameters", epochs.map(\.parameters)),
      vectors("epoch_alpha", epochs.map(\.alpha), entries),
      integers("step", steps.map(\.step)),
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

  var scalars: [TensorBoard.Scalar] {
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
    return stepScalars + epochScalars
  }
}

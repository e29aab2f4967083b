import Foundation
import Search

/// An evaluation in the forms that other tools read.
struct EvaluationExport: ExportForms {
  private let manifest: RunManifest<DerivedTraining>
  private let epochs: [TrainingEpochRecord]
  private let steps: [TrainingStepRecord]

  /// - Throws: as `EvaluationReader`.
  init(_ run: RunFolder) throws {
    let reader = try EvaluationReader(run)
    manifest = reader.manifest
    epochs = try reader.epochs()
    steps = try reader.steps()
  }

  var started: String { manifest.started }
  var host: String { manifest.environment.host }

  var csv: [(String, Data)] {
    let epochRows = epochs.map { epoch in
      [
        "\(epoch.epoch)", text(epoch.trainLoss), text(epoch.trainAccuracy), text(epoch.testLoss),
        text(epoch.testAccuracy), text(epoch.testTopFive),
      ]
    }
    let stepRows = steps.map { step in
      [
        "\(step.step)", "\(step.epoch)", "\(step.stepInEpoch)", text(step.loss),
        text(step.auxiliaryLoss), "\(step.correct)", "\(step.images)", text(step.rate),
        text(step.dropPath), text(step.gradientNorm),
      ]
    }
    return [
      (
        "epochs.csv",
        csvFile(
          "epoch,train_loss,train_accuracy,test_loss,test_accuracy,test_top_five", epochRows)
      ),
      (
        "steps.csv",
        csvFile(
          "step,epoch,step_in_epoch,train_loss,auxiliary_loss,correct,images,rate,drop_path,"
            + "gradient_norm", stepRows)
      ),
    ]
  }

  func jsonLines() throws -> [(String, Data)] {
    [("epochs.jsonl", try lines(epochs)), ("steps.jsonl", try lines(steps))]
  }

  var arrays: [(name: String, file: Data)] {
    [
      integers("epoch", epochs.map(\.epoch)),
      numbers("epoch_train_loss", epochs.map(\.trainLoss)),
      numbers("epoch_train_accuracy", epochs.map(\.trainAccuracy)),
      numbers("epoch_test_loss", epochs.map(\.testLoss)),
      numbers("epoch_test_accuracy", epochs.map(\.testAccuracy)),
      numbers("epoch_test_top_five", epochs.map(\.testTopFive)),
      integers("step", steps.map(\.step)), numbers("step_train_loss", steps.map(\.loss)),
      numbers("step_auxiliary_loss", steps.map(\.auxiliaryLoss)),
      numbers("step_rate", steps.map(\.rate)), numbers("step_drop_path", steps.map(\.dropPath)),
      numbers("step_gradient_norm", steps.map(\.gradientNorm)),
    ]
  }

  var scalars: [TensorBoard.Scalar] {
    let stepScalars = steps.flatMap { step -> [TensorBoard.Scalar] in
      [
        .init(tag: "step/train_loss", value: step.loss, step: step.step),
        .init(tag: "step/rate", value: step.rate, step: step.step),
        .init(tag: "step/gradient_norm", value: step.gradientNorm, step: step.step),
      ]
    }
    let epochScalars = epochs.flatMap { epoch -> [TensorBoard.Scalar] in
      [
        .init(tag: "epoch/train_loss", value: epoch.trainLoss, step: epoch.epoch),
        .init(tag: "epoch/train_accuracy", value: epoch.trainAccuracy, step: epoch.epoch),
        .init(tag: "epoch/test_loss", value: epoch.testLoss, step: epoch.epoch),
        .init(tag: "epoch/test_accuracy", value: epoch.testAccuracy, step: epoch.epoch),
      ]
    }
    return stepScalars + epochScalars
  }
}

/// What the training of a derived network leaves behind, in the order in which it happens.
public typealias TrainingEvent = LoopEvent<TrainingStepRecord, TrainingEpochRecord>

/// One step of the training of a derived network.
public struct TrainingStepRecord: Codable, Equatable, Sendable {
  /// From 0, through all epochs.
  public var step: Int
  /// From 0.
  public var epoch: Int
  /// From 0; with the seed and the epoch it is the address of the step's batch and of its drop-path.
  public var stepInEpoch: Int
  /// Mean cross-entropies of the batch, labels smoothed, in nats.
  public var loss: Double
  /// nil without auxiliary head.
  public var auxiliaryLoss: Double?
  /// Images whose label has the largest logit, and all of them.
  public var correct: Int
  /// Images of the batch.
  public var images: Int
  /// η of the step.
  public var rate: Double
  /// Probability with which a branch was dropped.
  public var dropPath: Double
  /// 2-norm of ∇_w, before clipping.
  public var gradientNorm: Double
  /// Wall time, in seconds: waiting for the batch, and the rest.
  public var batchSeconds: Double
  /// Of all but the waiting.
  public var seconds: Double

  /// All that a step leaves behind.
  public init(
    step: Int, epoch: Int, stepInEpoch: Int, loss: Double, auxiliaryLoss: Double?, correct: Int,
    images: Int, rate: Double, dropPath: Double, gradientNorm: Double, batchSeconds: Double,
    seconds: Double
  ) {
    self.step = step
    self.epoch = epoch
    self.stepInEpoch = stepInEpoch
    self.loss = loss
    self.auxiliaryLoss = auxiliaryLoss
    self.correct = correct
    self.images = images
    self.rate = rate
    self.dropPath = dropPath
    self.gradientNorm = gradientNorm
    self.batchSeconds = batchSeconds
    self.seconds = seconds
  }
}

/// One epoch, after its last step. Accuracies are fractions, 0 to 1.
public struct TrainingEpochRecord: Codable, Equatable, Sendable {
  /// From 0.
  public var epoch: Int
  /// Mean over the epoch's images, in nats, without the auxiliary loss.
  public var trainLoss: Double
  /// In training mode, over all training images.
  public var trainAccuracy: Double
  /// In evaluation mode over all test images: plain cross-entropy.
  public var testLoss: Double
  /// Images whose label has the largest logit.
  public var testAccuracy: Double
  /// Images whose label is among the five largest logits; nil with five classes or fewer.
  public var testTopFive: Double?
  /// Wall time, in seconds.
  public var trainSeconds: Double
  /// Of the evaluation.
  public var testSeconds: Double

  /// All that an epoch leaves behind.
  public init(
    epoch: Int, trainLoss: Double, trainAccuracy: Double, testLoss: Double, testAccuracy: Double,
    testTopFive: Double?, trainSeconds: Double, testSeconds: Double
  ) {
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.testLoss = testLoss
    self.testAccuracy = testAccuracy
    self.testTopFive = testTopFive
    self.trainSeconds = trainSeconds
    self.testSeconds = testSeconds
  }
}

/// How a training ended. The last epoch's accuracy is the honest one: the best was chosen by the test images.
public struct TrainingResult: Codable, Equatable, Sendable {
  /// How it ended.
  public var outcome: RunResult.Outcome
  /// Those that have ended.
  public var epochs: Int
  /// Those that have ended.
  public var steps: Int
  /// Of the last epoch that ended, 0 to 1; nil when none did.
  public var lastAccuracy: Double?
  /// Of the best epoch, which the test images chose.
  public var bestAccuracy: Double?
  /// From 0.
  public var bestEpoch: Int?
  /// Of the network, without auxiliary head.
  public var parameters: Int
  /// Wall time, in seconds.
  public var seconds: Double

  /// All that a training ends with.
  public init(
    outcome: RunResult.Outcome, epochs: Int, steps: Int, lastAccuracy: Double?,
    bestAccuracy: Double?, bestEpoch: Int?, parameters: Int, seconds: Double
  ) {
    self.outcome = outcome
    self.epochs = epochs
    self.steps = steps
    self.lastAccuracy = lastAccuracy
    self.bestAccuracy = bestAccuracy
    self.bestEpoch = bestEpoch
    self.parameters = parameters
    self.seconds = seconds
  }
}

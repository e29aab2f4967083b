import Supernet

/// What a search leaves behind, in the order in which it happens. Whoever keeps it is not known here.
public enum SearchEvent: Sendable {
  case started(RunStart)
  case step(StepRecord)
  case epoch(EpochRecord)
  case finished(RunResult)
}

/// The beginning: what is searched, on what.
public struct RunStart: Codable, Equatable, Sendable {
  public var configuration: Configuration
  public var shape: SupernetShape
  public var parameterCount: Int
  /// SHA-256 of the data set's decompressed content, in hex.
  public var dataSHA256: String
  public var trainImages: Int
  public var validationImages: Int
  public var stepsPerEpoch: Int
}

/// One named term of the α-gradient; the gradient is Σ coefficient·vector.
public struct GradientTerm: Equatable, Sendable {
  /// "grad_alpha_train", "grad_alpha_valid", "direct_valid", "implicit_valid", …
  public var name: String
  public var coefficient: Double
  /// [2 kinds][edges][8]
  public var vector: [Float]

  public init(name: String, coefficient: Double, vector: [Float]) {
    self.name = name
    self.coefficient = coefficient
    self.vector = vector
  }
}

/// A Gumbel sample of one pass.
public struct GumbelRecord: Equatable, Sendable {
  /// "train", "valid" or "weights"
  public var pass: String
  public var temperature: Double
  /// [2 kinds or cells][edges][8]
  public var noise: [Float]
}

/// One step: α and w once each (w several times with `weightUpdates`).
public struct StepRecord: Equatable, Sendable {
  /// From 0, through all epochs.
  public var step: Int
  public var epoch: Int
  public var stepInEpoch: Int
  public var method: SearchMethod
  /// Places of the images in the training part of the data set.
  public var trainIndices: [Int]
  public var validationIndices: [Int]
  /// Mean cross-entropy, in nats: of the weight step's pass; of α's passes, nil where none was taken.
  public var trainLoss: Double
  public var alphaTrainLoss: Double?
  public var validationLoss: Double?
  public var trainCorrect: Int
  /// ξ = the learning rate of w, and that of α.
  public var weightRate: Double
  public var alphaRate: Double
  /// α before the step, [2 kinds][edges][8].
  public var alpha: [Float]
  public var terms: [GradientTerm]
  /// What Adam was given, before its decay.
  public var direction: [Float]
  public var gumbel: [GumbelRecord]
  /// ‖∇_w‖ per slice of w, before clipping; and what clipping multiplied with.
  public var gradientNorms: [Float]
  public var clipFactor: Double
  /// Wall time in seconds by phase: "alpha", "weights", "data".
  public var seconds: [String: Double]

  /// ‖∇_w L_train‖ before clipping.
  public var gradientNorm: Double {
    gradientNorms.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}

/// One epoch, closed by an evaluation.
public struct EpochRecord: Equatable, Sendable {
  public var epoch: Int
  /// Steps done when it ended.
  public var stepsDone: Int
  /// Over the epoch's weight steps, in training mode; accuracies are shares of 1.
  public var trainLoss: Double
  public var trainAccuracy: Double
  /// Over the validation half, in evaluation mode.
  public var validationLoss: Double
  public var validationAccuracy: Double
  public var alpha: [Float]
  public var genotype: Genotype
  public var counts: ConvolutionCounts
  /// Parameters of the derived network at C = 36, 20 cells (the paper's "model size").
  public var evaluationParameters: Int
  public var weightRate: Double
  public var temperature: Double?
  public var seconds: Double
  public var imagesPerSecond: Double
}

/// The best cell found for one size.
public struct BestOfSize: Codable, Equatable, Sendable {
  public var counts: ConvolutionCounts
  public var epoch: Int
  public var validationAccuracy: Double
  public var genotype: Genotype
}

/// The end.
public struct RunResult: Codable, Equatable, Sendable {
  public enum Ending: String, Codable, Sendable {
    case completed
    case stoppedEarly = "stopped early"
    case interrupted
  }
  public var ending: Ending
  /// nil when it ended before its first epoch.
  public var genotype: Genotype?
  public var counts: ConvolutionCounts?
  public var bestValidationAccuracy: Double?
  public var bestEpoch: Int?
  public var bestPerSize: [BestOfSize]
  public var stepsDone: Int
  public var seconds: Double
}

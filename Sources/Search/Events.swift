import Supernet

/// What a search leaves behind, in the order in which it happens.
public typealias SearchEvent = LoopEvent<StepRecord, EpochRecord>

/// One step: what decided it, and what it found. α-shaped vectors are [2 kinds][edges][8], flattened.
public struct StepRecord: Equatable, Sendable {
  /// One term of the α-gradient, before its coefficient: "train", "valid", …
  public struct Term: Equatable, Sendable {
    /// "train", "valid", …
    public var name: String
    /// Its factor in the sum.
    public var coefficient: Double
    /// α-shaped.
    public var gradient: [Float]

    /// A gradient, α-shaped, before its factor.
    public init(name: String, coefficient: Double, gradient: [Float]) {
      self.name = name
      self.coefficient = coefficient
      self.gradient = gradient
    }
  }

  /// The Gumbel noise of one pass: "train", "valid", "weights".
  public struct Sample: Equatable, Sendable {
    /// Whose forward pass it was.
    public var pass: String
    /// [sets][edges][8], flattened.
    public var noise: [Float]

    /// Noise as the pass added it to α.
    public init(pass: String, noise: [Float]) {
      self.pass = pass
      self.noise = noise
    }
  }

  /// Wall time of one phase of the step, in seconds.
  public struct Phase: Equatable, Sendable {
    /// "train gradient", "update", …
    public var name: String
    /// Wall time.
    public var seconds: Double

    /// A phase and its wall time.
    public init(name: String, seconds: Double) {
      self.name = name
      self.seconds = seconds
    }
  }

  /// From 0, through all epochs.
  public var step: Int
  /// From 0.
  public var epoch: Int
  /// From 0; with the seed and the epoch it is the address of the step's batches.
  public var stepInEpoch: Int
  /// Mean cross-entropy of the training batch, in nats.
  public var trainLoss: Double
  /// nil when the method takes no validation gradient.
  public var validLoss: Double?
  /// Learning rate of w in this step.
  public var weightRate: Double
  /// τ of the relaxation; nil for the softmax.
  public var temperature: Double?
  /// α before the step.
  public var alpha: [Float]
  /// What Adam was given, before its decay.
  public var alphaGradient: [Float]
  /// In the order of the sum.
  public var terms: [Term]
  /// One a pass; empty on the softmax space.
  public var samples: [Sample]
  /// 2-norm of ∇_w L_train per slice of the parameter layout, before clipping.
  public var gradientNorms: [Float]
  /// In the order in which they were done.
  public var phases: [Phase]

  /// All that a step leaves behind but its weight gradient.
  public init(
    step: Int, epoch: Int, stepInEpoch: Int, trainLoss: Double, validLoss: Double?,
    weightRate: Double, temperature: Double?, alpha: [Float], alphaGradient: [Float],
    terms: [Term], samples: [Sample], gradientNorms: [Float], phases: [Phase]
  ) {
    self.step = step
    self.epoch = epoch
    self.stepInEpoch = stepInEpoch
    self.trainLoss = trainLoss
    self.validLoss = validLoss
    self.weightRate = weightRate
    self.temperature = temperature
    self.alpha = alpha
    self.alphaGradient = alphaGradient
    self.terms = terms
    self.samples = samples
    self.gradientNorms = gradientNorms
    self.phases = phases
  }
}

/// The vectors of a step that are as large as w.
public struct StepTrace: Equatable, Sendable {
  /// ∇_w L_train of the step's first weight step, before clipping and decay; [weightCount].
  public var weightGradient: [Float]

  /// ∇_w L_train, [weightCount].
  public init(weightGradient: [Float]) { self.weightGradient = weightGradient }
}

/// One epoch, after its last step. Accuracies are fractions, 0 to 1.
public struct EpochRecord: Codable, Equatable, Sendable {
  /// From 0.
  public var epoch: Int
  /// Mean over the epoch's training batches, in nats.
  public var trainLoss: Double
  /// Over the epoch's training batches, in training mode.
  public var trainAccuracy: Double
  /// In evaluation mode over the validation half.
  public var validLoss: Double
  /// Over the validation half, in evaluation mode.
  public var validAccuracy: Double
  /// α after the epoch, and its softmax per edge; α-shaped.
  public var alpha: [Float]
  /// α-shaped; each row of 8 adds up to 1.
  public var alphaSoftmax: [Float]
  /// As DARTS prints it.
  public var genotype: String
  /// n and r: convolutions among the kept edges of each kind of cell.
  public var normalConvolutions: Int
  /// r
  public var reductionConvolutions: Int
  /// Of the network derived for CIFAR-10 with C 36 and 20 cells, without auxiliary head: the paper's model size.
  public var parameters: Int
  /// Of the same network, for one image.
  public var multiplyAdds: Int
  /// λ_max of ∇²_αα L_val on the first validation images, and α's decay; nil unless the epoch measures it.
  public var curvature: Double?
  /// Wall time, in seconds.
  public var trainSeconds: Double
  /// Of the evaluation.
  public var validSeconds: Double

  /// All that an epoch leaves behind.
  public init(
    epoch: Int, trainLoss: Double, trainAccuracy: Double, validLoss: Double,
    validAccuracy: Double, alpha: [Float], alphaSoftmax: [Float], genotype: String,
    normalConvolutions: Int, reductionConvolutions: Int, parameters: Int, multiplyAdds: Int,
    curvature: Double? = nil, trainSeconds: Double, validSeconds: Double
  ) {
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.validLoss = validLoss
    self.validAccuracy = validAccuracy
    self.alpha = alpha
    self.alphaSoftmax = alphaSoftmax
    self.genotype = genotype
    self.normalConvolutions = normalConvolutions
    self.reductionConvolutions = reductionConvolutions
    self.parameters = parameters
    self.multiplyAdds = multiplyAdds
    self.curvature = curvature
    self.trainSeconds = trainSeconds
    self.validSeconds = validSeconds
  }
}

/// How a search ended, and with what.
public struct RunResult: Equatable, Sendable {
  /// How a run ended, when it ended in order.
  public enum Outcome: String, CaseIterable, Codable, Sendable {
    /// After its last epoch.
    case completed
    /// By its stop rule.
    case stoppedEarly = "stopped early"
    /// By its user; it can be resumed.
    case interrupted
  }

  /// How it ended.
  public var outcome: Outcome
  /// Those that have ended.
  public var epochs: Int
  /// Those that have ended.
  public var steps: Int
  /// The cell that the search leaves, as DARTS prints it.
  public var genotype: String
  /// The epoch that ended with this cell; nil when the search ended within an epoch.
  public var genotypeEpoch: Int?
  /// n
  public var normalConvolutions: Int
  /// r
  public var reductionConvolutions: Int
  /// Of that epoch, or else of the last one that ended, 0 to 1; nil when none did.
  public var validAccuracy: Double?
  /// Wall time, in seconds.
  public var seconds: Double

  /// All that a run ends with.
  public init(
    outcome: Outcome, epochs: Int, steps: Int, genotype: String, genotypeEpoch: Int?,
    normalConvolutions: Int, reductionConvolutions: Int, validAccuracy: Double?, seconds: Double
  ) {
    self.outcome = outcome
    self.epochs = epochs
    self.steps = steps
    self.genotype = genotype
    self.genotypeEpoch = genotypeEpoch
    self.normalConvolutions = normalConvolutions
    self.reductionConvolutions = reductionConvolutions
    self.validAccuracy = validAccuracy
    self.seconds = seconds
  }
}

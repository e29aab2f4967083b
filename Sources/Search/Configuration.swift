import Datasets
import Supernet

/// Every option of a search, once; presets are sets of defaults for these.
public struct SearchConfiguration: Codable, Equatable, Sendable {
  /// The preset that the values started from.
  public var preset: String

  // MARK: Data

  /// The data set's name.
  public var data: String
  /// Folder of its files; nil for the usual place.
  public var dataDirectory: String?
  /// Only the first so many training images.
  public var trainImages: Int?
  /// Images of each batch.
  public var batch: Int
  /// Pad-and-crop, flip and cutout of the training batches.
  public var augmentation: Augmentation
  /// Whether validation batches are augmented too, as in the public MiLeNAS code.
  public var augmentsValidation = false
  /// How α's validation batches are drawn.
  public var validationBatches = ValidationBatches.epoch

  /// How α's validation batches are drawn.
  public enum ValidationBatches: String, CaseIterable, Codable, Sendable {
    /// One after the other from a shuffle of the validation half.
    case epoch
    /// A random batch at every step, as in the public DARTS and MiLeNAS codes.
    case random
  }

  // MARK: Network

  /// Width, cells, nodes and activation are the user's; image size, channels and classes those of the data.
  public var shape: SupernetShape

  // MARK: Search

  /// The method of the first epochs.
  public var method = SearchMethod.milenas1st
  /// How α becomes the operations' weights.
  public var space = SearchSpace.darts
  /// Whose form is followed where codes differ.
  public var variant = Variant.paper
  /// λ of L_tr + λ L_val (eqs. 5 and 6), of the MiLeNAS methods.
  public var lambda = 1.0
  /// Factor of the training term, or of MiLeNAS-2nd's training bracket; the public code's lambda_train_regularizer.
  public var lambdaTrain = 1.0
  /// Which bracket λ multiplies in MiLeNAS-2nd.
  public var lambdaPlacement = LambdaPlacement.validation
  /// Which of the two steps comes first.
  public var order = StepOrder.alphaFirst
  /// Weight steps per step of α.
  public var weightUpdates = 1
  /// Whether further weight steps see the next batches, which the next step of α then leaves behind; the public
  /// code repeats the same one.
  public var updatesSeeNextBatches = false
  /// The method from `switchEpoch` on (the paper's late-phase experiment).
  public var switchMethod: SearchMethod?
  /// From 0.
  public var switchEpoch: Int?
  /// r of the finite difference, ε = r/‖v‖.
  public var radius = 0.01
  /// K of `unrolled`.
  public var unrollSteps = 5
  /// Iterations and damping of `implicit`.
  public var solver = Solver.conjugateGradients
  /// Of `implicit`.
  public var solverIterations = 10
  /// δ, added to the Hessian's diagonal by `implicit`.
  public var damping = 0.1

  /// How `implicit` solves its linear system.
  public enum Solver: String, CaseIterable, Codable, Sendable {
    /// For definite systems; stops at negative curvature.
    case conjugateGradients = "cg"
    /// For indefinite systems too.
    case minres
    /// A truncated series, as iDARTS takes.
    case neumann
  }

  /// Cells drawn at the end of each epoch of `random-sharing`.
  public var randomCells = 20

  // MARK: Gumbel

  /// τ of the first epoch.
  public var temperatureStart = 10.0
  /// τ that the last epoch approaches, linearly.
  public var temperatureEnd = 1.0
  /// How many Gumbel samples a pass draws.
  public var noise = NoiseSharing.kind

  /// How many Gumbel samples a pass draws.
  public enum NoiseSharing: String, CaseIterable, Codable, Sendable {
    /// One per kind of cell, shared by all cells of that kind (official GDAS).
    case kind
    /// One for every cell (the public MiLeNAS code).
    case cell
  }

  // MARK: Optimizers

  /// The most.
  public var epochs: Int
  /// Cuts an epoch short, for trials and tests.
  public var stepsPerEpoch: Int?
  /// η of the first epoch.
  public var weightRate = 0.025
  /// η that the cosine falls to.
  public var weightRateEnd = 0.001
  /// μ of w.
  public var momentum = 0.9
  /// ρ of w.
  public var weightDecay = 3e-4
  /// Largest norm of the clipped gradient; 0 for none.
  public var clip = 5.0
  /// Whose gradient is clipped.
  public var clipTarget = ClipTarget.weights
  /// Adam's, of α.
  public var alphaRate = 3e-4
  /// β₁ and β₂ of Adam.
  public var alphaBetas = [0.5, 0.999]
  /// Adam's decay, added to its gradient.
  public var alphaDecay = 1e-3
  /// Which passes move the running statistics.
  public var statistics = StatisticsRule.weightStep

  /// Whose gradient is clipped.
  public enum ClipTarget: String, CaseIterable, Codable, Sendable {
    /// w's, as in the public DARTS code.
    case weights
    /// α's, after the weight step's backward pass, as in the public MiLeNAS code: no effect on anything.
    case alpha
  }

  /// Which training-mode passes move the running statistics of the batch norms.
  public enum StatisticsRule: String, CaseIterable, Codable, Sendable {
    /// The pass of the weight step alone.
    case weightStep = "weight-step"
    /// First-order passes of the α-step too, as in the public codes.
    case everyForward = "every-forward"
  }

  // MARK: End

  /// Of all that is random.
  public var seed: UInt64
  /// How the genotype is read off α.
  public var genotypeRule = Genotype.Rule.darts
  /// When to end before the last epoch.
  public var stopRule: StopRule?
  /// Epochs from one measurement of the α-Hessian's largest eigenvalue to the next; nil for none. A curvature rule
  /// measures in any case.
  public var curvatureEvery: Int?

  /// The method of an epoch.
  public func method(inEpoch epoch: Int) -> SearchMethod {
    if let switchMethod, let switchEpoch, epoch >= switchEpoch { return switchMethod }
    return method
  }

  /// Whether any epoch takes passes with tangents.
  var takesTangents: Bool {
    let measures = if case .curvature = stopRule { true } else { curvatureEvery != nil }
    return measures || method.takesTangents || switchMethod?.takesTangents == true
  }

  /// Whether the end of an epoch measures the curvature of α.
  func measuresCurvature(afterEpoch epoch: Int) -> Bool {
    if let curvatureEvery, epoch % curvatureEvery == 0 { return true }
    if case .curvature(let rule) = stopRule { return rule.measures(afterEpoch: epoch) }
    return false
  }

  /// Training batches that a step uses up.
  public var batchesPerStep: Int { updatesSeeNextBatches ? weightUpdates : 1 }

  /// Takes over what the data decide of the network.
  public mutating func adopt(_ dataset: Dataset) {
    shape.inputChannels = dataset.train.channels
    shape.imageSize = dataset.train.rows
    shape.classes = dataset.train.classNames.count
  }

  /// Checks that the settings can work together.
  ///
  /// - Throws: `SearchError.impossible`, naming the option and the remedy; `SupernetError.impossible`.
  public func validate() throws {
    try shape.validate()
    try require("--epochs", epochs, in: 1...1_000_000)
    try require(batch >= 2, "--batch must be at least 2, not \(batch): batch norm needs it")
    try require("--steps-per-epoch", stepsPerEpoch, in: 1...Int.max)
    try require("--cutout", augmentation.cutout, in: 0...512)
    try require("the padding of images", augmentation.padding, in: 0...512)
    try require("--lambda", from0: lambda)
    try require(lambdaTrain.isFinite, "--lambda-train must be a finite number, not \(lambdaTrain)")
    try require("--weight-updates", weightUpdates, in: 1...10_000)
    try require("--radius", above0: radius)
    try require("--unroll-steps", unrollSteps, in: 1...1000)
    try require("--solver-iterations", solverIterations, in: 1...100_000)
    try require("--damping", from0: damping)
    try require("--random-cells", randomCells, in: 1...100_000)
    try require("--curvature-every", curvatureEvery, in: 1...1_000_000)
    switch stopRule {
    case .curvature(let rule):
      try require(
        rule.factor > 1 && rule.factor.isFinite && rule.every >= 1 && rule.window >= 1
          && rule.lag >= 1, "--stop-at-curvature must be above 1, not \(rule.factor)")
    case .size(let limit):
      try require(
        limit.normal >= 0 && limit.reduction >= 0,
        "--stop-at takes two counts from 0 on, not \(limit.normal),\(limit.reduction)")
    case nil: break
    }
    try require(
      method.runs(on: space) && switchMethod?.runs(on: space) != false,
      "random-sharing trains one cell at a time, on any space the same: leave out --space")
    try require("--temperature-start", above0: temperatureStart)
    try require("--temperature-end", above0: temperatureEnd)
    try require("--weight-rate", above0: weightRate)
    try require("--weight-rate-end", from0: weightRateEnd)
    try require("--alpha-rate", above0: alphaRate)
    try require("--clip", from0: clip)
    try require("the momentum of w", from0: momentum)
    try require("the decay of w", from0: weightDecay)
    try require("the decay of α", from0: alphaDecay)
    try require(alphaBetas.count == 2, "Adam takes two betas, not \(alphaBetas.count)")
    for beta in alphaBetas { try require("a beta of Adam", from0Below1: beta) }
    try require(
      (switchMethod == nil) == (switchEpoch == nil),
      "--switch-to and --switch-epoch belong together: give both or none")
    try require(
      switchEpoch.map { (0..<epochs).contains($0) } ?? true,
      "--switch-epoch must be one of the \(epochs) epochs, counted from 0, not \(switchEpoch ?? 0)")
    for method in [method, switchMethod].compactMap({ $0 }) {
      try require(
        order != .simultaneous || [.singleLevel, .milenas1st].contains(method),
        "--order simultaneous takes ∇_w and ∇_α of L_train from one pass, which only single-level and "
          + "milenas-1st have; use --order alpha-first with \(method.rawValue)")
    }
  }
}

/// Which of the two steps comes first.
public enum StepOrder: String, CaseIterable, Codable, Sendable {
  /// All public codes.
  case alphaFirst = "alpha-first"
  /// Algorithm 1 of the paper, and official GDAS.
  case weightsFirst = "weights-first"
  /// ∇_w and ∇_α L_train from one pass at the same point: the same to first order, for 5/7 of the work.
  case simultaneous
}

/// How α becomes the operations' weights.
public enum SearchSpace: String, CaseIterable, Codable, Sendable {
  /// Softmax mixture (eq. 9).
  case darts
  /// Soft Gumbel sample on all operations (eq. 10).
  case gumbel
  /// Hard sample: one operation per edge, straight-through (GDAS; the public MiLeNAS code's Gumbel network).
  case gdas
}

extension SearchConfiguration {
  /// Presets by name, in the order in which they are listed.
  public static let presets = ["demo", "small", "paper"]

  /// The settings of "demo", "small" or "paper".
  ///
  /// - Throws: `SearchError.unknownName`, suggesting the nearest.
  public static func preset(_ name: String) throws -> SearchConfiguration {
    switch name {
    case "demo":
      SearchConfiguration(
        preset: name, data: "fashion-mini", batch: 32, augmentation: .standard,
        shape: SupernetShape(inputChannels: 1, imageSize: 28, channels: 8, cells: 5),
        alphaRate: 3e-3, epochs: 6)
    case "small":
      SearchConfiguration(
        preset: name, data: "fashion-mnist", batch: 64, augmentation: .standard,
        shape: SupernetShape(inputChannels: 1, imageSize: 28, channels: 8, cells: 5), epochs: 10)
    case "paper":
      SearchConfiguration(
        preset: name, data: "cifar10", batch: 64, augmentation: .standard,
        shape: SupernetShape(inputChannels: 3, imageSize: 32, channels: 16, cells: 8), epochs: 50)
    default: throw SearchError.unknownName("preset", name, of: presets)
    }
  }

  private init(
    preset: String, data: String, batch: Int, augmentation: Augmentation,
    shape: SupernetShape, alphaRate: Double = 3e-4, epochs: Int
  ) {
    self.preset = preset
    self.data = data
    self.batch = batch
    self.augmentation = augmentation
    self.shape = shape
    self.alphaRate = alphaRate
    self.epochs = epochs
    seed = 0
  }

  /// Takes over what a variant of the public codes does differently.
  ///
  /// `.milenasCode`: validation batches augmented and drawn at random, α's gradient clipped instead of w's, every
  /// forward pass moves the running statistics, λ on the training bracket, one Gumbel sample per cell.
  /// `.dartsCode`: random validation batches and running statistics moved by every forward pass.
  public mutating func adopt(_ variant: Variant) {
    self.variant = variant
    switch variant {
    case .paper: break
    case .dartsCode:
      validationBatches = .random
      statistics = .everyForward
    case .milenasCode:
      validationBatches = .random
      augmentsValidation = true
      clipTarget = .alpha
      statistics = .everyForward
      lambdaPlacement = .training
      noise = .cell
    }
  }
}

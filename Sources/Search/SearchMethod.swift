/// The search methods by name.
public enum SearchMethod: String, CaseIterable, Codable, Sendable {
  /// ∇_α L_train (eqs. 3 and 4).
  case singleLevel = "single-level"
  /// ∇_α L_train + λ ∇_α L_val (eq. 6, Algorithm 1).
  case milenas1st = "milenas-1st"
  /// The unrolled form of sec. 3.1, by finite differences.
  case milenas2nd = "milenas-2nd"
  /// The same with the exact mixed product.
  case milenas2ndExact = "milenas-2nd-exact"
  /// ∇_α L_val: bilevel with ξ = 0.
  case darts1st = "darts-1st"
  /// Eq. 8, by finite differences.
  case darts2nd = "darts-2nd"
  /// Eq. 7 with the exact mixed product.
  case darts2ndExact = "darts-2nd-exact"
  /// The exact gradient through K steps of SGD.
  case unrolled
  /// The implicit function theorem. `SearchLoop.solverTally` says how its linear systems were solved; a record holds
  /// no residual, but `gradient-error --estimators` computes those of its epochs again.
  case implicit
  /// α stays where it was drawn: a random cell, with weights trained all the same.
  case random
  /// Random search with weight sharing (Li and Talwalkar 2019): each step trains one cell drawn at random, each epoch
  /// ends with the best of several.
  case randomSharing = "random-sharing"

  /// Whether α is moved at all.
  public var movesAlpha: Bool { ![.random, .randomSharing].contains(self) }

  /// Whether the α-step takes a pass on the training batch.
  var usesTraining: Bool { movesAlpha && self != .darts1st }

  /// Whether the α-step takes a pass on the validation batch.
  var usesValidation: Bool { movesAlpha && self != .singleLevel }

  /// Whether the direction takes second derivatives.
  public var isSecondOrder: Bool {
    switch self {
    case .singleLevel, .milenas1st, .darts1st, .random, .randomSharing: false
    default: true
    }
  }

  /// Whether it takes passes with tangents: the second-order methods without finite differences.
  var takesTangents: Bool { isSecondOrder && ![.darts2nd, .milenas2nd].contains(self) }

  /// The method that takes a finite difference where this one takes the exact product.
  var finiteDifference: SearchMethod? {
    switch self {
    case .darts2ndExact: .darts2nd
    case .milenas2ndExact: .milenas2nd
    default: nil
    }
  }

  /// Whether the method can search a space: `random-sharing` trains one cell at a time, on any space the same.
  public func runs(on space: SearchSpace) -> Bool { self != .randomSharing || space == .darts }

  /// One line for `--help` and `explain`.
  public var summary: String {
    switch self {
    case .singleLevel: "grad_alpha L_train (eqs. 3-4)"
    case .milenas1st: "grad_alpha L_train + lambda grad_alpha L_val (eq. 6, Algorithm 1)"
    case .milenas2nd: "MiLeNAS with one unrolled step, finite differences (sec. 3.1)"
    case .milenas2ndExact: "MiLeNAS with one unrolled step, exact mixed product"
    case .darts1st: "grad_alpha L_val, bilevel with xi = 0"
    case .darts2nd: "bilevel with one unrolled step, finite differences (eq. 8)"
    case .darts2ndExact: "bilevel with one unrolled step, exact mixed product (eq. 7)"
    case .unrolled: "exact gradient through K steps of SGD"
    case .implicit: "implicit function theorem, by conjugate gradients, MINRES or Neumann series"
    case .random: "alpha is drawn once and never moved: a baseline"
    case .randomSharing: "random search with weight sharing: a baseline"
    }
  }
}

import Kernels

/// How (H + δI) x = b is solved when H is known by its products alone.
public enum LinearSolver: Equatable, Sendable {
  /// For positive definite H; stops at the first direction p with pᵀHp ≤ 0, which proves that H is
  /// not.
  case conjugateGradients(iterations: Int, tolerance: Double)
  /// For symmetric H of any sign (Paige and Saunders 1975); the residual never grows.
  case minres(iterations: Int, tolerance: Double)
  /// x = η Σ_{j<terms} (I − ηH)ʲ b, with terms − 1 products; converges for 0 < ηλ < 2 at all
  /// eigenvalues λ.
  case neumann(terms: Int, rate: Double)

  /// Solves from x = 0; tolerances are relative to ‖b‖.
  ///
  /// - Parameter product: v ↦ (H + δI) v, symmetric.
  /// - Throws: `SearchError.notFinite`, and what `product` throws.
  public func solve<Scalar: KernelScalar>(
    _ b: [Scalar], product: ([Scalar]) throws -> [Scalar]
  ) throws -> LinearSolution<Scalar> {
    let solution =
      switch self {
      case .conjugateGradients(let iterations, let tolerance):
        try solveByConjugateGradients(b, iterations, tolerance, product)
      case .minres(let iterations, let tolerance):
        try solveByMinimalResiduals(b, iterations, tolerance, product)
      case .neumann(let terms, let rate):
        try solveByNeumannSeries(b, terms, Scalar(rate), product)
      }
    guard solution.x.allSatisfy(\.isFinite) else {
      throw SearchError.notFinite(term: "the solution of the linear system")
    }
    return solution
  }
}

/// What a solver found.
public struct LinearSolution<Scalar: KernelScalar>: Sendable {
  /// The last iterate.
  public var x: [Scalar]
  /// ‖b − (H + δI) x‖ before the first iteration and after each, from the solver's own recurrence.
  public var residualNorms: [Double]
  /// Whether a direction with pᵀ(H + δI)p ≤ 0 was met.
  public var negativeCurvature = false

  /// Products with the matrix.
  public var iterations: Int { residualNorms.count - 1 }

  init(start b: [Scalar]) {
    x = .zeros(b.count)
    residualNorms = [b.norm]
  }
}

/// Hestenes and Stiefel 1952.
private func solveByConjugateGradients<Scalar: KernelScalar>(
  _ b: [Scalar], _ iterations: Int, _ tolerance: Double, _ product: ([Scalar]) throws -> [Scalar]
) throws -> LinearSolution<Scalar> {
  var solution = LinearSolution(start: b)
  var residual = b
  var direction = b
  var squaredNorm = b.dot(b)
  let goal = tolerance * b.norm
  for _ in 0..<iterations where squaredNorm.squareRoot() > goal {
    let image = try product(direction)
    let curvature = direction.dot(image)
    guard curvature > 0 else {
      solution.negativeCurvature = true
      break
    }
    let step = Scalar(squaredNorm / curvature)
    solution.x.add(step, times: direction)
    residual.add(-step, times: image)
    let next = residual.dot(residual)
    direction = residual.adding(Scalar(next / squaredNorm), times: direction)
    squaredNorm = next
    solution.residualNorms.append(next.squareRoot())
  }
  return solution
}

/// Lanczos vectors and a QR factorisation of their tridiagonal matrix, updated column by column.
private func solveByMinimalResiduals<Scalar: KernelScalar>(
  _ b: [Scalar], _ iterations: Int, _ tolerance: Double, _ product: ([Scalar]) throws -> [Scalar]
) throws -> LinearSolution<Scalar> {
  var solution = LinearSolution(start: b)
  var (residual, beta) = (b.norm, b.norm)
  let goal = tolerance * residual
  // Lanczos vectors before scaling: their norms are beta and previousBeta.
  var (lanczos, previousLanczos) = (b, [Scalar].zeros(b.count))
  var previousBeta = 1.0
  var (step, previousStep) = ([Scalar].zeros(b.count), [Scalar].zeros(b.count))
  var (cosine, sine, diagonal, corner) = (-1.0, 0.0, 0.0, 0.0)
  for _ in 0..<iterations where residual > goal && beta > 0 {
    let unit = lanczos.scaled(by: Scalar(1 / beta))
    var next = try product(unit)
    next.add(Scalar(-beta / previousBeta), times: previousLanczos)
    let alpha = unit.dot(next)
    if alpha <= 0 { solution.negativeCurvature = true }
    next.add(Scalar(-alpha / beta), times: lanczos)
    (previousLanczos, lanczos) = (lanczos, next)
    (previousBeta, beta) = (beta, next.norm)

    let upper = cosine * diagonal + sine * alpha
    let rotated = sine * diagonal - cosine * alpha
    let previousCorner = corner
    corner = sine * beta
    diagonal = -cosine * beta
    let pivot = (rotated * rotated + beta * beta).squareRoot()
    guard pivot > 0 else { break }  // singular, and nothing of b left to explain
    (cosine, sine) = (rotated / pivot, beta / pivot)
    var nextStep = unit.adding(Scalar(-previousCorner), times: previousStep)
    nextStep.add(Scalar(-upper), times: step)
    nextStep.scale(by: Scalar(1 / pivot))
    (previousStep, step) = (step, nextStep)
    solution.x.add(Scalar(cosine * residual), times: step)
    residual *= sine
    solution.residualNorms.append(residual)
  }
  return solution
}

/// The first term of each partial sum is the residual of the sum before.
private func solveByNeumannSeries<Scalar: KernelScalar>(
  _ b: [Scalar], _ terms: Int, _ rate: Scalar, _ product: ([Scalar]) throws -> [Scalar]
) throws -> LinearSolution<Scalar> {
  var solution = LinearSolution(start: b)
  guard terms > 0 else { return solution }
  var term = b
  solution.x.add(rate, times: term)
  for _ in 1..<terms {
    let image = try product(term)
    if term.dot(image) <= 0 { solution.negativeCurvature = true }
    term.add(-rate, times: image)
    solution.residualNorms.append(term.norm)
    solution.x.add(rate, times: term)
  }
  return solution
}

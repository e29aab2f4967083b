import Kernels
import Search
import Supernet

/// `quadratic_bilevel`: every direction in closed form.
func checkQuadraticBilevel(_ node: CaseNode) throws {
  let (problem, point) = try QuadraticBilevel.read(node)
  try node.section("expected") { expected in
    try QuadraticCase(node: node, problem: problem, point: point).check(expected)
  }
}

extension QuadraticBilevel {
  /// The problem of a case, and the point at which it is looked at.
  static func read(_ node: CaseNode) throws -> (QuadraticBilevel, Point<Double>) {
    let c = try node.vector("c")
    let d = try node.vector("d")
    let (weights, alphas) = (c.count, d.count)
    let problem = QuadraticBilevel(
      a: try node.matrix("A", rows: weights, columns: weights),
      b: try node.matrix("B", rows: weights, columns: alphas), c: c,
      m: try node.matrix("M", rows: weights, columns: weights),
      t: try node.vector("t", count: weights), rho: try node.number("rho"), d: d)
    let point = Point(
      weights: try node.vector("w", count: weights),
      alpha: try node.vector("alpha", count: alphas))
    return (problem, point)
  }
}

private struct QuadraticCase {
  let node: CaseNode
  let problem: QuadraticBilevel
  let point: Point<Double>

  private let inputs = BilevelInputs(inner: Level.inner, outer: Level.outer)
  private let tolerance = CaseTolerance.closedForm

  func check(_ expected: CaseNode) throws {
    try checkFirstOrder(expected)
    try checkOneStep(expected)
    try checkImplicit(expected)
    try expected.each("unrolled", checkUnrolled)
    try expected.each("neumann") { row in
      let solver = LinearSolver.neumann(terms: try row.integer("K"), rate: try node.number("eta"))
      try row.check("d", tolerance, implicit(at: point, solver: solver))
    }
    try expected.each("cg", checkConjugateGradients)
    try checkSpectrum(expected)
  }

  private func checkFirstOrder(_ expected: CaseNode) throws {
    let inner = try problem.gradient([.weights, .alpha], at: point, on: .inner)
    let outer = try problem.gradient([.weights, .alpha], at: point, on: .outer)
    try expected.check("grad_w_Ltr", tolerance, inner.weights)
    try expected.check("grad_alpha_Ltr", tolerance, inner.alpha)
    try expected.check("grad_w_Lval", tolerance, outer.weights)
    try expected.check("grad_alpha_Lval", tolerance, outer.alpha)
    try expected.check("stationarity_residual_at_w", tolerance, inner.weights.norm)
    try expected.check("d_first_xi0", tolerance, outer.alpha)
    try expected.check("d_single", tolerance, inner.alpha)
    try expected.check(
      "d_milenas1", tolerance,
      inner.alpha.adding(try node.number("lambda_milenas"), times: outer.alpha))
  }

  private func checkOneStep(_ expected: CaseNode) throws {
    func step() throws -> UnrolledStep {
      UnrolledStep(.paper, InnerDescent(rate: try node.number("xi")))
    }
    func oneStep() throws -> Hypergradient<Double> {
      try problem.oneStepHypergradient(
        at: BilevelState(point), on: inputs, step: try step(), secondOrder: .exact)
    }
    func mixed(_ placement: LambdaPlacement) throws -> MixedLevelHypergradient<Double> {
      try problem.mixedLevelHypergradient(
        at: BilevelState(point), training: .inner, validation: .outer, step: try step(),
        secondOrder: .exact, lambda: try node.number("lambda_milenas"), on: placement)
    }
    try expected.check("w_prime", tolerance, oneStep().outerPoint.weights)
    try expected.check("g1", tolerance, oneStep().direct)
    try expected.check(
      "mixed_hvp", tolerance,
      problem.mixedProduct(oneStep().outerGradient, at: point, on: .inner))
    try expected.check("g2", tolerance, oneStep().implicit)
    try expected.check("d_1", tolerance, oneStep().direction)
    try expected.check(
      "milenas2_train_part", tolerance, mixed(.validation).training.direction)
    try expected.check("d_milenas2_printed", tolerance, mixed(.training).direction)
    try expected.check("d_milenas2_eq5", tolerance, mixed(.validation).direction)
  }

  private func checkImplicit(_ expected: CaseNode) throws {
    try expected.check("w_star", tolerance, minimiser().weights)
    try expected.check("hypergradient_true", tolerance, implicit(at: minimiser()))
    try expected.check("d_ift_at_w", tolerance, implicit(at: point))
    try expected.check(prefix: "d_ift_at_w_damped_", tolerance) {
      try implicit(at: point, damping: $0)
    }
    try expected.check(
      "d_milenas_exact_at_wstar", tolerance,
      implicit(at: minimiser(), outer: .inner).adding(
        try node.number("lambda_milenas"), times: implicit(at: minimiser())))
  }

  private func checkUnrolled(_ row: CaseNode) throws {
    let steps = try row.integer("K")
    let descent = InnerDescent(
      rate: try node.number("eta"), momentum: try row.number("momentum"),
      weightDecay: try row.number("weight_decay"))
    let momentum =
      row.has("buf0") ? try row.vector("buf0", count: problem.weightCount) : []
    let unrolled = try problem.unrolledHypergradient(
      at: BilevelState(point, momentum: momentum),
      through: [Level](repeating: .inner, count: steps), outer: .outer, descent: descent)
    try row.check("w_K", tolerance, unrolled.outerPoint.weights)
    try row.check("d_K", tolerance, unrolled.direction)
  }

  private func checkConjugateGradients(_ row: CaseNode) throws {
    let slope = try problem.gradient(.weights, at: point, on: .outer).weights
    let solver = LinearSolver.conjugateGradients(
      iterations: try row.integer("iter"), tolerance: 0)
    let solution = try solver.solve(slope) {
      try problem.hessianProduct($0, at: point, on: .inner)
    }
    try row.check("x", tolerance, solution.x)
    try row.check("residual_norm", tolerance, solution.residualNorms.last ?? .nan)
  }

  private func checkSpectrum(_ expected: CaseNode) throws {
    func eigenvalues() throws -> [Double] {
      try SymmetricEigen(StationaryPoint(problem: problem).hessian(at: point, on: .inner)).values
    }
    try expected.check("eig_A", tolerance, eigenvalues())
    try expected.check(
      "neumann_rate", tolerance, 1 - node.number("eta") * (eigenvalues().first ?? .nan))
    try expected.check(
      "condition_number", tolerance,
      (eigenvalues().last ?? .nan) / (eigenvalues().first ?? .nan))
  }

  private func minimiser() throws -> Point<Double> {
    try StationaryPoint(problem: problem).find(from: point, on: .inner)
  }

  /// Conjugate gradients end after as many iterations as there are weights, but for rounding.
  private func implicit(
    at point: Point<Double>, outer: Level = .outer, damping: Double = 0,
    solver: LinearSolver? = nil
  ) throws -> [Double] {
    let exact = LinearSolver.conjugateGradients(
      iterations: 4 * problem.weightCount, tolerance: 1e-15)
    return try problem.implicitHypergradient(
      at: point, on: BilevelInputs(inner: .inner, outer: outer), damping: damping,
      solver: solver ?? exact
    ).hypergradient.direction
  }
}

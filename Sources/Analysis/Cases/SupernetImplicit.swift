import Kernels
import Search
import Supernet

/// The implicit function theorem on the small supernets, at a minimiser and away from one.
extension SupernetCase {
  func checkImplicit(_ expected: CaseNode) throws {
    let decay = try expected.number("weight_decay")
    let train = try batch(try expected.text("train"))
    let search = StationaryPoint(problem: net, weightDecay: decay)
    let start =
      expected.has("w_star")
      ? Point(
        weights: try expected.vector("w_star", count: net.weightCount), alpha: point.alpha) : point
    let minimum = try search.find(from: start, on: train)
    let setting = ImplicitCase(
      net: net, minimum: minimum, train: train, validation: validation, decay: decay)
    try setting.check(expected, search)
  }

  /// Where H + δI is indefinite the certified value is that of the linear system alone.
  func checkImplicitAwayFromMinimum(_ row: CaseNode) throws {
    let damping = try row.number("damping")
    let setting = ImplicitCase(
      net: net, minimum: point, train: try batch("batch0"), validation: validation, decay: 0)
    func result(_ solver: LinearSolver) throws -> ImplicitHypergradient<Double> {
      try setting.implicit(damping: damping, solver: solver)
    }
    let iterations = 20 * net.weightCount
    try row.check(
      "d", CaseTolerance.implicit,
      result(.minres(iterations: iterations, tolerance: 1e-13)).hypergradient.direction)
    let conjugate = LinearSolver.conjugateGradients(iterations: iterations, tolerance: 1e-13)
    try row.check(
      "positive_definite", 0, result(conjugate).solution.negativeCurvature ? 0 : 1)
  }
}

/// One minimiser, and what is certified there.
private struct ImplicitCase {
  let net: SmallSupernet<Double>
  let minimum: Point<Double>
  let train: LabelledRows
  let validation: LabelledRows
  let decay: Double

  private var exact: LinearSolver {
    .conjugateGradients(iterations: 4 * net.weightCount, tolerance: 1e-14)
  }

  func implicit(damping: Double = 0, solver: LinearSolver? = nil) throws
    -> ImplicitHypergradient<Double>
  {
    try net.implicitHypergradient(
      at: minimum, on: BilevelInputs(inner: train, outer: validation), weightDecay: decay,
      damping: damping, solver: solver ?? exact)
  }

  func check(_ expected: CaseNode, _ search: StationaryPoint<SmallSupernet<Double>>) throws {
    let (fine, loose) = (CaseTolerance.exactDerivative, CaseTolerance.implicit)
    let outer = try net.gradient([.weights, .alpha], at: minimum, on: validation)
    let truth = try implicit()
    let eigenvalues = try SymmetricEigen(search.hessian(at: minimum, on: train)).values
    let direction = truth.hypergradient.direction
    try expected.check("w_star", loose, minimum.weights)
    try expected.check("grad_norm_inf", 1e-13, as: .absolute, truth.stationarity)
    try expected.check(
      "L_train", fine, net.gradient(.alpha, at: minimum, on: train).loss)
    try expected.check("L_val", fine, outer.loss)
    try expected.check("hessian_eig_min", loose, eigenvalues.first ?? .nan)
    try expected.check("hessian_eig_max", fine, eigenvalues.last ?? .nan)
    try expected.check("grad_alpha_Lval", fine, outer.alpha)
    try expected.check("grad_w_Lval_norm", fine, outer.weights.norm)
    try expected.check("d_ift", loose, direction)
    try expected.check("implicit_term", loose, truth.hypergradient.implicit)
    try expected.each("neumann") { row in
      let solver = LinearSolver.neumann(
        terms: try row.integer("K"), rate: try row.number("eta"))
      let estimate = try implicit(solver: solver).hypergradient.direction
      try row.check("d", loose, estimate)
      try row.check("rel_error", loose, as: .absolute, relativeError(estimate, direction))
    }
    try expected.each("damping") { row in
      let estimate = try implicit(damping: try row.number("damping")).hypergradient.direction
      try row.check("d", loose, estimate)
      try row.check("rel_error_vs_true", loose, as: .absolute, relativeError(estimate, direction))
    }
    try expected.each("cg") { row in
      let estimate = try implicit(
        solver: .conjugateGradients(iterations: try row.integer("iter"), tolerance: 0))
      try row.check(
        "rel_error_d", CaseTolerance.onTheWay, as: .absolute,
        relativeError(estimate.hypergradient.direction, direction))
      try row.check(
        "residual_norm", CaseTolerance.onTheWay, as: .absolute,
        estimate.solution.residualNorms.last ?? .nan)
    }
    try expected.section("cheap_directions_vs_true") { try checkCheap($0, direction) }
  }

  /// One step of descent from the minimiser, where w′ differs from w* by the decay alone.
  private func checkCheap(_ expected: CaseNode, _ truth: [Double]) throws {
    func compare(_ section: CaseNode, _ estimate: [Double]) throws {
      let comparison = DirectionComparison(
        estimate: estimate, reference: truth, edges: SmallSupernetShape.edges,
        operations: SmallSupernetShape.operations)
      try section.check("rel_l2", CaseTolerance.implicit, comparison.relativeError)
      try section.check("cosine", CaseTolerance.implicit, comparison.cosine)
    }
    try expected.sections(prefix: "d1_xi_") { section, xi in
      let step = UnrolledStep(.dartsCode, InnerDescent(rate: xi, weightDecay: decay))
      let oneStep = try net.oneStepHypergradient(
        at: BilevelState(minimum), on: BilevelInputs(inner: train, outer: validation),
        step: step, secondOrder: .exact)
      try compare(section, oneStep.direction)
    }
    try expected.section("d_first") { section in
      try compare(
        section, try net.gradient(.alpha, at: minimum, on: validation).alpha)
    }
  }

  private func relativeError(_ estimate: [Double], _ truth: [Double]) -> Double {
    estimate.subtracting(truth).norm / truth.norm
  }
}

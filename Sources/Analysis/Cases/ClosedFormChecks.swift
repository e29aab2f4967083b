import Kernels
import Search
import Supernet

private let inputs = BilevelInputs(inner: Level.inner, outer: Level.outer)
private let tolerance = CaseTolerance.closedForm

/// `cubic_coupling`: a finite difference with one error term, known exactly.
func checkCubicCoupling(_ node: CaseNode) throws {
  let b = try node.vector("b")
  let alpha = try node.vector("alpha")
  let problem = CubicCoupling(
    a: try node.matrix("A", rows: b.count, columns: b.count), b: b,
    coupling: try node.matrix("P", rows: alpha.count, columns: b.count),
    t: try node.vector("t", count: b.count))
  let point = Point(weights: try node.vector("w", count: b.count), alpha: alpha)
  let xi = try node.number("xi")
  let step = UnrolledStep(.paper, InnerDescent(rate: xi))
  func oneStep(_ secondOrder: SecondOrder) throws -> Hypergradient<Double> {
    try problem.oneStepHypergradient(
      at: BilevelState(point), on: inputs, step: step, secondOrder: secondOrder)
  }
  let exact = try oneStep(.exact)
  let product = try problem.mixedProduct(exact.outerGradient, at: point, on: .inner)
  try node.section("expected") { expected in
    try expected.check("w_prime", tolerance, exact.outerPoint.weights)
    try expected.check("v", tolerance, exact.outerGradient)
    try expected.check("norm_v", tolerance, exact.outerNorm)
    try expected.check("mixed_hvp", tolerance, product)
    try expected.check("d_1", tolerance, exact.direction)
    try expected.check(
      "v_cubed_contracted", tolerance,
      times(problem.coupling, exact.outerGradient.map { $0 * $0 * $0 }))
    try expected.each("fd") { row in
      let radius = try row.number("r")
      let difference = try oneStep(.finiteDifference(radius: radius))
      let rounding = CaseTolerance.finiteDifference(radius: radius)
      let quotient = difference.implicit.scaled(by: 1 / xi)
      try row.check("eps", tolerance, difference.epsilon ?? .nan)
      try row.check("fd_hvp", rounding, quotient)
      try row.check("d_FD", rounding, difference.direction)
      // The difference of two numbers that agree more and more: what is left of their digits counts.
      let digits = rounding * max(product.norm, quotient.norm)
      try row.check("hvp_error", digits, as: .absolute, quotient.subtracting(product))
    }
  }
}

/// `darts_toy`: what ξ does, and where alternating descent ends.
func checkDartsToy(_ node: CaseNode) throws {
  let problem = DartsToy()
  try node.each("table") { row in
    let (alpha, w) = (try row.number("alpha"), try row.number("w"))
    let xi = try row.number("xi")
    func oneStep(_ w: Double, _ alpha: Double) throws -> Hypergradient<Double> {
      try problem.oneStepHypergradient(
        at: BilevelState(Point(weights: [w], alpha: [alpha])), on: inputs,
        step: UnrolledStep(.paper, InnerDescent(rate: xi)), secondOrder: .exact)
    }
    func implicit(_ w: Double) throws -> [Double] {
      try problem.implicitHypergradient(
        at: Point(weights: [w], alpha: [alpha]), on: inputs,
        solver: .conjugateGradients(iterations: 2, tolerance: 0)
      ).hypergradient.direction
    }
    /// Alternating descent, as far as it goes: along w = α the slope of d is 1 + 2ξ, and with steps of a fifth of its
    /// inverse each round shrinks the distance by a factor below 0.9.
    func fixedPoint() throws -> Double {
      var (w, alpha) = (w, alpha)
      for _ in 0..<1000 {
        let slope = try problem.gradient(
          .weights, at: Point(weights: [w], alpha: [alpha]), on: .inner)
        w -= 0.25 * slope.weights[0]
        alpha -= 0.2 / (1 + 2 * xi) * (try oneStep(w, alpha).direction[0])
      }
      return alpha
    }
    let exact = try oneStep(w, alpha)
    try row.check("w_prime", tolerance, exact.outerPoint.weights)
    try row.check("g1", tolerance, exact.direct)
    try row.check("g2", tolerance, exact.implicit)
    try row.check("d_1", tolerance, exact.direction)
    try row.check("d_true_at_wstar", tolerance, implicit(alpha))
    try row.check("d_ift_at_w", tolerance, implicit(w))
    try row.check("fixed_point", tolerance, fixedPoint())
  }
}

/// `kink_1d`: the finite difference beside a kink.
func checkOneKink(_ node: CaseNode) throws {
  let (w, c, v) = (try node.number("w"), try node.number("c"), try node.number("v"))
  let problem = OneKink(kink: c, v: v)
  func difference(radius: Double) throws -> [Double] {
    try problem.finiteDifferenceProduct(
      radius: radius, along: [v], at: Point(weights: [w], alpha: [1]), on: .inner)
  }
  try node.check("kink_distance", tolerance, abs(c - w))
  try node.each("table") { row in
    let radius = try row.number("r")
    try row.check("fd_hvp", tolerance, difference(radius: radius))
  }
  try node.check("limit_large_r", 1e-6, difference(radius: 1e7))
  node.noteUnread()
}

/// `relu_population_bias`: the derivative almost everywhere against that of the population.
func checkKinkPopulation(_ node: CaseNode) throws {
  let problem = KinkPopulation(count: try node.integer("n"))
  let (w, alpha) = (try node.number("w"), try node.number("alpha"))
  let point = Point(weights: [w], alpha: [alpha])
  try node.check(
    "ae_mixed_derivative", tolerance, problem.mixedProduct([1], at: point, on: .inner))
  try node.check("population_mixed_derivative", tolerance, 2 * alpha * w)
  try node.check(
    "kink_distance_in_w", tolerance,
    problem.kinks.map { abs($0 / alpha - w) }.min() ?? .nan)
  try node.each("central_difference") { row in
    let step = try row.number("h")
    try row.check(
      "fd", tolerance,
      problem.finiteDifferenceProduct(radius: step, along: [1], at: point, on: .inner))
  }
  node.noteUnread()
}

/// `lanczos`: tridiagonal matrices with known spectra.
func checkLanczos(_ node: CaseNode) throws {
  try node.section("tridiagonal") { try checkSecondDifference($0, shift: 0) }
  try node.section("indefinite") { section in
    try checkSecondDifference(
      section, shift: section.has("shift") ? try section.number("shift") : -3.2)
  }
}

/// tridiag(−1, 2, −1) + shift·I.
private func checkSecondDifference(_ node: CaseNode, shift: Double) throws {
  let n = try node.integer("n")
  func product(_ x: [Double]) -> [Double] {
    x.indices.map { i in
      (2 + shift) * x[i] - (i > 0 ? x[i - 1] : 0) - (i + 1 < n ? x[i + 1] : 0)
    }
  }
  /// Not symmetric, so that it has a part along every eigenvector.
  let start = (0..<n).map { 1 / Double($0 + 1) }
  let spectrum = try Lanczos(iterations: n, tolerance: 0).spectrum(
    dimension: n, product: product)
  try node.check("eigenvalues", tolerance, spectrum.values)
  try node.check("lambda_max", tolerance, spectrum.largest)
  for key in ["dominant", "dominant_by_magnitude"] {
    try node.check(key, tolerance, PowerIteration().eigenvalue(from: start, product: product))
  }
}

/// `metrics`: every number that compares two directions.
func checkMetrics(_ node: CaseNode) throws {
  let (edges, operations) = (try node.integer("edges"), try node.integer("ops"))
  let comparison = DirectionComparison(
    estimate: try node.vector("estimate", count: edges * operations),
    reference: try node.vector("reference", count: edges * operations), edges: edges,
    operations: operations)
  try node.section("expected") { expected in
    try expected.check("rel_l2", tolerance, comparison.relativeError)
    try expected.check("cosine", tolerance, comparison.cosine)
    try expected.check("angle_deg", tolerance, comparison.angleDegrees)
    try expected.check("norm_ratio", tolerance, comparison.normRatio)
    try expected.check("projection_coefficient", tolerance, comparison.projectionCoefficient)
    try expected.check("sign_agreement_all", tolerance, comparison.signAgreement)
    try expected.check(
      "sign_agreement_nonzero_ref", tolerance, comparison.signAgreementWhereNonzero)
    try expected.check(
      "magnitude_weighted_sign_agreement", tolerance, comparison.weightedSignAgreement)
    try expected.check("per_edge_rel_l2", tolerance, comparison.relativeErrorPerEdge)
    try expected.check("per_op_rms_error", tolerance, comparison.rmsErrorPerOperation)
    try expected.check("kendall_tau_b_all", tolerance, comparison.kendallTau)
    try expected.check("kendall_tau_b_per_edge", tolerance, comparison.kendallTauPerEdge)
    try expected.check(
      "argmin_agreement_per_edge", tolerance,
      comparison.favouriteAgreesPerEdge.map { $0 ? 1 : 0 })
  }
}

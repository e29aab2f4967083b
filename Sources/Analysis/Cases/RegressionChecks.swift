import Kernels
import Search
import Supernet

private let inputs = BilevelInputs(inner: Level.inner, outer: Level.outer)
private let tolerance = CaseTolerance.closedForm

/// `ridge`: one penalty for all features, and one for each.
func checkRidge(_ node: CaseNode) throws {
  try node.section("scalar") { section in
    let problem = try regression(node, .squared, .shared)
    let regressionCase = try RegressionCase(problem, alpha: [section.number("lam")])
    try section.section("expected", regressionCase.check)
  }
  try node.section("per_feature") { section in
    let problem = try regression(node, .squared, .perFeature)
    let alpha = try section.vector("alpha", count: problem.alphaCount)
    try section.section("expected", RegressionCase(problem, alpha: alpha).check)
  }
}

/// `logistic`: a penalty for each feature, and an unroll from zero.
func checkLogistic(_ node: CaseNode) throws {
  let problem = try regression(node, .logistic, .perFeature)
  let alpha = try node.vector("alpha", count: problem.alphaCount)
  try node.section("expected", RegressionCase(problem, alpha: alpha).check)
}

private func regression(
  _ node: CaseNode, _ loss: PenalisedRegression.Loss, _ penalty: PenalisedRegression.Penalty
) throws -> PenalisedRegression {
  let (y, yVal) = (try node.vector("y"), try node.vector("y_val"))
  let x = try node.matrix("X", rows: y.count)
  guard let features = x.first?.count, features > 0, !yVal.isEmpty else {
    throw AnalysisError.badCase(path: "\(node.path).X", expected: "examples with features")
  }
  return PenalisedRegression(
    loss: loss, penalty: penalty, training: .init(x: x, y: y),
    validation: .init(
      x: try node.matrix("X_val", rows: yVal.count, columns: features), y: yVal))
}

private struct RegressionCase {
  let problem: PenalisedRegression
  let start: Point<Double>
  let minimum: Point<Double>
  let solver: LinearSolver

  init(_ problem: PenalisedRegression, alpha: [Double]) throws {
    self.problem = problem
    start = Point(weights: .zeros(problem.weightCount), alpha: alpha)
    minimum = try StationaryPoint(problem: problem).find(from: start, on: .inner)
    solver = .conjugateGradients(iterations: 4 * problem.weightCount, tolerance: 1e-15)
  }

  func check(_ expected: CaseNode) throws {
    let truth = try problem.implicitHypergradient(at: minimum, on: inputs, solver: solver)
      .hypergradient
    try expected.check("w_star", tolerance, minimum.weights)
    try expected.check("Lval", tolerance, truth.outerLoss)
    try expected.check("grad_w_Lval", tolerance, truth.outerGradient)
    try expected.check("hypergradient", tolerance, truth.direction)
    try expected.check("dw_dlambda", tolerance, weightSensitivity())
    try expected.check("hessian_eigs", tolerance, eigenvalues())
    try expected.check("asymptotic_rate_eta1", tolerance, asymptoticRate(rate: 1))
    try expected.each("unroll_from_zero_eta1") { row in
      let steps = [Level](repeating: .inner, count: try row.integer("K"))
      let unrolled = try problem.unrolledHypergradient(
        at: BilevelState(start), through: steps, outer: .outer, descent: InnerDescent(rate: 1))
      try row.check("d_K", tolerance, unrolled.direction)
      try row.check(
        "error_l2", tolerance, as: .absolute, unrolled.direction.subtracting(truth.direction).norm)
    }
  }

  /// dw*/dα for a single α: −H⁻¹ ∇²_{wα}L_tr.
  private func weightSensitivity() throws -> [Double] {
    let mixed = try problem.tangent(
      .weights, at: minimum, along: Direction(alpha: [1]), on: .inner)
    let solution = try solver.solve(mixed.weights) {
      try problem.hessianProduct($0, at: minimum, on: .inner)
    }
    return solution.x.scaled(by: -1)
  }

  private func eigenvalues() throws -> [Double] {
    try SymmetricEigen(StationaryPoint(problem: problem).hessian(at: minimum, on: .inner)).values
  }

  /// max |1 − ηλ|: the factor by which a step of descent shrinks the slowest error.
  private func asymptoticRate(rate: Double) throws -> Double {
    try eigenvalues().map { abs(1 - rate * $0) }.max() ?? .nan
  }
}

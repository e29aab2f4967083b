import Kernels
import Search
import Supernet

/// `smooth_supernet`, `bn_supernet`, `relu_supernet`: the same checks on three small networks.
struct SupernetCase {
  let node: CaseNode
  let net: SmallSupernet<Double>
  let point: Point<Double>
  let full: LabelledRows
  let validation: LabelledRows

  init(_ node: CaseNode, _ kind: SmallSupernetShape.Kind) throws {
    self.node = node
    net = SmallSupernet(shape: try shape(node, kind))
    point = Point(
      weights: try node.vector("w", count: net.weightCount),
      alpha: try node.vector("alpha", count: net.alphaCount))
    full = try examples(node, "X_train", "y_train", net)
    validation = try examples(node, "X_val", "y_val", net)
  }

  func check() throws {
    try node.section("expected") { expected in
      try checkFirstOrder(expected)
      try expected.section("unrolled1_plain") { try checkOneStep($0, .paper) }
      try expected.section("unrolled1_darts") { try checkOneStep($0, .dartsCode) }
      try expected.section("milenas_repo_darts2nd", checkMiLeNASCode)
      try checkMixedLevel(expected)
      try expected.each("unrolled_K", checkUnrolled)
      try checkAlphaHessian(expected)
      try expected.section("implicit", checkImplicit)
      try expected.section("hessian_ww_batch0_at_w", checkWeightHessian)
      try expected.each("d_ift_at_w_batch0", checkImplicitAwayFromMinimum)
      try expected.section("scale_invariance_dot_w_gradw", checkScaleInvariance)
      try checkKinks(expected)
    }
  }

  // MARK: Inputs

  /// The batch called "full", or the rows of the training set that the member `name` of the case
  /// gives.
  func batch(_ name: String) throws -> LabelledRows {
    guard name != "full" else { return full }
    let rows = try rowRange(try node.text(name), path: "\(node.path).\(name)")
    return LabelledRows(
      inputs: Array(full.inputs[rows]), labels: Array(full.labels[rows]))
  }

  /// "train rows 0..3", both ends included.
  private func rowRange(_ text: String, path: String) throws -> ClosedRange<Int> {
    let ends = text.split(separator: " ").last?.split(separator: ".").compactMap { Int($0) } ?? []
    guard ends.count == 2, ends[0] <= ends[1], ends[1] < full.labels.count else {
      throw AnalysisError.badCase(
        path: path, expected: "\"train rows A..B\" within the \(full.labels.count) rows")
    }
    return ends[0]...ends[1]
  }

  func descent() throws -> InnerDescent {
    InnerDescent(
      rate: try node.number("xi"), momentum: try node.number("momentum"),
      weightDecay: try node.number("weight_decay"))
  }

  func state() throws -> BilevelState<Double> {
    BilevelState(
      point,
      momentum: node.has("momentum_buffer")
        ? try node.vector("momentum_buffer", count: net.weightCount) : [])
  }

  func inputs() throws -> BilevelInputs<LabelledRows> {
    BilevelInputs(inner: try batch("batch0"), outer: validation)
  }

  // MARK: First order

  private func checkFirstOrder(_ expected: CaseNode) throws {
    let tolerance = CaseTolerance.exactDerivative
    let train = try net.gradient([.weights, .alpha], at: point, on: try batch("batch0"))
    let all = try net.gradient([.weights, .alpha], at: point, on: full)
    let val = try net.gradient([.weights, .alpha], at: point, on: validation)
    try expected.check("L_train_batch0", tolerance, train.loss)
    try expected.check("L_train_full", tolerance, all.loss)
    try expected.check("L_val", tolerance, val.loss)
    try expected.check("grad_w_Ltr_batch0", tolerance, train.weights)
    try expected.check("grad_w_Lval", tolerance, val.weights)
    try expected.check("d_first", tolerance, val.alpha)
    try expected.check("d_single_batch0", tolerance, train.alpha)
    try expected.check("grad_alpha_Ltr_full", tolerance, all.alpha)
    try expected.check(prefix: "d_milenas1_lambda_", tolerance) {
      train.alpha.adding($0, times: val.alpha)
    }
  }

  private func checkScaleInvariance(_ expected: CaseNode) throws {
    let slope = try net.gradient(.weights, at: point, on: try batch("batch0")).weights
    for (name, slice) in net.shape.slices {
      try expected.check(
        name, CaseTolerance.exactDerivative, as: .absolute,
        Array(point.weights[slice.range]).dot(Array(slope[slice.range])))
    }
  }

  // MARK: One step

  private func oneStep(_ variant: Variant, _ secondOrder: SecondOrder) throws
    -> Hypergradient<Double>
  {
    try net.oneStepHypergradient(
      at: try state(), on: try inputs(), step: UnrolledStep(variant, try descent()),
      secondOrder: secondOrder)
  }

  private func checkOneStep(_ expected: CaseNode, _ variant: Variant) throws {
    let tolerance = CaseTolerance.exactDerivative
    let exact = try oneStep(variant, .exact)
    let product = try net.mixedProduct(exact.outerGradient, at: point, on: try batch("batch0"))
    try expected.check("w_prime_first5", tolerance, Array(exact.outerPoint.weights.prefix(5)))
    try expected.check("L_val_at_w_prime", tolerance, exact.outerLoss)
    try expected.check("norm_v", tolerance, exact.outerNorm)
    try expected.check("g1", tolerance, exact.direct)
    try expected.check("mixed_hvp", tolerance, product)
    try expected.check("g2", tolerance, exact.implicit)
    try expected.check("d_1", tolerance, exact.direction)
    try expected.check("norm_ratio_g2_g1", tolerance, exact.implicitShare)
    try expected.each("fd") { row in
      let radius = try row.number("r")
      let difference = try oneStep(variant, .finiteDifference(radius: radius))
      let quotient = try net.finiteDifferenceProduct(
        radius: radius, along: exact.outerGradient, at: point, on: try batch("batch0"))
      let rounding = CaseTolerance.finiteDifference(radius: radius)
      try row.check("eps", tolerance, difference.epsilon ?? .nan)
      try row.check("fd_hvp", rounding, quotient)
      try row.check("d_FD", rounding, difference.direction)
      try row.check(
        "rel_error_hvp", rounding, as: .absolute,
        quotient.subtracting(product).norm / product.norm)
      try row.check(
        "rel_error_d", rounding, as: .absolute,
        difference.direction.subtracting(exact.direction).norm / exact.direction.norm)
    }
  }

  private func checkMiLeNASCode(_ expected: CaseNode) throws {
    let tolerance = CaseTolerance.exactDerivative
    let exact = try oneStep(.milenasCode, .exact)
    let joint = try net.tangent(
      .alpha, at: point, along: Direction(weights: exact.outerGradient, alpha: exact.direct),
      on: try batch("batch0"))
    try expected.check("g1", tolerance, exact.direct)
    try expected.check("norm_joint", tolerance, exact.outerNorm)
    try expected.check("joint_hvp", tolerance, joint.alpha)
    try expected.check("d_exact", tolerance, exact.direction)
    try expected.each("fd") { row in
      let radius = try row.number("r")
      try row.check(
        "d_FD", CaseTolerance.finiteDifference(radius: radius),
        oneStep(.milenasCode, .finiteDifference(radius: radius)).direction)
    }
  }

  // MARK: MiLeNAS-2nd and K steps

  private func checkMixedLevel(_ expected: CaseNode) throws {
    let tolerance = CaseTolerance.exactDerivative
    func mixed(_ placement: LambdaPlacement, _ lambda: Double) throws
      -> MixedLevelHypergradient<Double>
    {
      try net.mixedLevelHypergradient(
        at: BilevelState(point), training: try batch("batch0"), validation: validation,
        step: UnrolledStep(.paper, try descent()), secondOrder: .exact, lambda: lambda,
        on: placement)
    }
    try expected.check(
      "milenas2_train_part", tolerance, mixed(.validation, 1).training.direction)
    try expected.check(prefix: "d_milenas2_printed_lambda_", tolerance) {
      try mixed(.training, $0).direction
    }
    try expected.check(prefix: "d_milenas2_eq5_lambda_", tolerance) {
      try mixed(.validation, $0).direction
    }
  }

  private func checkUnrolled(_ row: CaseNode) throws {
    let names = try row.text("batches").replacing("alternate ", with: "").split(separator: ",")
    let batches = try names.map { try batch(String($0)) }
    let steps = try row.integer("K")
    let descent = InnerDescent(
      rate: try row.number("eta"), momentum: try row.number("momentum"),
      weightDecay: try row.number("weight_decay"))
    let unrolled = try net.unrolledHypergradient(
      at: try row.text("buf0") == "given" ? state() : BilevelState(point),
      through: (0..<steps).map { batches[$0 % batches.count] }, outer: validation,
      descent: descent)
    try row.check("L_val", CaseTolerance.exactDerivative, unrolled.outerLoss)
    try row.check("d_K", CaseTolerance.exactDerivative, unrolled.direction)
  }

  // MARK: Hessians

  private func checkAlphaHessian(_ expected: CaseNode) throws {
    let tolerance = CaseTolerance.exactDerivative
    func hessian() throws -> Matrix {
      try (0..<net.alphaCount).map { index in
        var unit = [Double].zeros(net.alphaCount)
        unit[index] = 1
        return try net.alphaHessianProduct(unit, at: point, on: validation)
      }
    }
    /// One constant vector an edge: softmax does not see shifts.
    let shifts = (0..<SmallSupernetShape.edges).map { edge in
      (0..<net.alphaCount).map { $0 / SmallSupernetShape.operations == edge ? 0.5 : 0.0 }
    }
    func largest() throws -> Double {
      try Lanczos(iterations: net.alphaCount, tolerance: 0).spectrum(
        dimension: net.alphaCount, deflating: shifts
      ) { try net.alphaHessianProduct($0, at: point, on: validation) }.largest
    }
    try expected.check("alpha_hessian_Lval", tolerance, Array(hessian().joined()))
    try expected.check("alpha_hessian_eigs", tolerance, SymmetricEigen(hessian()).values)
    try expected.check("alpha_hessian_lambda_max", tolerance, largest())
  }

  private func checkWeightHessian(_ expected: CaseNode) throws {
    let hessian = try StationaryPoint(problem: net).hessian(at: point, on: try batch("batch0"))
    let values = try SymmetricEigen(hessian).values
    try expected.check("eig_min", CaseTolerance.exactDerivative, values.first ?? .nan)
    try expected.check("eig_max", CaseTolerance.exactDerivative, values.last ?? .nan)
    let negative = values.count { $0 < -1e-12 }
    try expected.check("n_negative", 0, Double(negative))
  }
}

private func shape(_ node: CaseNode, _ kind: SmallSupernetShape.Kind) throws
  -> SmallSupernetShape
{
  var slices: [String: SmallSupernetShape.Slice] = [:]
  var offset = 0
  try node.each("layout") { entry in
    let slice = SmallSupernetShape.Slice(
      offset: offset, rows: try entry.integer("rows"), columns: try entry.integer("cols"))
    offset += slice.rows * slice.columns
    slices[try entry.text("name")] = slice
  }
  guard let width = slices["W0"]?.columns, let classes = slices["C"]?.columns else {
    throw AnalysisError.badCase(path: "\(node.path).layout", expected: "slices W0, C and others")
  }
  var sizes = ["C": [2 * width, classes], "c": [1, classes]]
  for edge in 0..<SmallSupernetShape.edges {
    sizes["A\(edge)"] = [width, width]
    if kind != .relu { sizes["B\(edge)"] = [width, width] }
  }
  for (name, size) in sizes.sorted(by: { $0.key < $1.key }) {
    guard let slice = slices[name], [slice.rows, slice.columns] == size else {
      throw AnalysisError.badCase(
        path: "\(node.path).layout", expected: "\(name) with shape \(size) among others")
    }
  }
  return SmallSupernetShape(kind: kind, slices: slices)
}

private func examples(
  _ node: CaseNode, _ inputs: String, _ labels: String, _ net: SmallSupernet<Double>
) throws -> LabelledRows {
  let classes = net.shape["C"].columns
  let y = try node.vector(labels).map { Int($0) }
  guard y.allSatisfy({ 0 <= $0 && $0 < classes }) else {
    throw AnalysisError.badCase(
      path: "\(node.path).\(labels)", expected: "class indices 0 ..< \(classes)")
  }
  return LabelledRows(
    inputs: try node.matrix(inputs, rows: y.count, columns: net.shape["W0"].rows), labels: y)
}

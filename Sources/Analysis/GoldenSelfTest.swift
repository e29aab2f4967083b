import Datasets
import Foundation
import Kernels
import Search
import Supernet

/// One quantity of a golden file beside ours.
public struct Comparison: Codable, Equatable, Sendable {
  /// Its path in the file: "gradients.alpha".
  public var quantity: String
  /// ‖ours − theirs‖ / ‖theirs‖ in Double; |‖ours‖ − ‖theirs‖| / ‖theirs‖ in Float, where masks may flip. Where theirs
  /// all but vanishes, its norm gives way to the one that rounding makes as uncertain as the tolerance says.
  public var relativeError: Double
  /// The largest error that agrees.
  public var tolerance: Double
  /// False for NaN.
  public var agrees: Bool { relativeError <= tolerance }
}

/// What `selftest` found for one file in one precision.
public struct SelfTestReport: Codable, Equatable, Sendable {
  /// The golden file's.
  public var name: String
  /// "float32" or "float64".
  public var precision: String
  /// In the order in which they were made.
  public var comparisons: [Comparison]
  /// Fields of the file that no comparison has looked at: never passed.
  public var notChecked: [String]

  /// Whether anything was compared, and all of it agrees.
  public var agrees: Bool { !comparisons.isEmpty && comparisons.allSatisfy(\.agrees) }
  /// The comparison nearest to, or furthest beyond, its tolerance.
  public var worst: Comparison? {
    // Relative to the tolerance; NaN, and any difference where none is allowed, are worse than all.
    func severity(_ c: Comparison) -> Double {
      if c.agrees { return c.tolerance == 0 ? 0 : c.relativeError / c.tolerance }
      return c.relativeError.isNaN || c.tolerance == 0
        ? .infinity : c.relativeError / c.tolerance
    }
    return comparisons.max { severity($0) < severity($1) }
  }
}

/// Rebuilds the network of a golden file and compares every field with our passes and estimators.
///
/// Tolerances: Double 1e-9 for losses and gradients and 1e-8 for second-order products, in norm over whole vectors;
/// Float 1e-4 in the norm of losses and gradients (second order is a matter of Double), or what rounding alone does to
/// them where 1e-4 is not met: see `roundingEffects`. No vector need agree better than its `rounding`.
public struct GoldenSelfTest<Scalar: KernelScalar> {
  private let golden: GoldenCase
  private let net: Supernet<Scalar>
  private let point: Point<Scalar>
  private let threads: Int
  private var comparisons: [Comparison] = []
  /// L_train as we find it.
  private var loss = 0.0
  /// Leaves of the file that were read, as paths joined by dots.
  private var read: Set<String> = []

  /// Builds the network; nothing is compared yet.
  public init(_ golden: GoldenCase, threads: Int) throws {
    self.golden = golden
    self.threads = threads
    net = try Supernet(golden.shape, batchCapacity: golden.batchSize, threads: threads)
    // A file may describe a network of any size: its memory is asked for before its weights are made.
    try net.reserve(tangents: false)
    point = golden.point()
  }

  private var isDouble: Bool { Scalar.self == Double.self }
  private var train: SupernetInput<Scalar> { SupernetInput(golden.trainBatch(0)) }
  private var validation: SupernetInput<Scalar> { SupernetInput(golden.validationBatch()) }

  /// Compares every field of the case that the file has.
  ///
  /// - Throws: what the passes throw; a missing field is not compared, a wrong one is reported.
  public mutating func run() throws -> SelfTestReport {
    checkLayout()
    try checkFirstOrder()
    if isDouble {
      try checkUnrolled("unrolled_paper", .paper)
      try checkUnrolled("unrolled_darts", .dartsCode)
      try checkThreeSteps()
      try checkAlphaHessian()
    }
    let described: Set = ["network", "formula", "xi", "momentum", "weight_decay"]
    let secondOrder = [
      "unrolled_paper", "unrolled_darts", "unrolled_k3_darts", "alpha_hessian_product_valid",
    ]
    let leaves = golden.values.flatMap { Self.leaves($1, $0) }
    let open = leaves.filter { leaf in
      let top = leaf.split(separator: ".")[0]
      if described.contains(String(top)) || read.contains(leaf) { return false }
      return isDouble || !secondOrder.contains(String(top))
    }
    return SelfTestReport(
      name: golden.name, precision: Scalar.precisionName, comparisons: comparisons,
      notChecked: open.sorted())
  }

  // MARK: - Fields

  private mutating func checkLayout() {
    let layout = net.layout
    compare("parameter_count", [Double(layout.count)], exactly: true)
    guard case .list(let listed)? = golden.values["parameters"] else { return }
    read.insert("parameters")
    var differences = listed.count == layout.slices.count ? 0.0 : 1.0
    for (slice, value) in zip(layout.slices, listed) {
      guard case .object(let object) = value, case .string(let name)? = object["name"] else {
        differences += 1
        continue
      }
      let shape = object["shape"]?.flat.map { $0.map { Int($0) } }
      let first = object["first"]?.flat ?? []
      let ours = point.weights[slice.range].prefix(first.count).map(Double.init)
      let close = zip(ours, first).allSatisfy { abs($0 - $1) <= (isDouble ? 1e-12 : 1e-6) }
      if name != slice.name || shape != slice.shape || !close { differences += 1 }
    }
    comparisons.append(
      Comparison(quantity: "parameters", relativeError: differences, tolerance: 0))
  }

  private mutating func checkFirstOrder() throws {
    let quantities = try firstOrder(of: net, at: point)
    loss = quantities[0].values[0]
    for quantity in quantities { compare(quantity, tolerance: firstOrderTolerance) }
    if !isDouble && !comparisons.allSatisfy(\.agrees) {
      let effects = try roundingEffects()
      for index in comparisons.indices where !comparisons[index].agrees {
        let effect = effects[comparisons[index].quantity] ?? 0
        comparisons[index].tolerance = max(comparisons[index].tolerance, 4 * effect)
      }
    }
    for relaxed in Self.relaxed where golden.values[relaxed] != nil {
      checkFormula("\(relaxed).uniform", "0.5 + 0.45 sin(1.7 i + 0.3)")
      guard let relaxation: Relaxation<Scalar> = relaxation(relaxed) else { continue }
      read.insert("\(relaxed).tau")
      if golden.values[[relaxed, "chosen"]] != nil {
        compare(
          "\(relaxed).chosen", relaxation.chosenOperations(alpha: point.alpha).map(Double.init),
          exactly: true)
      }
    }
  }

  private var firstOrderTolerance: Double { isDouble ? 1e-9 : 1e-4 }

  private mutating func compare(_ quantity: Quantity, tolerance: Double) {
    if quantity.path == Self.weightGradient {
      compareSlices(quantity.path, quantity.values, tolerance: tolerance)
    } else {
      compare(quantity.path, quantity.values, tolerance: tolerance, length: quantity.length)
    }
  }

  /// What rounding leaves of a vector that is zero, such as every α-gradient of a batch of one image, whose batch norms
  /// take all means away: a few units in the last place of the loss that it is a derivative of.
  ///
  /// - Parameter length: of what the loss is multiplied by on its way to the vector.
  private func rounding(_ length: Double) -> Double {
    16 * Double(Scalar.ulpOfOne) * loss * max(1, length)
  }

  /// What errors of a vector are relative to: its norm, or what `rounding` is the tolerated part of.
  private func scale(_ norm: Double, tolerance: Double, length: Double) -> Double {
    max(norm, rounding(length) / tolerance)
  }

  private static var relaxed: [String] { ["gumbel", "gdas"] }
  private static var weightGradient: String { "grad_w_train" }

  /// A field of the file, as we find it.
  private struct Quantity {
    var path: String
    var values: [Double]
    /// Of the factors of the gradients that it is a sum of.
    var length = 1.0
  }

  /// Losses, logits and gradients of the file, as a network in any precision finds them at a point.
  private func firstOrder<S: KernelScalar>(of net: Supernet<S>, at point: Point<S>) throws
    -> [Quantity]
  {
    let train = SupernetInput<S>(golden.trainBatch(0))
    let gradient = try net.gradient([.weights, .alpha], at: point, on: train)
    let outer = try net.gradient(.alpha, at: point, on: SupernetInput(golden.validationBatch()))
    func found(_ path: String, _ values: [S]) -> Quantity {
      Quantity(path: path, values: values.map(Double.init))
    }
    var quantities = [
      Quantity(path: "loss_train", values: [gradient.loss]),
      Quantity(path: "loss_valid", values: [outer.loss]),
      Quantity(
        path: "logits_train0", values: try net.logits(at: point, on: train).flatMap { $0 }),
      found("grad_alpha_train", gradient.alpha), found("grad_alpha_valid", outer.alpha),
      found(Self.weightGradient, gradient.weights),
    ]
    if case .object(let lambdas)? = golden.values["milenas_1st"] {
      for lambda in lambdas.keys.sorted() {
        guard let value = Double(lambda) else { continue }
        var sum = found(
          "milenas_1st.\(lambda)", gradient.alpha.adding(S(value), times: outer.alpha))
        sum.length = 1 + abs(value)
        quantities.append(sum)
      }
    }
    for relaxed in Self.relaxed {
      guard let relaxation: Relaxation<S> = relaxation(relaxed) else { continue }
      let gradient = try net.gradient(
        [.weights, .alpha], at: point, on: SupernetInput(golden.trainBatch(0), relaxation))
      quantities += [
        Quantity(path: "\(relaxed).loss_train", values: [gradient.loss]),
        found("\(relaxed).grad_alpha_train", gradient.alpha),
        Quantity(path: "\(relaxed).grad_w_norm", values: [gradient.weights.norm]),
      ]
    }
    return quantities
  }

  /// The relaxation of the file's block "gumbel" or "gdas"; nil without its temperature.
  private func relaxation<S: KernelScalar>(_ name: String) -> Relaxation<S>? {
    guard let tau = golden.values[[name, "tau"]]?.flat?.first else { return nil }
    let noise: [S] = golden.noise()
    return name == "gumbel"
      ? .gumbel(noise: noise, temperature: tau) : .gdas(noise: noise, temperature: tau)
  }

  /// How far vectors move when the weights move by what Float rounds off on the way through a network: in Double, at four
  /// points a relative 2⁻²² beside the given one. Norms move less far, but how much less is chance.
  ///
  /// About 1e-7 for a network in good condition. A mask of a ReLU or maximum that flips moves a gradient by far more, and
  /// so does a batch norm over few values that hardly differ, in any program that computes in Float.
  private func roundingEffects() throws -> [String: Double] {
    let net = try Supernet<Double>(
      golden.shape, batchCapacity: golden.batchSize, threads: threads)
    let point: Point<Double> = golden.point()
    let exact = try firstOrder(of: net, at: point)
    let random = Philox(seed: 0, purpose: .direction)
    var effects: [String: Double] = [:]
    for trial in 0..<4 {
      var moved = point
      for i in moved.weights.indices {
        let index = trial * moved.weights.count + i
        moved.weights[i] *= 1 + 0x1p-22 * random.normal(index: index)
      }
      for (there, here) in zip(try firstOrder(of: net, at: moved), exact) {
        let effect =
          there.values.subtracting(here.values).norm
          / scale(here.values.norm, tolerance: firstOrderTolerance, length: here.length)
        effects[here.path] = max(effects[here.path] ?? 0, effect)
      }
    }
    return effects
  }

  private mutating func checkUnrolled(_ name: String, _ variant: Variant) throws {
    guard golden.values[name] != nil, let descent else { return }
    let momentum: [Scalar] = golden.momentum()
    let state = BilevelState(point, momentum: momentum)
    let step = UnrolledStep(variant, descent)
    let inputs = BilevelInputs(inner: train, outer: validation)
    let exact = try net.oneStepHypergradient(
      at: state, on: inputs, step: step, secondOrder: .exact)
    compare("\(name).unrolled_loss_valid", [exact.outerLoss])
    compare("\(name).g1", exact.direct.map(Double.init), tolerance: 1e-8)
    compare("\(name).v_norm", [exact.outerNorm], tolerance: 1e-8)
    compare("\(name).d1_exact", exact.direction.map(Double.init), tolerance: 1e-8)
    let products = try net.tangent(
      [.weights, .alpha], at: point, along: Direction(weights: exact.outerGradient), on: train)
    let length = exact.outerNorm
    compare("\(name).Jv", products.alpha.map(Double.init), tolerance: 1e-8, length: length)
    compareSlices(
      "\(name).Hv", products.weights.map(Double.init), tolerance: 1e-8, length: length)
    if golden.values[[name, "d1_exact_train_outer"]] != nil {
      let outer = try net.oneStepHypergradient(
        at: state, on: BilevelInputs(inner: train, outer: train), step: step, secondOrder: .exact)
      compare(
        "\(name).d1_exact_train_outer", outer.direction.map(Double.init), tolerance: 1e-8)
    }
    let differences = "finite_difference_g1_minus_xi_fd"
    if case .object(let radii)? = golden.values[[name, differences]] {
      for radius in radii.keys.sorted() {
        guard let value = Double(radius) else { continue }
        let direction = try net.oneStepHypergradient(
          at: state, on: inputs, step: step, secondOrder: .finiteDifference(radius: value)
        ).direction
        compare(
          "\(name).\(differences).\(radius)", direction.map(Double.init),
          tolerance: max(1e-8, 1e-13 / value), length: descent.rate * length / value)
      }
    }
  }

  private mutating func checkThreeSteps() throws {
    guard golden.values["unrolled_k3_darts"] != nil, let descent else { return }
    let momentum: [Scalar] = golden.momentum()
    let batches = (0..<3).map { SupernetInput<Scalar>(golden.trainBatch($0)) }
    let estimate = try net.unrolledHypergradient(
      at: BilevelState(point, momentum: momentum), through: batches, outer: validation,
      descent: descent)
    compare("unrolled_k3_darts", estimate.direction.map(Double.init), tolerance: 1e-8)
  }

  private mutating func checkAlphaHessian() throws {
    let name = "alpha_hessian_product_valid"
    guard golden.values[name] != nil else { return }
    checkFormula("\(name).u", "sin(0.61 i + 0.3)")
    let u = GoldenCase.wave(golden.shape.alphaCount, 0.61, 0.3).map { Scalar($0) }
    let product = try net.tangent(
      .alpha, at: point, along: Direction(alpha: u), on: validation
    ).alpha
    compare(
      "\(name).value", product.map(Double.init), tolerance: 1e-8, length: Double(u.norm))
  }

  private var descent: InnerDescent? {
    guard let xi = golden.values["xi"]?.flat?.first,
      let momentum = golden.values["momentum"]?.flat?.first,
      let decay = golden.values["weight_decay"]?.flat?.first
    else { return nil }
    return InnerDescent(rate: xi, momentum: momentum, weightDecay: decay)
  }

  // MARK: - Comparing

  private mutating func compare(
    _ path: String, _ ours: [Double], tolerance: Double? = nil, length: Double = 1,
    exactly: Bool = false
  ) {
    guard let value = golden.values[Self.keys(path)] else { return }
    read.insert(path)
    let theirs = value.flat ?? []
    let tolerance = tolerance ?? firstOrderTolerance
    let scale = scale(theirs.norm, tolerance: tolerance, length: length)
    let error: Double
    if theirs.count != ours.count || theirs.isEmpty {
      error = .nan
    } else if exactly {
      error = ours == theirs ? 0 : ours.subtracting(theirs).norm / theirs.norm
    } else if isDouble {
      error = ours.subtracting(theirs).norm / scale
    } else {
      error = abs(ours.norm - theirs.norm) / scale
    }
    comparisons.append(
      Comparison(quantity: path, relativeError: error, tolerance: exactly ? 0 : tolerance))
  }

  /// Takes note of an input that the file describes in words; other words than the known ones stay unchecked.
  private mutating func checkFormula(_ path: String, _ formula: String) {
    if golden.values[Self.keys(path)] == .string(formula) { read.insert(path) }
  }

  /// Norm and first entries of each slice that the file holds; one comparison for the whole vector, relative to its norm, and one for
  /// the slice that differs most relative to its own.
  private mutating func compareSlices(
    _ path: String, _ ours: [Double], tolerance: Double, length: Double = 1
  ) {
    guard case .object(let slices)? = golden.values[Self.keys(path)] else { return }
    var squares = 0.0
    var total = 0.0
    var worst = 0.0
    for slice in net.layout.slices {
      guard case .object(let object)? = slices[slice.name],
        let norm = object["norm"]?.flat?.first, let first = object["first"]?.flat
      else { continue }
      read.formUnion(["\(path).\(slice.name).norm", "\(path).\(slice.name).first"])
      let part = Array(ours[slice.range])
      squares += (part.norm - norm) * (part.norm - norm)
      total += norm * norm
      let entries = zip(part, first).map { abs($0 - $1) }.max() ?? .nan
      let error =
        max(abs(part.norm - norm), isDouble ? entries : 0)
        / scale(norm, tolerance: tolerance, length: length)
      worst = error > worst || error.isNaN ? error : worst
    }
    guard total > 0 else { return }
    comparisons.append(
      Comparison(
        quantity: path,
        relativeError: squares.squareRoot()
          / scale(total.squareRoot(), tolerance: tolerance, length: length),
        tolerance: tolerance))
    if isDouble {
      comparisons.append(
        Comparison(quantity: "\(path), worst slice", relativeError: worst, tolerance: tolerance))
    }
  }

  /// Keys of a path: names of parameters hold dots of their own, but only below the fields compared by slice.
  private static func keys(_ path: String) -> [String] {
    let parts = path.split(separator: ".", maxSplits: 2).map(String.init)
    // "milenas_1st.0.1" and "….finite_difference….1e-2": at most the last key holds a dot.
    return parts.first == "milenas_1st"
      ? path.split(separator: ".", maxSplits: 1).map(String.init) : parts
  }

  private static func leaves(_ value: GoldenValue, _ path: String) -> [String] {
    guard case .object(let object) = value else { return [path] }
    return object.flatMap { leaves($1, "\(path).\($0)") }
  }
}

extension GoldenCase {
  /// The cases of a folder, or the one of a file.
  ///
  /// - Throws: `GoldenError` when a folder holds none or a file is malformed.
  public static func load(_ place: URL) throws -> [GoldenCase] {
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder)
    if exists && !isFolder.boolValue { return [try GoldenCase(contentsOf: place)] }
    let files: [URL]
    do {
      files = try FileManager.default.contentsOfDirectory(
        at: place.resolvingSymlinksInPath(), includingPropertiesForKeys: nil)
    } catch {
      throw GoldenError.unreadable(path: place.path, reason: reason(of: error))
    }
    let json = files.filter { $0.pathExtension == "json" }
    guard !json.isEmpty else { throw GoldenError.noFiles(folder: place.path) }
    return try json.sorted { $0.path < $1.path }.map { try GoldenCase(contentsOf: $0) }
  }
}

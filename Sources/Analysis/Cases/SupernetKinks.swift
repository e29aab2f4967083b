import Kernels
import Search
import Supernet

/// Where the masks of `relu_supernet` switch, and what that does to the finite difference.
extension SupernetCase {
  func checkKinks(_ expected: CaseNode) throws {
    let train = try batch("batch0")
    let step = UnrolledStep(.paper, try descent())
    let oneStep = try net.oneStepHypergradient(
      at: BilevelState(point), on: try inputs(), step: step, secondOrder: .exact)
    let v = oneStep.outerGradient
    let unit = v.scaled(by: 1 / v.norm)
    let product = try net.mixedProduct(v, at: point, on: train)

    /// Which way each ReLU and maximum goes at w + t v/‖v‖.
    func masks(_ t: Double) -> [Bool] {
      net.switches(at: point.moved(by: t, along: Direction(weights: unit)), on: train).map {
        $0 > 0
      }
    }
    let here = masks(0)
    func switched(_ t: Double) -> Int { zip(here, masks(t)).count { $0 != $1 } }

    let margins = net.switches(at: point, on: train)
    try expected.check("n_switches", 0, Double(margins.count))
    try expected.check(
      "min_abs_preactivation", CaseTolerance.exactDerivative, margins.map(abs).min() ?? .nan)
    try expected.section("kink_distance_along_v") { section in
      try section.check("plus", CaseTolerance.exactDerivative, nearestSwitch(switched, sign: 1))
      try section.check("minus", CaseTolerance.exactDerivative, nearestSwitch(switched, sign: -1))
    }
    try expected.each("kink_table") { row in
      let radius = try row.number("r")
      let difference = try net.finiteDifferenceProduct(
        radius: radius, along: v, at: point, on: train)
      let (plus, minus) = (switched(radius), switched(-radius))
      try row.check("crosses", 0, plus + minus > 0 ? 1 : 0)
      try row.check("switches_plus", 0, Double(plus))
      try row.check("switches_minus", 0, Double(minus))
      try row.check("fd_hvp", CaseTolerance.finiteDifference(radius: radius), difference)
      try row.check(
        "rel_error_hvp", CaseTolerance.finiteDifference(radius: radius), as: .absolute,
        difference.subtracting(product).norm / product.norm)
    }
  }

  /// The distance of the nearest switch: the first change on a grid, halved down to rounding.
  private func nearestSwitch(_ switched: (Double) -> Int, sign: Double) -> Double {
    let spacing = 1e-3
    guard let cell = (1...2000).first(where: { switched(sign * spacing * Double($0)) > 0 }) else {
      return .nan
    }
    var (before, after) = (spacing * Double(cell - 1), spacing * Double(cell))
    for _ in 0..<50 {
      let middle = (before + after) / 2
      if switched(sign * middle) > 0 { after = middle } else { before = middle }
    }
    return after
  }
}

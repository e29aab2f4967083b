import Foundation
import Kernels
import Search
import Supernet

@testable import Analysis

/// The one copy of the certified cases.
let shippedCases = URL(filePath: #filePath)
  .deletingLastPathComponent().appending(path: "../../Sources/Analysis/Resources")
  .appending(path: "gradient_cases.json").standardized

/// The small supernets with the numbers of the shipped cases.
enum ShippedNet: String, CaseIterable, Sendable {
  case smooth = "smooth_supernet"
  case batchNorm = "bn_supernet"
  case relu = "relu_supernet"

  func load() throws -> SupernetCase {
    let kind: SmallSupernetShape.Kind =
      switch self {
      case .smooth: .smooth
      case .batchNorm: .batchNorm
      case .relu: .relu
      }
    return try SupernetCase(CaseSelfTest(file: shippedCases).node(rawValue), kind)
  }
}

/// The problem of `quadratic_bilevel`, typed in: its numbers have one decimal.
let quadratic = QuadraticBilevel(
  a: [[2, 0.4, -0.3], [0.4, 1.2, 0.2], [-0.3, 0.2, 0.8]],
  b: [[0.5, -0.3], [0.2, 0.7], [-0.4, 0.1]], c: [0.3, -0.2, 0.5],
  m: [[1, 0.2, 0], [0.2, 0.9, -0.1], [0, -0.1, 1.1]], t: [0.6, -0.4, 0.2], rho: 0.05,
  d: [0.1, -0.2])
let quadraticPoint = Point(weights: [0.4, 0.1, -0.2], alpha: [0.7, -0.5])
let bothLevels = BilevelInputs(inner: Level.inner, outer: Level.outer)

/// The eigenvalues of its A, certified.
let quadraticEigenvalues = [0.577976579336816, 1.2258205480283024, 2.1962028726348812]

func quadraticMinimum(weightDecay: Double = 0, alpha: [Double] = quadraticPoint.alpha) throws
  -> Point<Double>
{
  try StationaryPoint(problem: quadratic, weightDecay: weightDecay).find(
    from: Point(weights: quadraticPoint.weights, alpha: alpha), on: .inner)
}

/// The smooth supernet at the certified minimum of its training loss with decay.
func smoothMinimum() throws -> (setting: SupernetCase, minimum: Point<Double>, decay: Double) {
  let setting = try ShippedNet.smooth.load()
  let decay = 0.05
  let minimum = try StationaryPoint(problem: setting.net, weightDecay: decay).find(
    from: setting.point, on: setting.full)
  return (setting, minimum, decay)
}

/// The problem of `logistic`, its unroll starting at w = 0.
func shippedLogistic() throws -> (problem: PenalisedRegression, start: Point<Double>) {
  let node = try CaseSelfTest(file: shippedCases).node("logistic")
  let problem = PenalisedRegression(
    loss: .logistic, penalty: .perFeature,
    training: .init(x: try node.matrix("X"), y: try node.vector("y")),
    validation: .init(x: try node.matrix("X_val"), y: try node.vector("y_val")))
  return (problem, Point(weights: [0, 0, 0], alpha: try node.vector("alpha")))
}

/// Where random numbers of a test start; printed with a failure as the test's argument.
struct Seed: Sendable, CustomStringConvertible {
  var value: UInt64
  var description: String { "seed \(value)" }

  static func first(_ count: UInt64) -> [Seed] { (1...count).map { Seed(value: $0) } }

  /// Entries uniform on (−1, 1).
  func vector(_ count: Int) -> [Double] {
    var state = value &* 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(Int32(bitPattern: UInt32(truncatingIfNeeded: state >> 32))) * 0x1p-31
    }
  }
}

func relativeError(_ x: [Double], _ y: [Double]) -> Double { x.subtracting(y).norm / y.norm }

/// The slope of the line through (x, y) by least squares.
func slope(_ x: [Double], _ y: [Double]) -> Double {
  let count = Double(x.count)
  let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
  let (dx, dy) = (x.map { $0 - meanX }, y.map { $0 - meanY })
  return dx.dot(dy) / dx.dot(dx)
}

func median(_ x: [Double]) -> Double { x.sorted()[x.count / 2] }

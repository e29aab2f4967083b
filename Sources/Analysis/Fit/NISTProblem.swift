import Datasets
import Foundation

/// A nonlinear regression with certified values (NIST StRD), and how near a fit comes to them.
public struct NISTProblem: Sendable {
  /// NIST's: "Misra1a".
  public let name: String
  /// [2][parameters]: NIST's two starting points, far and near.
  public let starts: [[Double]]
  private let certified: [Double]
  private let deviations: [Double]
  private let rss: Double
  /// Rows of y, x or y, x1, x2.
  private let observations: [[Double]]

  /// How a fit from one start agrees: correct digits, −log10 of the largest relative error.
  public struct Agreement: Codable, Equatable, Sendable {
    /// NIST's name.
    public var problem: String
    /// 1 or 2.
    public var start: Int
    /// Of the parameter with the fewest.
    public var parameterDigits: Double
    /// Of the residual sum of squares.
    public var residualDigits: Double
    /// Of the standard deviation with the fewest.
    public var deviationDigits: Double
    /// Calls of the model's function.
    public var evaluations: Int

    /// Six digits of every parameter.
    public var agrees: Bool { parameterDigits >= 6 }

    /// From the second start all must agree, from the first all but one: BoxBOD leads MINPACK to another minimum.
    public static func suffice(_ fits: [Agreement]) -> Bool {
      fits.allSatisfy { $0.agrees || $0.start == 1 } && fits.count { !$0.agrees } <= 1
    }
  }

  private struct Entry: Decodable {
    var starts: [[Double]]
    var certified: [Double]
    var deviations: [Double]
    var rss: Double
    var observations: [[Double]]
  }

  /// The 27 problems that come with the program, by name.
  ///
  /// - Throws: `DatasetError` when the file is not there, `AnalysisError.notACaseFile`.
  public static func shipped() throws -> [NISTProblem] {
    let url = try ShippedFile.url(bundle: "milenas-lab_Analysis", path: "nist.json")
    do {
      let entries = try JSONDecoder().decode([String: Entry].self, from: Data(contentsOf: url))
      return entries.sorted { $0.key < $1.key }.map { name, entry in
        NISTProblem(
          name: name, starts: entry.starts, certified: entry.certified,
          deviations: entry.deviations, rss: entry.rss, observations: entry.observations)
      }
    } catch {
      throw AnalysisError.notACaseFile(path: url.path, reason: "\(error)")
    }
  }

  /// Fits from one start, 0 or 1, and counts the correct digits.
  public func agreement(fromStart start: Int) -> Agreement {
    let fit = LeastSquares(from: starts[start], count: observations.count) { b in
      let values = observations.map { row in Self.model(name, b, row) - response(row) }
      let columns = b.indices.map { j in
        observations.map { row in
          let duals = b.indices.map { Dual<Double>(b[$0], $0 == j ? 1 : 0) }
          return Self.model(name, duals, row).tangent
        }
      }
      return (values, observations.indices.map { i in columns.map { $0[i] } })
    }
    func digits(_ found: [Double], _ expected: [Double]) -> Double {
      let worst = zip(found, expected).map { abs($0 - $1) / abs($1) }.max() ?? .nan
      return worst == 0 ? 16 : -log10(worst)
    }
    return Agreement(
      problem: name, start: start + 1, parameterDigits: digits(fit.parameters, certified),
      residualDigits: digits([fit.residualSum], [rss]),
      deviationDigits: digits(fit.deviations, deviations), evaluations: fit.evaluations)
  }

  private func response(_ row: [Double]) -> Double { name == "Nelson" ? log(row[0]) : row[0] }

  /// The model as its file words it.
  private static func model<N: Number>(_ name: String, _ b: [N], _ row: [Double]) -> N {
    let x = N(row[1])
    let one = N(1)
    func power(_ base: N, _ exponent: N) -> N { N.exp(exponent * N.log(base)) }
    func polynomial(_ coefficients: ArraySlice<N>) -> N {
      coefficients.reversed().reduce(N(0)) { $0 * x + $1 }
    }
    func bell(_ height: N, _ centre: N, _ width: N) -> N {
      let t = (x - centre) / width
      return height * N.exp(-(t * t))
    }
    switch name {
    case "Bennett5": return b[0] * power(b[1] + x, -(one / b[2]))
    case "BoxBOD", "Misra1a": return b[0] * (one - N.exp(-(b[1] * x)))
    case "Chwirut1", "Chwirut2": return N.exp(-(b[0] * x)) / (b[1] + b[2] * x)
    case "DanWood": return b[0] * power(x, b[1])
    case "ENSO":
      func wave(_ period: N, _ even: N, _ odd: N) -> N {
        let t = N(2 * Double.pi) * x / period
        return even * N.cos(t) + odd * N.sin(t)
      }
      return b[0] + wave(N(12), b[1], b[2]) + wave(b[3], b[4], b[5]) + wave(b[6], b[7], b[8])
    case "Eckerle4":
      let t = (x - b[2]) / b[1]
      return b[0] / b[1] * N.exp(N(-0.5) * t * t)
    case "Gauss1", "Gauss2", "Gauss3":
      return b[0] * N.exp(-(b[1] * x)) + bell(b[2], b[3], b[4]) + bell(b[5], b[6], b[7])
    case "Hahn1", "Thurber": return polynomial(b[0..<4]) / (one + x * polynomial(b[4..<7]))
    case "Kirby2": return polynomial(b[0..<3]) / (one + x * polynomial(b[3..<5]))
    case "Lanczos1", "Lanczos2", "Lanczos3":
      return b[0] * N.exp(-(b[1] * x)) + b[2] * N.exp(-(b[3] * x)) + b[4] * N.exp(-(b[5] * x))
    case "MGH09": return b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3])
    case "MGH10": return b[0] * N.exp(b[1] / (x + b[2]))
    case "MGH17": return b[0] + b[1] * N.exp(-(x * b[3])) + b[2] * N.exp(-(x * b[4]))
    case "Misra1b":
      let t = one + b[1] * x / N(2)
      return b[0] * (one - one / (t * t))
    case "Misra1c": return b[0] * (one - one / N.sqrt(one + N(2) * b[1] * x))
    case "Misra1d": return b[0] * b[1] * x / (one + b[1] * x)
    case "Nelson": return b[0] - b[1] * x * N.exp(-(b[2] * N(row[2])))
    case "Rat42": return b[0] / (one + N.exp(b[1] - b[2] * x))
    case "Rat43": return b[0] / power(one + N.exp(b[1] - b[2] * x), one / b[3])
    case "Roszman1":
      return b[0] - b[1] * x - N.arctan(b[2] / (x - b[3])) / N(Double.pi)
    default: preconditionFailure("there is no model for \(name)")
    }
  }
}

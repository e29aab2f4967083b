import Foundation

/// The certified cases: problems with known answers, on which every estimator is checked.
///
/// A file holds cases by name. The name says which problem it is; its numbers are data, so that a
/// file with other numbers, or with some of the certified values alone, is checked as well.
public struct CaseSelfTest {
  private let cases: [String: JSONValue]

  /// Reads a file in the format of the shipped `gradient_cases.json`: an object whose member
  /// `cases` is an object.
  ///
  /// - Throws: `AnalysisError.notACaseFile`.
  public init(file: URL) throws {
    func fail(_ reason: String) -> AnalysisError {
      AnalysisError.notACaseFile(path: file.path, reason: reason)
    }
    let data: Data
    do {
      data = try Data(contentsOf: file)
    } catch {
      throw fail("it cannot be read (\(error.localizedDescription))")
    }
    let value: JSONValue
    do {
      value = try JSONDecoder().decode(JSONValue.self, from: data)
    } catch {
      throw fail("it is not JSON")
    }
    guard case .object(let members) = value, case .object(let cases)? = members["cases"] else {
      throw fail("it has no object \"cases\"")
    }
    self.cases = cases
  }

  /// Names of the cases in the file, sorted.
  public var names: [String] { cases.keys.sorted() }

  /// Checks all cases, or those of `names`; one that cannot be computed is a problem of the report.
  public func run(only names: Set<String>? = nil) -> CaseReport {
    var report = CaseReport()
    for name in self.names where names?.contains(name) ?? true {
      guard let check = Self.checks[name] else {
        report.notChecked.append(name)
        continue
      }
      guard case .object(let members)? = cases[name] else {
        report.problems.append("\(AnalysisError.badCase(path: name, expected: "an object"))")
        continue
      }
      let node = CaseNode(path: name, members: members)
      do {
        try check(node)
      } catch {
        report.problems.append("\(name): \(error)")
      }
      report.comparisons += node.comparisons
      report.notCompared += node.notCompared
    }
    return report
  }

  /// Who checks the case of a name.
  static let checks: [String: @Sendable (CaseNode) throws -> Void] = [
    "quadratic_bilevel": checkQuadraticBilevel,
    "cubic_coupling": checkCubicCoupling,
    "darts_toy": checkDartsToy,
    "ridge": checkRidge,
    "logistic": checkLogistic,
    "kink_1d": checkOneKink,
    "relu_population_bias": checkKinkPopulation,
    "lanczos": checkLanczos,
    "metrics": checkMetrics,
    "smooth_supernet": { try SupernetCase($0, .smooth).check() },
    "bn_supernet": { try SupernetCase($0, .batchNorm).check() },
    "relu_supernet": { try SupernetCase($0, .relu).check() },
  ]
}

/// The tolerances in Double, relative, for values certified to 45 digits and more.
enum CaseTolerance {
  static let closedForm = 1e-12
  /// d_1, d_K, Hessians and what follows from them on the small supernets.
  static let exactDerivative = 1e-10
  /// Solutions of a linear system with a condition number near 300.
  static let implicit = 1e-8

  /// Errors and residuals of conjugate gradients on the way, as fractions of 1: once its directions
  /// have lost their orthogonality to rounding, iterates differ between programs by far more than
  /// the final answer does.
  static let onTheWay = 1e-5

  /// Rounding in a finite difference grows as its radius shrinks.
  static func finiteDifference(radius: Double) -> Double {
    radius >= 0.01 ? exactDerivative : 1e-9
  }
}

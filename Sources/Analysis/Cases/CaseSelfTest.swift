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
    guard let data = FileManager.default.contents(atPath: file.path) else {
      var isFolder: ObjCBool = false
      _ = unsafe FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder)
      throw AnalysisError.notACaseFile(
        path: file.path,
        reason: isFolder.boolValue ? "it is a folder" : "there is no such file to read")
    }
    try self.init(data, path: file.path)
  }

  init(_ data: Data, path: String) throws {
    func fail(_ reason: String) -> AnalysisError {
      AnalysisError.notACaseFile(path: path, reason: reason)
    }
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: data) else {
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
      do {
        let node = try node(name)
        defer {
          report.comparisons += node.comparisons
          report.notCompared += node.notCompared
        }
        try check(node)
      } catch {
        report.problems.append("\(name): \(error)")
      }
    }
    return report
  }

  /// The case of a name, ready to be read.
  func node(_ name: String) throws -> CaseNode {
    guard case .object(let members)? = cases[name] else {
      throw AnalysisError.badCase(path: name, expected: "an object")
    }
    return CaseNode(path: name, members: members)
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

  /// Rounding in a finite difference grows as the inverse of its radius.
  static func finiteDifference(radius: Double) -> Double {
    radius >= 0.01 ? exactDerivative : max(1e-9, 1e-12 / radius)
  }
}

import Foundation
import Testing

@testable import Analysis

@Suite struct CertifiedCasesTests {
  @Test(arguments: CaseSelfTest.checks.keys.sorted())
  func everyCertifiedValueIsReproduced(name: String) throws {
    let report = try CaseSelfTest(file: shippedCases).run(only: [name])
    #expect(report.passed, "\(report)")
    #expect(report.notCompared == [])
  }

  @Test func whatTheShippedFileHoldsBesidesIsNamed() throws {
    let cases = try CaseSelfTest(file: shippedCases)
    let others = Set(cases.names).subtracting(CaseSelfTest.checks.keys)
    #expect(others == ["conv_supernet_indicative", "curve_fit_fig3c", "ucurve_indicative"])
    #expect(cases.run(only: others).notChecked == others.sorted())
  }
}

/// Files of the same format with other numbers.
@Suite struct CaseFileTests {
  private func run(_ cases: String) throws -> CaseReport {
    try CaseSelfTest(Data("{\"cases\": {\(cases)}}".utf8), path: "other.json").run()
  }

  @Test func aProblemOfAnotherSizeIsCheckedByItsName() throws {
    let report = try run(
      """
      "quadratic_bilevel": {"A": [[2]], "B": [[1]], "c": [0], "M": [[1]], "t": [0], "rho": 0,
        "d": [0], "alpha": [1], "w": [1], "xi": 0.25,
        "expected": {"w_star": [0.5], "hypergradient_true": [0.25], "d_1": [0.1875],
          "d_ift_at_w_damped_2": [0.25]}}
      """)
    #expect(report.passed, "\(report)")
    #expect(report.comparisons.count == 4)
  }

  @Test func otherNumbersOfTheToyAreChecked() throws {
    let report = try run(
      """
      "darts_toy": {"table": [{"alpha": 3, "w": 1, "xi": 0.2, "w_prime": 1.8, "d_1": 1.0,
        "d_true_at_wstar": 4, "fixed_point": 1.4285714285714286}]},
      "kink_1d": {"w": -1, "c": 1, "v": -4, "table": [{"r": 4, "fd_hvp": 1}, {"r": 1, "fd_hvp": 0}]},
      "lanczos": {"tridiagonal": {"n": 2, "eigenvalues": [1, 3], "dominant": 3}},
      "metrics": {"reference": [1, 2], "estimate": [2, 1], "edges": 1, "ops": 2,
        "expected": {"kendall_tau_b_all": -1, "cosine": 0.8, "argmin_agreement_per_edge": [false]}},
      "cubic_coupling": {"A": [[1]], "b": [0], "P": [[3]], "w": [1], "alpha": [0], "t": [0],
        "xi": 0.5, "expected": {"w_prime": [0.5], "mixed_hvp": [1.5], "d_1": [-0.75],
          "fd": [{"r": 0.5, "fd_hvp": [1.625]}]}},
      "relu_population_bias": {"n": 10, "alpha": 1, "w": 0.5, "ae_mixed_derivative": 0.5,
        "population_mixed_derivative": 1}
      """)
    #expect(report.passed, "\(report)")
    #expect(report.notCompared == [])
    #expect(report.comparisons.count == 17)
  }

  /// Numbers a hundred times larger, a ξ for which descent with fixed steps diverges, and a spectrum whose two largest
  /// eigenvalues lie 0.0003 apart.
  @Test func numbersOfOtherSizesAreChecked() throws {
    let fields = (1...100).map { 2 - 2 * cos(Double($0) * .pi / 101) }
    let report = try run(
      """
      "darts_toy": {"table": [{"alpha": 3, "w": 1, "xi": 6, "fixed_point": \(2.0 / 13)}]},
      "cubic_coupling": {"A": [[100]], "b": [0], "P": [[300]], "w": [1], "alpha": [0], "t": [-99],
        "xi": 0.005, "expected": {"w_prime": [0.5], "v": [99.5], "mixed_hvp": [29850],
          "fd": [{"r": 0.0005, "hvp_error": [0.0024875]}]}},
      "lanczos": {"tridiagonal": {"n": 100, "eigenvalues": \(fields), "dominant": \(fields[99])}}
      """)
    #expect(report.passed, "\(report)")
    #expect(report.comparisons.count == 7)
  }

  @Test func aWrongValueIsNamedWithItsErrorAndTolerance() throws {
    let report = try run(
      """
      "darts_toy": {"table": [{"alpha": 3, "w": 1, "xi": 0.2, "w_prime": 1.8, "d_1": 1.25}]}
      """)
    #expect(!report.passed)
    #expect(report.failures.map(\.path) == ["darts_toy.table[0].d_1"])
    #expect(abs((report.failures.first?.error ?? .nan) - 0.2) <= 1e-12)
    #expect(
      report.description.hasPrefix(
        "differs: darts_toy.table[0].d_1: error 2.0e-1 exceeds 1.0e-12"), "\(report)")
  }

  @Test func aVectorOfAnotherLengthNeverAgrees() throws {
    let report = try run(
      """
      "darts_toy": {"table": [{"alpha": 1, "w": 1, "xi": 0, "d_1": [-1, 0]}]}
      """)
    #expect(report.failures.map(\.error) == [.infinity])
  }

  @Test func unknownCasesAndValuesAreReportedAndDoNotHideTheOthers() throws {
    let report = try run(
      """
      "darts_toy": {"table": [{"alpha": 1, "w": 1, "xi": 0, "d_1": -1, "d_7": 3, "note": "x"}]},
      "rosenbrock": {"a": 1}
      """)
    #expect(report.passed)
    #expect(report.notCompared == ["darts_toy.table[0].d_7"])
    #expect(report.notChecked == ["rosenbrock"])
  }

  @Test func aFileInWhichNothingCouldBeComparedHasNotPassed() throws {
    #expect(try !run("\"rosenbrock\": {\"a\": 1}").passed)
    #expect(try !run("").passed)
  }

  @Test(arguments: [
    (
      #""quadratic_bilevel": {"c": [1], "d": [1], "B": [[1]], "expected": {"w_star": [1]}}"#,
      "quadratic_bilevel: quadratic_bilevel.A should be a matrix of 1×1 numbers, but is missing: "
        + "correct the file, or take the case out"
    ),
    (
      #""metrics": {"edges": 1, "ops": 3, "estimate": [1, 2], "reference": [1, 2, 3]}"#,
      "metrics: metrics.estimate should be a vector of 3 numbers: "
        + "correct the file, or take the case out"
    ),
    (
      #""lanczos": {"tridiagonal": {"n": 2.5}}"#,
      "lanczos: lanczos.tridiagonal.n should be a whole number, at least 0: "
        + "correct the file, or take the case out"
    ),
    (
      #""ridge": 7"#,
      "ridge: ridge should be an object: correct the file, or take the case out"
    ),
  ])
  func aCaseThatCannotBeComputedSaysWhatIsWrong(text: String, sentence: String) throws {
    let report = try run(text)
    #expect(report.problems == [sentence])
    #expect(!report.passed)
  }

  @Test(arguments: [
    ("{\"cases\": ", "it is not JSON"), ("", "it is not JSON"),
    ("[1, 2]", "it has no object \"cases\""), ("{\"cases\": []}", "it has no object \"cases\""),
  ])
  func aFileOfAnotherFormatIsRefused(text: String, reason: String) {
    #expect(throws: AnalysisError.notACaseFile(path: "other.json", reason: reason)) {
      try CaseSelfTest(Data(text.utf8), path: "other.json")
    }
  }

  @Test func aFolderIsNoCaseFile() {
    let folder = FileManager.default.temporaryDirectory
    #expect(throws: AnalysisError.notACaseFile(path: folder.path, reason: "it is a folder")) {
      try CaseSelfTest(file: folder)
    }
  }

  @Test func aMissingFileIsNamed() {
    #expect(
      throws: AnalysisError.notACaseFile(
        path: "/nowhere/cases.json", reason: "there is no such file to read")
    ) { try CaseSelfTest(file: URL(filePath: "/nowhere/cases.json")) }
  }

  @Test func withoutItsMinimiserTheImplicitCaseFindsIt() throws {
    let text = try String(contentsOf: shippedCases, encoding: .utf8)
    // The Neumann series, thousands of products, needs no second run.
    let without = text.replacing("\"w_star\"", with: "\"given\"")
      .replacing("\"neumann\"", with: "\"series\"")
    let report = try CaseSelfTest(Data(without.utf8), path: "other.json").run(
      only: ["smooth_supernet"])
    #expect(report.passed, "\(report)")
    #expect(
      report.notCompared == ["given", "series"].map { "smooth_supernet.expected.implicit.\($0)" })
  }
}

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
}

/// The one copy of the certified cases.
let shippedCases = URL(filePath: #filePath)
  .deletingLastPathComponent().appending(path: "../../Sources/Analysis/Resources")
  .appending(path: "gradient_cases.json").standardized

import Analysis
import ArgumentParser
import Datasets
import Foundation
import Kernels

struct SelftestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selftest",
    abstract: "Compare this program with independent values, on this machine.",
    discussion: """
      Examples:
        milenas-lab selftest
        milenas-lab selftest --golden my-golden-files
        milenas-lab selftest --cases gradient_cases.json
        milenas-lab selftest --nist

      Golden files hold networks that PyTorch computed in Double; cases are problems with known hypergradients. \
      Without options both shipped sets are run. Exit code 1 when anything disagrees.
      """)

  @Option(
    help: ArgumentHelp("Folder of golden files (*.json), or one of them.", valueName: "folder"))
  var golden: String?
  @Option(help: ArgumentHelp("File of certified gradient cases.", valueName: "file"))
  var cases: String?
  @Flag(help: "Only the least-squares fits, against the certified values of NIST.")
  var nist = false
  @OptionGroup var compute: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    var report = SelftestReport()
    if nist || golden == nil && cases == nil {
      report.nist = try NISTProblem.shipped().flatMap { problem in
        problem.starts.indices.map { problem.agreement(fromStart: $0) }
      }
    }
    if !nist && (golden != nil || cases == nil) {
      let folder =
        try golden.map { URL(fileURLWithPath: $0) }
        ?? ShippedFile.url(bundle: "milenas-lab_Analysis", path: "golden")
      for golden in try GoldenCase.load(folder) {
        report.golden.append(try run(golden, in: Double.self))
        report.golden.append(try run(golden, in: Float.self))
      }
    }
    if !nist && (cases != nil || golden == nil) {
      let file =
        try cases.map { URL(fileURLWithPath: $0) }
        ?? ShippedFile.url(bundle: "milenas-lab_Analysis", path: "gradient_cases.json")
      report.cases = try CaseSelfTest(file: file).run()
    }
    try output.render(report)
    if !report.agrees { throw ExitCode.failure }
  }

  private func run<Scalar: KernelScalar>(_ golden: GoldenCase, in: Scalar.Type) throws
    -> SelfTestReport
  {
    var test = try GoldenSelfTest<Scalar>(golden, threads: compute.threads)
    return try test.run()
  }
}

private struct SelftestReport: Report {
  var golden: [SelfTestReport] = []
  var cases: CaseReport?

  var nist: [NISTProblem.Agreement] = []

  var agrees: Bool {
    golden.allSatisfy(\.agrees) && (cases?.passed ?? true) && NISTProblem.Agreement.suffice(nist)
  }

  private enum CodingKeys: String, CodingKey { case golden, cases, nist, agrees }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(golden, forKey: .golden)
    try container.encode(cases?.description, forKey: .cases)
    try container.encode(nist, forKey: .nist)
    try container.encode(agrees, forKey: .agrees)
  }

  var table: Table? {
    Table(
      columns: ["file", "precision", "quantity", "relative_error", "tolerance", "agrees"],
      rows: golden.flatMap { report in
        report.comparisons.map {
          [
            .text(report.name), .text(report.precision), .text($0.quantity),
            .real($0.relativeError), .real($0.tolerance), .text($0.agrees ? "yes" : "no"),
          ]
        }
      })
  }

  var text: String {
    var lines: [String] = []
    for report in golden {
      lines.append(
        "\(report.name) in \(report.precision): \(report.agrees ? "agrees" : "DISAGREES")")
      for comparison in report.comparisons {
        let mark = comparison.agrees ? " " : "!"
        lines.append(
          String(
            format: "  %@ %9.1e  of %7.0e allowed  ", mark, comparison.relativeError,
            comparison.tolerance) + comparison.quantity)
      }
      for field in report.notChecked { lines.append("  ? not checked: \(field)") }
    }
    if let cases { lines.append("\(cases)") }
    for fit in nist {
      let name = "NIST \(fit.problem), start \(fit.start)"
      lines.append(
        "  \(fit.agrees ? " " : "!") \(name): "
          + String(
            format: "%.1f digits of the parameters, %.1f of the residual sum", fit.parameterDigits,
            fit.residualDigits))
    }
    lines.append(agrees ? "Everything that was compared agrees." : "Something disagrees.")
    return lines.joined(separator: "\n") + "\n"
  }
}

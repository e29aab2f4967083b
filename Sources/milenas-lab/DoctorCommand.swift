import ArgumentParser
import EventLog
import Reports

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look at the machine, the libraries and the disk; for bug reports.",
    discussion: """
      Examples:
        milenas-lab doctor
        milenas-lab doctor --format json

      Exit code 1 when something is wrong.
      """)

  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let diagnosis = Diagnosis(.ofThisProgram, runs: location.store.folder)
    try output.render(DiagnosisReport(diagnosis: diagnosis))
    if !diagnosis.isHealthy { throw ExitCode(1) }
  }
}

private struct DiagnosisReport: Report {
  var diagnosis: Diagnosis

  func encode(to encoder: any Encoder) throws { try diagnosis.findings.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["verdict", "subject", "value", "remedy"],
      rows: diagnosis.findings.map {
        [.text($0.verdict.rawValue), .text($0.subject), .text($0.value), Table.Cell($0.remedy)]
      })
  }

  /// A line for each thing, with the remedy below those that need one.
  var text: String {
    let width = diagnosis.findings.map(\.subject.count).max() ?? 0
    return diagnosis.findings.map { finding in
      let name = finding.subject.padding(toLength: width + 2, withPad: " ", startingAt: 0)
      let mark = finding.verdict == .good ? "" : "\(finding.verdict.rawValue): "
      let remedy = finding.remedy.map {
        "\n" + String(repeating: " ", count: width + 2) + "→ \($0)"
      }
      return "\(name)\(mark)\(finding.value)\(remedy ?? "")\n"
    }.joined()
  }
}

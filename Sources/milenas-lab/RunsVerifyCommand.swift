import ArgumentParser
import EventLog

/// `runs verify`
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check that a record is whole, without computing it again.",
    discussion: """
      Examples:
        milenas-lab runs verify my-run
        milenas-lab runs verify my-run --repair

      Looks at SQLite's own integrity, the chain of digests, the checkpoints, the manifest and the images. \
      Exit code 1 when anything is wrong.
      """)

  @Argument(
    help: ArgumentHelp("A run: name or path; the newest when left out.", valueName: "run"),
    completion: .runs)
  var name: String?
  @Flag(help: "Recover first what a crash has left, and remove half-written files.")
  var repair = false
  @Option(help: "Folder that holds the images now.") var dataDir: String?
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let run = try location.store.find(name)
    if repair {
      for sentence in try run.repair() { StandardStream.error.write("\(sentence)\n") }
    }
    let verification = Verification(run, dataFolder: dataDir)
    try output.render(VerificationReport(run: run.name, verification: verification))
    if !verification.isWhole { throw ExitCode(1) }
  }
}

private struct VerificationReport: Report {
  var run: String
  var verification: Verification

  var table: Table? {
    Table(
      columns: ["verdict", "subject", "says"],
      rows: verification.findings.map {
        [.text($0.verdict.rawValue), .text($0.subject), .text($0.says)]
      })
  }

  var text: String {
    let wrong = verification.findings.count { $0.verdict == .wrong }
    return (table?.text ?? "")
      + (wrong == 0
        ? "\(run) is whole\n" : "\(run) is damaged in \(wrong) place\(wrong == 1 ? "" : "s")\n")
  }

  private enum CodingKeys: String, CodingKey { case run, isWhole, findings }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(run, forKey: .run)
    try container.encode(verification.isWhole, forKey: .isWhole)
    try container.encode(verification.findings, forKey: .findings)
  }
}

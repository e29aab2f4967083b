import EventLog
import Foundation
import Search

// What pages about runs of every kind have in common.
extension HTML {
  static func number(_ value: Double, _ decimals: Int) -> HTML {
    .text(Words.decimals(value, decimals))
  }

  /// Digest, data and everything that can be checked without computing the run again.
  static func record<Loop: RecordedLoop>(of run: ReportedRun<Loop>, dataFolder: String?) -> HTML {
    let verification = Verification(run.folder, dataFolder: dataFolder)
    return .section(
      "Record",
      .facts([
        ("digest", run.digest),
        ("data", "\(run.manifest.data.name), SHA-256 \(run.manifest.data.sha256)"),
        ("level", run.manifest.logLevel.rawValue),
        ("checkpoints", run.manifest.checkpoints.description),
        ("started", run.manifest.started),
      ]),
      .tag(
        "p", verification.isWhole ? [:] : ["class": "wrong"],
        .text(
          verification.isWhole
            ? "The record is whole; these were looked at:" : "The record is damaged:")),
      .table(
        ["verdict", "subject", "finding"],
        verification.findings.map { finding in
          [
            finding.verdict == .wrong
              ? .tag("span", ["class": "wrong"], "wrong") : .text(finding.verdict.rawValue),
            .text(finding.subject), .text(finding.says),
          ]
        }))
  }

  /// How a page counts the epochs of its tables.
  static let epochNote =
    "Epochs count from 0, as in the log and in NAME@N; while a run works, its progress counts from 1."

  /// The commands that check a record and compute it again where it lies.
  static func checks<Loop: RecordedLoop>(of run: ReportedRun<Loop>) -> HTML {
    .group([
      .tag("p", [:], "To check the record, and to compute it again:"),
      .commands(["verify", "replay"].map { "milenas-lab runs \($0) \(run.shellPath)" }),
    ])
  }

  static func environment<Loop: RecordedLoop>(_ manifest: RunManifest<Loop>) -> HTML {
    .section("Environment", .facts(manifest.facts))
  }

  /// Trainings of cells from scratch; nothing where there are none.
  static func evaluations(_ runs: [ReportedEvaluation]) -> HTML {
    guard !runs.isEmpty else { return .group([]) }
    return .section(
      "Evaluations",
      .table(
        [
          "run", "cell", "#seed", "status", "#epochs", "#test acc., last epoch (%)", "#params (M)",
          "#seconds",
        ],
        runs.map { run in
          [
            .text(run.name), .text(run.cell), "\(run.settings.seed)",
            .text(run.summary.status.rawValue), "\(run.summary.epochs)",
            .number(100 * (run.summary.testAccuracy ?? .nan), 2),
            .number(run.result.map { Double($0.parameters) / 1e6 } ?? .nan, 3),
            .number(run.seconds, 0),
          ]
        }),
      .tag(
        "p", ["class": "note"],
        "Cells trained from scratch and tested on all test images; the last epoch, which nobody has chosen."
      ))
  }
}

/// The program of a commit, built beside the present one: checking the commit out would take away the runs and the
/// files that have been committed since.
struct ProgramOfCommit {
  /// What makes it, in a checkout of the source; empty where the commit is not known.
  let commands: [String]
  /// Of the program.
  let path: String

  init(_ commit: String?) {
    guard let commit else {
      (commands, path) = ([], "milenas-lab")
      return
    }
    let folder = ShellWord.quoted("../milenas-lab-\(commit.prefix(12))")
    commands = [
      "git worktree add --detach \(folder) \(ShellWord.quoted(commit))",
      "swift build -c release --package-path \(folder)",
    ]
    path = "../milenas-lab-\(commit.prefix(12))/.build/release/milenas-lab"
  }

  /// What the commands are for.
  var words: String {
    commands.isEmpty
      ? "To search again with the present program, and to compare:"
      : "To search again with the program of the same commit, built beside a checkout of its source, and to compare:"
  }
}

extension RunManifest {
  /// What the run was computed with.
  var facts: [(String, String?)] {
    let commit = environment.gitCommit.map {
      $0
        + (environment.gitIsDirty == true
          ? ", with changes (git diff HEAD: SHA-256 \(environment.gitDiffSHA256 ?? "unknown"))"
          : "")
    }
    let libraries = environment.libraries?.sorted { $0.key < $1.key } ?? []
    return [
      ("program", "milenas-lab \(environment.programVersion)"), ("commit", commit),
      ("compiler", environment.compiler),
      (
        "kernels",
        "for \(environment.cpuTarget), vectors of \(environment.usesAVX512 ? 512 : 256) bits"
      ),
      ("processor", environment.processor), ("threads", "\(threads)"),
      ("operating system", environment.operatingSystem),
      ("C library", environment.glibc), ("SQLite", environment.sqlite),
      ("host", environment.host), ("Slurm", environment.slurmJob.map { "job \($0)" }),
    ] + libraries.map { ($0.key, $0.value) }
  }
}

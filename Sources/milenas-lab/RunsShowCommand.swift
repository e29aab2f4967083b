import ArgumentParser
import EventLog

/// `runs show`
struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show what a run was and what came out of it.",
    discussion: """
      Example:
        milenas-lab runs show my-run
      """)

  @Argument(
    help: ArgumentHelp("A run: name or path; the newest when left out.", valueName: "run"),
    completion: .runs)
  var name: String?
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let run = try location.store.find(name)
    try show(run, as: run.kind().shownLoop)
  }

  private func show<Loop: ShownLoop>(_ run: RunFolder, as _: Loop.Type) throws {
    try output.render(RunReport<Loop>(run))
  }
}

private struct RunReport<Loop: ShownLoop>: Report {
  let summary: RunSummary
  let manifest: RunManifest<Loop>
  let curve: Table
  let digest: String
  let folder: String
  private let facts: [(name: String, value: String?)]

  private enum CodingKeys: CodingKey { case summary, manifest, curve, digest, folder }

  init(_ run: RunFolder) throws {
    let reader = try RecordReader<Loop>(run)
    summary = RunSummary(run)
    manifest = reader.manifest
    digest = try reader.digest()
    folder = run.url.relativePath
    facts = try Loop.facts(of: reader)
    curve = Loop.curve(try reader.epochs())
  }

  var table: Table? { curve }

  var text: String {
    let environment = manifest.environment
    let commit = environment.gitCommit.map {
      $0 + (environment.gitIsDirty == true ? ", dirty" : "")
    }
    let common: [(name: String, value: String?)] = [
      ("run", summary.name), ("kind", Loop.kind.rawValue), ("folder", folder),
      ("status", summary.status.rawValue), ("problem", summary.problem),
      ("started", manifest.started), ("log level", manifest.logLevel.rawValue),
      ("data", manifest.data.name), ("data SHA-256", manifest.data.sha256),
      ("seed", "\(manifest.configuration.seed)"), ("threads", "\(manifest.threads)"),
      ("program", environment.programVersion), ("commit", commit), ("host", environment.host),
      ("processor", environment.processor), ("kernels", environment.cpuTarget),
    ]
    let lines = (common + facts + [("digest", digest)]).compactMap { name, value in
      value.map { name.padding(toLength: 14, withPad: " ", startingAt: 0) + $0 + "\n" }
    }
    return lines.joined() + (curve.rows.isEmpty ? "" : "\n" + curve.text)
  }
}

import ArgumentParser
import EventLog

private typealias Cell = Table.Cell

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

  func run() throws { try output.render(RunReport(location.store.find(name))) }
}

private struct RunReport: Report {
  let summary: RunSummary
  let manifest: Manifest
  let curve: Table
  let digest: String
  let folder: String

  init(_ run: RunFolder) throws {
    let reader = try RunReader(run)
    summary = RunSummary(run)
    manifest = reader.manifest
    digest = try reader.digest()
    folder = run.url.relativePath
    curve = Table(
      columns: ["epoch", "train loss", "train acc", "valid loss", "valid acc", "n", "r", "s"],
      rows: try reader.epochs().map { epoch in
        [
          .integer(Int64(epoch.epoch)), .real(epoch.trainLoss, decimals: 4),
          .real(epoch.trainAccuracy, decimals: 4), .real(epoch.validLoss, decimals: 4),
          .real(epoch.validAccuracy, decimals: 4), Cell(epoch.normalConvolutions),
          Cell(epoch.reductionConvolutions),
          .real(epoch.trainSeconds + epoch.validSeconds, decimals: 1),
        ]
      })
  }

  var table: Table? { curve }

  var text: String {
    let environment = manifest.environment
    let commit = environment.gitCommit.map {
      $0 + (environment.gitIsDirty == true ? ", dirty" : "")
    }
    let facts: [(String, String?)] = [
      ("run", summary.name), ("folder", folder), ("status", summary.status.rawValue),
      ("problem", summary.problem),
      ("started", manifest.started), ("log level", manifest.logLevel.rawValue),
      ("method", manifest.configuration.method.rawValue), ("data", manifest.data.name),
      ("data SHA-256", manifest.data.sha256), ("seed", "\(manifest.configuration.seed)"),
      ("threads", "\(manifest.threads)"), ("program", environment.programVersion),
      ("commit", commit), ("host", environment.host), ("processor", environment.processor),
      ("kernels", environment.cpuTarget), ("genotype", summary.genotype), ("digest", digest),
    ]
    let lines = facts.compactMap { name, value in
      value.map { name.padding(toLength: 14, withPad: " ", startingAt: 0) + $0 + "\n" }
    }
    return lines.joined() + (curve.rows.isEmpty ? "" : "\n" + curve.text)
  }
}

import ArgumentParser
import EventLog

/// `runs remove`
struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Delete runs, with their logs and checkpoints.",
    discussion: """
      Example:
        milenas-lab runs remove my-run --yes

      Asks first on a terminal, unless --yes is given; elsewhere --yes is needed. A run that a process \
      works on is not deleted.
      """)

  @Argument(help: "Runs: names or paths.", completion: .runs) var names: [String]
  @Flag(help: "Do not ask.") var yes = false
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    if names.isEmpty { throw ValidationError("name the runs to delete") }
  }

  func run() throws {
    let runs = try names.map { try location.store.find($0) }
    guard yes || StandardStream.error.isTerminal else {
      throw ValidationError("deleting \(runs[0].name) needs --yes where nobody can be asked")
    }
    var removed: [String] = []
    let end = Result {
      for run in runs where yes || isWanted(run) {
        try location.store.remove(run)
        removed.append(run.url.relativePath)
      }
    }
    // Those that are gone when another one cannot be removed.
    try output.render(FileReport(verb: "removed", paths: removed))
    try end.get()
  }

  private func isWanted(_ run: RunFolder) -> Bool {
    StandardStream.error.write("delete \(run.url.relativePath) for ever? [y/N] ")
    return readLine()?.lowercased().hasPrefix("y") == true
  }
}

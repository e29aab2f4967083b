import ArgumentParser
import EventLog

/// `runs remove`
struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Delete runs, with their logs and checkpoints.",
    discussion: """
      Example:
        milenas-lab runs remove my-run --yes

      Asks first on a terminal, unless --yes is given; elsewhere --yes is needed. A run that a process
      works on is not deleted.
      """)

  @Argument(help: "Runs: names or paths.", completion: .runs) var names: [String]
  @Flag(help: "Do not ask.") var yes = false
  @OptionGroup var location: StoreOptions

  mutating func validate() throws {
    if names.isEmpty { throw ValidationError("name the runs to delete") }
  }

  func run() throws {
    let runs = try names.map { try location.store.find($0) }
    for run in runs {
      if !yes {
        guard StandardStream.error.isTerminal else {
          throw ValidationError("deleting \(run.name) needs --yes where nobody can be asked")
        }
        StandardStream.error.write("delete \(run.url.relativePath) for ever? [y/N] ")
        guard readLine()?.lowercased().hasPrefix("y") == true else { continue }
      }
      try location.store.remove(run)
      StandardStream.output.write("removed \(run.url.relativePath)\n")
    }
  }
}

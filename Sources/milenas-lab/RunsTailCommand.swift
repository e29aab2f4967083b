import ArgumentParser
import EventLog
import Foundation

/// `runs tail`
struct TailCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail", abstract: "Follow a run that another process works on.",
    discussion: """
      Examples:
        milenas-lab runs tail
        milenas-lab runs tail my-run --lines 50 --once
      """)

  @Argument(
    help: ArgumentHelp("A run: name or path; the newest when left out.", valueName: "run"),
    completion: .runs)
  var name: String?
  @Option(help: "Steps of the past to begin with.") var lines = 10
  @Flag(help: "Print what is there and end.") var once = false
  @OptionGroup var location: StoreOptions

  func run() throws {
    let run = try location.store.find(name)
    try follow(run, as: run.kind().shownLoop)
  }

  private func follow<Loop: ShownLoop>(_ run: RunFolder, as _: Loop.Type) throws {
    let interruption = Interruption(says: "")
    var follower = try RecordFollower<Loop>(run, steps: lines)
    while true {
      try Self.print(follower.news())
      let status = RunSummary(run).status
      if once { return }
      if status != .running {
        // What was written between the last look and the end.
        try Self.print(follower.news())
        StandardStream.error.write("\(run.name) is \(status.rawValue)\n")
        return
      }
      if interruption.isRequested { throw Interrupted() }
      Thread.sleep(forTimeInterval: 0.5)
    }
  }

  private static func print<Loop: ShownLoop>(_ news: [RecordFollower<Loop>.News]) {
    for event in news {
      switch event {
      case .step(let step): StandardStream.output.write(Loop.line(step))
      case .epoch(let epoch): StandardStream.output.write(Loop.line(epoch))
      }
    }
  }
}

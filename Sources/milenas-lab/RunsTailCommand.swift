import ArgumentParser
import EventLog
import Foundation
import Search

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
    let interruption = Interruption(says: "")
    var follower = try RunFollower(run, steps: lines)
    while true {
      for event in try follower.news() { StandardStream.output.write(Self.line(event)) }
      let status = RunSummary(run).status
      if once { return }
      if status != .running {
        // What was written between the last look and the end.
        for event in try follower.news() { StandardStream.output.write(Self.line(event)) }
        StandardStream.error.write("\(run.name) is \(status.rawValue)\n")
        return
      }
      if interruption.isRequested { throw Interrupted() }
      Thread.sleep(forTimeInterval: 0.5)
    }
  }

  private static func line(_ event: RunFollower.News) -> String {
    switch event {
    case .step(let step):
      let valid = step.validLoss.map { String(format: "  validation loss %.4f", $0) } ?? ""
      return String(
        format: "epoch %d  step %d  train loss %.4f%@\n", step.epoch, step.step, step.trainLoss,
        valid)
    case .epoch(let epoch):
      return String(
        format: "epoch %d ends: train %.2f %%  validation %.2f %%  size (%d, %d)\n", epoch.epoch,
        100 * epoch.trainAccuracy, 100 * epoch.validAccuracy, epoch.normalConvolutions,
        epoch.reductionConvolutions)
    }
  }
}

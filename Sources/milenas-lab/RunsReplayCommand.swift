import ArgumentParser
import EventLog
import Foundation
import Search

/// `runs replay`
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Compute a run again and compare every bit with its record.",
    discussion: """
      Examples:
        milenas-lab runs replay my-run
        milenas-lab runs replay my-run --from-step 100 --to-step 110 --dump grad-w,alpha --out vectors

      Answers that the bits are identical, or names the first step and quantity that differ; where the \
      build or the processor is another one and bits differ, or the log level kept nothing to compare, it \
      says so. Exit code 1 unless identical. Steps are counted from 0, --to-step included. \
      What --dump writes: \(Replay.Step.quantityNames.joined(separator: ", ")); \
      of an evaluation \(RecordReplay<DerivedTraining>.Step.quantityNames.joined(separator: ", ")).
      """)

  @Argument(
    help: ArgumentHelp("A run: name or path; the newest when left out.", valueName: "run"),
    completion: .runs)
  var name: String?
  @Option(help: "First step.") var fromStep: Int?
  @Option(help: "Last step.") var toStep: Int?
  @Option(help: "Quantities to write for each step, separated by commas.") var dump: String?
  @Option(help: "Folder that they are written to.") var out = "vectors"
  @Option(help: ArgumentHelp("As what.", valueName: "npy|safetensors")) var dumpAs = DumpForm.npy
  @Option(help: "Folder that holds the images now.") var dataDir: String?
  @OptionGroup var compute: ThreadOptions
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: RowlessOutputOptions

  mutating func validate() throws {
    if let fromStep, let toStep, fromStep > toStep {
      throw ValidationError("--from-step \(fromStep) lies after --to-step \(toStep)")
    }
  }

  func run() throws {
    let run = try location.store.find(name)
    try replay(run, as: run.kind().shownLoop)
  }

  private func replay<Loop: ShownLoop>(_ run: RunFolder, as _: Loop.Type) throws {
    let replay = try RecordReplay<Loop>(run, threads: compute.threads, dataFolder: dataDir)
    let range = try replay.range(from: fromStep, to: toStep)
    let writer = try dump.map {
      try VectorDump(
        $0.split(separator: ",").map(String.init), form: dumpAs, in: URL(filePath: out),
        known: RecordReplay<Loop>.Step.quantityNames)
    }
    let progress = Progress()
    let interruption = Interruption()
    let answer = try replay.compare(
      range, isCancelled: { interruption.isRequested },
      visit: { step in
        progress.update(
          "step \(step.record.step) of \(range.lowerBound) to \(range.upperBound - 1)")
        try writer?.write(step, of: replay)
      })
    progress.clear()
    try output.render(ReplayReport(answer, run: replay.reader.run.name, from: range.lowerBound))
    if interruption.isRequested { throw Interrupted() }
    if case .identical = answer { return }
    throw ExitCode(1)
  }
}

extension DumpForm: ExpressibleByArgument {}

private struct ReplayReport: Report {
  var run: String
  /// "identical", "differs", "cannot be compared", "nothing to compare".
  var answer: String
  var steps: Int?
  var epochs: Int?
  var difference: RunDifference?
  var environment: [String]?
  private let sentence: String

  private enum CodingKeys: CodingKey { case run, answer, steps, epochs, difference, environment }

  init(_ answer: ReplayAnswer, run: String, from first: Int) {
    self.run = run
    switch answer {
    case .identical(let steps, let epochs):
      self.answer = "identical"
      (self.steps, self.epochs) = (steps, epochs)
      sentence =
        "\(run) is identical in every bit: \(steps) steps from step \(first) and \(epochs) epochs computed again\n"
    case .nothingRecorded(let steps):
      self.answer = "nothing to compare"
      self.steps = steps
      sentence =
        "\(run) keeps nothing of these steps at its log level: \(steps) steps from step \(first) computed again, "
        + "none compared\n"
    case .differs(let difference):
      self.answer = "differs"
      self.difference = difference
      sentence = "\(run) \(difference)\n"
    case .incomparable(let difference, let environment):
      self.answer = "cannot be compared"
      self.difference = difference
      self.environment = environment
      sentence =
        "\(run) cannot be compared on this build and machine (\(environment.joined(separator: "; "))): "
        + "it \(difference)\n"
    }
  }

  var table: Table? { nil }
  var text: String { sentence }
}

import ArgumentParser
import EventLog
import Foundation
import Studies
import Supernet

/// A study as users name it.
struct StudyArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A YAML file, the folder of a study that was begun, or a study that comes with the program (\(StudyShelf.shippedNames.joined(separator: ", "))).",
      valueName: "study"))
  var study: String
  @Option(
    help: "Which of the file's sizes: its first one, or the one that was begun, when left out.")
  var size: String?
  @Option(help: "Name of the study's folder under the runs folder; the study's own when left out.")
  var name: String?
  @OptionGroup var location: StoreOptions

  var shelf: StudyShelf { StudyShelf(folder: location.store.folder, commands: .ofThisProgram) }

  func folder() throws -> StudyFolder { try shelf.study(study, size: size, name: name) }
}

/// How the tasks of a study share a machine.
struct WorkerOptions: ParsableArguments {
  @Option(
    help: "Processes at once; as many as there are tasks, cores and memory for when left out.")
  var workers: Int?
  @Option(help: "Threads of each, on cores of its own; the cores are shared out when left out.")
  var threadsPerWorker: Int?
  @Option(
    help: ArgumentHelp(
      "Memory that all workers together may take: 8GB; what is free when left out.",
      valueName: "size"))
  var memory: ByteCount?
  @Option(help: "Folder that holds the images, for tasks that do not say.") var dataDir: String?

  mutating func validate() throws {
    guard (workers ?? 1) >= 1, (threadsPerWorker ?? 1) >= 1 else {
      throw ValidationError("--workers and --threads-per-worker must be at least 1")
    }
  }

  /// The workers that fit this machine, and what their tasks take where that had to be measured.
  func plan(for folder: StudyFolder, measuresAlways: Bool) throws -> (WorkerPlan, StudyPlan?) {
    var workers = try WorkerPlan(
      workers: workers, threads: threadsPerWorker, tasks: try folder.openTaskCount())
    guard measuresAlways || workers.workers > 1 else { return (workers, nil) }
    let progress = Progress()
    var plan = try StudyPlan(
      folder, program: Self.program, workers: workers, dataFolder: dataDir,
      report: { line in progress.update(line) })
    progress.clear()
    workers.fit(
      bytesPerWorker: plan.bytesPerWorker, available: memory?.bytes ?? MemoryBudget.available(),
      isThreadCountFree: threadsPerWorker == nil)
    plan.workers = workers
    return (workers, plan)
  }

  /// This program, which workers are made of.
  static var program: URL {
    Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments.first ?? "milenas-lab")
  }
}

extension StudyCommands {
  /// The commands of this program; their options are those of their help.
  static let ofThisProgram = StudyCommands(
    search: Command(options: options(of: SearchCommand.self)) { arguments, _ in
      let command = try SearchCommand.parse(arguments)
      let configuration = try command.settings.configuration(seed: command.compute.seed)
      try command.settings.refuseUnread(by: configuration)
      try configuration.validate()
      return try Settings(configuration)
    },
    evaluate: Command(options: options(of: EvaluateCommand.self)) { arguments, store in
      let command = try EvaluateCommand.parse(arguments)
      let found = try FoundCell(command.cell ?? "", in: store, published: KnownGenotypes())
      let configuration = try command.settings.resolved(
        found.genotype, seed: command.compute.seed)
      try configuration.validate()
      return try Settings(configuration)
    },
    sentence: { Failure.sentence(of: $0) })

  /// What `--experimental-dump-help` prints of a command.
  private struct HelpDump: Decodable {
    struct Command: Decodable { var arguments: [Argument]? }
    struct Argument: Decodable {
      struct Name: Decodable {
        var kind: String
        var name: String
      }
      var kind: String
      var names: [Name]?
    }
    var command: Command
  }

  private static func options(of command: (some ParsableCommand).Type) -> [Option] {
    let dump = try? JSONDecoder().decode(HelpDump.self, from: Data(command._dumpHelp().utf8))
    return (dump?.command.arguments ?? []).compactMap { argument in
      guard argument.kind != "positional",
        let name = argument.names?.first(where: { $0.kind == "long" })
      else { return nil }
      return Option(name: name.name, isFlag: argument.kind == "flag")
    }
  }
}

import Analysis
import ArgumentParser
import CMalloc
import Datasets
import EventLog
import Figures
import Glibc
import Kernels
import Notebooks
import Processor
import Reports
import Search
import Studies
import Supernet

/// The command tree; a new command is one more entry of `subcommands`.
struct MilenasLab: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "milenas-lab",
    abstract: "Gradient-based neural architecture search, recorded step by step.",
    discussion: """
      Examples:
        milenas-lab search --log-level step
        milenas-lab runs list
        milenas-lab runs show
        milenas-lab runs sql my-run 'select epoch, valid_accuracy from epoch_curve'

      Results go to standard output, messages to standard error. \
      Exit codes: 0 done, 1 failed or differs, 2 bad usage or input, 130 interrupted.
      """,
    version: ProgramVersion.current,
    subcommands: [
      SearchCommand.self, EvaluateCommand.self, StudyCommand.self, RunsCommand.self,
      DataCommand.self, SelftestCommand.self, GenotypeCommand.self, TableCommand.self,
      BenchCommand.self, FitCommand.self, PlotCommand.self, GradientErrorCommand.self,
      CurvatureCommand.self, ExplainCommand.self, NotebookCommand.self, ReportCommand.self,
      DoctorCommand.self,
    ])
}

/// What a command ends with when it was interrupted and everything is in order: exit code 130, no message.
struct Interrupted: Error {}

@main
enum Program {
  static func main() {
    // A reader that goes away (`| head`) ends the output, not a search that is running.
    signal(SIGPIPE, SIG_IGN)
    // A file that may not grow gives an error that can be told.
    signal(SIGXFSZ, SIG_IGN)
    // Vectors of all weights come and go with each step: kept for the next one, not returned and zeroed anew.
    mallopt(M_MMAP_THRESHOLD, 32 << 20)
    mallopt(M_TRIM_THRESHOLD, 512 << 20)
    do {
      let needed = unsafe String(cString: InstructionSets.ofThisBuild())
      try ProcessorCheck(needed: needed).run(target: BuildTarget.cpu)
      var command = try MilenasLab.parseAsRoot()
      try command.run()
    } catch {
      end(with: Failure(error))
    }
    end(with: nil)
  }

  /// Tells a failure, and that of standard output, which decides the exit code where nothing else has failed.
  private static func end(with failure: Failure?) -> Never {
    let code = failure?.report() ?? 0
    guard let problem = StandardStream.outputProblem else { exit(code) }
    let lost = Failure(LostOutput(reason: problem)).report()
    exit(code == 0 ? lost : code)
  }
}

/// What a command printed did not arrive.
struct LostOutput: Error, CustomStringConvertible {
  var reason: String
  var description: String {
    "cannot write to standard output (\(reason)): the command did its work, but what it printed is not whole; "
      + "print to a terminal, or to a disk with free space"
  }
}

/// An error as a user meets it: a sentence on standard error, and an exit code.
struct Failure {
  let message: String
  let exitCode: Int32

  init(_ error: any Error) {
    switch error {
    case is Interrupted:
      (message, exitCode) = ("", 130)
    case is LostOutput:
      (message, exitCode) = ("\(error)", 1)
    case let error as EventLogError:
      (message, exitCode) = ("\(error)", error.isBadInput ? 2 : 1)
    case is SupernetError, is DatasetError, is GenotypeError, is GoldenError, is AnalysisError,
      is ReportsError:
      (message, exitCode) = ("\(error)", 2)
    case let error as StudyError:
      (message, exitCode) = ("\(error)", error.isBadInput ? 2 : 1)
    case let error as FigureError:
      (message, exitCode) = ("\(error)", error.isBadInput ? 2 : 1)
    case let error as NotebookError:
      (message, exitCode) = ("\(error)", error.isInterruption ? 130 : error.isBadInput ? 2 : 1)
    case let error as SearchError:
      (message, exitCode) = ("\(error)", error.isBadInput ? 2 : 1)
    case let error as ExitCode:
      (message, exitCode) = ("", error.rawValue)
    default:
      // 64 is swift-argument-parser's code for bad usage; help and --version arrive here too, with 0.
      let code = MilenasLab.exitCode(for: error).rawValue
      let isUsage = code == ExitCode.validationFailure.rawValue
      let hint = Self.nearestCommand.map { "; did you mean `milenas-lab \($0)`?" }
      message = MilenasLab.message(for: error) + (isUsage ? hint ?? Self.helpHint : "")
      exitCode = isUsage ? 2 : code
    }
  }

  /// What an error says, without where to find help.
  static func sentence(of error: any Error) -> String {
    let failure = Failure(error)
    return failure.message.replacing(Self.helpHint, with: "")
  }

  private static let helpHint = "; `milenas-lab --help` shows what there is"

  /// The command that the first word of the command line may have meant; nil when it is one.
  private static var nearestCommand: String? {
    let names = MilenasLab.configuration.subcommands.compactMap { $0.configuration.commandName }
    guard let word = CommandLine.arguments.dropFirst().first, !names.contains(word) else {
      return nil
    }
    return NearestName.of(word, among: names)
  }

  /// Prints the sentence (or the help that was asked for) and gives back the exit code.
  func report() -> Int32 {
    switch (exitCode, message) {
    case (_, ""): break
    case (0, _): StandardStream.output.write(message + "\n")
    default: StandardStream.error.write("milenas-lab: \(message)\n")
    }
    return exitCode
  }
}

/// What can go wrong with a study.
public enum StudyError: Error, Equatable, CustomStringConvertible {
  /// A place in a study file: "fig2.yaml:12".
  public struct Place: Equatable, Sendable, CustomStringConvertible {
    /// As the user gave it.
    public var file: String
    /// From 1; nil where the place is the file as a whole.
    public var line: Int?

    public var description: String { line.map { "\(file):\($0)" } ?? file }
  }

  /// The file of a study cannot be read.
  case unreadable(path: String, reason: String)
  /// The text is no YAML, or none of the kind that studies are written in.
  case notYAML(Place, problem: String)
  /// A key that there is not, with those that there are and the most similar one.
  case unknownKey(Place, key: String, within: String, known: [String], nearest: String?)
  /// A key that must be there.
  case missingKey(Place, key: String, within: String)
  /// A value that the key does not take.
  case badValue(Place, key: String, found: String, expected: String)
  /// An option of a study file that the study itself decides.
  case decidedByStudy(Place, option: String, remedy: String)
  /// Options that the command does not take, in the command's words.
  case badOptions(Place, of: String, reason: String)
  /// Two tasks whose records would lie in one folder.
  case twoTasksOfOneName(Place, name: String)
  /// A text that is no file, no folder of a study and no name of a shipped one.
  case noSuchStudy(name: String, known: [String], nearest: String?)
  /// A name for the folder of a study that is no plain folder name.
  case impossibleName(String)
  /// Another name for a study that has its folder.
  case nameOfBegunStudy(folder: String, name: String)
  /// A size that the file does not have; `known` is empty when it comes in one size.
  case noSuchSize(String, study: String, known: [String])
  /// The folder was begun with another size of the study.
  case otherSize(folder: String, holds: String, asked: String)
  /// Finished or begun records whose settings are not those of the file.
  case otherSettings(folder: String, tasks: [String])
  /// An index beyond the study's tasks.
  case noSuchTask(index: Int, study: String, tasks: Int)
  /// More threads in all than this process may use cores.
  case tooManyThreads(workers: Int, threads: Int, cores: Int)
  /// A file or folder that cannot be written.
  case notWritable(path: String, reason: String)
  /// A command that the program itself does not take, in its own words.
  case taskRefused(task: String, reason: String)
  /// A program that was built for a processor with more instruction sets.
  case otherProcessor(target: String, missing: [String])
  /// The command of Slurm is not installed here.
  case noSlurm(command: String)
  /// A command of Slurm ended with an error, given in its own words.
  case slurmRefused(command: String, reason: String)
  /// The file of the jobs that a study was submitted as cannot be read.
  case jobsUnreadable(path: String, reason: String)
  /// Slurm does not say what is in its queue; `file` holds the jobs that it was given.
  case queueUnknown(reason: String, file: String)

  /// Whether a file, a name or an option is to blame, rather than the machine.
  public var isBadInput: Bool {
    switch self {
    case .notWritable, .slurmRefused, .queueUnknown, .jobsUnreadable, .otherProcessor: false
    default: true
    }
  }

  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "the study \(path) cannot be read (\(reason)): give a YAML file, or a name that `milenas-lab study list` shows"
    case .notYAML(let place, let problem):
      "\(place): \(problem): this is no YAML that can be read"
    case .unknownKey(let place, let key, let within, let known, let nearest):
      "\(place): \(within) has no key “\(key)”"
        + (nearest.map { "; did you mean \($0)?" }
          ?? (known.count > 16
            ? ": `milenas-lab search --help` and `milenas-lab evaluate --help` list the options"
            : ": there are \(known.joined(separator: ", "))"))
    case .missingKey(let place, let key, let within):
      "\(place): \(within) lacks the key “\(key)”"
    case .badValue(let place, let key, let found, let expected):
      "\(place): \(key) is \(found), and must be \(expected)"
    case .decidedByStudy(let place, let option, let remedy):
      "\(place): the option \(option) is the study's own: \(remedy)"
    case .badOptions(let place, let of, let reason):
      "\(place): \(of): \(reason)"
    case .twoTasksOfOneName(let place, let name):
      "\(place): two tasks would be called \(name): rename a setting, or merge the evaluations"
    case .noSuchStudy(let name, let known, let nearest):
      "there is no study “\(name)”"
        + (nearest.map { "; did you mean \($0)?" } ?? "")
        + ": give a YAML file, a study's folder, or one of \(known.joined(separator: ", "))"
    case .impossibleName(let name):
      "“\(name)” cannot name a study's folder: use letters, digits, '-', '_' and '.', not first a '.'"
    case .nameOfBegunStudy(let folder, let name):
      "--name names the folder of a study that begins, and \(folder) was begun: leave out --name \(name), "
        + "or give the study's YAML file"
    case .noSuchSize(let size, let study, let known):
      known.isEmpty
        ? "the study \(study) comes in one size: leave out --size \(size)"
        : "the study \(study) has no size “\(size)”: there are \(known.joined(separator: ", "))"
    case .otherSize(let folder, let holds, let asked):
      "\(folder) holds the size \(holds) of this study, not \(asked): give the other a folder of its own with --name"
    case .otherSettings(let folder, let tasks):
      "\(folder) holds records with other settings than the study's: \(tasks.joined(separator: "; ")); "
        + "remove them with `milenas-lab runs remove`, or give the study another --name"
    case .noSuchTask(let index, let study, let tasks):
      "the study \(study) has no task \(index): its tasks are 0 to \(tasks - 1)"
    case .tooManyThreads(let workers, let threads, let cores):
      "\(workers) workers of \(threads) threads need \(workers * threads) cores, and this process has \(cores): "
        + "lower --workers or --threads-per-worker"
    case .notWritable(let path, let reason):
      "cannot write \(path) (\(reason)): set --runs-dir to a folder that can be written"
    case .taskRefused(let task, let reason):
      "\(task): \(reason.hasPrefix("milenas-lab: ") ? String(reason.dropFirst(13)) : reason)"
    case .otherProcessor(let target, let missing):
      "this program was built for the processor \(target), and this one lacks \(missing.joined(separator: ", ")): "
        + "build it here, or for all machines with MILENAS_CPU=x86-64-v3 swift build -c release"
    case .noSlurm(let command):
      "there is no \(command) here: submit on a machine of the cluster, or write the script alone with --print"
    case .slurmRefused(let command, let reason):
      "\(command) failed: \(reason)"
    case .jobsUnreadable(let path, let reason):
      "cannot read \(path) (\(reason)), which holds the study's jobs: make it readable, "
        + "or remove it when none of its jobs is left"
    case .queueUnknown(let reason, let file):
      "squeue failed (\(reason)), so what is in the queue is not known: try again when it answers, "
        + "or remove \(file) when none of its jobs is left"
    }
  }
}

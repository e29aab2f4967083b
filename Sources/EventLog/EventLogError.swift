/// What can go wrong with the record of a run.
public enum EventLogError: Error, Equatable, CustomStringConvertible {
  /// The name of a new run is taken.
  case runExists(name: String, path: String)
  /// A name that is no plain folder name.
  case impossibleName(String)
  /// A folder of runs that holds none.
  case noRuns(folder: String)
  /// A name that no run has.
  case noSuchRun(name: String, folder: String, nearest: String?)
  /// A folder without a record.
  case notARun(path: String)
  /// A folder of runs that is there and cannot be listed.
  case folderNotReadable(path: String, reason: String)
  /// Where a new run, or what a command writes, cannot be put; `option` sets another folder.
  case folderNotWritable(path: String, reason: String, option: String = "--runs-dir")
  /// The log was written by a later version of the program.
  case newerSchema(path: String, found: Int, known: Int)
  /// The file is no log, or not all of it.
  case damaged(path: String, reason: String)
  /// A manifest that is missing, malformed, or another run's.
  case unreadableManifest(path: String, reason: String)
  /// There is no log.
  case missing(path: String)
  /// The record is that of another kind of run.
  case otherKind(run: String, found: RunKind, needed: RunKind)
  /// The log was not closed by its writer, and a reader alone cannot recover it.
  case needsRecovery(path: String, run: String)
  /// Another process has the right to write; `holder` names it where that can be told.
  case alreadyWriting(path: String, holder: String?)
  /// A reader, or another tool, does not let go of the file.
  case inUse(path: String)
  /// No space is left; every step reported before is in the log.
  case diskFull(path: String, lastStep: Int?)
  /// The operating system refused to write.
  case writeFailed(path: String, reason: String)
  /// SQLite, or the operating system under it, cannot work with the file, in its words.
  case cannotAccess(path: String, reason: String)
  /// The log is not where it was when its writer began.
  case movedAway(path: String, lastStep: Int?)
  /// The run has ended; there is nothing to go on with.
  case nothingToResume(run: String, outcome: String)
  /// The images are others than those of the run.
  case otherData(name: String, expected: String, found: String)
  /// A step that was computed again has other bits than its row.
  case differs(RunDifference, run: String, environment: [String])
  /// A checkpoint that is damaged, or not the one that was written.
  case badCheckpoint(path: String, reason: String)
  /// Neither this run nor another of its folder has checkpoints.
  case noCheckpoints(run: String)
  /// A step beyond those of the run.
  case noSuchStep(Int, run: String, steps: Int)
  /// A word that names nothing that a step has.
  case noSuchQuantity(String, known: [String])
  /// A record that says less than is asked of it.
  case levelTooLow(run: String, level: String, needed: String)
  /// A statement that does anything but read.
  case refusedSQL(reason: String)
  /// A statement that took longer than it may.
  case slowSQL(seconds: Double)

  /// Whether a user's name, path or statement is to blame, rather than the machine or the file.
  public var isBadInput: Bool {
    switch self {
    case .runExists, .impossibleName, .noRuns, .noSuchRun, .notARun, .folderNotReadable,
      .folderNotWritable,
      .newerSchema, .nothingToResume, .otherData, .noSuchStep, .noSuchQuantity, .levelTooLow,
      .noCheckpoints, .otherKind, .refusedSQL:
      true
    case .damaged, .missing, .differs, .badCheckpoint, .unreadableManifest, .needsRecovery,
      .alreadyWriting, .inUse, .diskFull, .writeFailed, .cannotAccess, .movedAway, .slowSQL:
      false
    }
  }

  public var description: String {
    switch self {
    case .runExists(let name, let path):
      "a run called \(name) exists already in \(path): go on with it (--resume \(name)), choose "
        + "another --name, or remove that folder"
    case .impossibleName(let name):
      "\"\(name)\" cannot name a run: use letters, digits, '-', '_' and '.', not first a '.'"
    case .noRuns(let folder):
      "\(folder) holds no runs: start one with `milenas-lab search`, or set --runs-dir"
    case .noSuchRun(let name, let folder, let nearest):
      "no run is called \(name) in \(folder)"
        + (nearest.map { ": did you mean \($0)?" }
          ?? ": `milenas-lab runs list` shows those there are, --runs-dir looks elsewhere")
    case .notARun(let path):
      "\(path) holds no events.sqlite, so it is not the record of a run: "
        + "`milenas-lab runs list` shows the runs there are"
    case .folderNotReadable(let path, let reason):
      "cannot list the runs in \(path) (\(reason)): make it readable, or set --runs-dir to another folder"
    case .folderNotWritable(let path, let reason, let option):
      "cannot write in \(path) (\(reason)): set \(option) to a folder that can be written"
    case .newerSchema(let path, let found, let known):
      "\(path) has schema version \(found), and this program knows versions up to \(known): "
        + "read it with the milenas-lab that wrote it, or a later one"
    case .damaged(let path, let reason):
      "\(path) is damaged (\(reason)): restore it from a copy, "
        + "or save what is left with `sqlite3 \(path) .recover`"
    case .unreadableManifest(let path, let reason):
      "\(path) cannot be read as a manifest (\(reason)): restore it from a copy, "
        + "or from the log with `milenas-lab runs verify RUN --repair` where it is missing or cut"
    case .missing(let path):
      "\(path) is missing: restore it from a copy, or compute the run again with --resume"
    case .otherKind(let run, let found, let needed):
      "\(run) is the record of \(found.words), and this needs that of \(needed.words): "
        + "`milenas-lab runs list` tells them apart"
    case .needsRecovery(let path, let run):
      "\(path) was not closed by its writer, and reading alone cannot recover it: "
        + "`milenas-lab runs verify \(run) --repair` does, in a copy where the folder cannot be written"
    case .alreadyWriting(let path, let holder):
      "\(holder ?? "another process") is writing \(path): wait until it ends, or choose another --name"
    case .inUse(let path):
      "another program holds \(path) open: close it there, and try again"
    case .diskFull(let path, let lastStep):
      "no space is left to write \(path): "
        + (lastStep.map { "the record holds every step up to \($0)" } ?? "nothing is lost")
        + "; free some space, or set --runs-dir to another disk"
    case .writeFailed(let path, let reason):
      "cannot write \(path) (\(reason)): what was reported before is in the record; "
        + "make it writable, or work on a copy of its folder"
    case .cannotAccess(let path, let reason):
      "cannot work with \(path) (\(reason)): see that the file can be read, and written by whoever goes on with it, "
        + "and that its disk is there; what was committed is in it"
    case .movedAway(let path, let lastStep):
      "\(path) is not there any more, so its folder was moved, renamed or removed while it was written: "
        + (lastStep.map { "what was moved holds every step up to \($0); " } ?? "")
        + "go on with `--resume` and the path where it lies now"
    case .nothingToResume(let run, let outcome):
      "\(run) is \(outcome), so there is nothing to resume: "
        + "`milenas-lab runs show \(run)` shows it, another --seed starts another"
    case .otherData(let name, let expected, let found):
      "the images of \(name) have SHA-256 \(found), those of the run had \(expected): "
        + "set --data-dir to the folder that holds the run's"
    case .differs(let difference, let run, let environment):
      "\(run) \(difference)"
        + (environment.isEmpty
          ? "; its environment is the same, so the record or this machine is damaged: "
            + "`milenas-lab runs verify \(run)` looks at the record"
          : "; it was made with another environment (\(environment.joined(separator: "; "))): "
            + "use the same build on the same kind of processor")
    case .badCheckpoint(let path, let reason):
      "the checkpoint \(path) cannot be used (\(reason)): restore it from a copy, or remove it, "
        + "and the run is computed again from the one before"
    case .noCheckpoints(let run):
      "\(run) has no checkpoints, and neither has another run there: search anew without "
        + "--keep-checkpoints, or name a run"
    case .noSuchStep(let step, let run, let steps):
      "\(run) has no step \(step): "
        + (steps == 0 ? "none is recorded" : "its steps are 0 to \(steps - 1)")
    case .noSuchQuantity(let name, let known):
      "no quantity of a step is called \(name): there are \(known.joined(separator: ", "))"
    case .levelTooLow(let run, let level, let needed):
      "\(run) was recorded at --log-level \(level), and this needs \(needed): "
        + "search again with --log-level \(needed)"
    case .refusedSQL(let reason):
      "the statement was refused (\(reason)): only one SELECT is run; "
        + "`milenas-lab runs schema` shows tables and columns"
    case .slowSQL(let seconds):
      "the statement was stopped after \(seconds) s: narrow it with WHERE, or use the sqlite3 shell"
    }
  }
}

extension RunKind {
  fileprivate var words: String {
    switch self {
    case .search: "a search"
    case .evaluation: "an evaluation"
    }
  }
}

/// What can go wrong with the record of a run.
public enum EventLogError: Error, Equatable, CustomStringConvertible {
  case runExists(name: String, path: String)
  case impossibleName(String)
  case noRuns(folder: String)
  case noSuchRun(name: String, folder: String, nearest: String?)
  case notARun(path: String)
  case folderNotWritable(path: String, reason: String)
  /// The log was written by a later version of the program.
  case newerSchema(path: String, found: Int, known: Int)
  /// The file is no log, or not all of it.
  case damaged(path: String, reason: String)
  case unreadableManifest(path: String, reason: String)
  /// The log was not closed, and its folder cannot be written to recover it.
  case needsRecovery(path: String)
  case alreadyWriting(path: String)
  /// No space is left; every step reported before is in the log.
  case diskFull(path: String, lastStep: Int?)
  case writeFailed(path: String, reason: String)
  case refusedSQL(reason: String)
  case slowSQL(seconds: Double)

  /// Whether a user's name, path or statement is to blame, rather than the machine or the file.
  public var isBadInput: Bool {
    switch self {
    case .runExists, .impossibleName, .noRuns, .noSuchRun, .notARun, .folderNotWritable,
      .newerSchema, .refusedSQL:
      true
    case .damaged, .unreadableManifest, .needsRecovery, .alreadyWriting, .diskFull, .writeFailed,
      .slowSQL:
      false
    }
  }

  public var description: String {
    switch self {
    case .runExists(let name, let path):
      "a run called \(name) exists already in \(path): choose another --name, or remove that folder"
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
    case .folderNotWritable(let path, let reason):
      "cannot write in \(path) (\(reason)): set --runs-dir to a folder that can be written"
    case .newerSchema(let path, let found, let known):
      "\(path) has schema version \(found), and this program knows versions up to \(known): "
        + "read it with the milenas-lab that wrote it, or a later one"
    case .damaged(let path, let reason):
      "\(path) is damaged (\(reason)): restore it from a copy, "
        + "or save what is left with `sqlite3 \(path) .recover`"
    case .unreadableManifest(let path, let reason):
      "\(path) cannot be read as a manifest (\(reason)): restore it from a copy"
    case .needsRecovery(let path):
      "\(path) was not closed by its writer, and its folder cannot be written to recover it: "
        + "copy the whole folder to one that can, and open it there"
    case .alreadyWriting(let path):
      "another process is writing \(path): wait until it ends, or choose another --name"
    case .diskFull(let path, let lastStep):
      "no space is left to write \(path): "
        + (lastStep.map { "the record holds every step up to \($0)" } ?? "nothing is lost")
        + "; free some space, or set --runs-dir to another disk"
    case .writeFailed(let path, let reason):
      "cannot write \(path) (\(reason)): what was reported before is in the record"
    case .refusedSQL(let reason):
      "the statement was refused (\(reason)): only one SELECT is run; "
        + "`milenas-lab runs schema` shows tables and columns"
    case .slowSQL(let seconds):
      "the statement was stopped after \(seconds) s: narrow it with WHERE, or use the sqlite3 shell"
    }
  }
}

/// What can go wrong with a notebook.
public enum NotebookError: Error, Equatable, CustomStringConvertible {
  /// A file that cannot be read.
  case unreadable(path: String, reason: String)
  /// A document that is no notebook, and where.
  case malformed(path: String, line: Int, reason: String)
  /// A cell that did not end as it should; the document is as it was.
  case cellFailed(path: String, line: Int, cell: String, reason: String)
  /// The user ended it; the document is as it was.
  case interrupted(path: String)
  /// A cell that may write or remove something, in a notebook from elsewhere.
  case writingNotAllowed(path: String, line: Int, cell: String)
  /// A name or number that no cell has.
  case noSuchCell(String, path: String, known: [String])
  /// Somebody wrote the document while its cells ran.
  case changedMeanwhile(path: String)
  /// A document that cannot be written back.
  case writeFailed(path: String, reason: String)
  /// A new notebook where there is a file already.
  case exists(path: String)
  /// A cell would run the notebook that it stands in.
  case nested

  /// Whether the text or the options of a user are to blame, rather than what a cell did.
  public var isBadInput: Bool {
    switch self {
    case .unreadable, .malformed, .writingNotAllowed, .noSuchCell, .exists, .nested: true
    case .cellFailed, .interrupted, .changedMeanwhile, .writeFailed: false
    }
  }

  /// Whether the user has ended it: nothing is wrong.
  public var isInterruption: Bool {
    if case .interrupted = self { true } else { false }
  }

  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read \(path) (\(reason)): name a Markdown file in UTF-8"
    case .malformed(let path, let line, let reason):
      "\(path), line \(line): \(reason)"
    case .cellFailed(let path, let line, let cell, let reason):
      "\(path), line \(line), \(cell): \(reason); the document is as it was"
    case .interrupted(let path):
      "interrupted; \(path) is as it was"
    case .writingNotAllowed(let path, let line, let cell):
      "\(path), line \(line), \(cell): the notebook lies outside of this repository, so cells that run a shell or a "
        + "command that writes or removes something run only with --allow-shell; --dry-run shows them"
    case .noSuchCell(let name, let path, let known):
      "no cell of \(path) is called \(name): "
        + (known.isEmpty ? "it has none" : "there are \(known.joined(separator: ", "))")
    case .changedMeanwhile(let path):
      "\(path) was changed while its cells ran, and was left alone: run it again"
    case .writeFailed(let path, let reason):
      "cannot write \(path) (\(reason)): nothing was changed"
    case .exists(let path):
      "\(path) exists already: choose another name, or remove it"
    case .nested:
      "a cell cannot run notebooks: run them one after the other"
    }
  }
}

/// Why a cell did not end as it should; the runner says which cell it was.
public enum CellFailure: Error, Equatable {
  /// It ended with an error.
  case failed(reason: String)
  /// It took longer than it may.
  case timedOut(seconds: Double)
  /// The user ended it.
  case interrupted
}

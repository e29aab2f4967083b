import Datasets
import EventLog
import Foundation

/// Where the cells of a notebook run, and where they find runs.
public struct NotebookPlace: Sendable {
  /// The folder that cells run in: the root of the notebook's git repository, or else the current folder.
  public let folder: URL
  /// Whether the notebook lies in the repository that the user works in, and so may use the shell.
  public let isOwn: Bool

  /// A folder, and whether the user's repository holds it.
  public init(folder: URL, isOwn: Bool) {
    self.folder = folder
    self.isOwn = isOwn
  }

  /// Where a notebook lies.
  public init(
    of notebook: URL,
    currentFolder: URL = URL(filePath: FileManager.default.currentDirectoryPath)
  ) {
    // What a symbolic link points to counts, not where the link lies.
    let here = currentFolder.resolvingSymlinksInPath()
    let root = Self.repository(
      around: notebook.resolvingSymlinksInPath().deletingLastPathComponent())
    folder = root ?? here
    isOwn = root != nil && root == Self.repository(around: here)
  }

  /// The nearest folder that holds `.git`, which is a file in a linked work tree.
  private static func repository(around folder: URL) -> URL? {
    var path = folder.standardizedFileURL.path
    while true {
      if FileManager.default.fileExists(atPath: (path == "/" ? "" : path) + "/.git") {
        return URL(filePath: path, directoryHint: .isDirectory)
      }
      guard path != "/" else { return nil }
      path = URL(filePath: path).deletingLastPathComponent().path
    }
  }

  /// The runs beside it.
  public var store: RunStore { RunStore(folder: runs) }

  private var runs: URL { folder.appending(path: "runs", directoryHint: .isDirectory) }

  /// The run of a name or a path from `folder`.
  ///
  /// - Throws: as `RunStore.find`.
  func run(_ name: String) throws -> RunFolder {
    if name.contains("/"), let byPath = try? RunStore(folder: folder).find(name) { return byPath }
    return try store.find(name)
  }

  /// The runs in a folder, by name: `reference-fig2`, a path, or with the beginning of names `reference-fig3/eval-*`.
  ///
  /// - Throws: `EventLogError.noRuns`.
  func study(_ name: String) throws -> [RunFolder] {
    var (path, prefix) = (name, "")
    if name.hasSuffix("*"), let slash = name.lastIndex(of: "/") {
      path = String(name[..<slash])
      prefix = String(name[name.index(after: slash)...].dropLast())
    }
    for candidate in [runs.appending(path: path), folder.appending(path: path)] {
      let found = RunStore(folder: candidate).list().filter { $0.name.hasPrefix(prefix) }
      if !found.isEmpty { return found.sorted { $0.name < $1.name } }
    }
    throw EventLogError.noRuns(folder: name)
  }

  /// What a name stands for at this moment: the digest of a run, or those of all runs in a folder; nil for neither.
  func digest(of name: String) -> String? {
    guard !name.isEmpty, !name.hasPrefix("-"), name != "runs", name.utf8.count < 1000 else {
      return nil
    }
    if let run = try? run(name) { return Self.digest(of: run) }
    guard let runs = try? study(name) else { return nil }
    return runs.map { "\($0.name) \(Self.digest(of: $0))" }.joined(separator: "\n")
  }

  private static func digest(of run: RunFolder) -> String {
    (try? run.digest()) ?? "cannot be read"
  }
}

/// The runs that cells make: a note in the folder of each says which cell it was, so that nothing else is removed.
///
/// The note goes with the folder: who removes the run and makes one of that name keeps it. It bears the name, so that a
/// copy under another name is none that a notebook has made.
struct MadeRuns {
  let place: NotebookPlace

  private func folder(_ name: String) -> URL { place.store.folder.appending(path: name) }
  private func note(_ name: String) -> URL {
    folder(name).appending(path: ".\(name).made-by-notebook")
  }

  /// Whether what a cell makes is there, made by the cell as it is now.
  func areThere(_ names: [String], key: String) -> Bool {
    names.allSatisfy { name in
      FileManager.default.fileExists(atPath: folder(name).path)
        && (try? String(contentsOf: note(name), encoding: .utf8)) == key
    }
  }

  /// Removes what an earlier execution has left.
  ///
  /// - Throws: `CellFailure.failed` where somebody else's run has the name; what `RunStore.remove` throws.
  func prepare(_ names: [String]) throws {
    guard !names.isEmpty else { return }
    try FileManager.default.createDirectory(
      at: place.store.folder, withIntermediateDirectories: true)
    for name in names {
      if FileManager.default.fileExists(atPath: folder(name).path) {
        guard FileManager.default.fileExists(atPath: note(name).path) else {
          throw CellFailure.failed(
            reason: "\(folder(name).relativePath) is there and was not made by a notebook: "
              + "remove it, or choose another name")
        }
        try place.store.remove(RunFolder(folder(name)))
      }
    }
  }

  /// Notes that a notebook has begun what is there without a note: a cell that failed may leave it.
  func claim(_ names: [String]) {
    for name in names where !FileManager.default.fileExists(atPath: note(name).path) {
      try? Data().write(to: note(name))
    }
  }

  /// Notes which cell has made the runs.
  ///
  /// - Throws: `CellFailure.failed` where one is missing.
  func confirm(_ names: [String], key: String) throws {
    for name in names {
      guard FileManager.default.fileExists(atPath: folder(name).path) else {
        throw CellFailure.failed(reason: "it was to make \(name), and made none: correct makes=")
      }
      try Data(key.utf8).write(to: note(name))
    }
  }
}

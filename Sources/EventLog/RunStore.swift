import Datasets
import Foundation
import Glibc

/// The folder of one run: `manifest.json`, `events.sqlite`, and its checkpoints.
public struct RunFolder: Equatable, Sendable {
  /// Of the folder.
  public let url: URL

  /// A folder that need not hold a record yet.
  public init(_ url: URL) { self.url = url }

  /// The folder's name now.
  public var name: String { url.lastPathComponent }
  /// What the run is.
  public var manifestFile: URL { url.appending(path: "manifest.json") }
  /// The events.
  public var logFile: URL { url.appending(path: "events.sqlite") }
  /// What analyses have found; the event log itself is never written again.
  public var analysisFile: URL { url.appending(path: "analysis.sqlite") }

  static let checkpointFolder = "checkpoints"
  /// States on disk.
  public var checkpoints: URL {
    url.appending(path: Self.checkpointFolder, directoryHint: .isDirectory)
  }

  /// - Parameter step: the first step after the checkpoint.
  func checkpointFile(atStep step: Int) -> URL {
    let digits = String(step)
    let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
    return checkpoints.appending(path: "step-\(zeros)\(digits).safetensors")
  }

  /// The file that a row of the log names; the log may be a stranger's, so nothing outside the folder is meant.
  func checkpointFile(named file: String) -> URL {
    checkpoints.appending(path: URL(filePath: file).lastPathComponent)
  }

  /// Whether steps wait in a file beside the log: while it is written, and when it was not closed.
  var hasWriteAheadLog: Bool { LogDatabase.holds(logFile, "-wal") }

  /// Size of the log, in bytes.
  var logBytes: Int { fileSize(logFile.path) ?? 0 }

  /// Free space of its disk, in bytes.
  var freeBytes: Int {
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: url.path)
    return (attributes?[.systemFreeSize] as? Int) ?? .max / 2
  }

  /// Gives a name free again that nothing could be written under: a folder with a file in it stays.
  func removeIfEmpty() { _ = unsafe rmdir(url.path) }

  /// A run has a log from its first moments on, and its manifest a little earlier.
  public var isRun: Bool {
    [logFile, manifestFile].contains { FileManager.default.fileExists(atPath: $0.path) }
  }
}

/// The folder that holds one folder per run (`--runs-dir`).
public struct RunStore: Sendable {
  /// Where the runs lie.
  public let folder: URL

  /// A folder that need not exist yet.
  public init(folder: URL) { self.folder = folder }

  /// The runs, oldest first; empty when the folder does not exist, or cannot be read, which `checkFolder` tells.
  public func list() -> [RunFolder] {
    let runs = FileManager.default.entries(of: folder).map { RunFolder($0) }.filter(\.isRun)
    // The start is not read from the folder's dates: a copied run keeps its place.
    let starts = runs.map { run in
      (run, (try? ManifestHead(contentsOf: run.manifestFile))?.started ?? "")
    }
    return starts.sorted { ($0.1, $0.0.name) < ($1.1, $1.0.name) }.map(\.0)
  }

  /// Tells a folder that cannot be read from one that is empty or not there.
  ///
  /// - Throws: `EventLogError.folderNotReadable` for a folder that is there and cannot be listed.
  public func checkFolder() throws {
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    do {
      _ = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    } catch {
      throw EventLogError.folderNotReadable(path: folder.relativePath, reason: reason(of: error))
    }
  }

  /// The run that a user means: a name in this folder, a path, or nothing for the newest one.
  ///
  /// - Throws: `EventLogError.noRuns`, `.folderNotReadable`, `.noSuchRun` with the nearest name, `.notARun`.
  public func find(_ nameOrPath: String?) throws -> RunFolder {
    guard let nameOrPath else {
      guard let newest = list().last else {
        try checkFolder()
        throw EventLogError.noRuns(folder: folder.relativePath)
      }
      return newest
    }
    for candidate in [folder.appending(path: nameOrPath), URL(filePath: nameOrPath)] {
      let run = RunFolder(candidate)
      if run.isRun { return run }
    }
    var isFolder: ObjCBool = false
    if nameOrPath.contains("/"),
      unsafe FileManager.default.fileExists(atPath: nameOrPath, isDirectory: &isFolder)
    {
      throw EventLogError.notARun(path: nameOrPath)
    }
    try checkFolder()
    throw EventLogError.noSuchRun(
      name: nameOrPath, folder: folder.relativePath,
      nearest: NearestName.of(nameOrPath, among: list().map(\.name)))
  }

  /// Makes the folder of a new run; it is empty.
  ///
  /// - Throws: `EventLogError.impossibleName`, `.runExists`, `.folderNotWritable`.
  public func create(name: String) throws -> RunFolder {
    guard Self.isPossible(name: name) else { throw EventLogError.impossibleName(name) }
    let run = RunFolder(folder.appending(path: name, directoryHint: .isDirectory))
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder)
    guard !exists || isFolder.boolValue else {
      throw EventLogError.folderNotWritable(path: folder.relativePath, reason: "it is a file")
    }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      // Without intermediate folders this fails when the folder exists: two searches cannot share it.
      try FileManager.default.createDirectory(at: run.url, withIntermediateDirectories: false)
    } catch CocoaError.fileWriteFileExists {
      throw EventLogError.runExists(name: name, path: folder.relativePath)
    } catch {
      throw EventLogError.folderNotWritable(path: folder.relativePath, reason: reason(of: error))
    }
    return run
  }

  /// Deletes a run with all that lies in its folder.
  ///
  /// - Throws: `EventLogError.alreadyWriting` while a process writes it; `.folderNotWritable`.
  public func remove(_ run: RunFolder) throws {
    if FileManager.default.isWritableFile(atPath: run.manifestFile.path) {
      withExtendedLifetime(try RunLock(run)) {}
    }
    do {
      try FileManager.default.removeItem(at: run.url)
    } catch {
      throw EventLogError.folderNotWritable(
        path: run.url.relativePath, reason: reason(of: error))
    }
  }

  /// A name that is free: `prefix`, or with the next number that no run has ("demo-2").
  public func freeName(_ prefix: String) -> String {
    func taken(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appending(path: name).path)
    }
    if !taken(prefix) { return prefix }
    var number = 2
    while taken("\(prefix)-\(number)") { number += 1 }
    return "\(prefix)-\(number)"
  }

  /// Whether a folder of a run, or of a study, may be called so.
  public static func isPossible(name: String) -> Bool {
    guard let first = name.utf8.first, first != UInt8(ascii: "."), name.utf8.count <= 200 else {
      return false
    }
    return name.allSatisfy {
      $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ".")
    }
  }
}

extension FileManager {
  /// What lies in a folder, by name; nothing where it cannot be read.
  ///
  /// By its path, as Foundation lists nothing of a URL that is a symbolic link.
  func entries(of folder: URL) -> [URL] {
    ((try? contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
      .map { folder.appending(path: $0) }
  }
}

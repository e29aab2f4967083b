import EventLog
import Foundation
import Search

/// A run as reports need it, read once.
public struct RecordedRun: Sendable {
  public var folder: RunFolder
  public var summary: RunSummary
  public var manifest: Manifest
  public var epochs: [EpochRecord]
  public var result: RunResult?
  /// The end of the chain of digests: 64 hexadecimal digits.
  public var digest: String

  /// - Throws: as `RunReader`.
  public init(_ folder: RunFolder) throws {
    let reader = try RunReader(folder)
    self.folder = folder
    summary = RunSummary(folder)
    manifest = reader.manifest
    epochs = try reader.epochs()
    result = try reader.result()
    digest = try reader.digest()
  }

  public var name: String { summary.name }
  public var settings: SearchConfiguration { manifest.configuration }

  /// Wall time of all epochs, in seconds: attempts that were broken off leave theirs as well.
  public var seconds: Double { epochs.reduce(0) { $0 + $1.trainSeconds + $1.validSeconds } }
}

/// What a report is about: one run, or a study of several.
public struct ReportSubject: Sendable {
  public var name: String
  public var isStudy: Bool
  /// In the order of their settings, then of their seeds; never empty.
  public var runs: [RecordedRun]
  /// Folders of the study that are no readable record, with the reason.
  public var unreadable: [String]

  /// A run by name or path, or a folder whose subfolders are runs; the newest run for nil.
  ///
  /// - Throws: as `RunStore.find` and `RunReader`; `ReportsError.emptyStudy`.
  public init(_ nameOrPath: String?, in store: RunStore) throws {
    do {
      let run = try RecordedRun(store.find(nameOrPath))
      self.init(name: run.name, isStudy: false, runs: [run])
    } catch let error as EventLogError {
      guard let nameOrPath, let study = Self.studyFolder(nameOrPath, in: store) else {
        throw error
      }
      try self.init(study: study)
    }
  }

  init(name: String, isStudy: Bool, runs: [RecordedRun], unreadable: [String] = []) {
    self.name = name
    self.isStudy = isStudy
    self.runs = runs
    self.unreadable = unreadable
  }

  private init(study folder: URL) throws {
    let folders = RunStore(folder: folder).list()
    var runs: [RecordedRun] = []
    var unreadable: [String] = []
    for folder in folders {
      do {
        runs.append(try RecordedRun(folder))
      } catch {
        unreadable.append("\(folder.name): \(error)")
      }
    }
    guard !runs.isEmpty else {
      throw ReportsError.emptyStudy(path: folder.relativePath, unreadable: unreadable)
    }
    self.init(
      name: folder.lastPathComponent, isStudy: true, runs: runs, unreadable: unreadable)
  }

  /// The folder that a user means, when it exists and is no run.
  private static func studyFolder(_ nameOrPath: String, in store: RunStore) -> URL? {
    [store.folder.appending(path: nameOrPath), URL(filePath: nameOrPath)].first { folder in
      var isFolder: ObjCBool = false
      return unsafe FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder)
        && isFolder.boolValue && !RunFolder(folder).isRun
    }
  }

  /// The runs of equal settings together, by the name before `-s<seed>`, in the order of their first start.
  public var settings: [StudySetting] {
    var names: [String] = []
    var groups: [String: [RecordedRun]] = [:]
    for run in runs {
      let name = StudySetting.name(ofRun: run.name)
      if groups[name] == nil { names.append(name) }
      groups[name, default: []].append(run)
    }
    return names.map { name in
      StudySetting(
        name: name,
        runs: (groups[name] ?? []).sorted { $0.settings.seed < $1.settings.seed })
    }
  }
}

/// One setting of a study, with a run for each seed.
public struct StudySetting: Sendable {
  public var name: String
  public var runs: [RecordedRun]

  /// "lambda-0.1" of "lambda-0.1-s3"; the whole name where it ends otherwise.
  static func name(ofRun run: String) -> String {
    guard let end = run.range(of: #"-s[0-9]+$"#, options: .regularExpression) else { return run }
    return String(run[..<end.lowerBound])
  }
}

/// What can go wrong with a report.
public enum ReportsError: Error, Equatable, CustomStringConvertible {
  /// A folder without a single run that can be read.
  case emptyStudy(path: String, unreadable: [String])
  case notWritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .emptyStudy(let path, let unreadable):
      "\(path) holds no run that can be read"
        + (unreadable.isEmpty ? "" : " (\(unreadable.joined(separator: "; ")))")
        + ": name a run, or a folder that holds one folder per run"
    case .notWritable(let path, let reason):
      "cannot write \(path) (\(reason)): set --out to a file in a folder that can be written"
    }
  }
}

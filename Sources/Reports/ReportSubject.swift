import EventLog
import Foundation
import Search

/// What a report is about: one run, or a study of several.
public struct ReportSubject: Sendable {
  /// The run's, or the study folder's.
  public var name: String
  /// Whether it is a folder of runs.
  public var isStudy: Bool
  /// The search, or those of the study in the order of their starts; empty for an evaluation alone.
  public var searches: [ReportedSearch]
  /// The evaluation, or those of the study; of a search alone, those of its cells that lie beside it.
  public var evaluations: [ReportedEvaluation]
  /// Folders of the study that are no readable record, with the reason.
  public var unreadable: [String] = []

  /// A run by name or path, or a folder whose subfolders are runs; the newest run for nil.
  ///
  /// - Throws: as `RunStore.find` and `RecordReader`; `ReportsError.emptyStudy`.
  public init(_ nameOrPath: String?, in store: RunStore) throws {
    do {
      try self.init(store.find(nameOrPath))
    } catch let error as EventLogError {
      guard let nameOrPath, let study = Self.studyFolder(nameOrPath, in: store) else {
        throw error
      }
      try self.init(study: study)
    }
  }

  private init(_ run: RunFolder) throws {
    name = run.name
    isStudy = false
    guard try run.kind() == .search else {
      searches = []
      evaluations = [try ReportedEvaluation(run)]
      return
    }
    searches = [try ReportedSearch(run)]
    let neighbours = RunStore(folder: run.url.deletingLastPathComponent()).list()
    evaluations = neighbours.filter { (try? $0.kind()) == .evaluation }
      .compactMap { try? ReportedEvaluation($0) }.filter { $0.search == run.name }
  }

  private init(study folder: URL) throws {
    name = folder.lastPathComponent
    isStudy = true
    searches = []
    evaluations = []
    for run in RunStore(folder: folder).list() {
      do {
        switch try run.kind() {
        case .search: searches.append(try ReportedSearch(run))
        case .evaluation: evaluations.append(try ReportedEvaluation(run))
        }
      } catch {
        unreadable.append("\(run.name): \(error)")
      }
    }
    guard !searches.isEmpty else {
      throw ReportsError.emptyStudy(path: folder.relativePath, unreadable: unreadable)
    }
  }

  /// The folder that a user means, when it exists and is no run.
  private static func studyFolder(_ nameOrPath: String, in store: RunStore) -> URL? {
    [store.folder.appending(path: nameOrPath), URL(filePath: nameOrPath)].first { folder in
      var isFolder: ObjCBool = false
      return unsafe FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder)
        && isFolder.boolValue && !RunFolder(folder).isRun
    }
  }

  /// The searches of equal settings together, by the name before `-s<seed>`, in the order of their first start.
  public var settings: [StudySetting] {
    var names: [String] = []
    var groups: [String: [ReportedSearch]] = [:]
    for run in searches {
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
  /// The runs' names without their seeds.
  public var name: String
  /// By seed.
  public var runs: [ReportedSearch]

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
  /// A place where no page can be put.
  case notWritable(path: String, reason: String)
  /// A study whose runs have not ended an epoch.
  case noCurves

  public var description: String {
    switch self {
    case .emptyStudy(let path, let unreadable):
      "\(path) holds no search that can be read"
        + (unreadable.isEmpty ? "" : " (\(unreadable.joined(separator: "; ")))")
        + ": name a run, or a folder that holds one folder per run"
    case .noCurves: "no run of this study has ended an epoch yet"
    case .notWritable(let path, let reason):
      "cannot write \(path) (\(reason)): set --out to a file in a folder that can be written"
    }
  }
}

import Foundation
import GRDB

/// What analyses have found about a run, in `analysis.sqlite` beside its log, so that a rerun goes on where it ended.
public final class AnalysisStore {
  private let queue: DatabaseQueue
  private let path: String

  /// Opens the file, or makes it.
  ///
  /// - Throws: `EventLogError.writeFailed`, `.damaged`, `.inUse`.
  public init(_ run: RunFolder) throws {
    path = run.analysisFile.relativePath
    let file = run.analysisFile.path
    queue = try LogDatabase.translatingErrors(of: path) {
      var configuration = Configuration()
      configuration.busyMode = .timeout(5)
      let queue = try DatabaseQueue(path: file, configuration: configuration)
      try queue.write { db in
        try db.execute(
          sql: """
            CREATE TABLE IF NOT EXISTS results (
              kind TEXT NOT NULL,     -- "gradient-error", "curvature", …
              key TEXT NOT NULL,      -- what decides the result: settings, step, digest of the run
              step INTEGER NOT NULL,  -- of the run, from 0
              result TEXT NOT NULL,   -- JSON
              written TEXT NOT NULL,
              PRIMARY KEY (kind, key)
            ) STRICT
            """)
      }
      return queue
    }
  }

  /// A result that was stored with the same key; nil when there is none, or one of an older form.
  public func result<Result: Decodable>(_ kind: String, key: String, as type: Result.Type) throws
    -> Result?
  {
    let text = try LogDatabase.translatingErrors(of: path) {
      try queue.read {
        try String.fetchOne(
          $0, sql: "SELECT result FROM results WHERE kind = ? AND key = ?", arguments: [kind, key])
      }
    }
    return text.flatMap { try? JSONDecoder.ofResults.decode(Result.self, from: Data($0.utf8)) }
  }

  public func store(_ result: some Encodable, _ kind: String, key: String, step: Int) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let json = String(decoding: try encoder.encode(result), as: UTF8.self)
    try LogDatabase.translatingErrors(of: path) {
      try queue.write {
        try $0.execute(
          sql: "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)",
          arguments: [kind, key, step, json, String.now()])
      }
    }
  }
}

extension JSONDecoder {
  fileprivate static var ofResults: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }
}

extension RunStore {
  /// The newest search that has checkpoints, from which states can be had.
  ///
  /// - Throws: `EventLogError.noRuns`, `.noCheckpoints`.
  public func newestWithCheckpoints() throws -> RunFolder {
    let runs = list()
    guard let newest = runs.last else { throw EventLogError.noRuns(folder: folder.relativePath) }
    func holdsCheckpoints(_ run: RunFolder) -> Bool {
      let files = try? FileManager.default.contentsOfDirectory(atPath: run.checkpoints.path)
      return files?.contains { $0.hasSuffix(".safetensors") } ?? false
    }
    let searches = runs.filter { (try? $0.kind()) == .search }
    guard let run = searches.last(where: holdsCheckpoints) else {
      throw EventLogError.noCheckpoints(run: newest.name)
    }
    return run
  }
}

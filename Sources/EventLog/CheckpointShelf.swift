import Datasets
import Foundation
import GRDB
import Search
import Supernet

/// The checkpoints that a log knows of, and their files.
struct CheckpointShelf<Loop: RecordedLoop> {
  let run: RunFolder
  let manifest: RunManifest<Loop>
  let queue: DatabaseQueue
  private let layout: ParameterLayout

  /// A row of the log about a file.
  struct Entry {
    var step: Int
    var epochs: Int
    var file: String
    var bytes: Int
    var sha256: Data
    /// The chain's digest at this point.
    var digest: Data

    fileprivate init(_ row: Row) {
      step = row["step"]
      epochs = row["epochs"]
      file = row["file"]
      bytes = row["bytes"]
      sha256 = row["sha256"]
      digest = row["digest"]
    }
  }

  init(run: RunFolder, manifest: RunManifest<Loop>, queue: DatabaseQueue) throws {
    self.run = run
    self.manifest = manifest
    self.queue = queue
    layout = try manifest.configuration.parameterLayout()
  }

  /// In the order of their steps.
  func entries() throws -> [Entry] {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.read { try Row.fetchAll($0, sql: "SELECT * FROM checkpoints ORDER BY step") }
        .map(Entry.init)
    }
  }

  /// The files in the folder that no row speaks of: what a crash has left.
  func strangers() throws -> [URL] {
    let known = Set(try entries().map { URL(filePath: $0.file).lastPathComponent })
    return FileManager.default.entries(of: run.checkpoints).filter {
      !known.contains($0.lastPathComponent)
    }
  }

  /// Reads a checkpoint whose file is, byte for byte, the one that was written, and whose row is in the chain of digests.
  ///
  /// - Throws: `EventLogError.badCheckpoint`.
  func load(_ entry: Entry) throws -> RunCheckpoint<Loop> {
    let url = run.checkpointFile(named: entry.file)
    func bad(_ reason: String) -> EventLogError {
      .badCheckpoint(path: url.relativePath, reason: reason)
    }
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw bad("the file is missing")
    }
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw bad(reason(of: error))
    }
    guard data.count == entry.bytes else {
      throw bad("it has \(data.count) bytes instead of \(entry.bytes)")
    }
    guard Digest.sha256(data) == entry.sha256 else {
      throw bad("its SHA-256 is not the one in the log")
    }
    guard try digest(at: entry) == entry.digest else {
      throw bad("the digest of its row is not that of the chain at its step")
    }
    do {
      let checkpoint = try RunCheckpoint<Loop>(data, layout, manifest.configuration)
      guard checkpoint.state.step == entry.step else { throw bad("it is that of another step") }
      return checkpoint
    } catch let error as Safetensors.Malformed {
      throw bad(error.reason)
    }
  }

  private func digest(at entry: Entry) throws -> Data? {
    try LogDatabase.translatingErrors(of: run.logFile.relativePath) {
      try queue.read { try $0.chainDigest(afterSteps: entry.step, epochs: entry.epochs) }
    }
  }

  /// The last checkpoint at or before a step that can be used; nil when there is none, and the first step must be begun
  /// with.
  ///
  /// - Parameter problem: is told of each one that cannot be used.
  func last(
    atOrBefore step: Int = .max, problem: (EventLogError) -> Void = { _ in }
  ) throws -> (checkpoint: RunCheckpoint<Loop>, digest: Data)? {
    for entry in try entries().reversed() where entry.step <= step {
      do {
        return (try load(entry), entry.digest)
      } catch let error as EventLogError {
        problem(error)
      }
    }
    return nil
  }
}

extension Database {
  /// The digest of the chain where so many steps and epochs are done, by the last row before that moment: of a step of the
  /// epoch that is not done, of an epoch, or of the manifest, as far as the log level keeps them.
  func chainDigest(afterSteps steps: Int, epochs: Int) throws -> Data? {
    try Data.fetchOne(
      self, sql: "SELECT digest FROM steps WHERE step = ? AND epoch = ?",
      arguments: [steps - 1, epochs])
      ?? Data.fetchOne(
        self, sql: "SELECT digest FROM epochs WHERE epoch = ?", arguments: [epochs - 1])
      ?? Data.fetchOne(self, sql: "SELECT digest FROM run")
  }
}

import Datasets
import Foundation
import GRDB

/// A record as it was at one moment, for whoever looks at it several times while another process writes it.
///
/// The log is copied; the checkpoints are those of the run. The copy goes with the value.
final class RunSnapshot {
  let run: RunFolder
  private let folder: URL

  /// - Throws: what reading the log throws; `EventLogError.writeFailed`, `.diskFull` for the copy.
  init(of live: RunFolder) throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    run = RunFolder(folder.appending(path: live.name, directoryHint: .isDirectory))
    let files = FileManager.default
    try AtomicFile.createFolder(run.url)
    try LogDatabase.translatingErrors(of: run.logFile.path) {
      let copy = try DatabaseQueue(path: run.logFile.path)
      try LogDatabase.openForReading(live.logFile).backup(to: copy)
      try copy.write { db in
        // The writer removes checkpoints that the run does not keep.
        for file in try String.fetchAll(db, sql: "SELECT file FROM checkpoints")
        where !files.fileExists(atPath: live.checkpointFile(named: file).path) {
          try db.execute(sql: "DELETE FROM checkpoints WHERE file = ?", arguments: [file])
        }
      }
      try copy.close()
    }
    do {
      try files.copyItem(at: live.manifestFile, to: run.manifestFile)
      try files.createSymbolicLink(
        at: run.checkpoints, withDestinationURL: live.checkpoints.absoluteURL)
    } catch {
      throw EventLogError.writeFailed(path: run.url.path, reason: reason(of: error))
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}

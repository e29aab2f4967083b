import Foundation
import GRDB
import Glibc

/// The right to write a run: held by one process, given up by the operating system when that process ends.
///
/// A lock (flock) of `manifest.json`, which is never replaced once it is there.
final class RunLock: Sendable {
  private let descriptor: Int32

  /// - Throws: `EventLogError.alreadyWriting`, which names the holder; `.writeFailed` for a folder that cannot be
  ///   written.
  init(_ run: RunFolder) throws {
    descriptor = unsafe open(run.manifestFile.path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw EventLogError.writeFailed(
        path: run.manifestFile.relativePath, reason: unsafe String(cString: strerror(errno)))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw EventLogError.alreadyWriting(
        path: run.url.relativePath, holder: Self.holder(of: run))
    }
  }

  deinit { close(descriptor) }

  /// Gives the right up before the process ends.
  func release() { flock(descriptor, LOCK_UN) }

  /// Whether a process of this machine, or one that shares the lock, writes the run.
  static func isHeld(_ run: RunFolder) -> Bool {
    let descriptor = unsafe open(run.manifestFile.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0
  }

  /// "process 123 on host".
  private static func holder(of run: RunFolder) -> String? {
    guard let queue = try? LogDatabase.openForReading(run.logFile),
      (try? FixedTables.checkColumns(in: queue, of: run, run.kind())) != nil
    else { return nil }
    let sql = "SELECT host, process FROM attempts ORDER BY attempt DESC LIMIT 1"
    guard let row = try? queue.read({ try Row.fetchOne($0, sql: sql) }) else { return nil }
    let (host, process): (String, Int) = (row["host"], row["process"])
    return "process \(process) on \(host)"
  }
}

import Foundation

extension RunFolder {
  /// Recovers a log that its writer has not closed, and makes it one file again; removes half-written files.
  ///
  /// - Returns: what was done, a sentence each; empty when there was nothing to do.
  /// - Throws: `EventLogError.alreadyWriting`, `.damaged`, `.writeFailed`.
  public func repair() throws -> [String] {
    let lock = try RunLock(self)
    defer { withExtendedLifetime(lock) {} }
    var done: [String] = []
    let leftovers = ["-wal", "-journal"].filter {
      let attributes = try? FileManager.default.attributesOfItem(atPath: logFile.path + $0)
      return (attributes?[.size] as? Int ?? 0) > 0
    }
    try LogDatabase.closeAsOneFile(try LogDatabase.openForWriting(logFile))
    if !leftovers.isEmpty {
      done.append("took the steps of events.sqlite\(leftovers[0]) into events.sqlite")
    }
    for folder in [url, checkpoints] {
      let files = try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)
      for file in files ?? [] where AtomicFile.isTemporary(file) {
        try FileManager.default.removeItem(at: file)
        done.append("removed the half-written \(file.lastPathComponent)")
      }
    }
    return done
  }
}

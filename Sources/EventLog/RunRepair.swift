import Foundation

extension RunFolder {
  /// Recovers a log that its writer has not closed, and makes it one file again; writes a manifest that is missing or cut
  /// from the log's copy; removes half-written files.
  ///
  /// - Returns: what was done, a sentence each; empty when there was nothing to do.
  /// - Throws: `EventLogError.alreadyWriting`, `.damaged`, `.writeFailed`.
  public func repair() throws -> [String] {
    var done = try restoreManifest()
    let lock = try RunLock(self)
    defer { withExtendedLifetime(lock) {} }
    let leftovers = ["-wal", "-journal"].filter { LogDatabase.holds(logFile, $0) }
    try LogDatabase.closeAsOneFile(try LogDatabase.openForWriting(logFile))
    if !leftovers.isEmpty {
      done.append("took the steps of events.sqlite\(leftovers[0]) into events.sqlite")
    }
    for folder in [url, checkpoints] {
      for file in FileManager.default.entries(of: folder)
      where AtomicFile.isTemporary(file) {
        try FileManager.default.removeItem(at: file)
        done.append("removed the half-written \(file.lastPathComponent)")
      }
    }
    return done
  }

  /// Without a manifest nobody can hold the lock, which is one of that file.
  private func restoreManifest() throws -> [String] {
    let text = try? Data(contentsOf: manifestFile)
    if let text, (try? JSONSerialization.jsonObject(with: text)) != nil { return [] }
    let queue = try LogDatabase.openForWriting(logFile)
    let copy = try LogDatabase.translatingErrors(of: logFile.relativePath) {
      try queue.read { try String.fetchOne($0, sql: "SELECT manifest FROM run") }
    }
    guard let copy else { return [] }
    try AtomicFile.write(Data(copy.utf8), to: manifestFile)
    return ["wrote manifest.json again, from the copy in events.sqlite"]
  }
}

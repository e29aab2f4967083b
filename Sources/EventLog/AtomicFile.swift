import Datasets
import Foundation
import Glibc

/// Files that are there whole, or not at all.
public enum AtomicFile {
  private static let suffix = ".tmp"

  /// Whether a file is what a crash in the midst of `write` leaves.
  static func isTemporary(_ url: URL) -> Bool {
    url.lastPathComponent.hasPrefix(".") && url.lastPathComponent.hasSuffix(suffix)
  }

  /// Makes a folder and its parents where they are missing.
  ///
  /// - Parameter option: the one that sets another folder.
  /// - Throws: `EventLogError.folderNotWritable`.
  static func createFolder(_ url: URL, option: String = "--runs-dir") throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw EventLogError.folderNotWritable(
        path: url.relativePath, reason: reason(of: error), option: option)
    }
  }

  /// Writes to a temporary name beside `url`, syncs, renames, and syncs the folder.
  ///
  /// - Throws: `EventLogError.diskFull`, `.writeFailed`.
  public static func write(_ data: Data, to url: URL) throws {
    let folder = url.deletingLastPathComponent()
    let temporary = folder.appending(path: ".\(url.lastPathComponent).\(getpid())\(suffix)")
    do {
      defer { try? FileManager.default.removeItem(at: temporary) }
      guard FileManager.default.createFile(atPath: temporary.path, contents: nil) else {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      }
      let file = try FileHandle(forWritingTo: temporary)
      try file.write(contentsOf: data)
      try file.synchronize()
      try file.close()
      guard unsafe rename(temporary.path, url.path) == 0 else {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      }
      try FileHandle(forReadingFrom: folder).synchronize()
    } catch CocoaError.fileWriteOutOfSpace {
      throw EventLogError.diskFull(path: url.path, lastStep: nil)
    } catch {
      throw EventLogError.writeFailed(path: url.path, reason: reason(of: error))
    }
  }
}

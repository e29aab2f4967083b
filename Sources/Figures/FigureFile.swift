import Datasets
import EventLog
import Foundation

/// Figures, and what comes with them, on disk.
public enum FigureFile {
  /// Larger files are no figures of ours.
  private static let mostBytes = 1 << 28

  /// Writes all of it, or leaves what was there.
  ///
  /// - Throws: `FigureError.cannotWrite`.
  public static func write(_ data: Data, to file: URL) throws {
    do {
      try AtomicFile.write(data, to: file)
    } catch EventLogError.writeFailed(_, let reason) {
      throw FigureError.cannotWrite(path: file.relativePath, reason: reason)
    } catch EventLogError.diskFull {
      throw FigureError.cannotWrite(path: file.relativePath, reason: "the disk is full")
    }
  }

  /// The bytes of a figure that was written.
  ///
  /// - Throws: `FigureError.cannotRead`.
  public static func read(_ file: URL) throws -> Data {
    guard let size = fileSize(file.path) else {
      throw FigureError.cannotRead(path: file.relativePath, reason: "there is no such file")
    }
    guard size <= mostBytes else {
      throw FigureError.cannotRead(path: file.relativePath, reason: "it is too large for a figure")
    }
    do {
      return try Data(contentsOf: file)
    } catch {
      throw FigureError.cannotRead(path: file.relativePath, reason: reason(of: error))
    }
  }
}

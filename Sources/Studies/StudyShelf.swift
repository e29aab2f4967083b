import Datasets
import EventLog
import Foundation

/// Finds studies: files, folders of studies that were begun, and those that come with the program.
public struct StudyShelf: Sendable {
  /// The folder that studies' folders lie in (`--runs-dir`).
  public let folder: URL
  private let commands: StudyCommands

  /// A shelf on a runs folder, which need not exist.
  public init(folder: URL, commands: StudyCommands) {
    (self.folder, self.commands) = (folder, commands)
  }

  /// The studies that come with the program, by name.
  public static let shippedNames = ["fig2", "fig3"]

  /// The file of a study that comes with the program.
  ///
  /// - Throws: `StudyError`, `DatasetError.missing`.
  public func shipped(_ name: String) throws -> StudyFile {
    let url = try ShippedFile.url(bundle: "milenas-lab_Studies", path: "\(name).yaml")
    return try StudyFile(contentsOf: url, commands: commands)
  }

  /// The study that a user means: a file, the folder of one that was begun, or a shipped name.
  ///
  /// - Parameters:
  ///   - size: nil for the one that the folder holds, else the file's own choice.
  ///   - name: of its folder; the study's own name when nil.
  /// - Throws: `StudyError`.
  public func study(_ text: String, size: String? = nil, name: String? = nil) throws -> StudyFolder
  {
    if let name, !RunStore.isPossible(name: name) { throw StudyError.impossibleName(name) }
    if Self.isFile(text) {
      let file = try StudyFile(contentsOf: URL(filePath: text), commands: commands)
      return try folder(named: name ?? file.name, of: file, size: size)
    }
    if name == nil, let url = begun(text) {
      let file = try StudyFile(contentsOf: Self.file(in: url), commands: commands)
      return try folder(url, of: file, size: size, held: file.defaultSize)
    }
    guard Self.shippedNames.contains(text) else {
      if let name, let url = begun(text) {
        throw StudyError.nameOfBegunStudy(folder: url.relativePath, name: name)
      }
      let known = Self.shippedNames + begunNames().filter { !Self.shippedNames.contains($0) }
      throw StudyError.noSuchStudy(
        name: text, known: known, nearest: NearestName.of(text, among: known))
    }
    return try folder(named: name ?? text, of: try shipped(text), size: size)
  }

  /// The folders of studies that were begun, by name.
  public func begunNames() -> [String] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return entries.filter { begun($0) != nil }.sorted()
  }

  private func folder(_ url: URL, of file: StudyFile, size: String?, held: String?) throws
    -> StudyFolder
  {
    if let size, let held, size != held {
      throw StudyError.otherSize(folder: url.relativePath, holds: held, asked: size)
    }
    return StudyFolder(url, study: try file.study(size: size ?? held), commands: commands)
  }

  private func folder(named name: String, of file: StudyFile, size: String?) throws -> StudyFolder {
    let url = folder.appending(path: name, directoryHint: .isDirectory)
    let held =
      FileManager.default.fileExists(atPath: Self.file(in: url).path)
      ? try StudyFile(contentsOf: Self.file(in: url), commands: commands).defaultSize : nil
    return try folder(url, of: file, size: size, held: held)
  }

  /// The folder of a study that was begun: a name in this folder, or a path.
  private func begun(_ text: String) -> URL? {
    [folder.appending(path: text, directoryHint: .isDirectory), URL(filePath: text)].first {
      FileManager.default.fileExists(atPath: Self.file(in: $0).path)
    }
  }

  private static func file(in folder: URL) -> URL {
    folder.appending(path: StudyFolder.fileName)
  }

  private static func isFile(_ text: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: text, isDirectory: &isFolder)
      && !isFolder.boolValue
  }
}

import Foundation

/// A folder of its own for one test, removed with it.
final class ScratchFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    // A test may have left a folder that cannot be written.
    for case let path as String in FileManager.default.enumerator(atPath: url.path) ?? .init() {
      try? FileManager.default.setAttributes(
        [.posixPermissions: 0o700], ofItemAtPath: url.path + "/" + path)
    }
    try? FileManager.default.removeItem(at: url)
  }
}

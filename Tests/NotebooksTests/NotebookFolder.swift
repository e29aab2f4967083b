import Foundation

@testable import Notebooks

/// A folder of its own for one test, removed with it; it holds the notebook n.md.
final class NotebookFolder {
  let url: URL
  var file: URL { url.appending(path: "n.md") }

  /// - Parameter inMemory: for thousands of writes, each of which would wait for a disk.
  init(_ text: String, inMemory: Bool = false) throws {
    let parent =
      inMemory && FileManager.default.isWritableFile(atPath: "/dev/shm")
      ? URL(filePath: "/dev/shm", directoryHint: .isDirectory)
      : FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    url = parent.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try write(text)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ text: String) throws { try Data(text.utf8).write(to: file) }

  func text() throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }

  /// Makes a folder that stands for a run.
  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(
      at: url.appending(path: "runs/\(name)"), withIntermediateDirectories: true)
  }

  /// A runner whose cells say what `body` gives.
  func runner(
    _ mode: NotebookRunner.Mode = .run, version: String = "1",
    _ body: @escaping (Cell) throws -> CellResult
  ) -> NotebookRunner {
    let interpreter = Self.interpreter(body)
    var runner = NotebookRunner(
      in: NotebookPlace(folder: url, isOwn: true),
      interpreters: [.sh: interpreter, .sql: interpreter, .milenas: interpreter], version: version)
    runner.mode = mode
    return runner
  }

  static func interpreter(_ body: @escaping (Cell) throws -> CellResult) -> any Interpreter {
    StubInterpreter(body: body)
  }
}

private struct StubInterpreter: Interpreter {
  var body: (Cell) throws -> CellResult
  func run(_ cell: Cell, within limits: CellLimits) throws -> CellResult { try body(cell) }
}

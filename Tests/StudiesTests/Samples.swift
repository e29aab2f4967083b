import EventLog
import Foundation

@testable import Studies

/// Commands with few options, and files that use them.
enum Samples {
  struct BadNumber: Error {
    var option: String
  }

  static let search = StudyCommands.Command(
    options: options(["method", "lambda", "epochs", "data", "data-dir", "log-level"]) + [
      .init(name: "updates-see-next-batches", isFlag: true), .init(name: "seed", isFlag: false),
    ]
  ) { arguments, _ in try Samples.settings(arguments) }

  static let evaluate = StudyCommands.Command(
    options: options(["epochs", "preset", "data-dir"])
  ) { arguments, _ in try settings(Array(arguments.dropFirst())) }

  static let commands = StudyCommands(search: search, evaluate: evaluate) { error in
    (error as? BadNumber).map { "--\($0.option) takes a whole number" } ?? "\(error)"
  }

  static func file(_ text: String) throws -> StudyFile {
    try StudyFile(text: text, file: "mine.yaml", commands: commands)
  }

  static func folder(_ text: String, in url: URL, size: String? = nil) throws -> StudyFolder {
    StudyFolder(
      url.appending(path: "mine", directoryHint: .isDirectory),
      study: try file(text).study(size: size), commands: commands)
  }

  private static func options(_ names: [String]) -> [StudyCommands.Option] {
    names.map { .init(name: $0, isFlag: false) }
  }

  private static func settings(_ arguments: [String]) throws -> Settings {
    var values: [String: String] = [:]
    for (index, argument) in arguments.enumerated() where argument.hasPrefix("--") {
      values[String(argument.dropFirst(2))] =
        index + 1 < arguments.count ? arguments[index + 1] : "true"
    }
    if let epochs = values["epochs"], Int(epochs) == nil { throw BadNumber(option: "epochs") }
    return try Settings(values)
  }
}

/// A folder of its own for one test, removed with it.
final class ScratchFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// A program that bash runs.
  func script(_ name: String, _ text: String) throws -> URL {
    let file = url.appending(path: name)
    try Data("#!/bin/bash\n\(text)\n".utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    return file
  }
}

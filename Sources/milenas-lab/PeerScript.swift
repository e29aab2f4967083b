import EventLog
import Foundation

/// A Python script of `Tests/Peers`, which measures other programs beside this one.
struct PeerScript {
  private let python: String
  private let script: URL

  /// Why a peer cannot be measured, and what to do.
  enum Missing: Error, CustomStringConvertible {
    case script(String)
    case packages(python: String, names: [String], reason: String)
    case failed(String, reason: String)

    var description: String {
      switch self {
      case .script(let name):
        "Tests/Peers/\(name) is not in this folder or above the program: run it in the checkout"
      case .packages(let python, let names, let reason):
        "\(python) cannot import \(names.joined(separator: ", ")) (\(reason)): `python3 -m venv peer && "
          + "peer/bin/pip install "
          + names.map { $0 == "torch" ? "torch==2.13.0+cpu" : $0 }.joined(separator: " ")
          + (names.contains("torch")
            ? " --extra-index-url https://download.pytorch.org/whl/cpu" : "")
          + "`, then MILENAS_PYTHON=peer/bin/python"
      case .failed(let name, let reason): "\(name) failed: \(reason)"
      }
    }
  }

  /// - Parameters:
  ///   - name: the script's file.
  ///   - packages: what its Python must be able to import.
  /// - Throws: `Missing`.
  init(_ name: String, needs packages: [String]) throws {
    guard let script = Self.find(name) else { throw Missing.script(name) }
    self.script = script
    python = ProcessInfo.processInfo.environment["MILENAS_PYTHON"] ?? "python3"
    do {
      _ = try Self.output([python, "-c", packages.map { "import \($0)" }.joined(separator: "; ")])
    } catch {
      throw Missing.packages(python: python, names: packages, reason: "\(error)")
    }
  }

  /// Runs the script and decodes the last line that it prints.
  ///
  /// - Throws: `Missing.failed`.
  func run<Value: Decodable>(_ arguments: [String], as type: Value.Type) throws -> Value {
    do {
      let output = try Self.output([python, script.path] + arguments)
      let line = output.split(separator: "\n").last ?? ""
      return try JSONDecoder().decode(type, from: Data(line.utf8))
    } catch {
      throw Missing.failed(script.lastPathComponent, reason: "\(error)")
    }
  }

  /// The checkout around the working folder or around the program.
  private static func find(_ name: String) -> URL? {
    let starts = [
      URL(filePath: FileManager.default.currentDirectoryPath), Bundle.main.bundleURL,
    ]
    for start in starts {
      var folder = start.standardizedFileURL
      while folder.path != "/" {
        let script = folder.appending(path: "Tests/Peers/\(name)")
        if FileManager.default.fileExists(atPath: script.path) { return script }
        folder = folder.deletingLastPathComponent()
      }
    }
    return nil
  }

  /// Why a process gave no output.
  private struct Failure: Error, CustomStringConvertible { var description: String }

  /// What a program prints.
  ///
  /// - Throws: its last words when it fails.
  static func output(_ arguments: [String]) throws -> String {
    guard let output = ProgramOutput(of: arguments[0], Array(arguments.dropFirst())) else {
      throw Failure(description: "there is no \(arguments[0])")
    }
    guard output.status == 0 else {
      let line = output.errors.split(separator: "\n").last.map(String.init)
      throw Failure(description: line ?? "exit code \(output.status)")
    }
    return output.text
  }
}

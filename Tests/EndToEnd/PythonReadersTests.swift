import Foundation
import Testing

/// Exports and checkpoints, read by the Python packages that their users have.
///
/// The interpreter is `MILENAS_PYTHON`, or python3; `pip install numpy safetensors tensorboard` gives it what it needs.
@Suite struct PythonReadersTests {
  /// nil where the interpreter or a package is missing: the test is then skipped, with this said.
  private static let python: String? = {
    let python = ProcessInfo.processInfo.environment["MILENAS_PYTHON"] ?? "python3"
    let tried = try? BuiltProgram.run(
      [python, "-c", "import numpy, safetensors.numpy, tensorboard"],
      program: URL(filePath: "/usr/bin/env"))
    return tried?.exitCode == 0 ? python : nil
  }()

  @Test(
    .enabled(
      "needs a Python with numpy, safetensors and tensorboard: set MILENAS_PYTHON",
      { PythonReadersTests.python != nil }))
  func pythonReadsTheNumbersThatTheLogHolds() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func run(_ arguments: String...) throws -> String {
      let outcome = try BuiltProgram.run(arguments, in: folder)
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      return outcome.output
    }
    _ = try run(
      "search", "--name", "tiny", "--batch", "4", "--train-images", "24", "--channels", "2",
      "--cells", "1", "--nodes", "1", "--epochs", "2", "--steps-per-epoch", "2")
    _ = try run("runs", "export", "tiny", "--to", "npz", "--out", "npz")
    _ = try run("runs", "export", "tiny", "--to", "tensorboard", "--out", "tb")
    let losses = try run("runs", "sql", "tiny", "select train_loss from steps", "--format", "csv")
      .split(separator: "\r\n").dropFirst().compactMap { Double($0) }
    #expect(losses.count == 4)
    let alpha = try run(
      "runs", "sql", "tiny",
      "select \(Self.lastAlpha)", "--format", "csv"
    ).split(separator: "\r\n").dropFirst().first

    let script = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Peers/read_exports.py")
    let read = try BuiltProgram.run(
      [Self.python ?? "", script.path, "runs/tiny", "npz", "tb"], in: folder,
      program: URL(filePath: "/usr/bin/env"))
    #expect(read.exitCode == 0, "\(read.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let found = try decoder.decode(Found.self, from: Data(read.output.utf8))
    #expect(found.missing == [])
    #expect(found.npzTrainLoss == losses)
    #expect(found.npzAlphaShape == [4, 2, 2, 8])
    // TensorBoard keeps 32 bits of a scalar.
    #expect(found.tensorboardTrainLoss == losses.map { Float($0) })
    #expect(found.checkpointStem == [6, 1, 3, 3])
    let bytes = found.checkpointAlpha.flatMap { value in
      (0..<4).map { String(format: "%02x", value.bitPattern >> (8 * $0) & 0xFF) }
    }
    #expect(bytes.joined() == alpha.map(String.init))
  }

  /// What the script prints.
  private struct Found: Decodable {
    var missing: [String]
    var npzTrainLoss: [Double]
    var npzAlphaShape: [Int]
    var tensorboardTrainLoss: [Float]
    var checkpointStem: [Int]
    var checkpointAlpha: [Float]
  }

  private static let lastAlpha = "lower(hex(alpha)) from epochs where epoch = 1"
}

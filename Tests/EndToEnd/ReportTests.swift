import Foundation
import Testing

/// `report` as a user reads it.
@Suite struct ReportTests {
  @Test func theCommandsOfAPageWorkInTheFolderWhereItWasMade() throws {
    try inScratchFolder { folder in
      func succeed(_ arguments: [String], program: URL? = nil) throws {
        let outcome = try BuiltProgram.run(arguments, in: folder, program: program)
        #expect(outcome.exitCode == 0, "\(outcome)")
      }
      try succeed([
        "search", "--runs-dir", "my records", "--name", "tiny", "--epochs", "2",
        "--steps-per-epoch", "2", "--train-images", "64", "--batch", "8", "--channels", "4",
        "--cells", "3",
      ])
      try succeed(["report", "tiny", "--runs-dir", "my records"])
      let page = try String(contentsOf: folder.appending(path: "tiny.html"), encoding: .utf8)
        .replacing("&#39;", with: "'")
      let lines = page.matches(of: /<pre><code>([^<]*)<\/code>/).flatMap {
        $0.1.split(separator: "\n")
      }
      // This program is that of the commit, which needs not be built.
      let commands = lines.compactMap { line in
        line.firstRange(of: "milenas-lab search ").map { String(line[$0.lowerBound...]) }
          ?? (line.hasPrefix("milenas-lab ") ? String(line) : nil)
      }
      #expect(
        commands.map { $0.split(separator: " ").dropFirst().prefix(2).joined(separator: " ") }
          == ["runs verify", "runs replay", "search --epochs", "runs diff"])
      let script = ["PATH=$(dirname \"$0\"):$PATH"] + commands
      try succeed(
        ["-ec", script.joined(separator: "\n"), BuiltProgram.url.path],
        program: URL(filePath: "/bin/sh"))
    }
  }
}

import Foundation
import Testing

/// Figures of one run, and of cells, as a user draws them.
@Suite struct PlotRunTests {
  @Test func aCellIsDrawnUnderBothNamesWithTheSameBytesAndCheckable() throws {
    try inScratchFolder { folder in
      for command in [["plot", "genotype"], ["genotype", "draw"]] {
        let file = "\(command[0]).svg"
        let outcome = try BuiltProgram.run(command + ["DARTS_V2", "-o", file], in: folder)
        #expect(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome)")
        let check = try BuiltProgram.run(["plot", "check", file], in: folder)
        #expect(check.exitCode == 0, "\(check)")
        #expect(check.output.contains("milenas-lab plot genotype DARTS_V2"))
      }
      let files = try ["plot.svg", "genotype.svg"].map {
        try Data(contentsOf: folder.appending(path: $0))
      }
      #expect(files[0] == files[1])
    }
  }

  @Test func theReferenceRunsFiguresCarryTheirNumbers() throws {
    let runs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "runs").path
    try inScratchFolder { folder in
      for name in ["search", "alpha", "gradient-error", "unroll"] {
        let outcome = try BuiltProgram.run(
          [
            "plot", name, "reference-gradient-error", "--runs-dir", runs, "--data-out",
            "\(name).csv",
          ], in: folder)
        #expect(outcome.exitCode == 0, "\(outcome)")
        let rows = try String(contentsOf: folder.appending(path: "\(name).csv"), encoding: .utf8)
          .split(separator: "\r\n")
        #expect(rows.count > 3, "\(name)")
        #expect(
          FileManager.default.fileExists(atPath: folder.appending(path: "\(name).pdf").path))
      }
    }
  }

  @Test func whatWasNotAnalysedIsNamedWithItsCommandAndNoFileIsLeft() throws {
    try inScratchFolder { folder in
      let search = try BuiltProgram.run(
        [
          "search", "--name", "tiny", "--runs-dir", "runs", "--channels", "2", "--cells", "1",
          "--nodes", "1", "--batch", "8", "--train-images", "32", "--epochs", "1",
        ], in: folder)
      #expect(search.exitCode == 0, "\(search)")
      let missing = [
        "gradient-error": "gradient-error tiny --every-epoch",
        "epsilon": "gradient-error tiny --sweep epsilon",
        "unroll": "gradient-error tiny --sweep unroll", "curvature": "curvature tiny",
      ]
      for (name, command) in missing {
        let outcome = try BuiltProgram.run(["plot", name, "-o", "f.pdf"], in: folder)
        #expect(outcome.exitCode == 2)
        #expect(outcome.errors.contains("`milenas-lab \(command)` makes it"), "\(outcome)")
      }
      let single = try BuiltProgram.run(["plot", "search", "-o", "f.pdf"], in: folder)
      #expect(single.exitCode == 2 && single.errors.contains("tiny has 1 epoch"), "\(single)")
      let unknown = try BuiltProgram.run(
        ["plot", "genotype", "DARTS_V3", "-o", "f.pdf"], in: folder)
      #expect(unknown.exitCode == 2 && unknown.errors.contains("did you mean"), "\(unknown)")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "f.pdf").path))
    }
  }
}

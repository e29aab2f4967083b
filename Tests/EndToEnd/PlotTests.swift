import Foundation
import Testing

/// The plot command as a user meets it; its PDFs as a publisher's checks do.
@Suite struct PlotTests {
  @Test func aFigureHasEmbeddedFontsItsLabelsAndTheVenuesWidth() throws {
    try inScratchFolder { folder in
      let outcome = try BuiltProgram.run(
        ["plot", "fig3", "--data", "paper", "--venue", "cvpr", "-o", "fig3.pdf"], in: folder)
      #expect(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome)")
      let fonts = try poppler("pdffonts", "fig3.pdf", in: folder).split(separator: "\n").dropFirst(
        2)
      #expect(fonts.count >= 2)
      for font in fonts {
        #expect(font.contains("+STIX-") && !font.contains("Type 3"), "\(font)")
        // Embedded, subset, with a map to Unicode.
        #expect(font.contains(" yes yes yes "), "\(font)")
      }
      let words = try poppler("pdftotext", "-layout", "fig3.pdf", "-", in: folder)
      for label in [
        "Error over model size", "validation accuracy (%)", "MiLeNAS (Gumbel)", "normal cell",
        "minimum at 4.34 M", "optimal range",
      ] {
        // A turned label is a column of letters to pdftotext.
        #expect(words.contains(label) || label.hasPrefix("validation"), "\(label)")
      }
      let information = try poppler("pdfinfo", "fig3.pdf", in: folder)
      #expect(information.contains("Page size:       495 x "))
      #expect(information.contains("Title:           Figure 3"))
      #expect(
        information.contains("Creator:         milenas-lab plot fig3 --data paper --venue cvpr\n"))
    }
  }

  @Test func greekLettersAreItalicsInThePDF() throws {
    try inScratchFolder { folder in
      _ = try BuiltProgram.run(["plot", "fig2a", "--data", "paper", "-o", "a.pdf"], in: folder)
      #expect(try poppler("pdffonts", "a.pdf", in: folder).contains("+STIX-Italic"))
      #expect(try poppler("pdftotext", "a.pdf", "-", in: folder).contains("MiLeNAS (λ = 999)"))
    }
  }

  @Test func theDateIsThatOfTheEnvironmentWhenItIsSet() throws {
    try inScratchFolder { folder in
      let command = [BuiltProgram.url.path, "plot", "fig2c", "--data", "paper", "-o", "c.pdf"]
      let env = URL(filePath: "/usr/bin/env")
      _ = try BuiltProgram.run(
        ["SOURCE_DATE_EPOCH=1700000000", "TZ=UTC"] + command, in: folder, program: env)
      #expect(try poppler("pdfinfo", "c.pdf", in: folder).contains("Tue Nov 14 22:13:20 2023"))
      #expect(try BuiltProgram.run(["plot", "check", "c.pdf"], in: folder).exitCode == 0)
      let broken = try BuiltProgram.run(
        ["SOURCE_DATE_EPOCH=yesterday"] + command, in: folder, program: env)
      #expect(broken.exitCode == 2 && broken.errors.contains("SOURCE_DATE_EPOCH is “yesterday”"))
    }
  }

  /// The shortest study there is: two settings, two seeds and one, two epochs.
  @Test func aStudyIsDrawnCheckedAndKnownWhenItChanges() throws {
    try inScratchFolder { folder in
      for name in ["milenas-1-s0", "milenas-1-s1", "single-level-s0"] {
        try search(name, seed: name.hasSuffix("s1") ? 1 : 0, in: folder)
      }
      let drawn = try BuiltProgram.run(
        [
          "plot", "fig2", "--study", "study", "-o", "f.pdf", "-o", "f.svg", "-o", "f.png",
          "--caption", "f.txt", "--data-out", "f.csv", "--overlay", "paper",
        ], in: folder)
      #expect(drawn.exitCode == 0, "\(drawn)")
      let caption = try String(contentsOf: folder.appending(path: "f.txt"), encoding: .utf8)
      #expect(caption.contains("MiLeNAS, λ = 1: 2, single-level: 1"))
      #expect(
        caption.contains("95 % t intervals") && caption.contains("fashion-mini, 64 training images")
      )
      let rows = try String(contentsOf: folder.appending(path: "f.csv"), encoding: .utf8)
        .split(separator: "\r\n")
      #expect(
        rows.first
          == "panel,series,source,percent_of_search_or_times_milenas-1,percent,low,high,seeds")
      #expect(rows.count { $0.hasPrefix("b,milenas-1,runs,") && $0.hasSuffix(",2") } == 2)
      #expect(rows.count { $0.hasPrefix("b,single-level,runs,") && $0.hasSuffix(",,,1") } == 2)
      for file in ["f.pdf", "f.svg", "f.png"] {
        let check = try BuiltProgram.run(["plot", "check", file], in: folder)
        #expect(check.exitCode == 0, "\(check)")
        #expect(check.output.contains("milenas-1-s1") && check.output.contains("the same bytes"))
      }
      // Another run under the same name.
      try FileManager.default.removeItem(at: folder.appending(path: "study/milenas-1-s1"))
      try search("milenas-1-s1", seed: 7, in: folder)
      let changed = try BuiltProgram.run(["plot", "check", "f.svg", "--format", "csv"], in: folder)
      #expect(changed.exitCode == 1)
      #expect(changed.output.contains(",changed\r\n") && changed.output.contains(",same\r\n"))
      // And none.
      try FileManager.default.removeItem(at: folder.appending(path: "study"))
      let gone = try BuiltProgram.run(["plot", "check", "f.pdf"], in: folder)
      #expect(
        gone.exitCode == 1 && gone.output.contains("It cannot be drawn again: study holds no"))
    }
  }

  @Test func brokenInputGivesASentenceAndNoFile() throws {
    try inScratchFolder { folder in
      func refused(_ arguments: [String], _ words: String) throws {
        let outcome = try BuiltProgram.run(["plot"] + arguments + ["-o", "x.pdf"], in: folder)
        #expect(outcome.exitCode == 2, "\(outcome)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "x.pdf").path))
      }
      try refused(["fig2"], "runs/reference-fig2 holds no finished run of")
      try refused(["fig2", "--data", "paper", "--width", "88"], "“88” is no width")
      try refused(["fig2", "--data", "paper", "--font", "No Such Face"], "no font called")
      try refused(["fig2", "--data", "paper", "--title", "漢"], "has no glyph for “漢”")
      try refused(["fig2", "--data", "paper", "--overlay", "paper"], "leave them out")
      for from in ["1e9", "50", "nan", "inf", "-inf"] {
        try refused(["fig2", "--data", "paper", "--from=\(from)"], "give --from a smaller number")
      }
      try refused(["fig2c", "--data", "paper", "--from", "5"], "leave it out")
      for output in [
        ["--caption", "-", "--format", "json"], ["--data-out", "-", "--format", "csv"],
        ["--caption", "-", "--data-out", "-"],
      ] {
        try refused(["fig2", "--data", "paper"] + output, "write the others to files")
      }
      try Data("size,error\n2,3\n".utf8).write(to: folder.appending(path: "one.csv"))
      try refused(["fig3c", "--points", "one.csv"], "there are 1 points")
      try search("milenas-1-s0", seed: 0, level: "run", in: folder)
      try refused(["fig2", "--study", "study"], "was recorded at --log-level run")
      let format = try BuiltProgram.run(
        ["plot", "fig2", "--data", "paper", "-o", "x.jpg"], in: folder)
      #expect(
        format.exitCode == 2 && format.errors.contains("end its name with .pdf, .svg or .png"))
      try Data("%PDF-1.5".utf8).write(to: folder.appending(path: "other.pdf"))
      let other = try BuiltProgram.run(["plot", "check", "other.pdf"], in: folder)
      #expect(other.exitCode == 2 && other.errors.contains("does not say where it comes from"))
    }
  }

  private func search(
    _ name: String, seed: Int, level: String = "epoch", in folder: URL
  ) throws {
    let method = name.hasPrefix("milenas") ? "milenas-1st" : "single-level"
    let outcome = try BuiltProgram.run(
      [
        "search", "--runs-dir", "study", "--name", name, "--seed", "\(seed)", "--method", method,
        "--log-level", level, "--epochs", "2", "--steps-per-epoch", "2", "--train-images", "64",
        "--batch", "8", "--channels", "4", "--cells", "3",
      ], in: folder)
    #expect(outcome.exitCode == 0, "\(outcome)")
  }

  /// Debian's poppler-utils, which the README's test command installs; without it the test fails.
  private func poppler(_ tool: String, _ arguments: String..., in folder: URL) throws -> String {
    let program = URL(filePath: "/usr/bin/\(tool)")
    try #require(
      FileManager.default.isExecutableFile(atPath: program.path), "install poppler-utils")
    return try BuiltProgram.run(arguments, in: folder, program: program).output
  }
}

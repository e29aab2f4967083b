import Foundation
import Testing

@testable import Notebooks

@Suite struct FuzzTests {
  /// SplitMix64 (Steele, Lea and Flood 2014): the same mutations in every run.
  private struct Randomness: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  private static let seed = """
    # Fuzz

    ```sql {run=demo name=curve tolerance=1e-6 mask="[0-9]+ s"}
    SELECT 1
    ```
    <!-- output -->

    | 1 |
    | ---: |
    | 1 |

    <!-- /output 0123456789ab -->

    > ~~~~ text
    > quote
    > ~~~~

    - item

      ```python
      print()
      ```

    1. <div>
       ```

    <!-- comment
    ``` -->

    ```milenas {makes=a,b figure=figures/x.svg ignore}
    runs list 'x'
    ```

    ~~~sh {exit=1 stderr keep=a name=last}\r
    date\r
    ~~~\r
    \tindented
    """

  /// What breaks parsers: marks, in and out of place.
  private static let pieces = [
    "```", "~~~", "````sh {", "}", "{", "\"", "\\", "<!-- output -->\n", "<!-- /output -->\n",
    "<!--",
    "-->", "> ", "- ", "1. ", "\t", "    ", "\n", "\r", "\r\n", "\0", "\u{FEFF}", "é\u{301}", "𝛼",
    "=",
    "name=curve", "```sh\n", "\n```\n", "<pre>", "</pre>", "<a>", "***", "#", " \u{2028}",
    "mask=\"(((((\"",
  ].map { Array($0.utf8) }

  private static func mutated(_ bytes: [UInt8], by random: inout Randomness) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let start = Int.random(in: 0...bytes.count, using: &random)
      let end = min(bytes.count, start + Int.random(in: 0...40, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.removeSubrange(start..<end)
      case 1: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: start)
      case 2:
        bytes.insert(
          contentsOf: bytes[start..<end], at: Int.random(in: 0...bytes.count, using: &random))
      case 3: bytes.replaceSubrange(start..<end, with: pieces.randomElement(using: &random) ?? [])
      default:
        if start < bytes.count { bytes[start] = UInt8.random(in: 0...255, using: &random) }
      }
    }
    return bytes
  }

  @Test func tenThousandMutatedNotebooksAreReadOrRefusedAndNeverChangedByAnError() throws {
    let folder = try NotebookFolder("", inMemory: true)
    var random = Randomness(state: 0)
    var (refused, failed, written) = (0, 0, 0)
    for round in 0..<10_000 {
      let bytes = Self.mutated(Array(Self.seed.utf8), by: &random)
      try Data(bytes).write(to: folder.file)
      if let text = String(validating: bytes, as: UTF8.self),
        let notebook = try? Notebook(text, path: "n.md")
      {
        #expect(Array(notebook.text.utf8) == bytes, "round \(round)")
      }
      // One cell in eight fails.
      let runner = folder.runner { cell in
        for name in cell.options.makes { try folder.makeFolder(name) }
        for figure in cell.options.figures {
          let url = folder.url.appending(path: figure)
          try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
          try Data(figure.utf8).write(to: url)
        }
        if Int.random(in: 0..<8, using: &random) == 0 {
          throw CellFailure.failed(reason: "by chance")
        }
        return .text("``` \(cell.code)")
      }
      do {
        _ = try runner.run(folder.file)
        written += 1
        // What was written can be read, and its outputs are found again.
        let again = try Notebook(folder.text(), path: "n.md")
        #expect(again.cells.allSatisfy { $0.output != nil }, "round \(round)")
      } catch let error as NotebookError {
        if case .cellFailed = error { failed += 1 } else { refused += 1 }
        #expect(Array(try Data(contentsOf: folder.file)) == bytes, "round \(round): \(error)")
      }
    }
    // All three ends were met, so the mutations reach everything.
    #expect(
      min(refused, failed, written) > 500,
      "\(refused) refused, \(failed) failed, \(written) written")
  }
}

import Testing

@testable import Notebooks

@Suite struct OutputTests {
  private static func body(_ text: String, _ change: (inout CellOptions) -> Void = { _ in })
    throws -> String
  {
    var options = CellOptions()
    change(&options)
    return try Rendering(options: options).body(of: .text(text), figures: [])
  }

  @Test func textStandsInAFence() throws {
    #expect(try Self.body("\n\na  \n\n b\t\n\n") == "```text\na\n\n b\n```")
    #expect(try Self.body("\n \n") == "")
  }

  @Test func theFenceIsLongerThanThoseInTheText() throws {
    #expect(try Self.body("````sh\nx\n````\n") == "`````text\n````sh\nx\n````\n`````")
  }

  @Test func coloursAndControlCharactersAreNotShown() throws {
    #expect(try Self.body("\u{1B}[1mbold\u{1B}[0m\u{7}\r\n") == "```text\nbold\u{FFFD}\n```")
  }

  @Test func masksAndFiltersApplyToLines() throws {
    let text = "done in 3.25 s\nnoise\ndone in 10 s\n"
    #expect(
      try Self.body(text) { options in
        options.mask = "[0-9.]+ s"
        options.keep = "^done"
      } == "```text\ndone in …\ndone in …\n```")
  }

  @Test func tablesAreMarkdownWithNumbersToTheRight() throws {
    var options = CellOptions()
    options.digits = 3
    options.keep = "[123]$"
    let table = ResultTable(
      columns: ["a|b", "x", "n"],
      rows: [
        ["<i>*", "0.123456", "1234561"], ["", "1.5e-9", "2"], ["a\nb", "", "3"], ["d", "", "4"],
      ])
    #expect(
      try Rendering(options: options).body(of: .table(table), figures: ["![f](f.svg)"]) == """
        | a\\|b | x | n |
        | --- | ---: | ---: |
        | &lt;i>\\* | 0.123 | 1234561 |
        |  | 1.5e-09 | 2 |
        | a b |  | 3 |

        ![f](f.svg)
        """)
  }

  @Test func csvIsReadAsItIsWritten() throws {
    let table = try ResultTable(csv: "a,\"b \"\"c\"\"\"\r\n1,\"x,\ny\"\r\n2,\r\n")
    #expect(
      table
        == ResultTable(columns: ["a", "b \"c\""], rows: [["1", "x,\ny"], ["2", ""]]))
  }

  @Test(arguments: ["", "a,b\n1\n", "a\n\"b\n"]) func whatIsNoTableIsRefused(csv: String) {
    #expect(throws: CellFailure.self) { try ResultTable(csv: csv) }
  }

  @Test(arguments: [
    ("loss 1.000000", "loss 1.0000005", 1e-6, true),
    ("loss 1.000000", "loss 1.000002", 1e-6, false),
    ("| 99.5 |", "|  100.0 |", 0.01, true),
    ("a -1", "a 1", 0.5, false),
    ("a −2", "a -2", 1e-9, true),
    ("sep_conv_3x3", "sep_conv_5x5", 0.9, false),
    ("cnn36 1", "cnn36 1.01", 0.1, true),
    ("nan", "1", 0.5, false),
    ("1\n2", "1 2", 0.5, false),
    ("1 2", "1", 0.5, false),
    ("0", "1e-12", 1e-3, false),
    ("1e-3, (0.5)", "0.001, (0.5)", 1e-9, true),
    ("1.0", "1.00", 0, false),
  ])
  func numbersWithinTheToleranceAreEqual(a: String, b: String, tolerance: Double, equal: Bool) {
    #expect(Comparison.areEqual(a, b, tolerance: tolerance) == equal)
    #expect(Comparison.areEqual(b, a, tolerance: tolerance) == equal)
  }

  @Test func theDifferenceIsThatOfDiff() {
    let old = (1...12).map { "line \($0)\n" }.joined()
    let new = old.replacing("line 2\n", with: "line two\nmore\n").replacing("line 12\n", with: "")
    // As `diff -u` of GNU diffutils prints it, but for the names.
    #expect(
      UnifiedDiff.text(from: old, to: new, path: "n.md") == """
        --- n.md
        +++ n.md (as it runs now)
        @@ -1,5 +1,6 @@
         line 1
        -line 2
        +line two
        +more
         line 3
         line 4
         line 5
        @@ -9,4 +10,3 @@
         line 9
         line 10
         line 11
        -line 12

        """)
    #expect(UnifiedDiff.text(from: old, to: old, path: "n.md") == "")
    #expect(
      UnifiedDiff.text(from: "", to: "a\n", path: "n.md").hasSuffix("@@ -0,0 +1,1 @@\n+a\n"))
  }

  @Test(arguments: [
    ("runs list", [["runs", "list"]]),
    (
      "milenas-lab runs sql 'a b' \"c \\\"d\\\" \\n\" e\\ f ''",
      [["runs", "sql", "a b", "c \"d\" \\n", "e f", ""]]
    ),
    ("a \\\n  b\n\n# comment\nc # comment", [["a", "b"], ["c"]]),
    ("a '|;$*' x#y", [["a", "|;$*", "x#y"]]),
  ])
  func commandLinesAreSplitAsAShellDoes(code: String, commands: [[String]]) throws {
    #expect(try CommandWords.commands(of: code) == commands)
  }

  @Test(arguments: ["a | b", "a > b", "a; b", "a $x", "a `b`", "a *", "a 'b", "a \\", "", "# a"])
  func whatOnlyAShellUnderstandsIsRefused(code: String) {
    #expect(throws: CellFailure.self) { try CommandWords.commands(of: code) }
  }
}

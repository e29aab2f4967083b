import EventLog
import Testing

@testable import Notebooks

@Suite struct NotebookTests {
  private static let sample = """
    # Title

    Prose with ```code``` in it.

    ```sql {run=demo name=curve tolerance=1e-6}
    SELECT 1
    ```
    <!-- output -->

    | 1 |
    | ---: |
    | 1 |

    <!-- /output 0123456789ab -->

    ```python
    print("prose")
    ```

    ```milenas
    runs list
    ```
    ~~~sh {ignore}
    date
    ~~~

    <!-- output -->
    ```text
    <!-- /output -->
    ```
    <!-- /output -->
    The end, without a line feed
    """

  @Test func aDocumentHasItsCellsAndTheirOutputs() throws {
    let cells = try Notebook(Self.sample, path: "n.md").cells
    #expect(cells.map(\.language) == [.sql, .milenas, .sh])
    #expect(cells.map(\.line) == [5, 20, 23])
    #expect(cells.map(\.label) == ["cell 1 (curve)", "cell 2", "cell 3"])
    #expect(cells.map(\.code) == ["SELECT 1\n", "runs list\n", "date\n"])
    #expect(
      cells.map(\.output?.body)
        == ["| 1 |\n| ---: |\n| 1 |", nil, "```text\n<!-- /output -->\n```"])
    #expect(cells.map(\.output?.key) == ["0123456789ab", nil, ""])
    #expect(cells[2].options.isIgnored)
  }

  @Test(arguments: [RunKind.search, .evaluation], ["a/b", "my run", "a\"b \\c", "it's {x=1}"])
  func aNewNotebookNamesItsRunWhateverItIsCalled(kind: RunKind, name: String) throws {
    let cells = try Notebook(NotebookTemplate.text(on: name, of: kind), path: "n.md").cells
    #expect(cells.map(\.options.run) == [name, name, nil])
    #expect(cells.map(\.options.name) == ["outcome", "curve", "verify"])
    #expect(try CommandWords.commands(of: cells[2].code) == [["runs", "verify", name]])
  }

  @Test(arguments: ["\n", "\r\n", "\r"], ["", "\u{FEFF}"])
  func whatIsReadIsPrintedByteForByte(ending: String, mark: String) throws {
    let text = mark + Self.sample.replacing("\n", with: ending)
    #expect(Array(try Notebook(text, path: "n.md").text.utf8) == Array(text.utf8))
  }

  @Test(arguments: ["", "a", "\n", "\n\n  \n", "é\u{301}\0\r\r\n\n"])
  func textWithoutCellsIsPrintedAsItIs(text: String) throws {
    #expect(Array(try Notebook(text, path: "n.md").text.utf8) == Array(text.utf8))
  }

  @Test func anOutputIsWrittenBelowItsCellAndReadBack() throws {
    var notebook = try Notebook(Self.sample, path: "n.md")
    notebook.cells[1].setOutput("```text\nnone\n```", key: "abc")
    notebook.cells[0].setOutput("", key: "def")
    let again = try Notebook(notebook.text, path: "n.md")
    #expect(again.cells.map(\.output?.key) == ["def", "abc", ""])
    #expect(again.cells.map(\.output?.body).prefix(2) == ["", "```text\nnone\n```"])
    #expect(again.text == notebook.text)
    #expect(again.text.hasSuffix("The end, without a line feed"))
    #expect(
      again.text.contains(
        "runs list\n```\n<!-- output -->\n\n```text\nnone\n```\n\n<!-- /output abc -->\n~~~sh"))
  }

  @Test(arguments: ["\n", "\r\n"]) func anOutputHasTheLineEndingsOfItsCell(ending: String) throws {
    var notebook = try Notebook(
      ["```milenas", "a", "```"].joined(separator: ending), path: "n.md")
    notebook.cells[0].setOutput("x\ny", key: "1")
    let expected = [
      "```milenas", "a", "```", "<!-- output -->", "", "x", "y", "", "<!-- /output 1 -->", "",
    ]
    #expect(Array(notebook.text.utf8) == Array(expected.joined(separator: ending).utf8))
    #expect(try Notebook(notebook.text, path: "n.md").cells[0].output?.body == "x\ny")
  }

  @Test(arguments: [
    ("```sh {oops}\n```\n", 1, "no option is called oops"),
    ("\n```sql {run=a tolerence=1}\n```\n", 2, "did you mean tolerance?"),
    ("```sql\n```\n", 1, "a sql cell reads a run"),
    ("```sql {run=a study=b}\n```\n", 1, "exclude each other"),
    ("```sql {run=a table}\n```\n", 1, "no option table"),
    ("```sh {figure=../x.svg}\n```\n", 1, "should be paths"),
    ("```sh {figure=x.gif}\n```\n", 1, "should be paths"),
    ("```sh {makes=a/b}\n```\n", 1, "names of runs"),
    ("```sh {makes=..}\n```\n", 1, "names of runs"),
    ("```sh {tolerance=-1}\n```\n", 1, "tolerance=-1"),
    ("```sh {tolerance=nan}\n```\n", 1, "tolerance=nan"),
    ("```sh {mask=\"[\"}\n```\n", 1, "regular expression"),
    ("```sh {mask=\"a}\n```\n", 1, "no closing quote"),
    ("```sh {ignore=1}\n```\n", 1, "stands alone"),
    ("```sh {name}\n```\n", 1, "has no value"),
    ("```sh {name=a name=b}\n```\n", 1, "given twice"),
    ("```sh {name=1}\n```\n", 1, "cannot name a cell"),
    ("```sh {exit=256}\n```\n", 1, "exit code"),
    ("```milenas {digits=3}\n```\n", 1, "add table"),
    ("```milenas {table stderr}\n```\n", 1, "fit in no table"),
    ("```sh title=x\n```\n", 1, "are no options"),
    ("```sh {name=a}\n```\n\n```sh {name=a}\n```\n", 4, "in line 1 is called a too"),
    ("- ```sh\n  a\n  ```\n", 1, "in a list or a quote"),
    ("```sh\n```\n<!-- output -->\n", 3, "has no end"),
    ("```sh\n```\n<!-- output -->\n\n<!-- output -->\n<!-- /output -->\n", 3, "has no end"),
    ("text\n\n<!-- output -->\n<!-- /output -->\n", 3, "belongs to no output"),
    ("```sh\n```\n<!-- /output -->\n", 3, "belongs to no output"),
    ("```sh\n", 1, "never closed"),
  ])
  func whatIsWrongIsToldWithItsLine(text: String, line: Int, words: String) {
    let error = #expect(throws: NotebookError.self) { try Notebook(text, path: "n.md") }
    guard case .malformed("n.md", line, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains(words))
    #expect(error?.isBadInput == true)
  }

  @Test func optionsAreRead() throws {
    let cell = try #require(
      try Notebook(
        "```milenas {name=a-1 run=r makes=x,y figure=figures/a.svg,b.png tolerance=1e-3 table digits=4 exit=1 "
          + "mask=\"[0-9.]+ \\\"s\\\"\" timeout=2.5}\n```\n", path: "n.md"
      ).cells.first)
    var expected = CellOptions()
    expected.name = "a-1"
    expected.run = "r"
    expected.makes = ["x", "y"]
    expected.figures = ["figures/a.svg", "b.png"]
    expected.tolerance = 1e-3
    expected.isTable = true
    expected.digits = 4
    expected.exitCode = 1
    expected.mask = "[0-9.]+ \"s\""
    expected.timeout = 2.5
    #expect(cell.options == expected)
  }

  @Test func aSkippedCellIsProse() throws {
    let text = "- ```sh {skip}\n  a\n  ```\n\n```sh {skip}\n```\n"
    #expect(try Notebook(text, path: "n.md").cells.isEmpty)
  }
}

import Testing

@testable import Notebooks

/// The examples of CommonMark 0.31.2, section 4.5, by their numbers there; an arrow stands for what a strict scanner
/// refuses, where CommonMark closes a fence at the end of the document.
@Suite struct BlockScannerTests {
  private static func fences(_ text: String) throws -> [Fence] {
    try BlockScanner.blocks(of: BlockScanner.splitLines(text)).compactMap { block in
      if case .fence(let fence) = block { fence } else { nil }
    }
  }

  @Test(arguments: [
    (119, "```\n<\n >\n```\n", "", "<\n >\n"),
    (120, "~~~\n<\n >\n~~~\n", "", "<\n >\n"),
    (122, "```\naaa\n~~~\n```\n", "", "aaa\n~~~\n"),
    (123, "~~~\naaa\n```\n~~~\n", "", "aaa\n```\n"),
    (124, "````\naaa\n```\n``````\n", "", "aaa\n```\n"),
    (125, "~~~~\naaa\n~~~\n~~~~\n", "", "aaa\n~~~\n"),
    (129, "```\n\n  \n```\n", "", "\n  \n"),
    (130, "```\n```\n", "", ""),
    (131, " ```\n aaa\naaa\n```\n", "", "aaa\naaa\n"),
    (132, "  ```\naaa\n  aaa\naaa\n  ```\n", "", "aaa\naaa\naaa\n"),
    (133, "   ```\n   aaa\n    aaa\n  aaa\n   ```\n", "", "aaa\n aaa\naaa\n"),
    (135, "```\naaa\n  ```\n", "", "aaa\n"),
    (136, "   ```\naaa\n  ```\n", "", "aaa\n"),
    (140, "foo\n```\nbar\n```\nbaz\n", "", "bar\n"),
    (141, "foo\n---\n~~~\nbar\n~~~\n# baz\n", "", "bar\n"),
    (142, "```ruby\ndef foo(x)\n  return 3\nend\n```\n", "ruby", "def foo(x)\n  return 3\nend\n"),
    (
      143, "~~~~    ruby startline=3 $%@#$\ndef foo(x)\n  return 3\nend\n~~~~~~~\n",
      "ruby startline=3 $%@#$", "def foo(x)\n  return 3\nend\n"
    ),
    (144, "````;\n````\n", ";", ""),
    (146, "~~~ aa ``` ~~~\nfoo\n~~~\n", "aa ``` ~~~", "foo\n"),
    (147, "```\n``` aaa\n```\n", "", "``` aaa\n"),
  ])
  func theExamplesOfCommonMarkGiveOneFence(
    example: Int, text: String, info: String, code: String
  ) throws {
    let fences = try Self.fences(text)
    #expect(fences.map(\.info) == [info], "example \(example)")
    #expect(fences.map(\.code) == [code], "example \(example)")
  }

  @Test(arguments: [
    (121, "``\nfoo\n``\n"), (134, "    ```\n    aaa\n    ```\n"), (138, "``` ```\naaa\n"),
    (145, "``` aa ```\nfoo\n"),
  ])
  func theExamplesOfCommonMarkWithoutAFenceGiveNone(example: Int, text: String) throws {
    #expect(try Self.fences(text).isEmpty, "example \(example)")
  }

  @Test(arguments: [
    (126, "```\n", 1), (127, "`````\n\n```\naaa\n", 1), (128, "> ```\n> aaa\n\nbbb\n", 1),
    (137, "```\naaa\n    ```\n", 1), (139, "~~~~~~\naaa\n~~~ ~~\n", 1),
    (0, "text\n\n- a\n  ```\n  b\n\nc\n", 4),
  ])
  func aFenceThatIsNotClosedIsRefusedWithItsLine(example: Int, text: String, line: Int) {
    let error = #expect(throws: Malformed.self) { try Self.fences(text) }
    #expect(error?.line == line, "example \(example)")
    #expect(error?.reason.contains("never closed") == true)
  }

  @Test(arguments: [
    ("> ```sql\n> a\n> ```\n", 1, "a\n"),
    (">```sql\n>a\n>```\n", 1, "a\n"),
    ("- item\n\n  ```sql\n  a\n    b\n  ```\n", 1, "a\n  b\n"),
    ("1. ```sql\n   a\n\n   b\n   ```\n", 1, "a\n\nb\n"),
    ("- > - ```sql\n  >   a\n  >   ```\n", 3, "a\n"),
    ("-\n  ```sql\n  a\n  ```\n", 1, "a\n"),
    // A blank line ends an item that has no text yet.
    ("-\n\n  ```sql\n  a\n  ```\n", 0, "a\n"),
    // Text goes on with the paragraph of an item although it is not indented, and the item goes on with it.
    ("- item\nlazy\n  ```sql\n  a\n  ```\n", 1, "a\n"),
    ("> quote\n```sql\na\n```\n", 0, "a\n"),
    ("* * *\n  ```sql\n  a\n  ```\n", 0, "a\n"),
    // In the midst of a paragraph only 1. begins a list.
    ("text\n14. more\n    ```sql\n", -1, ""),
    ("-\t```sql\n\ta\n\t```\n", 1, "a\n"),
    ("# heading\n```sql\na\n```\n", 0, "a\n"),
  ])
  func fencesInListsAndQuotesAreReadAsAForgeShowsThem(text: String, depth: Int, code: String)
    throws
  {
    let fences = try Self.fences(text)
    #expect(fences.map(\.depth) == (depth < 0 ? [] : [depth]))
    #expect(fences.map(\.code).joined() == code)
  }

  @Test(arguments: [
    "<!--\n```sh\nrm -rf x\n```\n-->\n", "<div>\n```sh\na\n```\n</div>\n",
    "<pre>\n\n```sh\na\n```\n</pre>\n", "<?php\n```\n?>\n", "<![CDATA[\n```\n]]>\n",
    "<!DOCTYPE\n```\n>\n", "<my-tag>\n```\n", "<SCRIPT>\n```\n</Script>\n",
    "\t```\n", "text\n    ```\n",
  ])
  func inHTMLAndIndentedCodeNothingIsAFence(text: String) throws {
    #expect(try Self.fences(text).isEmpty)
  }

  @Test(arguments: [
    "<div>\n\n```sh\na\n```\n\n</div>\n", "<!-- note -->\n```sh\na\n```\n",
    "text <b>\n```sh\na\n```\n", "text\n<my-tag>\n```sh\na\n```\n", "<1>\n```sh\na\n```\n",
  ])
  func afterHTMLThereAreFencesAgain(text: String) throws {
    #expect(try Self.fences(text).map(\.code) == ["a\n"])
  }

  @Test func aCommentThatHidesTheRestIsRefused() {
    let error = #expect(throws: Malformed.self) {
      try Self.fences("a\n\n<!-- begin\n```sh\nb\n```\n")
    }
    #expect(error?.line == 3)
  }

  @Test(arguments: ["\n", "\r\n", "\r"]) func allLineEndingsEndLines(ending: String) throws {
    let text = ["text", "```sql", "a", "```", "end"].joined(separator: ending)
    #expect(BlockScanner.splitLines(text).joined() == text)
    #expect(try Self.fences(text).map(\.lines) == [1...3])
    #expect(try Self.fences(text).map(\.code) == ["a\n"])
  }
}

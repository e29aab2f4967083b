import Testing

@testable import Reports

@Suite struct HTMLTests {
  static let texts = [
    "<script>alert(1)</script>", "a & b &amp; c", "\"quoted\" 'single'", "]]>", "-->", "λ ∇ 😀 é",
    "tab\tand\nline", "</td></table>", "&#0;",
  ]

  @Test(arguments: texts)
  func aReaderGetsBackTheTextThatWasWritten(text: String) {
    let page = ParsedPage(HTML.tag("p", ["title": text], .text(text)).markup)
    #expect(page.isWellFormed, "\(page.problem ?? "")")
    #expect(page.texts == [text])
    #expect(page.elements.count == 1)
    // Readers of XML make spaces of the line ends and tabs of an attribute.
    let title = text.replacing("\n", with: " ").replacing("\t", with: " ")
    #expect(page.elements.first?.attributes["title"] == title)
  }

  @Test func whatXMLCannotHoldIsReplaced() {
    let page = ParsedPage(HTML.tag("p", [:], "a\u{0}b\u{1B}[31m\u{FFFF}\u{9F}").markup)
    #expect(page.isWellFormed)
    #expect(page.texts == ["a\u{FFFD}b\u{FFFD}[31m\u{FFFD}\u{FFFD}"])
  }

  @Test func onlyElementsWithoutContentAreClosedInTheirTag() {
    #expect(HTML.tag("td").markup == "<td></td>")
    #expect(HTML.tag("meta", ["charset": "utf-8"]).markup == "<meta charset=\"utf-8\"/>")
  }

  private static let file = """
    <?xml version="1.0" encoding="UTF-8"?>
    <!-- made by hand -->
    <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9pt">
    <title>not id="x" in a text</title>
    <defs><g id="glyph-0-1"><path d="M 0 0"/></g><clipPath id="clip-0"></clipPath></defs>
    <use xlink:href="#glyph-0-1" x="1"/><g clip-path="url(#clip-0)"></g>
    </svg>
    """

  @Test func twoDrawingsOfAPageShareNoName() {
    let drawings = ["a-", "b-"].map { InlineSVG(file: Self.file, prefix: $0) }
    let page = ParsedPage(HTML.tag("div", [:], drawings.map { .drawing($0) }).markup)
    #expect(page.isWellFormed, "\(page.problem ?? "")")
    let names = page.elements.compactMap { $0.attributes["id"] }
    #expect(names == ["a-glyph-0-1", "a-clip-0", "b-glyph-0-1", "b-clip-0"])
    #expect(
      page.elements.compactMap { $0.attributes["xlink:href"] } == ["#a-glyph-0-1", "#b-glyph-0-1"])
    #expect(
      page.elements.compactMap { $0.attributes["clip-path"] } == [
        "url(#a-clip-0)", "url(#b-clip-0)",
      ])
    #expect(page.texts.contains("not id=\"x\" in a text"))
  }
}

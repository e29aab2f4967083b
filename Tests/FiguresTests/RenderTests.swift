import Foundation
import FoundationXML
import Testing

@testable import Figures

@Suite struct RenderTests {
  @Test(arguments: FigureFormat.allCases)
  func theSameFigureHasTheSameBytes(format: FigureFormat) throws {
    let style = FigureStyle()
    let first = try paper2b(style).rendered(as: format, style: style, arguments: ["fig2b"])
    let second = try paper2b(style).rendered(as: format, style: style, arguments: ["fig2b"])
    #expect(first == second)
    #expect(first.count > 1000)
  }

  @Test(arguments: FigureFormat.allCases)
  func aFileSaysWhereItComesFrom(format: FigureFormat) throws {
    let style = FigureStyle()
    var figure = try paper2b(style)
    figure.sources = [
      FigureSource(name: "odd (name) \\ with ) and é", digest: String(repeating: "0f", count: 32)),
      FigureSource(name: "<darts & co>", digest: String(repeating: "a", count: 64)),
    ]
    let arguments = ["fig2b", "--title", "λ (half) \\ \"quoted\" & <b>", "--venue=cvpr"]
    let date = Date(timeIntervalSince1970: 1_700_000_000)
    let bytes = try figure.rendered(as: format, style: style, arguments: arguments, date: date)
    let record = try FigureRecord(of: bytes, format: format, path: "figure")
    #expect(record.arguments == arguments)
    #expect(record.sources == figure.sources)
    #expect(record.date == 1_700_000_000)
    #expect(record.font == "STIX")
  }

  @Test func anotherDateOrSourceIsAnotherFile() throws {
    let style = FigureStyle()
    var figure = try paper2b(style)
    let first = try figure.rendered(as: .pdf, style: style, arguments: [])
    figure.date += 86_400
    #expect(try figure.rendered(as: .pdf, style: style, arguments: []) != first)
  }

  @Test(arguments: [Venue.cvpr, .neurips, .eccv, .ieee], Venue.Column.allCases)
  func aPageIsAsWideAsTheColumn(venue: Venue, column: Venue.Column) throws {
    let style = FigureStyle(venue: venue, column: column)
    let pdf = try paper2b(style).rendered(as: .pdf, style: style, arguments: [])
    let text = String(decoding: pdf, as: UTF8.self)
    let box = try #require(text.firstMatch(of: /\/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]/))
    #expect(abs(try #require(Double(box.1)) - venue.width(column)) < 0.01)
  }

  @Test func aPNGTellsItsResolutionAndItsWords() throws {
    let style = FigureStyle(dotsPerInch: 600)
    let figure = try paper2b(style)
    let png = [UInt8](try figure.rendered(as: .png, style: style, arguments: ["fig2b"]))
    var chunks: [(kind: String, content: [UInt8])] = []
    var place = 8
    while place < png.count {
      let length = png[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      let body = Array(png[(place + 4)..<(place + 8 + length)])
      // The check that every reader of PNG makes.
      let sum = png[(place + 8 + length)..<(place + 12 + length)].reduce(UInt32(0)) {
        $0 << 8 | UInt32($1)
      }
      #expect(sum == CRC32.of(body))
      chunks.append((String(decoding: body[..<4], as: UTF8.self), Array(body[4...])))
      place += 12 + length
    }
    #expect(chunks.first?.kind == "IHDR" && chunks.last?.kind == "IEND")
    let physical = try #require(chunks.first { $0.kind == "pHYs" }?.content)
    // 600 dpi are 23,622 pixels to the metre.
    #expect(physical == [0, 0, 0x5C, 0x46, 0, 0, 0x5C, 0x46, 1])
    let texts = chunks.filter { $0.kind == "iTXt" }.map {
      String(decoding: $0.content, as: UTF8.self)
    }
    #expect(texts.contains("Title\0\0\0\0\0\(figure.title)"))
    #expect(texts.contains("Software\0\0\0\0\0milenas-lab plot fig2b"))
    let width = png[16..<20].reduce(0) { $0 << 8 | Int($1) }
    #expect(width == Int((236.25 * 600 / 72).rounded()))
  }

  /// The check value of CRC-32/ISO-HDLC.
  @Test func checksumsAreThoseOfISO3309() {
    #expect(CRC32.of(Array("123456789".utf8)) == 0xCBF4_3926)
  }

  @Test func anSVGHasATitleAndADescription() throws {
    let style = FigureStyle()
    let figure = try paper2b(style)
    let svg = try figure.rendered(as: .svg, style: style, arguments: ["fig2b"])
    let document = XMLWords()
    let parser = XMLParser(data: svg)
    parser.delegate = document
    #expect(parser.parse())
    #expect(document.words["title"] == figure.title)
    #expect(document.words["desc"]?.hasPrefix(figure.summary) == true)
  }

  @Test func lettersThatNoFontHasAreNamedAndNothingIsDrawn() throws {
    let style = FigureStyle()
    var figure = try paper2b(style)
    figure.content = PanelGrid(panels: [Panel(x: Axis("漢字"), y: Axis(""), marks: [])])
    #expect(throws: FigureError.missingGlyphs(letters: "“字” “漢”", font: "STIX")) {
      try figure.rendered(as: .svg, style: style, arguments: [])
    }
  }

  @Test(arguments: [
    "", "%PDF-1.5 /Keywords (", "%PDF /Keywords (not json)", "<svg><metadata>{}</metadata>",
  ])
  func whatIsNoFigureOfOursSaysSo(content: String) {
    for format in FigureFormat.allCases {
      #expect(throws: FigureError.noRecord(path: "x")) {
        try FigureRecord(of: Data(content.utf8), format: format, path: "x")
      }
    }
  }

  @Test func aPNGThatIsCutAnywhereIsRefusedOrStillRead() throws {
    let style = FigureStyle(dotsPerInch: 30)
    let png = try paper2b(style).rendered(as: .png, style: style, arguments: ["fig2b"])
    for length in stride(from: 0, to: png.count, by: 97) {
      let record = try? FigureRecord(of: png.prefix(length), format: .png, path: "x")
      #expect(record == nil || record?.arguments == ["fig2b"])
    }
  }

  private func paper2b(_ style: FigureStyle) throws -> Figure {
    try Figure2.figure([.b], of: .paper, theme: style.theme)
  }
}

/// The words of each element, of the last of its name.
private final class XMLWords: NSObject, XMLParserDelegate {
  var words: [String: String] = [:]
  private var element = ""

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    element = name
    words[name] = ""
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    words[element, default: ""] += string
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) { element = "" }
}

import Foundation
import FoundationXML

/// What a strict reader of XML finds in a page.
struct ParsedPage {
  let elements: [(name: String, attributes: [String: String])]
  /// The text before the end of every element, in order.
  let texts: [String]
  let isWellFormed: Bool
  let problem: String?

  init(_ markup: String) {
    let parser = XMLParser(data: Data(markup.utf8))
    let collector = Collector()
    parser.delegate = collector
    isWellFormed = parser.parse()
    problem = parser.parserError.map { "\($0) in line \(parser.lineNumber)" }
    elements = collector.elements
    texts = collector.texts
  }

  /// All that a browser would have to load, or could run.
  var dangers: [String] {
    elements.flatMap { element -> [String] in
      let isActive = ["script", "iframe", "object", "embed", "link", "base", "form", "img"]
        .contains(element.name)
      return (isActive ? [element.name] : [])
        + element.attributes.compactMap { name, value in
          let loads = ["src", "href", "xlink:href", "action", "data", "poster"].contains(name)
          return name.hasPrefix("on") || loads && !value.hasPrefix("#") ? "\(name)=\(value)" : nil
        }
    }
  }

  private final class Collector: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []
    var texts: [String] = []
    private var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      elements.append((name, attributes))
      text = ""
    }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?,
      qualifiedName: String?
    ) {
      texts.append(text)
      text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
  }
}

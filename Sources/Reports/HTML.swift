/// A piece of a page, written as HTML that is well-formed XML too.
///
/// Text is escaped when it is written, so nothing that a record says can become markup.
indirect enum HTML: Sendable, ExpressibleByStringInterpolation {
  case text(String)
  case element(String, [Attribute], [HTML])
  case group([HTML])
  /// A drawing of our own making, which is markup already.
  case drawing(InlineSVG)

  struct Attribute: Sendable {
    var name: String
    var value: String
  }

  init(stringLiteral text: String) { self = .text(text) }

  /// An element with its attributes in order: `.tag("td", ["class": "number"], "7")`.
  static func tag(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: HTML...
  ) -> HTML {
    .tag(name, attributes, children)
  }

  static func tag(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [HTML]
  ) -> HTML {
    .element(name, attributes.map { Attribute(name: $0.key, value: $0.value) }, children)
  }

  /// Elements that have no content, which HTML does not let be closed by a tag.
  private static let void: Set<String> = ["br", "col", "hr", "meta"]

  var markup: String {
    switch self {
    case .text(let text): return Self.escaped(text)
    case .group(let children): return children.map(\.markup).joined()
    case .drawing(let drawing): return drawing.markup
    case .element(let name, let attributes, let children):
      let list = attributes.map { " \($0.name)=\"\(Self.escaped($0.value))\"" }.joined()
      if Self.void.contains(name) { return "<\(name)\(list)/>" }
      return "<\(name)\(list)>\(children.map(\.markup).joined())</\(name)>"
    }
  }

  /// Without the five characters that mean something in markup, and with U+FFFD for those that XML cannot hold.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in sanitised(text).unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// With U+FFFD for the characters that XML cannot hold, and for other controls.
  static func sanitised(_ text: String) -> String {
    var sanitised = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\t", "\n": sanitised.unicodeScalars.append(scalar)
      case "\u{0}"..<" ", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": sanitised += "\u{FFFD}"
      default: sanitised.unicodeScalars.append(scalar)
      }
    }
    return sanitised
  }
}

/// A drawing that can stand in a page beside others: names inside it are its own.
struct InlineSVG: Sendable {
  /// An `svg` element, without the declaration of a file.
  let markup: String

  /// Takes over the text of an SVG file.
  ///
  /// - Parameters:
  ///   - file: as Cairo writes it; its texts are escaped.
  ///   - prefix: put before every name, since all drawings of a page share one space of names.
  init(file: String, prefix: String) {
    let file = HTML.sanitised(file)
    var rest = file[...]
    var markup = ""
    var isInside = false
    while let open = rest.firstIndex(of: "<") {
      let text = rest[..<open]
      let end = rest[open...].firstIndex(of: ">").map(rest.index(after:)) ?? rest.endIndex
      let tag = rest[open..<end]
      isInside = isInside || tag.hasPrefix("<svg")
      if isInside {
        markup += text
        markup += tag.replacing(" id=\"", with: " id=\"\(prefix)")
          .replacing("href=\"#", with: "href=\"#\(prefix)")
          .replacing("url(#", with: "url(#\(prefix)")
      }
      rest = rest[end...]
    }
    self.markup = markup
  }
}

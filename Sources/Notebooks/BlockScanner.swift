/// A fenced code block (CommonMark 0.31, section 4.5).
struct Fence: Equatable {
  /// Of the opening and of the closing fence, from 0.
  var lines: ClosedRange<Int>
  /// What follows the opening fence, without the spaces around it.
  var info: String
  /// The lines between, each ended by a line feed, without the fence's indent.
  var code: String
  /// How many quotes and list items are around it.
  var depth: Int
}

/// What a notebook looks for in a Markdown text.
enum Block: Equatable {
  case fence(Fence)
  /// An HTML comment that has a line for itself, outside of quotes and lists; the words in it.
  case comment(line: Int, words: String)
}

/// A text that a scanner does not accept; lines count from 1.
struct Malformed: Error, Equatable {
  var line: Int
  var reason: String
}

/// Finds the fences of a Markdown text as a forge shows them: those in quotes and lists, and none in HTML or
/// indented code.
///
/// Stricter than CommonMark in one thing: what is opened must be closed, be it a fence or a comment, because a
/// reader sees all the rest of the document vanish in it.
struct BlockScanner {
  private enum Container {
    case quote
    /// A line belongs to it when it is indented by so many columns, or blank after a first line that is not.
    case item(indent: Int, isEmpty: Bool)
  }

  private struct OpenFence {
    var line: Int
    var mark: UInt8
    var length: Int
    var indent: Int
    var info: String
    var code: [UInt8] = []
  }

  private struct OpenHTML {
    var line: Int
    var end: HTMLStart.End
  }

  private var blocks: [Block] = []
  private var containers: [Container] = []
  private var fence: OpenFence?
  private var html: OpenHTML?
  private var isInParagraph = false

  /// The fences and comments of a text, in its order.
  ///
  /// - Parameter lines: as `splitLines` gives them.
  /// - Throws: `Malformed` where something is not closed.
  static func blocks(of lines: [Substring]) throws(Malformed) -> [Block] {
    var scanner = BlockScanner()
    for (number, line) in lines.enumerated() { try scanner.scan(line, number: number) }
    try scanner.finish()
    return scanner.blocks
  }

  /// Lines with their endings (line feed, carriage return, or both); joined they are the text.
  static func splitLines(_ text: String) -> [Substring] {
    let bytes = text.utf8
    var lines: [Substring] = []
    var start = bytes.startIndex
    var index = start
    while index < bytes.endIndex {
      let byte = bytes[index]
      index = bytes.index(after: index)
      if byte == .carriageReturn, index < bytes.endIndex, bytes[index] == .lineFeed { continue }
      guard byte == .lineFeed || byte == .carriageReturn else { continue }
      lines.append(Substring(bytes[start..<index]))
      start = index
    }
    if start < bytes.endIndex { lines.append(Substring(bytes[start...])) }
    return lines
  }

  private mutating func finish() throws(Malformed) {
    try refuseOpenFence()
    if let html, html.end != .blankLine { throw Self.unclosed(html) }
  }

  private func refuseOpenFence() throws(Malformed) {
    guard let fence else { return }
    let mark = String(repeating: Character(Unicode.Scalar(fence.mark)), count: fence.length)
    throw Malformed(
      line: fence.line + 1,
      reason: "the fence that opens here is never closed: end it with a line \(mark)")
  }

  private static func unclosed(_ html: OpenHTML) -> Malformed {
    Malformed(
      line: html.line + 1,
      reason: "the HTML that begins here hides the rest: close it with \(html.end.words)")
  }

  private mutating func scan(_ line: Substring, number: Int) throws(Malformed) {
    var cursor = LineCursor(line)
    let matched = matchContainers(&cursor)
    if fence != nil {
      guard matched == containers.count else { return try refuseOpenFence() }
      return continueFence(&cursor, number: number)
    }
    if let open = html {
      if matched == containers.count {
        if open.end.isMet(by: cursor) { html = nil }
        return
      }
      if open.end != .blankLine { throw Self.unclosed(open) }
      html = nil
    }
    try open(&cursor, number: number, matched: matched)
  }

  /// Takes the marks of the open containers off a line; how many of them the line belongs to.
  private mutating func matchContainers(_ cursor: inout LineCursor) -> Int {
    for index in containers.indices {
      switch containers[index] {
      case .quote:
        guard cursor.skipQuoteMark() else { return index }
      case .item(let indent, let isEmpty):
        if cursor.isBlank {
          guard !isEmpty else { return index }
        } else if cursor.indent >= indent {
          cursor.advance(columns: indent)
          containers[index] = .item(indent: indent, isEmpty: false)
        } else {
          return index
        }
      }
    }
    return containers.count
  }

  private mutating func continueFence(_ cursor: inout LineCursor, number: Int) {
    guard var open = fence else { return }
    if cursor.closes(mark: open.mark, length: open.length) {
      blocks.append(
        .fence(
          Fence(
            lines: open.line...number, info: open.info,
            code: String(decoding: open.code, as: UTF8.self), depth: containers.count)))
      fence = nil
      return
    }
    cursor.advance(columns: min(cursor.indent, open.indent))
    open.code += cursor.rest + [.lineFeed]
    fence = open
  }

  /// Reads what a line begins: containers first, then at most one other block.
  private mutating func open(_ cursor: inout LineCursor, number: Int, matched: Int)
    throws(Malformed)
  {
    var unmatched = containers.count - matched
    func closing(_ scanner: inout BlockScanner) {
      scanner.containers.removeLast(unmatched)
      unmatched = 0
      scanner.isInParagraph = false
    }
    while !cursor.isBlank && cursor.indent < 4 {
      if cursor.skipQuoteMark() {
        closing(&self)
        containers.append(.quote)
      } else if let opening = cursor.openingFence {
        closing(&self)
        fence = OpenFence(
          line: number, mark: opening.mark, length: opening.length, indent: cursor.indent,
          info: opening.info)
        return
      } else if let start = HTMLStart(
        cursor.text, interruptsParagraph: isInParagraph && unmatched == 0)
      {
        closing(&self)
        if !start.end.isMet(by: cursor) {
          html = OpenHTML(line: number, end: start.end)
        } else if containers.isEmpty, let words = cursor.comment {
          blocks.append(.comment(line: number, words: words))
        }
        return
      } else if cursor.isThematicBreak || cursor.isHeading {
        closing(&self)
        return
      } else if let item = cursor.skipListMark(
        interruptsParagraph: isInParagraph && unmatched == 0)
      {
        closing(&self)
        containers.append(.item(indent: item, isEmpty: cursor.isBlank))
      } else {
        break
      }
    }
    if cursor.isBlank {
      closing(&self)
    } else if !(unmatched > 0 && isInParagraph) {
      // Text that goes on with the paragraph of a quote or an item belongs to it without its marks.
      let goesOn = isInParagraph
      closing(&self)
      isInParagraph = goesOn || cursor.indent < 4
    }
  }
}

extension UInt8 {
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  fileprivate static let space = UInt8(ascii: " ")
  fileprivate static let tab = UInt8(ascii: "\t")
  fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}

/// Reads a line from left to right; columns count tabs as CommonMark does, to the next multiple of four.
private struct LineCursor {
  private let bytes: [UInt8]
  private var offset = 0
  private var column = 0

  init(_ line: Substring) {
    var bytes = Array(line.utf8)
    while let last = bytes.last, last == .lineFeed || last == .carriageReturn { bytes.removeLast() }
    self.bytes = bytes
  }

  private static func width(of byte: UInt8, at column: Int) -> Int? {
    switch byte {
    case .space: 1
    case .tab: 4 - column % 4
    default: nil
    }
  }

  /// The first byte that is no space, and its column.
  private var text0: (offset: Int, column: Int) {
    var (offset, column) = (offset, column)
    while offset < bytes.count, let width = Self.width(of: bytes[offset], at: column) {
      offset += 1
      column += width
    }
    return (offset, column)
  }

  /// Columns of white space before the text.
  var indent: Int { text0.column - column }
  var isBlank: Bool { text0.offset == bytes.count }
  /// From the first byte that is no space.
  private var words: ArraySlice<UInt8> { bytes[text0.offset...] }
  var text: String { String(decoding: words, as: UTF8.self) }

  /// All that is left; of a tab that was cut its columns, as spaces.
  var rest: [UInt8] {
    guard offset < bytes.count, bytes[offset] == .tab, column % 4 != 0 else {
      return Array(bytes[offset...])
    }
    return Array(repeating: .space, count: 4 - column % 4) + bytes[(offset + 1)...]
  }

  /// Steps over white space, at most so many columns.
  mutating func advance(columns: Int) {
    var left = columns
    while left > 0, offset < bytes.count,
      let width = Self.width(of: bytes[offset], at: column)
    {
      if width > left {
        column += left
        return
      }
      offset += 1
      column += width
      left -= width
    }
  }

  private mutating func skipText(_ count: Int) {
    let start = text0
    offset = start.offset + count
    column = start.column + count
  }

  /// Steps over `>` and one space after it, where they come next.
  mutating func skipQuoteMark() -> Bool {
    guard indent < 4, words.first == UInt8(ascii: ">") else { return false }
    skipText(1)
    advance(columns: 1)
    return true
  }

  /// Steps over the mark of a list item; by how many columns its other lines are indented.
  ///
  /// - Parameter interruptsParagraph: whether it would end a paragraph, which only an item with text may, and of
  ///   numbered ones only the first.
  mutating func skipListMark(interruptsParagraph: Bool) -> Int? {
    let words = words
    let digits = words.prefix { $0.isDigit }
    let mark: ArraySlice<UInt8>
    if digits.isEmpty {
      guard let first = words.first, "-+*".utf8.contains(first) else { return nil }
      mark = words.prefix(1)
    } else {
      mark = words.prefix(digits.count + 1)
      guard digits.count <= 9, mark.count > digits.count, let last = mark.last,
        ".)".utf8.contains(last)
      else { return nil }
    }
    let after = words.dropFirst(mark.count)
    guard after.first.map({ $0 == .space || $0 == .tab }) ?? true else { return nil }
    let hasText = after.contains { $0 != .space && $0 != .tab }
    if interruptsParagraph && (!hasText || (!digits.isEmpty && Array(digits) != Array("1".utf8))) {
      return nil
    }
    let before = indent + mark.count
    skipText(mark.count)
    let spaces = hasText && indent < 5 ? indent : 1
    advance(columns: spaces)
    return before + spaces
  }

  /// The fence that opens here.
  var openingFence: (mark: UInt8, length: Int, info: String)? {
    guard let mark = words.first, mark == UInt8(ascii: "`") || mark == UInt8(ascii: "~") else {
      return nil
    }
    let length = words.prefix { $0 == mark }.count
    let info = words.dropFirst(length)
    guard length >= 3, mark != UInt8(ascii: "`") || !info.contains(mark) else { return nil }
    return (mark, length, String(decoding: info, as: UTF8.self).trimmingSpaces)
  }

  /// Whether the line closes a fence.
  func closes(mark: UInt8, length: Int) -> Bool {
    let run = words.prefix { $0 == mark }.count
    return indent < 4 && run >= length
      && words.dropFirst(run).allSatisfy { $0 == .space || $0 == .tab }
  }

  var isThematicBreak: Bool {
    guard let mark = words.first, "*-_".utf8.contains(mark) else { return false }
    return words.allSatisfy { $0 == mark || $0 == .space || $0 == .tab }
      && words.count { $0 == mark } >= 3
  }

  var isHeading: Bool {
    let marks = words.prefix { $0 == UInt8(ascii: "#") }.count
    return 1...6 ~= marks
      && words.dropFirst(marks).first.map { $0 == .space || $0 == .tab } ?? true
  }

  /// The words of a comment that has the line for itself.
  var comment: String? {
    let text = text.trimmingSpaces
    guard text.hasPrefix("<!--"), text.hasSuffix("-->"), text.utf8.count >= 7 else { return nil }
    let words = text.dropFirst(4).dropLast(3)
    return words.contains("-->") ? nil : String(words).trimmingSpaces
  }
}

extension String {
  /// Without spaces and tabs at both ends.
  fileprivate var trimmingSpaces: String {
    var words = self[...]
    while let first = words.first, first == " " || first == "\t" { words.removeFirst() }
    while let last = words.last, last == " " || last == "\t" { words.removeLast() }
    return String(words)
  }
}

/// A block of raw HTML (CommonMark 0.31, section 4.6), in which nothing is a fence.
private struct HTMLStart {
  enum End: Equatable {
    /// A line that holds one of these, in any case, is the last.
    case mark([String])
    case blankLine

    func isMet(by line: LineCursor) -> Bool {
      switch self {
      case .mark(let marks):
        let text = line.text.lowercased()
        return marks.contains { text.contains($0) }
      case .blankLine:
        return line.isBlank
      }
    }

    var words: String {
      switch self {
      case .mark(let marks): marks.joined(separator: " or ")
      case .blankLine: "a blank line"
      }
    }
  }

  let end: End

  /// nil when the text begins no HTML block.
  init?(_ text: String, interruptsParagraph: Bool) {
    guard text.hasPrefix("<") else { return nil }
    let lower = text.lowercased()
    let isClosing = lower.hasPrefix("</")
    let name = lower.dropFirst(isClosing ? 2 : 1).prefix {
      $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-")
    }
    let after = lower.dropFirst((isClosing ? 2 : 1) + name.count)
    let isWhole = after.first.map { " \t>".contains($0) } ?? true
    if lower.hasPrefix("<!--") {
      end = .mark(["-->"])
    } else if lower.hasPrefix("<?") {
      end = .mark(["?>"])
    } else if lower.hasPrefix("<![cdata[") {
      end = .mark(["]]>"])
    } else if lower.hasPrefix("<!"), lower.dropFirst(2).first?.isLetter == true {
      end = .mark([">"])
    } else if !isClosing, isWhole, Self.verbatim.contains(String(name)) {
      end = .mark(Self.verbatim.map { "</\($0)>" })
    } else if isWhole || after.hasPrefix("/>"), Self.blocks.contains(String(name)) {
      end = .blankLine
    } else if !interruptsParagraph, name.first?.isLetter == true,
      Self.isOneTag(lower)
    {
      end = .blankLine
    } else {
      return nil
    }
  }

  /// Whether a line is a tag and nothing else.
  private static func isOneTag(_ line: String) -> Bool {
    let tag = line.trimmingSpaces
    return tag.hasSuffix(">") && !tag.dropFirst().dropLast().contains { $0 == "<" || $0 == ">" }
  }

  private static let verbatim = ["script", "pre", "style", "textarea"]

  private static let blocks = Set(
    """
    address article aside base basefont blockquote body caption center col colgroup dd details dialog dir div \
    dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html iframe \
    legend li link main menu menuitem nav noframes ol optgroup option p param search section summary table \
    tbody td tfoot th thead title tr track ul
    """.split(separator: " ").map(String.init))
}

/// A Markdown text with cells: fenced blocks in `sh`, `sql` or `milenas`, each with its output below it.
///
///     ```sql {run=demo name=curve}
///     SELECT epoch, valid_accuracy FROM epoch_curve
///     ```
///     <!-- output -->
///
///     | epoch | valid_accuracy |
///     | ---: | ---: |
///     | 0 | 0.41 |
///
///     <!-- /output 5c0f2b7ad91e -->
///
/// Everything else is prose and stays as it is, byte for byte.
public struct Notebook: Equatable, Sendable {
  private enum Part: Equatable, Sendable {
    case prose(String)
    case cell(Cell)
  }

  private var parts: [Part] = []

  /// Reads a document; `path` is how errors call it.
  ///
  /// - Throws: `NotebookError.malformed` with the line and what to mend.
  public init(_ text: String, path: String) throws {
    do {
      try read(text)
    } catch let error as Malformed {
      throw NotebookError.malformed(path: path, line: error.line, reason: error.reason)
    }
  }

  /// The document as Markdown.
  public var text: String {
    parts.map { part in
      switch part {
      case .prose(let text): text
      case .cell(let cell): cell.source + (cell.output?.source ?? "")
      }
    }.joined()
  }

  /// From top to bottom.
  public var cells: [Cell] {
    get {
      parts.compactMap { part in
        if case .cell(let cell) = part { cell } else { nil }
      }
    }
    set {
      precondition(newValue.count == cells.count, "cells are changed, not added or removed")
      var next = newValue.makeIterator()
      for index in parts.indices {
        if case .cell = parts[index], let cell = next.next() { parts[index] = .cell(cell) }
      }
    }
  }

  private mutating func read(_ text: String) throws {
    let lines = BlockScanner.splitLines(text)
    let blocks = try BlockScanner.blocks(of: lines)
    func joined(_ range: Range<Int>) -> String { lines[range].joined() }
    var written = 0
    var count = 0
    var index = 0
    while index < blocks.count {
      defer { index += 1 }
      switch blocks[index] {
      case .comment(let line, let words):
        if OutputMark(words) != nil {
          throw Malformed(
            line: line + 1,
            reason:
              "this mark belongs to no output: an output begins with <!-- output --> directly below its "
              + "cell and ends with <!-- /output … -->; remove it")
        }
      case .fence(let fence):
        guard var cell = try Self.cell(of: fence, number: count + 1, in: cells) else { continue }
        count += 1
        parts.append(.prose(joined(written..<fence.lines.lowerBound)))
        cell.source = joined(fence.lines.lowerBound..<fence.lines.upperBound + 1)
        written = fence.lines.upperBound + 1
        if let end = try Self.outputEnd(below: fence, at: index, in: blocks, lines: lines) {
          cell.output = CellOutput(
            source: joined(written..<end.line + 1), body: end.body, key: end.key)
          written = end.line + 1
          index = end.index
        }
        parts.append(.cell(cell))
      }
    }
    parts.append(.prose(joined(written..<lines.count)))
  }

  /// The cell that a fence is; nil for prose.
  private static func cell(of fence: Fence, number: Int, in cells: [Cell]) throws -> Cell? {
    let line = fence.lines.lowerBound + 1
    let word = fence.info.prefix { !$0.isWhitespace && $0 != "{" }
    guard let language = CellLanguage(rawValue: String(word)) else { return nil }
    let options: CellOptions
    do {
      options = try CellOptions(
        String(fence.info.dropFirst(word.count).drop { $0.isWhitespace }), for: language)
    } catch CellFailure.failed(let reason) {
      throw Malformed(line: line, reason: reason)
    }
    if options.isSkipped { return nil }
    guard fence.depth == 0 else {
      throw Malformed(
        line: line,
        reason: "a \(language.rawValue) cell in a list or a quote has no place for its output: "
          + "move it out, or mark it {skip}")
    }
    if let name = options.name, let other = cells.first(where: { $0.options.name == name }) {
      throw Malformed(
        line: line, reason: "a cell in line \(other.line) is called \(name) too: rename one")
    }
    return Cell(
      number: number, line: line, language: language, info: fence.info, options: options,
      code: fence.code)
  }

  /// Where the output of a cell ends: its last line, its last block, and what is in it.
  private static func outputEnd(
    below fence: Fence, at index: Int, in blocks: [Block], lines: [Substring]
  ) throws(Malformed) -> (line: Int, index: Int, body: String, key: String)? {
    guard index + 1 < blocks.count, case .comment(let first, let words) = blocks[index + 1],
      OutputMark(words) == .begin,
      lines[(fence.lines.upperBound + 1)..<first].allSatisfy({ $0.allSatisfy(\.isWhitespace) })
    else { return nil }
    for (next, block) in blocks.enumerated().dropFirst(index + 2) {
      guard case .comment(let line, let words) = block, let mark = OutputMark(words) else {
        continue
      }
      guard case .end(let key) = mark else { break }
      return (line, next, CellOutput.body(of: lines[(first + 1)..<line]), key)
    }
    throw Malformed(
      line: first + 1,
      reason:
        "the output that begins here has no end: add <!-- /output --> below it, or remove the mark")
  }
}

/// A code block that runs.
public struct Cell: Equatable, Sendable {
  /// From 1, as it stands in the document.
  public let number: Int
  /// The line of its opening fence, from 1.
  public let line: Int
  /// What runs it.
  public let language: CellLanguage
  /// The language and options as they are written.
  public let info: String
  /// Of its info string.
  public let options: CellOptions
  /// Its lines, each ended by a line feed.
  public let code: String
  /// The fence as it is written.
  var source = ""
  /// What stands between its markers; nil before the first run.
  public internal(set) var output: CellOutput?

  /// How messages call it: "cell 2 (curve)".
  public var label: String { "cell \(number)" + (options.name.map { " (\($0))" } ?? "") }

  /// Whether a user means this cell, by its name or its number.
  func isCalled(_ name: String) -> Bool { options.name == name || name == String(number) }

  /// Puts an output below the cell, in the place of the one it has.
  mutating func setOutput(_ body: String, key: String) {
    let ending = source.utf8.firstRange(of: "\r\n".utf8) != nil ? "\r\n" : "\n"
    let start = source.utf8.last.map { $0 == .lineFeed || $0 == .carriageReturn } ?? true
    let lines = body.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    let written =
      ["<!-- output -->"] + (body.isEmpty ? [] : [""] + lines + [""])
      + ["<!-- /output \(key) -->"]
    output = CellOutput(
      source: (start ? "" : ending) + written.map { $0 + ending }.joined(), body: body, key: key)
  }
}

/// What a cell has printed, between its marks.
public struct CellOutput: Equatable, Sendable {
  /// The marks and all between, as they are written.
  let source: String
  /// What is between the marks: lines joined by line feeds, without blank ones at the ends.
  public let body: String
  /// What the output follows from, shortened; empty when it is not known.
  public let key: String

  fileprivate static func body(of lines: ArraySlice<Substring>) -> String {
    var lines = lines.map { line in
      String(decoding: line.utf8.filter { $0 != .carriageReturn && $0 != .lineFeed }, as: UTF8.self)
    }[...]
    func isBlank(_ line: String?) -> Bool { line?.allSatisfy(\.isWhitespace) ?? false }
    while isBlank(lines.first) { lines.removeFirst() }
    while isBlank(lines.last) { lines.removeLast() }
    return lines.joined(separator: "\n")
  }
}

/// The comments around an output: `<!-- output -->` and `<!-- /output KEY -->`.
private enum OutputMark: Equatable {
  case begin
  case end(key: String)

  /// nil for any other comment.
  init?(_ words: String) {
    let parts = words.split(separator: " ", omittingEmptySubsequences: true)
    switch (parts.first, parts.count) {
    case ("output", 1): self = .begin
    case ("/output", 1): self = .end(key: "")
    case ("/output", 2) where parts[1].allSatisfy(\.isHexDigit): self = .end(key: String(parts[1]))
    default: return nil
    }
  }
}

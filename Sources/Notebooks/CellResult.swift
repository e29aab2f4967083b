import Foundation

/// What an interpreter gives back.
public enum CellResult: Equatable, Sendable {
  /// As it was printed.
  case text(String)
  /// Rows of a query.
  case table(ResultTable)

  /// - Throws: `CellFailure.failed` where a cell says that it prints a table, and prints none.
  init(printed text: String, by cell: Cell) throws {
    self = cell.options.isTable ? .table(try ResultTable(csv: text)) : .text(text)
  }
}

/// Rows under named columns, as text.
public struct ResultTable: Equatable, Sendable {
  /// Their names.
  public var columns: [String]
  /// An entry for each column.
  public var rows: [[String]]

  /// Rows of as many entries as there are columns.
  public init(columns: [String], rows: [[String]]) {
    self.columns = columns
    self.rows = rows
  }

  /// Reads CSV (RFC 4180) with a header line.
  ///
  /// - Throws: `CellFailure.failed` when rows have not as many fields as the header, or nothing is there.
  init(csv: String) throws {
    var records: [[String]] = []
    var fields: [String] = []
    var field = ""
    var isQuoted = false
    var scalars = csv.replacing("\r\n", with: "\n").unicodeScalars[...]
    func endField() {
      fields.append(field)
      field = ""
    }
    func endRecord() {
      endField()
      records.append(fields)
      fields = []
    }
    while let scalar = scalars.popFirst() {
      switch scalar {
      case "\"" where isQuoted && scalars.first == "\"":
        scalars.removeFirst()
        field.unicodeScalars.append(scalar)
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: endField()
      case "\n" where !isQuoted: endRecord()
      default: field.unicodeScalars.append(scalar)
      }
    }
    if !field.isEmpty || !fields.isEmpty { endRecord() }
    guard let columns = records.first, !isQuoted,
      records.allSatisfy({ $0.count == columns.count })
    else {
      throw CellFailure.failed(
        reason: "it prints no CSV: add --format csv to the command, or leave out the option table")
    }
    self.init(columns: columns, rows: Array(records.dropFirst()))
  }
}

/// Results as they stand in a document.
struct Rendering {
  let options: CellOptions

  /// - Parameter figures: links to pictures, in Markdown.
  /// - Throws: what the options' regular expressions throw, which were tried when the cell was read.
  func body(of result: CellResult, figures: [String]) throws -> String {
    var blocks: [String] = []
    switch result {
    case .text(let text):
      let shown = try lines(of: text)
      if !shown.isEmpty { blocks.append(fenced(shown)) }
    case .table(let table):
      blocks.append(try markdown(table))
    }
    return (blocks + figures).joined(separator: "\n\n")
  }

  private func masked(_ text: String) throws -> String {
    guard let mask = options.mask else { return text }
    return text.replacing(try Regex(mask), with: "…")
  }

  /// Lines without escape sequences and spaces at their ends, and without blank lines around them.
  private func lines(of text: String) throws -> [String] {
    var plain = text.replacing("\r\n", with: "\n")
    if plain.contains("\u{1B}") {
      plain.replace(/\u{1B}\[[0-9;?]*[A-Za-z]/, with: "")
    }
    var lines = plain.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      // What cannot be printed is shown as what stands for it.
      let printable = String.UnicodeScalarView(
        line.unicodeScalars.map { scalar in
          scalar.properties.generalCategory == .control && scalar != "\t" ? "\u{FFFD}" : scalar
        })
      return String(String(printable).reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
    if let keep = options.keep {
      let pattern = try Regex(keep)
      lines = lines.filter { $0.contains(pattern) }
    }
    lines = try lines.map(masked)
    let first = lines.firstIndex { !$0.isEmpty } ?? lines.endIndex
    let last = lines.lastIndex { !$0.isEmpty } ?? lines.endIndex
    return first < lines.endIndex ? Array(lines[first...last]) : []
  }

  /// The fence is longer than any that is in the text.
  private func fenced(_ lines: [String]) -> String {
    var longest = 0
    for line in lines {
      longest = max(longest, line.drop { $0 == " " }.prefix { $0 == "`" }.count)
    }
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return ([fence + "text"] + lines + [fence]).joined(separator: "\n")
  }

  private func markdown(_ table: ResultTable) throws -> String {
    let pattern = try options.keep.map { try Regex($0) }
    let kept = table.rows.filter { row in
      pattern.map { row.joined(separator: ",").contains($0) } ?? true
    }
    let rows = try kept.map { try $0.map { try masked(rounded($0)) } }
    let areNumbers = table.columns.indices.map { column in
      rows.contains { Double($0[column]) != nil }
        && rows.allSatisfy { $0[column].isEmpty || Double($0[column]) != nil }
    }
    func line(_ entries: [String]) -> String { "| " + entries.joined(separator: " | ") + " |" }
    let heading = line(table.columns.map(escaped))
    let rule = line(areNumbers.map { $0 ? "---:" : "---" })
    return ([heading, rule] + rows.map { line($0.map(escaped)) }).joined(separator: "\n")
  }

  /// Numbers with a decimal point or an exponent at the digits asked for.
  private func rounded(_ entry: String) -> String {
    guard let digits = options.digits, let value = Double(entry), value.isFinite,
      entry.contains(where: { ".eE".contains($0) })
    else { return entry }
    return String(format: "%.\(digits)g", value)
  }

  private func escaped(_ entry: String) -> String {
    var escaped = ""
    for character in entry {
      switch character {
      case "|", "\\", "*", "`", "[": escaped += "\\\(character)"
      case "<": escaped += "&lt;"
      case "&": escaped += "&amp;"
      default: escaped += character.isNewline ? " " : String(character)
      }
    }
    return escaped
  }
}

import ArgumentParser
import Foundation
import Glibc
import Synchronization

/// Standard output or standard error.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  var isTerminal: Bool {
    isatty(rawValue) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Whether escape sequences are welcome: on a terminal, unless NO_COLOR is set (no-color.org).
  var hasColor: Bool {
    isTerminal && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
  }

  /// Why standard output could not be written; nil as long as it could, and when its reader has gone away.
  static var outputProblem: String? { problem.withLock(\.self) }
  private static let problem = Mutex<String?>(nil)

  /// Writes all of `text`; when the reader has gone away the rest is dropped without a word.
  ///
  /// What else goes wrong on standard output is told when the command has ended: its record is worth more than its words.
  func write(_ text: String) {
    var bytes = ArraySlice(text.utf8)
    while !bytes.isEmpty {
      let written = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(rawValue, buffer.baseAddress, buffer.count)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        let code = errno
        if self == .output && code != EPIPE {
          Self.problem.withLock { $0 = unsafe String(cString: strerror(code)) }
        }
        return
      }
      bytes = bytes.dropFirst(written)
    }
  }
}

/// A result of a command: text for people, JSON for programs, rows for spreadsheets.
protocol Report: Encodable {
  var text: String { get }
  /// nil when the result is not made of rows.
  var table: Table? { get }
}

extension Report {
  func rendered(as format: OutputOptions.Format) throws -> String {
    switch format {
    case .text:
      return text
    case .json:
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    case .csv:
      guard let table else {
        throw ValidationError("this result has no rows: use --format text or json")
      }
      return table.csv
    }
  }
}

/// Rows under named columns.
struct Table: Report {
  enum Cell: Encodable, Equatable {
    case text(String)
    case integer(Int64)
    /// Printed with all the digits that tell it apart, but for text with `decimals`.
    case real(Double, decimals: Int? = nil)
    case missing
  }

  var columns: [String]
  var rows: [[Cell]]
  var table: Table? { self }

  /// Columns padded to their widest entry, numbers to the right.
  var text: String {
    let cells = rows.map { $0.map(\.text) }
    let widths = columns.indices.map { column in
      cells.reduce(columns[column].count) { max($0, $1[column].count) }
    }
    let isNumeric = columns.indices.map { column in rows.contains { $0[column].isNumber } }
    func line(_ entries: [String]) -> String {
      let padded = entries.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - entries[column].count)
        return isNumeric[column] ? space + entries[column] : entries[column] + space
      }
      return padded.joined(separator: "  ").trimmingSuffix(" ") + "\n"
    }
    let heading = line(columns)
    let bold = StandardStream.output.hasColor ? "\u{1B}[1m\(heading)\u{1B}[0m" : heading
    return bold + cells.map(line).joined()
  }

  /// RFC 4180, with a header line.
  var csv: String {
    func line(_ entries: [String]) -> String {
      entries.map(Self.quoted).joined(separator: ",") + "\r\n"
    }
    return line(columns) + rows.map { line($0.map(\.exact)) }.joined()
  }

  /// One object per row, keyed by column.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for row in rows {
      try container.encode(Dictionary(zip(columns, row), uniquingKeysWith: { _, last in last }))
    }
  }

  private static func quoted(_ entry: String) -> String {
    guard entry.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return entry }
    return "\"" + entry.replacing("\"", with: "\"\"") + "\""
  }
}

extension Table.Cell {
  init(_ text: String?) { self = text.map(Self.text) ?? .missing }

  init(_ value: Int?) { self = value.map { .integer(Int64($0)) } ?? .missing }

  init(_ value: Double?, decimals: Int) {
    self = value.map { .real($0, decimals: decimals) } ?? .missing
  }

  var isNumber: Bool {
    switch self {
    case .integer, .real: true
    case .text, .missing: false
    }
  }

  /// As CSV spells it.
  var exact: String {
    switch self {
    case .text(let text): text
    case .integer(let value): "\(value)"
    case .real(let value, _): "\(value)"
    case .missing: ""
    }
  }

  /// As a text table spells it.
  var text: String {
    switch self {
    case .real(let value, .some(let decimals)): String(format: "%.\(decimals)f", value)
    case .missing: "-"
    default: exact
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .integer(let value): try container.encode(value)
    case .real(let value, _): try container.encode(value)
    case .missing: try container.encodeNil()
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var trimmed = self
    while trimmed.last == character { trimmed.removeLast() }
    return trimmed
  }
}

/// What a long command says while it works, on standard error.
///
/// On a terminal one line is rewritten; piped, only the lines that are worth keeping are printed.
struct Progress {
  private let stream = StandardStream.error
  private let isLive = StandardStream.error.isTerminal

  /// Shows where the work stands; the next call writes over it.
  func update(_ line: @autoclosure () -> String) {
    if isLive { stream.write("\r\u{1B}[K\(line())") }
  }

  /// Prints a line that stays.
  func keep(_ line: String) {
    stream.write(isLive ? "\r\u{1B}[K\(line)\n" : "\(line)\n")
  }

  /// Removes the line of `update`.
  func clear() {
    if isLive { stream.write("\r\u{1B}[K") }
  }
}

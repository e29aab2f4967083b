import Datasets
import Foundation

/// A figure: what it shows, what it says in words, and where its numbers come from.
public struct Figure: Sendable {
  /// Of the file, not drawn.
  public var title: String
  /// What there is to be seen, for those who cannot see it.
  public var summary: String
  /// For the paper: what is shown, the settings, seeds and intervals.
  public var caption: String
  /// What is drawn.
  public var content: any FigureContent
  /// The numbers behind it.
  public var data: FigureData
  /// Runs and files that its numbers come from.
  public var sources: [FigureSource]
  /// When its newest source was made: the file's date.
  public var date: Date
  /// What a user should know of the data, such as runs that are not finished.
  public var notes: [String]

  /// All parts at once.
  public init(
    title: String, summary: String, caption: String, content: any FigureContent, data: FigureData,
    sources: [FigureSource], date: Date, notes: [String] = []
  ) {
    self.title = title
    self.summary = summary
    self.caption = caption
    self.content = content
    self.data = data
    self.sources = sources
    self.date = date
    self.notes = notes
  }
}

/// A run or a file that a figure's numbers come from.
public struct FigureSource: Codable, Equatable, Sendable {
  /// Of the run or the file.
  public var name: String
  /// 64 hexadecimal digits: of a run's chain, or SHA-256 of a file.
  public var digest: String

  /// A source whose digest is known.
  public init(name: String, digest: String) {
    self.name = name
    self.digest = digest
  }

  /// A file by its content.
  public init(name: String, content: Data) {
    self.init(name: name, digest: SHA256Digest.hex(of: [[UInt8](content)]))
  }
}

/// Rows under named columns.
public struct FigureData: Equatable, Sendable {
  /// An entry of the table.
  public enum Value: Equatable, Sendable, ExpressibleByStringLiteral {
    /// Words.
    case text(String)
    /// A number, in the column's unit.
    case number(Double)
    /// Nothing, where there is no number.
    case missing

    /// Words.
    public init(stringLiteral value: String) { self = .text(value) }

    /// A number, or nothing for nil.
    public init(_ value: Double?) { self = value.map(Value.number) ?? .missing }
  }

  /// Their names, with units.
  public var columns: [String]
  /// An entry for each column.
  public var rows: [[Value]]

  /// Rows of as many entries as there are columns.
  public init(columns: [String], rows: [[Value]] = []) {
    self.columns = columns
    self.rows = rows
  }

  /// RFC 4180 with a header; numbers with all their digits.
  public var csv: String {
    func line(_ entries: [String]) -> String {
      entries.map { entry in
        entry.contains { ",\"".contains($0) || $0.isNewline }
          ? "\"" + entry.replacing("\"", with: "\"\"") + "\"" : entry
      }.joined(separator: ",") + "\r\n"
    }
    return line(columns)
      + rows.map { row in
        line(
          row.map { value in
            switch value {
            case .text(let text): text
            case .number(let number):
              number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
            case .missing: ""
            }
          })
      }.joined()
  }
}

/// How large a figure is, and how it looks.
public struct FigureStyle: Equatable, Sendable {
  /// In points.
  public var width: Double
  /// Colours and sizes.
  public var theme: Theme
  /// Of an installed font; nil for the shipped one.
  public var font: String?
  /// Pixels per inch of a PNG.
  public var dotsPerInch: Double

  /// A venue's column, unless a width in points is given.
  public init(
    venue: Venue = .cvpr, column: Venue.Column = .single, width: Double? = nil,
    theme: Theme.Name = .paper, font: String? = nil, dotsPerInch: Double = 300
  ) {
    self.width = width ?? venue.width(column)
    let sizes = venue.typeSizes
    self.theme = Theme(theme, labelSize: sizes.label, smallSize: sizes.small)
    self.font = font
    self.dotsPerInch = dotsPerInch
  }

  /// Reads "mm:88", "cm:8.8", "in:3.25" or "pt:236".
  ///
  /// - Throws: `FigureError.badWidth`.
  public static func width(_ word: String) throws -> Double {
    let parts = word.split(separator: ":", omittingEmptySubsequences: false)
    let units = ["mm": 72 / 25.4, "cm": 720 / 25.4, "in": 72, "pt": 1]
    guard parts.count == 2, let unit = units[String(parts[0])], let number = Double(parts[1]),
      100...5000 ~= number * unit
    else { throw FigureError.badWidth(word) }
    return number * unit
  }
}

/// Kinds of files.
public enum FigureFormat: String, CaseIterable, Sendable {
  /// A page of vectors with embedded fonts.
  case pdf
  /// Vectors for the web.
  case svg
  /// Pixels.
  case png

  /// The kind that a file's ending asks for.
  ///
  /// - Throws: `FigureError.unknownFormat`.
  public init(of file: URL) throws {
    guard let format = FigureFormat(rawValue: file.pathExtension.lowercased()) else {
      throw FigureError.unknownFormat(path: file.relativePath)
    }
    self = format
  }
}

extension Figure {
  /// The file's bytes: the same for the same figure, style, record and font.
  ///
  /// - Parameter arguments: of `milenas-lab plot`, those that decide what is drawn.
  /// - Throws: `FigureError.noSuchFont`, `.missingGlyphs`, `.notDrawn`, `.badDate`.
  public func rendered(
    as format: FigureFormat, style: FigureStyle, arguments: [String], date: Date? = nil
  ) throws -> Data {
    let typesetter = try Typesetter(font: style.font)
    let canvas = content.draw(width: style.width, theme: style.theme, typesetter: typesetter)
    guard typesetter.missing.isEmpty else {
      throw FigureError.missingGlyphs(
        letters: typesetter.missing.sorted().map { "“\($0)”" }.joined(separator: " "),
        font: typesetter.family)
    }
    let record = FigureRecord(
      arguments: arguments, sources: sources, font: typesetter.family,
      fontDigest: typesetter.fontDigest, date: try date ?? Self.environmentDate() ?? self.date)
    return try CairoPage(canvas).data(
      as: format, title: title, summary: summary, record: record, dotsPerInch: style.dotsPerInch)
  }

  /// SOURCE_DATE_EPOCH, where it is set (reproducible-builds.org).
  private static func environmentDate() throws -> Date? {
    guard let word = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"], !word.isEmpty else {
      return nil
    }
    guard let seconds = Int(word), 0...253_402_300_799 ~= seconds else {
      throw FigureError.badDate(word)
    }
    return Date(timeIntervalSince1970: Double(seconds))
  }
}

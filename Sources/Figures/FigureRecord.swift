import Foundation

/// What a figure's file says of itself to programs: enough to draw it again.
public struct FigureRecord: Codable, Equatable, Sendable {
  /// Of `milenas-lab plot`.
  public var arguments: [String]
  /// Runs and files that the numbers come from.
  public var sources: [FigureSource]
  /// The family.
  public var font: String
  /// SHA-256 of the shipped font; nil for an installed one.
  public var fontDigest: String?
  /// Seconds since 1970.
  public var date: Int

  /// All parts at once; the date in whole seconds.
  public init(
    arguments: [String], sources: [FigureSource], font: String, fontDigest: String?, date: Date
  ) {
    self.arguments = arguments
    self.sources = sources
    self.font = font
    self.fontDigest = fontDigest
    self.date = Int(date.timeIntervalSince1970.rounded(.down))
  }

  /// As a user would type it.
  public var command: String {
    (["milenas-lab", "plot"] + arguments).map { word in
      let isPlain = word.allSatisfy {
        $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:=,+".contains($0))
      }
      return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }

  /// "2026-03-01T12:00:00Z"
  var timestamp: String {
    Date(timeIntervalSince1970: Double(date)).formatted(.iso8601)
  }

  /// One line of JSON in ASCII, keys sorted: the same bytes in every kind of file.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings, whole numbers and arrays of them can always be encoded.
    guard let data = try? encoder.encode(self) else { preconditionFailure("a record of strings") }
    return String(decoding: data, as: UTF8.self).unicodeScalars.map { scalar in
      scalar.isASCII
        ? String(scalar) : String(scalar).utf16.map { String(format: "\\u%04x", $0) }.joined()
    }.joined()
  }

  init(json: String, path: String) throws {
    guard json.utf8.count < 1 << 22,
      let record = try? JSONDecoder().decode(FigureRecord.self, from: Data(json.utf8))
    else { throw FigureError.noRecord(path: path) }
    self = record
  }

  /// Reads the record out of a figure's bytes.
  ///
  /// - Throws: `FigureError.noRecord`, `.unknownFormat`.
  public init(of bytes: Data, format: FigureFormat, path: String) throws {
    let text: String?
    switch format {
    case .pdf: text = Self.keywords(ofPDF: bytes)
    case .svg: text = Self.metadata(ofSVG: bytes)
    case .png: text = PNGChunks.text(PNGChunks.recordKeyword, in: bytes)
    }
    guard let text else { throw FigureError.noRecord(path: path) }
    try self.init(json: text, path: path)
  }

  /// The string after /Keywords: Cairo writes it in parentheses, and in UTF-16 as hexadecimal digits where it has
  /// parentheses or backslashes itself.
  private static func keywords(ofPDF bytes: Data) -> String? {
    if let start = bytes.range(of: Data("/Keywords <FEFF".utf8)) {
      let digits = Array(bytes[start.upperBound...].prefix { $0 != UInt8(ascii: ">") })
      let units = stride(from: 0, to: digits.count - 3, by: 4).map {
        UInt16(String(decoding: digits[$0..<($0 + 4)], as: UTF8.self), radix: 16)
      }
      return String(decoding: units.map { $0 ?? 0xFFFD }, as: UTF16.self)
    }
    guard let start = bytes.range(of: Data("/Keywords (".utf8)),
      let end = bytes[start.upperBound...].firstIndex(of: UInt8(ascii: ")"))
    else { return nil }
    return String(decoding: bytes[start.upperBound..<end], as: UTF8.self)
  }

  private static func metadata(ofSVG bytes: Data) -> String? {
    guard let start = bytes.range(of: Data("<metadata>".utf8)),
      let end = bytes.range(of: Data("</metadata>".utf8), in: start.upperBound..<bytes.endIndex)
    else { return nil }
    return String(decoding: bytes[start.upperBound..<end.lowerBound], as: UTF8.self)
      .replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
      .replacing("&amp;", with: "&")
  }
}

/// What Cairo leaves out of a PNG: its resolution, and words.
enum PNGChunks {
  static let recordKeyword = "milenas-lab"

  /// Puts chunks right after the header.
  ///
  /// - Parameter words: keywords (1 to 79 letters of ASCII) and what they say, in UTF-8.
  static func inserted(
    into png: Data, dotsPerInch: Double, words: [(keyword: String, text: String)]
  ) -> Data {
    // Signature 8, IHDR 4 + 4 + 13 + 4.
    let headerEnd = png.startIndex + 33
    var chunks = Data()
    let perMetre = UInt32((dotsPerInch / 0.0254).rounded())
    chunks.append(chunk("pHYs", bigEndian(perMetre) + bigEndian(perMetre) + [1]))
    for (keyword, text) in words {
      // Keyword, NUL, not compressed, method 0, no language, no translated keyword.
      chunks.append(chunk("iTXt", Array(keyword.utf8) + [0, 0, 0, 0, 0] + Array(text.utf8)))
    }
    return png[..<headerEnd] + chunks + png[headerEnd...]
  }

  /// What an iTXt chunk says under a keyword; nil when there is none, or the file is no PNG.
  static func text(_ keyword: String, in png: Data) -> String? {
    let bytes = [UInt8](png)
    var place = 8
    let prefix = Array(keyword.utf8) + [0, 0, 0, 0, 0]
    while place + 12 <= bytes.count {
      let length = bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard place + 12 + length <= bytes.count else { return nil }
      let content = bytes[(place + 8)..<(place + 8 + length)]
      if bytes[(place + 4)..<(place + 8)].elementsEqual("iTXt".utf8), content.starts(with: prefix) {
        return String(decoding: content.dropFirst(prefix.count), as: UTF8.self)
      }
      place += 12 + length
    }
    return nil
  }

  private static func chunk(_ kind: String, _ content: [UInt8]) -> Data {
    let body = Array(kind.utf8) + content
    return Data(bigEndian(UInt32(content.count)) + body + bigEndian(CRC32.of(body)))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}

/// The checksum of PNG's chunks (ISO 3309).
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in
      value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
    }
  }

  static func of(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}

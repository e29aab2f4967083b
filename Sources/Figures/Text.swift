import Foundation

/// Words of a figure: upright, italic or bold, with subscripts and superscripts.
///
/// Written as people write it in plain text: `*a*` is italic, `**a**` bold, `_{i}` a subscript, `^{2}` a superscript.
/// Greek letters are italic by themselves, and a hyphen before a digit is a minus sign.
public struct Text: Equatable, Hashable, Sendable, ExpressibleByStringLiteral {
  enum Level { case line, below, above }

  struct Run: Equatable, Hashable, Sendable {
    var words: String
    var isItalic = false
    var isBold = false
    var level = Level.line
  }

  private(set) var runs: [Run]

  /// Reads the marks.
  public init(stringLiteral value: String) { self.init(value) }

  /// Reads the marks; one that is not closed is an ordinary letter.
  public init(_ marked: String) {
    var reader = Reader(Array(marked))
    runs = reader.runs()
  }

  /// Takes the words as they are, such as the name of a run.
  public init(plain words: String) { runs = words.isEmpty ? [] : [Run(words: words)] }

  /// One after the other.
  public static func + (a: Text, b: Text) -> Text {
    var sum = a
    sum.runs += b.runs
    return sum
  }

  /// The same in bold.
  public var bold: Text {
    var text = self
    for index in text.runs.indices { text.runs[index].isBold = true }
    return text
  }

  /// Without marks, on one line: for metadata and tables.
  public var plain: String {
    runs.map { run in
      switch run.level {
      case .line: run.words
      case .below: "_\(run.words)"
      case .above: "^\(run.words)"
      }
    }.joined()
  }

  /// Whether there are no words.
  public var isEmpty: Bool { runs.isEmpty }

  /// For Pango; sizes in points.
  func pangoMarkup(size: Double) -> String {
    func units(_ points: Double) -> Int { Int((points * 1024).rounded()) }
    // No letter is smaller than 5 points, unless the line is.
    let raised = max(0.72 * size, min(5, size))
    return runs.map { run in
      var attributes = ""
      if run.isItalic { attributes += " font_style=\"italic\"" }
      if run.isBold { attributes += " font_weight=\"bold\"" }
      switch run.level {
      case .line: break
      case .below:
        attributes += " size=\"\(units(raised))\" rise=\"\(units(-0.16 * size))\""
      case .above:
        attributes += " size=\"\(units(raised))\" rise=\"\(units(0.36 * size))\""
      }
      let words = run.words.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        .replacing(">", with: "&gt;")
      return attributes.isEmpty ? words : "<span\(attributes)>\(words)</span>"
    }.joined()
  }

  /// One pass over the letters.
  private struct Reader {
    let letters: [Character]
    var place = 0
    var isItalic = false
    var isBold = false

    init(_ letters: [Character]) { self.letters = letters }

    mutating func runs() -> [Run] {
      var runs: [Run] = []
      func append(_ words: String, italic: Bool, bold: Bool, level: Level) {
        if let last = runs.last, last.isItalic == italic, last.isBold == bold, last.level == level {
          runs[runs.count - 1].words += words
        } else {
          runs.append(Run(words: words, isItalic: italic, isBold: bold, level: level))
        }
      }
      while place < letters.count {
        if starts(with: "**"), isBold || closes("**", from: place + 2) {
          isBold.toggle()
          place += 2
        } else if starts(with: "*"), isItalic || closes("*", from: place + 1) {
          isItalic.toggle()
          place += 1
        } else if starts(with: "_{") || starts(with: "^{"),
          let end = letters[place...].firstIndex(of: "}")
        {
          let level: Level = letters[place] == "_" ? .below : .above
          for letter in letters[(place + 2)..<end] {
            append(
              String(letter == "-" ? "−" : letter), italic: isItalic || Self.isGreek(letter),
              bold: isBold, level: level)
          }
          place = end + 1
        } else {
          let letter = letters[place]
          append(
            isMinus ? "−" : String(letter), italic: isItalic || Self.isGreek(letter), bold: isBold,
            level: .line)
          place += 1
        }
      }
      return runs
    }

    private func starts(with mark: String) -> Bool {
      letters[place...].starts(with: Array(mark))
    }

    private func closes(_ mark: String, from start: Int) -> Bool {
      let mark = Array(mark)
      guard start < letters.count, letters[start] != " " else { return false }
      return (start..<letters.count).contains { letters[$0...].starts(with: mark) }
    }

    /// A hyphen that a digit follows and that no word or number comes before.
    private var isMinus: Bool {
      guard letters[place] == "-", place + 1 < letters.count, letters[place + 1].isNumber else {
        return false
      }
      return place == 0 || " (=[,±".contains(letters[place - 1])
    }

    private static func isGreek(_ letter: Character) -> Bool { ("α"..."ω").contains(letter) }
  }
}

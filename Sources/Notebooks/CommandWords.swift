/// The command lines of a `milenas` cell, split into words without a shell.
enum CommandWords {
  /// One list of words per command, without the program's name; a backslash at the end of a line joins the next.
  ///
  /// Quotes and backslashes work as in a shell. Blank lines and lines that begin with # are left out.
  ///
  /// - Throws: `CellFailure.failed` for what only a shell understands.
  static func commands(of code: String) throws -> [[String]] {
    var commands: [[String]] = []
    let joined = code.replacing("\\\n", with: " ")
    for line in joined.split(separator: "\n") {
      var words = try words(of: line)
      if words.first == "milenas-lab" { words.removeFirst() }
      if !words.isEmpty { commands.append(words) }
    }
    guard !commands.isEmpty else {
      throw CellFailure.failed(reason: "there is no command in it: write one, such as runs list")
    }
    return commands
  }

  /// A word as it stands in a command or as the value of an option: in double quotes where it is not read as itself.
  static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy {
      $0.isASCII && ($0.isLetter || $0.isNumber || "-_./,:@%+".contains($0))
    }
    guard !isPlain || word.isEmpty else { return word }
    return "\"" + word.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// The commands that write nothing, each with those of its options that do.
  ///
  /// `plot check` is none of them: it runs the command that a file names.
  static let reading: [[String]: Set<String>] = [
    ["--version"]: [], ["--help"]: [], ["help"]: [],
    ["runs", "list"]: [], ["runs", "show"]: [], ["runs", "schema"]: [], ["runs", "sql"]: [],
    ["runs", "diff"]: [], ["runs", "verify"]: ["--repair"], ["runs", "replay"]: ["--dump"],
    ["runs", "tail"]: [],
    ["study", "list"]: [], ["study", "show"]: [], ["study", "status"]: [],
    ["study", "collect"]: [],
    ["genotype", "list"]: [], ["genotype", "show"]: [], ["genotype", "count"]: [],
    ["genotype", "export"]: [],
    ["data", "list"]: [], ["data", "check"]: [],
    ["fit"]: [], ["table"]: [], ["explain"]: [], ["selftest"]: [], ["doctor"]: [],
  ]

  /// Whether a command is one of these, without an option that writes.
  static func onlyRead(_ words: [String]) -> Bool {
    let options = (1...2).lazy.compactMap { reading[Array(words.prefix($0))] }.first
    return options.map { writing in
      !words.contains { writing.contains(String($0.prefix { $0 != "=" })) }
    } ?? false
  }

  private static func words(of line: Substring) throws -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var rest = line
    while let character = rest.popFirst() {
      switch (character, quote) {
      case ("\\", nil), ("\\", .some("\"")):
        guard let next = rest.popFirst() else {
          throw CellFailure.failed(reason: "“\(line)” ends with a backslash and no line follows")
        }
        // Within double quotes a backslash is one, unless it hides a quote or a backslash.
        let isLiteral = quote != nil && next != "\"" && next != "\\"
        word = (word ?? "") + (isLiteral ? "\\" : "") + String(next)
      case (_, .some(let mark)) where character == mark:
        quote = nil
      case (_, .some):
        word = (word ?? "") + String(character)
      case ("'", nil), ("\"", nil):
        quote = character
        word = word ?? ""
      case ("#", nil) where word == nil:
        return words
      case (_, nil) where character.isWhitespace:
        if let word { words.append(word) }
        word = nil
      case (_, nil) where "|&;<>$`*?()".contains(character):
        throw CellFailure.failed(
          reason: "“\(character)” has a meaning for a shell only: quote it, or make this a sh cell")
      default:
        word = (word ?? "") + String(character)
      }
    }
    if quote != nil {
      throw CellFailure.failed(reason: "“\(line)” has a quote that is not closed: close it")
    }
    if let word { words.append(word) }
    return words
  }
}

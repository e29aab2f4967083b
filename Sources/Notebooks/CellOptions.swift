import Datasets
import Foundation

/// What a cell is written in.
public enum CellLanguage: String, CaseIterable, Codable, Sendable {
  /// A shell's.
  case sh
  /// One SELECT on a run's log.
  case sql
  /// This program's arguments.
  case milenas
}

/// The options of a cell: `{run=demo name=curve tolerance=1e-6 ignore mask="[0-9.]+ s"}`.
public struct CellOptions: Equatable, Sendable {
  /// How `--only` and errors call the cell.
  public var name: String?
  /// The run that the cell reads: a name in the runs folder, or a path.
  public var run: String?
  /// Runs that the cell reads: a folder of them, or those whose names begin alike, FOLDER/NAME*.
  public var study: String?
  /// Runs that the cell makes, by their names in the runs folder; what an earlier execution left is removed first.
  public var makes: [String] = []
  /// Pictures that the cell draws: paths from the folder that cells run in.
  public var figures: [String] = []
  /// Numbers are equal when they differ by at most this part of the larger one; 0: only the same text is.
  public var tolerance = 0.0
  /// The output is not compared.
  public var isIgnored = false
  /// What the cell prints is CSV, and is shown as a table.
  public var isTable = false
  /// Shown, never run.
  public var isSkipped = false
  /// Messages on standard error belong to the output.
  public var hasMessages = false
  /// That the cell is expected to end with.
  public var exitCode: Int32 = 0
  /// What matches is shown as "…": times, paths.
  public var mask: String?
  /// Only lines that hold a match are shown; of a table, only such rows, as they stand in CSV.
  public var keep: String?
  /// Significant digits of the numbers in a table.
  public var digits: Int?
  /// Seconds after which the cell is ended.
  public var timeout: Double?

  /// Options that not every cell may have.
  private static let languages: [String: Set<CellLanguage>] = [
    "makes": [.sh, .milenas], "figure": [.sh, .milenas], "exit": [.sh, .milenas],
    "stderr": [.sh, .milenas], "keep": [.sh, .milenas], "table": [.sh, .milenas],
  ]

  private static let names =
    ["name", "run", "study", "tolerance", "ignore", "skip", "mask", "digits", "timeout"]
    + languages.keys

  /// What holds for a cell that says nothing.
  public init() {}

  /// Reads what follows the language in an info string: nothing, or options in braces.
  ///
  /// - Throws: `CellFailure.failed` with what is wrong.
  init(_ text: String, for language: CellLanguage) throws {
    guard !text.isEmpty else {
      try check(for: language)
      return
    }
    guard text.hasPrefix("{"), text.hasSuffix("}"), text.count >= 2 else {
      throw Self.bad("“\(text)” are no options: write {name=value …} after \(language.rawValue)")
    }
    var seen: Set<String> = []
    for (key, value) in try Self.pairs(String(text.dropFirst().dropLast())) {
      guard Self.names.contains(key) else {
        let nearest = NearestName.of(key, among: Self.names).map { ": did you mean \($0)?" }
        throw Self.bad(
          "no option is called \(key)"
            + (nearest ?? ": there are \(Self.names.sorted().joined(separator: ", "))"))
      }
      guard seen.insert(key).inserted else { throw Self.bad("\(key) is given twice: keep one") }
      guard Self.languages[key]?.contains(language) ?? true else {
        throw Self.bad("a \(language.rawValue) cell has no option \(key): leave it out")
      }
      try set(key, value)
    }
    try check(for: language)
  }

  private mutating func set(_ key: String, _ value: String?) throws {
    switch (key, value) {
    case ("ignore", nil): isIgnored = true
    case ("table", nil): isTable = true
    case ("skip", nil): isSkipped = true
    case ("stderr", nil): hasMessages = true
    case ("ignore", _), ("table", _), ("skip", _), ("stderr", _):
      throw Self.bad("\(key) stands alone: leave out what follows it")
    case (_, nil), (_, ""):
      throw Self.bad("\(key) has no value: write \(key)=…")
    case ("name", let value?):
      guard value.first?.isLetter == true, value.allSatisfy(Self.isNameCharacter) else {
        throw Self.bad(
          "“\(value)” cannot name a cell: begin with a letter, use letters, digits, - and _")
      }
      name = value
    case ("run", let value?): run = value
    case ("study", let value?): study = value
    case ("makes", let value?):
      makes = value.split(separator: ",").map(String.init)
      guard makes.allSatisfy({ $0.allSatisfy(Self.isNameCharacter) && $0.first != "." }) else {
        throw Self.bad("makes=\(value) should be names of runs, separated by commas")
      }
    case ("figure", let value?):
      figures = value.split(separator: ",").map(String.init)
      let arePictures = figures.allSatisfy { path in
        [".svg", ".png"].contains { path.hasSuffix($0) } && !path.hasPrefix("/")
          && !path.split(separator: "/").contains("..")
          && path.allSatisfy { Self.isNameCharacter($0) || $0 == "/" }
      }
      guard arePictures, !figures.isEmpty else {
        throw Self.bad(
          "figure=\(value) should be paths such as figures/fig3.svg, to SVG or PNG files")
      }
    case ("tolerance", let value?): tolerance = try Self.number(value, key, from: 0)
    case ("timeout", let value?): timeout = try Self.number(value, key, from: 0.001)
    case ("exit", let value?):
      guard let code = Int32(value), 0...255 ~= code else {
        throw Self.bad("exit=\(value) should be an exit code, from 0 to 255")
      }
      exitCode = code
    case ("digits", let value?):
      guard let count = Int(value), 1...17 ~= count else {
        throw Self.bad("digits=\(value) should be from 1 to 17")
      }
      digits = count
    case ("mask", let value?), ("keep", let value?):
      do {
        _ = try Regex(value)
      } catch {
        throw Self.bad("\(key)=\(value) is no regular expression: correct it, or quote it with \"")
      }
      if key == "mask" { mask = value } else { keep = value }
    default:
      preconditionFailure("\(key) is in the list of names")
    }
  }

  private func check(for language: CellLanguage) throws {
    if run != nil && study != nil { throw Self.bad("run and study exclude each other: give one") }
    if language == .sql && !isSkipped && run == nil && study == nil {
      throw Self.bad(
        "a sql cell reads a run: write {run=NAME}, or {study=FOLDER} for every run in a folder")
    }
    if digits != nil && language != .sql && !isTable {
      throw Self.bad("digits is for tables: add table, or leave it out")
    }
    if hasMessages && isTable {
      throw Self.bad("messages fit in no table: leave out stderr or table")
    }
  }

  private static func isNameCharacter(_ character: Character) -> Bool {
    character.isASCII
      && (character.isLetter || character.isNumber || "-_.".contains(character))
  }

  private static func number(_ text: String, _ key: String, from least: Double) throws -> Double {
    guard let value = Double(text), value >= least, value < 1e6 else {
      throw bad("\(key)=\(text) should be a number from \(least) to 1000000")
    }
    return value
  }

  private static func bad(_ reason: String) -> CellFailure { .failed(reason: reason) }

  /// Splits at white space outside of double quotes; in them \" and \\ stand for " and \.
  private static func pairs(_ text: String) throws -> [(key: String, value: String?)] {
    var pairs: [(String, String?)] = []
    var rest = text[...]
    while true {
      rest = rest.drop { $0.isWhitespace }
      guard !rest.isEmpty else { return pairs }
      let key = rest.prefix { !$0.isWhitespace && $0 != "=" && $0 != "\"" }
      rest = rest.dropFirst(key.count)
      guard !key.isEmpty else { throw bad("“\(rest)” begins with no option: write name=value") }
      guard rest.first == "=" else {
        pairs.append((String(key), nil))
        continue
      }
      rest.removeFirst()
      guard rest.first == "\"" else {
        let value = rest.prefix { !$0.isWhitespace }
        pairs.append((String(key), String(value)))
        rest = rest.dropFirst(value.count)
        continue
      }
      rest.removeFirst()
      var value = ""
      while let character = rest.popFirst(), character != "\"" {
        if character == "\\", let next = rest.first, next == "\"" || next == "\\" {
          value.append(rest.removeFirst())
        } else {
          value.append(character)
        }
        if rest.isEmpty { throw bad("the value of \(key) has no closing quote: add it") }
      }
      pairs.append((String(key), value))
    }
  }
}

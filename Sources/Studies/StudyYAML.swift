import Datasets
import Yams

/// A mapping of a study file, read strictly: every key must be known, every value of its type.
struct StudyMap {
  struct Entry {
    var key: String
    var keyPlace: StudyError.Place
    var value: StudyValue
  }

  /// What the mapping is, for errors: "the study", "settings.gdas".
  let name: String
  let place: StudyError.Place
  /// In the order of the file.
  let entries: [Entry]

  var keys: [String] { entries.map(\.key) }

  subscript(key: String) -> StudyValue? { entries.first { $0.key == key }?.value }

  /// - Throws: `StudyError.missingKey`.
  func required(_ key: String) throws -> StudyValue {
    guard let value = self[key] else {
      throw StudyError.missingKey(place, key: key, within: name)
    }
    return value
  }

  /// - Throws: `StudyError.unknownKey` for the first key that is none of `known`.
  func allow(only known: [String]) throws {
    for entry in entries where !known.contains(entry.key) {
      throw StudyError.unknownKey(
        entry.keyPlace, key: entry.key, within: name, known: known,
        nearest: NearestName.of(entry.key, among: known))
    }
  }

  /// Reads a whole file.
  ///
  /// - Throws: `StudyError.notYAML`, naming the line; `.badValue` when it is no mapping.
  init(yaml: String, file: String) throws {
    let node: Node?
    do {
      node = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw Self.translated(error, file: file)
    }
    let place = StudyError.Place(file: file, line: nil)
    guard let node else {
      throw StudyError.notYAML(place, problem: "it is empty")
    }
    self = try StudyValue(name: "the study", place: place, node: node).map()
  }

  fileprivate init(name: String, place: StudyError.Place, entries: [Entry]) {
    (self.name, self.place, self.entries) = (name, place, entries)
  }

  private static func translated(_ error: YamlError, file: String) -> StudyError {
    func at(_ line: Int?) -> StudyError.Place { StudyError.Place(file: file, line: line) }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return .notYAML(at(mark.line), problem: problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      return .notYAML(
        at(context.mark.line),
        problem: "the key \(duplicates.sorted().joined(separator: ", ")) stands there twice")
    default:
      return .notYAML(at(nil), problem: "\(error)")
    }
  }
}

/// A value of a study file with its place.
struct StudyValue {
  /// The path of keys: "settings.gdas.epochs".
  let name: String
  let place: StudyError.Place
  fileprivate let node: Node

  /// As it is written: numbers keep their digits, `no` stays a word.
  ///
  /// - Throws: `StudyError.badValue` for lists, mappings and nothing.
  func text() throws -> String {
    guard case .scalar(let scalar) = node, scalar.style != .plain || !Self.isNull(scalar.string)
    else { throw bad("one value") }
    return scalar.string
  }

  func integer(in range: ClosedRange<Int>) throws -> Int {
    guard case .scalar(let scalar) = node, scalar.style == .plain, let value = Int(scalar.string),
      range.contains(value)
    else {
      throw bad(
        range.upperBound == .max
          ? "a whole number from \(range.lowerBound) on"
          : "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func seeds() throws -> [UInt64] {
    let seeds = try list("a list of seeds such as [0, 1, 2, 3]").map { value in
      UInt64(try value.integer(in: 0...Int.max))
    }
    guard !seeds.isEmpty, Set(seeds).count == seeds.count else {
      throw bad("a list of seeds, none of them twice")
    }
    return seeds
  }

  /// A flag: `true` or `false`, as YAML 1.2 has them.
  func flag() throws -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain,
      let value = Bool(scalar.string)
    else { throw bad("true or false") }
    return value
  }

  func list(_ expected: String) throws -> [StudyValue] {
    guard case .sequence(let sequence) = node else { throw bad(expected) }
    return sequence.enumerated().map { index, node in
      StudyValue(name: "\(name)[\(index)]", place: place(of: node), node: node)
    }
  }

  /// One value, or a list of them.
  func texts() throws -> [String] {
    if case .sequence = node { return try list("a list").map { try $0.text() } }
    return [try text()]
  }

  func map() throws -> StudyMap {
    // `key:` with nothing after it is an empty mapping.
    if case .scalar(let scalar) = node, scalar.style == .plain, Self.isNull(scalar.string) {
      return StudyMap(name: name, place: place, entries: [])
    }
    guard case .mapping(let mapping) = node else { throw bad("a mapping of keys to values") }
    let prefix = name == "the study" ? "" : "\(name)."
    let entries = try mapping.map { key, value -> StudyMap.Entry in
      guard case .scalar(let scalar) = key else {
        throw StudyError.badValue(
          place(of: key), key: "a key of \(name)", found: "a list or mapping",
          expected: "one word")
      }
      return StudyMap.Entry(
        key: scalar.string, keyPlace: place(of: key),
        value: StudyValue(name: prefix + scalar.string, place: place(of: value), node: value))
    }
    return StudyMap(name: name, place: place, entries: entries)
  }

  func bad(_ expected: String) -> StudyError {
    .badValue(place, key: name, found: found, expected: expected)
  }

  fileprivate init(name: String, place: StudyError.Place, node: Node) {
    (self.name, self.place, self.node) = (name, place, node)
  }

  private func place(of node: Node) -> StudyError.Place {
    StudyError.Place(file: place.file, line: node.mark?.line)
  }

  private var found: String {
    switch node {
    case .scalar(let scalar): Self.isNull(scalar.string) ? "empty" : "“\(scalar.string)”"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  private static func isNull(_ text: String) -> Bool { ["", "~", "null"].contains(text) }
}

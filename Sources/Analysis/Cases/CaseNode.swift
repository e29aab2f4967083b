import Foundation
import Kernels

/// Any JSON value; `bool` before `number`, so that true is not 1.
enum JSONValue: Decodable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// All numbers below in order, true as 1; nil if there is anything else.
  var numbers: [Double]? {
    switch self {
    case .number(let value): return [value]
    case .bool(let value): return [value ? 1 : 0]
    case .array(let values):
      let parts = values.compactMap(\.numbers)
      return parts.count == values.count ? Array(parts.joined()) : nil
    case .null, .string, .object: return nil
    }
  }

  /// Whether there is a number below; formulas and remarks have none.
  var holdsNumbers: Bool {
    switch self {
    case .number, .bool: true
    case .array(let values): values.contains(where: \.holdsNumbers)
    case .object(let members): members.values.contains(where: \.holdsNumbers)
    case .null, .string: false
    }
  }
}

/// An object of a case file, which knows its path and which of its members were read.
///
/// Inputs are read by kind and must be there; certified values are compared if they are there.
final class CaseNode {
  let path: String
  private let members: [String: JSONValue]
  private var read: Set<String> = []
  private(set) var comparisons: [CaseReport.Comparison] = []
  private(set) var notCompared: [String] = []

  init(path: String, members: [String: JSONValue]) {
    self.path = path
    self.members = members
  }

  // MARK: Inputs

  func has(_ key: String) -> Bool { members[key] != nil }

  func number(_ key: String) throws -> Double {
    guard case .number(let value) = try input(key, "a number") else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: "a number")
    }
    return value
  }

  func integer(_ key: String) throws -> Int {
    guard let value = Int(exactly: try number(key)), value >= 0 else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: "a whole number, at least 0")
    }
    return value
  }

  func text(_ key: String) throws -> String {
    guard case .string(let value) = try input(key, "a string") else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: "a string")
    }
    return value
  }

  func vector(_ key: String, count: Int? = nil) throws -> [Double] {
    let expected = count.map { "a vector of \($0) numbers" } ?? "a vector of numbers"
    guard case .array(let values) = try input(key, expected) else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: expected)
    }
    return try numbers(values, key, count: count, expected)
  }

  /// Rows of equal length.
  func matrix(_ key: String, rows: Int? = nil, columns: Int? = nil) throws -> Matrix {
    let size = "\(rows.map { "\($0)" } ?? "n")×\(columns.map { "\($0)" } ?? "m")"
    let expected = "a matrix of \(size) numbers"
    guard case .array(let values) = try input(key, expected), rows ?? values.count == values.count
    else { throw AnalysisError.badCase(path: "\(path).\(key)", expected: expected) }
    var width = columns
    return try values.map { row in
      guard case .array(let entries) = row else {
        throw AnalysisError.badCase(path: "\(path).\(key)", expected: expected)
      }
      width = width ?? entries.count
      return try numbers(entries, key, count: width, expected)
    }
  }

  private func numbers(_ values: [JSONValue], _ key: String, count: Int?, _ expected: String) throws
    -> [Double]
  {
    let all = values.compactMap { value -> Double? in
      guard case .number(let number) = value else { return nil }
      return number
    }
    guard all.count == values.count, count ?? all.count == all.count else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: expected)
    }
    return all
  }

  private func input(_ key: String, _ expected: String) throws -> JSONValue {
    read.insert(key)
    guard let value = members[key] else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: "\(expected), but is missing")
    }
    return value
  }

  // MARK: Certified values

  /// How the difference to a certified value is measured.
  enum Measure {
    /// Relative to the certified value; absolute if that is zero.
    case relative
    /// As it is: for values that are relative errors themselves.
    case absolute
  }

  /// Compares a certified value, if there is one, with `value`, which is computed only then.
  func check(
    _ key: String, _ tolerance: Double, as measure: Measure = .relative,
    _ value: @autoclosure () throws -> [Double]
  ) throws {
    guard let member = members[key] else { return }
    read.insert(key)
    guard let certified = member.numbers else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: "numbers")
    }
    let computed = try value()
    var error = Double.infinity
    if computed.count == certified.count {
      error = computed.subtracting(certified).norm
      let scale = certified.norm
      if measure == .relative && scale > 0 { error /= scale }
    }
    comparisons.append(
      CaseReport.Comparison(path: "\(path).\(key)", error: error, tolerance: tolerance))
  }

  func check(
    _ key: String, _ tolerance: Double, as measure: Measure = .relative,
    _ value: @autoclosure () throws -> Double
  ) throws {
    try check(key, tolerance, as: measure, [value()])
  }

  /// Compares every "prefix…" whose rest is a number, which `value` takes: "d_milenas1_lambda_0.1".
  func check(prefix: String, _ tolerance: Double, _ value: (Double) throws -> [Double]) throws {
    for key in members.keys.sorted() where key.hasPrefix(prefix) {
      guard let parameter = Double(key.dropFirst(prefix.count)) else { continue }
      try check(key, tolerance, try value(parameter))
    }
  }

  // MARK: Below

  /// Checks the object `key`, if there is one; what `body` does not read of it is noted as not
  /// compared.
  func section(_ key: String, _ body: (CaseNode) throws -> Void) throws {
    guard let value = members[key] else { return }
    try descend("\(path).\(key)", key, value, body)
  }

  /// Checks each object of the list `key`, if there is one.
  func each(_ key: String, _ body: (CaseNode) throws -> Void) throws {
    guard let value = members[key] else { return }
    guard case .array(let rows) = value else {
      throw AnalysisError.badCase(path: "\(path).\(key)", expected: "a list")
    }
    for (index, row) in rows.enumerated() {
      try descend("\(path).\(key)[\(index)]", key, row, body)
    }
  }

  /// Checks each object "prefix…" whose rest is a number.
  func sections(prefix: String, _ body: (CaseNode, Double) throws -> Void) throws {
    for key in members.keys.sorted() where key.hasPrefix(prefix) {
      guard let parameter = Double(key.dropFirst(prefix.count)) else { continue }
      try section(key) { try body($0, parameter) }
    }
  }

  private func descend(
    _ path: String, _ key: String, _ value: JSONValue, _ body: (CaseNode) throws -> Void
  ) throws {
    read.insert(key)
    guard case .object(let members) = value else {
      throw AnalysisError.badCase(path: path, expected: "an object")
    }
    let node = CaseNode(path: path, members: members)
    defer { comparisons += node.comparisons }
    try body(node)
    node.noteUnread()
    notCompared += node.notCompared
  }

  /// Notes the members with numbers that nothing has read as not compared.
  func noteUnread() {
    for key in members.keys.sorted() where !read.contains(key) {
      if members[key]?.holdsNumbers == true { notCompared.append("\(path).\(key)") }
    }
  }
}

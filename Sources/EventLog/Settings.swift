import Datasets
import Foundation

/// The settings of a run by their path ("shape.channels"), values as JSON: what runs of any kind are compared by.
public struct Settings: Equatable, Sendable {
  /// By path.
  public private(set) var values: [String: String] = [:]

  /// All that a configuration encodes.
  public init(_ configuration: some Encodable) throws {
    walk(try JSONSerialization.jsonObject(with: try JSONEncoder().encode(configuration)), "")
  }

  /// Those that the manifest of a run holds.
  ///
  /// - Throws: `EventLogError.unreadableManifest`.
  public init(of run: RunFolder) throws {
    let path = run.manifestFile.relativePath
    let data: Data
    do {
      data = try Data(contentsOf: run.manifestFile)
    } catch {
      throw EventLogError.unreadableManifest(path: path, reason: reason(of: error))
    }
    guard let manifest = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let configuration = manifest["configuration"] as? [String: Any]
    else {
      throw EventLogError.unreadableManifest(path: path, reason: "it has no configuration")
    }
    walk(configuration, "")
  }

  /// The value at a path, as JSON; nil where there is none.
  public subscript(path: String) -> String? { values[path] }

  /// The same without some of them.
  public func without(_ paths: Set<String>) -> Settings {
    var result = self
    result.values = values.filter { !paths.contains($0.key) }
    return result
  }

  /// Those that differ, by name.
  public func differences(from other: Settings) -> [RunComparison.Setting] {
    Set(values.keys).union(other.values.keys).sorted()
      .filter { values[$0] != other.values[$0] }
      .map { .init(name: $0, first: values[$0], second: other.values[$0]) }
  }

  private mutating func walk(_ value: Any, _ path: String) {
    if let fields = value as? [String: Any] {
      for (name, field) in fields { walk(field, path.isEmpty ? name : "\(path).\(name)") }
    } else if let list = value as? [Any] {
      for (index, entry) in list.enumerated() { walk(entry, "\(path).\(index)") }
    } else if let number = value as? NSNumber, unsafe String(cString: number.objCType) == "c" {
      // What a number of JSON never is: written as a number, it would be taken for one.
      values[path] = "\(number.boolValue)"
    } else {
      values[path] = "\(value)"
    }
  }
}

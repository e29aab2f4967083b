import Foundation

/// What a run is, for people and programs: `manifest.json`, written before anything else.
public struct Manifest: Codable, Equatable, Sendable {
  /// ISO 8601, UTC: "2026-03-01T12:00:00Z".
  public var started: String
  public var environment: RunEnvironment

  public init(started: String, environment: RunEnvironment) {
    self.started = started
    self.environment = environment
  }

  /// - Throws: `EventLogError.unreadableManifest`.
  public init(contentsOf url: URL) throws {
    do {
      self = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: url))
    } catch let error as DecodingError {
      throw EventLogError.unreadableManifest(path: url.path, reason: error.sentence)
    } catch {
      throw EventLogError.unreadableManifest(path: url.path, reason: reason(of: error))
    }
  }

  /// Sorted keys: the same manifest has the same bytes, and their SHA-256 begins the chain of digests.
  var json: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(self) + Data("\n".utf8)
    }
  }
}

extension DecodingError {
  /// Where and what, in a few words.
  fileprivate var sentence: String {
    switch self {
    case .keyNotFound(let key, let context):
      "\((context.codingPath + [key]).dotted) is missing"
    case .valueNotFound(_, let context): "\(context.codingPath.dotted) is null"
    case .typeMismatch(let type, let context): "\(context.codingPath.dotted) is no \(type)"
    case .dataCorrupted(let context): context.debugDescription
    @unknown default: "\(self)"
    }
  }
}

extension [any CodingKey] {
  fileprivate var dotted: String { map(\.stringValue).joined(separator: ".") }
}

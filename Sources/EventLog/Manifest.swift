import Datasets
import Foundation
import Search

/// The manifest of a search.
public typealias Manifest = RunManifest<SearchLoop>

/// What a run is, for people and programs: `manifest.json`, written before anything else.
public struct RunManifest<Loop: RecordedLoop>: Codable, Equatable, Sendable {
  /// The images of a run.
  public typealias DataIdentity = EventLog.DataIdentity

  /// nil for a search.
  private var kind: RunKind?
  /// The name that the run began with; the folder may have been renamed since.
  public var name: String
  /// ISO 8601, UTC: "2026-03-01T12:00:00.000Z".
  public var started: String
  /// How much is recorded.
  public var logLevel: LogLevel
  /// Which checkpoints stay on disk.
  public var checkpoints: CheckpointPolicy
  /// Size of the log from which traces are left out, in bytes; nil: half of the disk's free space.
  public var maxLogBytes: Int?
  /// Every setting, resolved.
  public var configuration: Loop.Configuration
  /// Of an evaluation: where its cell comes from.
  public var cell: CellOrigin?
  /// The images.
  public var data: DataIdentity
  /// Workers of the first attempt; no part of the run's identity.
  public var threads: Int
  /// What the first attempt was computed with.
  public var environment: RunEnvironment

  /// The manifest of a run that is about to begin.
  public init(
    name: String, record: RecordOptions, configuration: Loop.Configuration,
    cell: CellOrigin? = nil, data: DataIdentity, threads: Int, started: String = .now(),
    environment: RunEnvironment = .current()
  ) {
    kind = Loop.kind == .search ? nil : Loop.kind
    self.name = name
    self.started = started
    logLevel = record.level
    checkpoints = record.checkpoints
    maxLogBytes = record.maxLogBytes
    self.configuration = configuration
    self.cell = cell
    self.data = data
    self.threads = threads
    self.environment = environment
  }

  /// Reads `manifest.json`.
  ///
  /// - Throws: `EventLogError.unreadableManifest`, `.otherKind`.
  public init(contentsOf url: URL) throws {
    let kind = try ManifestHead(contentsOf: url).kind ?? .search
    guard kind == Loop.kind else {
      throw EventLogError.otherKind(
        run: url.deletingLastPathComponent().lastPathComponent, found: kind, needed: Loop.kind)
    }
    self = try Self.decode(contentsOf: url)
  }

  func json() throws -> String { try Self.json(self) }

  /// SHA-256 of what decides every bit of the run: settings with the seed, and data.
  ///
  /// Log level, threads, machine and time do not; where two runs begin alike, their chains of digests do.
  func identity() throws -> Data {
    try Digest.sha256(Data((Self.json(configuration) + Self.json(data)).utf8))
  }

  /// With sorted keys, so that equal values have equal bytes.
  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
}

/// Where the cell of an evaluation comes from, when it was not given word by word.
public enum CellOrigin: Codable, Equatable, Sendable {
  /// The name of a published cell.
  case published(name: String)
  /// A run, with the digest that it had then; epoch: the one after which it had the cell, nil within an epoch.
  case run(name: String, epoch: Int?, digest: String)
}

/// What every manifest says, whatever the run is of.
struct ManifestHead: Decodable {
  var kind: RunKind?
  var started: String?

  /// - Throws: `EventLogError.unreadableManifest`.
  init(contentsOf url: URL) throws { self = try Self.decode(contentsOf: url) }
}

extension Decodable {
  /// - Throws: `EventLogError.unreadableManifest`.
  fileprivate static func decode(contentsOf url: URL) throws -> Self {
    do {
      return try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
    } catch let error as DecodingError {
      throw EventLogError.unreadableManifest(path: url.path, reason: error.sentence)
    } catch {
      throw EventLogError.unreadableManifest(path: url.path, reason: reason(of: error))
    }
  }
}

extension RunFolder {
  /// What the run is of.
  ///
  /// - Throws: `EventLogError.unreadableManifest`.
  public func kind() throws -> RunKind {
    try ManifestHead(contentsOf: manifestFile).kind ?? .search
  }
}

/// How much of a run is logged; each level contains the one before.
public enum LogLevel: String, CaseIterable, Codable, Comparable, Sendable {
  /// Start, end and result.
  case run
  /// Accuracies, losses, genotype, size and α after each epoch.
  case epoch
  /// α, losses, every term of the α-gradient, norms, samples, times and a digest of each step.
  case step
  /// The weight gradient of each step, too.
  case trace

  public static func < (a: LogLevel, b: LogLevel) -> Bool {
    guard let a = allCases.firstIndex(of: a), let b = allCases.firstIndex(of: b) else {
      preconditionFailure("allCases holds every case")
    }
    return a < b
  }
}

extension String {
  /// This moment in the log's form: ISO 8601, UTC, with milliseconds.
  public static func now() -> String {
    Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
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

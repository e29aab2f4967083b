import EventLog
import Foundation

/// The one run that a figure tells of.
public struct FigureRun: Sendable {
  /// Of the run.
  public var name: String
  /// The run, and analyses of it.
  public var sources: [FigureSource]
  /// When it ended, or began while it has not ended.
  public var date: Date

  /// What figures say of the run that a reader is open on.
  ///
  /// - Throws: what the reader throws.
  public init(_ reader: RunReader) throws {
    name = reader.run.name
    sources = [FigureSource(name: name, digest: try reader.digest())]
    let started = try? Date(
      reader.manifest.started, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    date = (started ?? .distantPast).addingTimeInterval(try reader.result()?.seconds ?? 0)
  }

  /// - Throws: `FigureError.noNumbers` unless all values are finite.
  func require(_ what: String, _ values: some Sequence<Double>) throws {
    guard values.allSatisfy(\.isFinite) else {
      throw FigureError.noNumbers(run: name, what: what)
    }
  }

  /// With what an analysis of it has found.
  ///
  /// - Throws: what encoding throws.
  public func analysed(_ kind: String, _ results: some Encodable) throws -> FigureRun {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var run = self
    run.sources.append(
      FigureSource(name: "\(name), \(kind)", content: try encoder.encode(results)))
    return run
  }
}

import Foundation
import Search

/// A record in the forms that other tools read.
public struct RunExport {
  /// What other programs read.
  public enum Format: String, CaseIterable, Sendable {
    /// epochs.csv, steps.csv, and alpha.csv of a search.
    case csv
    /// epochs.jsonl, steps.jsonl, with every vector.
    case jsonl
    /// run.npz: an array for each quantity, the first axis being the step or the epoch.
    case npz
    /// events.out.tfevents.…
    case tensorboard
  }

  private let forms: any ExportForms

  /// Opens a record, of either kind.
  ///
  /// - Throws: as `RecordReader`.
  public init(_ run: RunFolder) throws {
    switch try run.kind() {
    case .search: forms = try SearchExport(run)
    case .evaluation: forms = try EvaluationExport(run)
    }
  }

  /// Writes the files of a format into a folder, which is made.
  ///
  /// - Returns: what was written.
  /// - Throws: `EventLogError.folderNotWritable`, `.writeFailed`, `.diskFull`.
  public func write(_ format: Format, to folder: URL) throws -> [URL] {
    try AtomicFile.createFolder(folder, option: "--out")
    let files: [(String, Data)]
    switch format {
    case .csv: files = forms.csv
    case .jsonl: files = try forms.jsonLines()
    case .npz: files = [("run.npz", NumPy.archive(forms.arrays))]
    case .tensorboard: files = [tensorboard]
    }
    return try files.map { name, data in
      let url = folder.appending(path: name)
      try AtomicFile.write(data, to: url)
      return url
    }
  }

  private var tensorboard: (String, Data) {
    let time =
      (try? Date(
        forms.started, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))?
      .timeIntervalSince1970 ?? 0
    // TensorBoard knows its files by this name: time, host.
    let name = "events.out.tfevents.\(Int(time)).\(forms.host)"
    return (name, TensorBoard.file(forms.scalars, time: time))
  }
}

/// What a kind of run has for each form.
protocol ExportForms {
  var started: String { get }
  var host: String { get }
  /// Files by name.
  var csv: [(String, Data)] { get }
  func jsonLines() throws -> [(String, Data)]
  /// NumPy files by name.
  var arrays: [(name: String, file: Data)] { get }
  var scalars: [TensorBoard.Scalar] { get }
}

extension ExportForms {
  /// RFC 4180; rows as they are, so that entries with commas come quoted.
  func csvFile(_ header: String, _ rows: [[String]]) -> Data {
    Data(([header] + rows.map { $0.joined(separator: ",") }).map { $0 + "\r\n" }.joined().utf8)
  }

  /// With all digits; empty for nothing.
  func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

  func lines(_ values: [some Encodable]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try values.reduce(into: Data()) { $0 += try encoder.encode($1) + Data("\n".utf8) }
  }

  func numbers(_ name: String, _ values: [Double?]) -> (name: String, file: Data) {
    (name, NumPy.array(.float64(values.map { $0 ?? .nan }), shape: [values.count]))
  }

  func integers(_ name: String, _ values: [Int]) -> (name: String, file: Data) {
    (name, NumPy.array(.int64(values), shape: [values.count]))
  }
}

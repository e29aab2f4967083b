import EventLog
import Foundation

extension SizeAccuracyFit.Observation {
  /// Reads a CSV file with a header: size (or params_million), error, and deviation and seeds where they are known.
  ///
  /// - Throws: `AnalysisError.notPoints`, naming the line.
  public static func read(_ url: URL) throws -> [SizeAccuracyFit.Observation] {
    let text: String
    do {
      text = try String(contentsOf: url, encoding: .utf8)
    } catch {
      throw AnalysisError.notPoints(
        path: url.relativePath, line: 0, reason: "it cannot be read")
    }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    func fields(_ line: Substring) -> [String] {
      line.split(separator: ",", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
    }
    let header = lines.first.map(fields) ?? []
    func column(_ names: String...) -> Int? { header.firstIndex { names.contains($0) } }
    guard let size = column("size", "params_million"), let error = column("error", "error_percent")
    else {
      throw AnalysisError.notPoints(
        path: url.relativePath, line: 1, reason: "its header names no columns size and error")
    }
    let (deviation, seeds) = (column("deviation", "sd"), column("seeds", "n"))
    var points: [SizeAccuracyFit.Observation] = []
    for (index, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      let row = fields(line)
      func number(_ column: Int?) throws -> Double? {
        guard let column, column < row.count, !row[column].isEmpty else { return nil }
        guard let value = Double(row[column]), value.isFinite else {
          throw AnalysisError.notPoints(
            path: url.relativePath, line: index + 1, reason: "“\(row[column])” is no number")
        }
        return value
      }
      guard let x = try number(size), let y = try number(error) else {
        throw AnalysisError.notPoints(
          path: url.relativePath, line: index + 1, reason: "size or error is missing")
      }
      points.append(
        .init(
          size: x, error: y, deviation: try number(deviation),
          seeds: try number(seeds).map { Int($0) }))
    }
    return points
  }

  /// The sizes that searches went through: parameters of each epoch's derived network (C 36, 20 cells), with the
  /// validation error of the supernet, mean and deviation over the epochs and runs of that size.
  ///
  /// - Throws: as `RunReader`; `EventLogError.levelTooLow` for a run without epochs.
  public static func of(_ runs: [RunFolder]) throws -> [SizeAccuracyFit.Observation] {
    var errors: [Int: [Double]] = [:]
    for run in runs {
      let reader = try RunReader(run)
      guard reader.manifest.logLevel >= .epoch else {
        throw EventLogError.levelTooLow(
          run: run.name, level: reader.manifest.logLevel.rawValue, needed: "epoch")
      }
      for epoch in try reader.epochs() {
        errors[epoch.parameters, default: []].append(100 * (1 - epoch.validAccuracy))
      }
    }
    return errors.sorted { $0.key < $1.key }.map { parameters, errors in
      let mean = errors.reduce(0, +) / Double(errors.count)
      let squares = errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return SizeAccuracyFit.Observation(
        size: Double(parameters) / 1e6, error: mean,
        deviation: errors.count > 1 ? (squares / Double(errors.count - 1)).squareRoot() : nil,
        seeds: errors.count)
    }
  }
}

import EventLog
import Foundation

extension SizeAccuracyFit.Observation {
  /// Reads a CSV file with a header: size (or params_million), error, and deviation and seeds where they are known;
  /// other columns are passed over, fields may be quoted.
  ///
  /// - Throws: `AnalysisError.notPoints`, naming the line.
  public static func read(_ url: URL) throws -> [SizeAccuracyFit.Observation] {
    let text: String
    do {
      text = try String(contentsOf: url, encoding: .utf8)
    } catch {
      throw AnalysisError.notPoints(
        path: url.relativePath, line: nil, reason: "it cannot be read")
    }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let header = lines.first.map(fields) ?? []
    func column(_ names: String...) -> Int? { header.firstIndex { names.contains($0) } }
    guard let size = column("size", "params_million"), let error = column("error", "error_percent")
    else {
      throw AnalysisError.notPoints(
        path: url.relativePath, line: 1, reason: "its header names no columns size and error")
    }
    let (deviation, seeds) = (column("deviation", "sd"), column("seeds", "n"))
    var points: [SizeAccuracyFit.Observation] = []
    for (index, line) in lines.enumerated().dropFirst() where !line.allSatisfy(\.isWhitespace) {
      let row = fields(line)
      func number(
        _ column: Int?, _ what: String = "number", where fits: (Double) -> Bool = { _ in true }
      ) throws -> Double? {
        guard let column, column < row.count, !row[column].isEmpty else { return nil }
        guard let value = Double(row[column]), value.isFinite, fits(value) else {
          throw AnalysisError.notPoints(
            path: url.relativePath, line: index + 1, reason: "“\(row[column])” is no \(what)")
        }
        return value
      }
      guard let x = try number(size), let y = try number(error) else {
        throw AnalysisError.notPoints(
          path: url.relativePath, line: index + 1, reason: "size or error is missing")
      }
      let counted = try number(seeds, "count of seeds") { $0 >= 1 && Int(exactly: $0) != nil }
      points.append(
        .init(
          size: x, error: y, deviation: try number(deviation, "deviation") { $0 >= 0 },
          seeds: counted.flatMap { Int(exactly: $0) }))
    }
    return points
  }

  /// The fields of a line; commas within quotes separate none.
  private static func fields(_ line: Substring) -> [String] {
    var (fields, isQuoted) = ([""], false)
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// What runs of one kind say of size and error, mean and deviation over those of one size.
  ///
  /// Searches: parameters of each epoch's derived network (C 36, 20 cells), with the validation error of the
  /// supernet. Evaluations: parameters of the network that was trained, with its test error after the last epoch.
  ///
  /// - Throws: as `RecordReader`; `EventLogError.levelTooLow` for a search without epochs; `AnalysisError.unfit` for
  ///   runs of both kinds, and for an evaluation that has not ended.
  public static func of(_ runs: [RunFolder]) throws -> [SizeAccuracyFit.Observation] {
    var errors: [Int: [Double]] = [:]
    let kinds = try runs.map { try $0.kind() }
    if let search = kinds.firstIndex(of: .search),
      let evaluation = kinds.firstIndex(of: .evaluation)
    {
      throw AnalysisError.unfit(
        "\(runs[search].name) is a search and \(runs[evaluation].name) an evaluation, whose errors are not "
          + "of the same images: fit one kind at a time")
    }
    for (run, kind) in zip(runs, kinds) {
      let pairs: [(parameters: Int, accuracy: Double)] =
        kind == .search ? try pairs(ofSearch: run) : [try pair(ofEvaluation: run)]
      for (parameters, accuracy) in pairs {
        errors[parameters, default: []].append(100 * (1 - accuracy))
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

  private static func pairs(ofSearch run: RunFolder) throws -> [(parameters: Int, accuracy: Double)]
  {
    let reader = try RunReader(run)
    guard reader.manifest.logLevel >= .epoch else {
      throw EventLogError.levelTooLow(
        run: run.name, level: reader.manifest.logLevel.rawValue, needed: "epoch")
    }
    return try reader.epochs().map { ($0.parameters, $0.validAccuracy) }
  }

  private static func pair(ofEvaluation run: RunFolder) throws -> (
    parameters: Int, accuracy: Double
  ) {
    guard let result = try EvaluationReader(run).result(), result.outcome == .completed,
      let accuracy = result.lastAccuracy
    else {
      throw AnalysisError.unfit(
        "\(run.name) has not ended: `milenas-lab evaluate --resume \(run.name)` goes on with it")
    }
    return (result.parameters, accuracy)
  }
}

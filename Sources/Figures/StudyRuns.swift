import Analysis
import EventLog
import Foundation
import Search

/// The runs of a study: a folder that holds one folder per task, named `<setting>-s<seed>`.
public struct StudyRuns {
  /// A search that has ended, with all its epochs.
  struct Run {
    var name: String
    var seed: Int
    var manifest: Manifest
    var epochs: [EpochRecord]
    var digest: String
    var ended: Date
  }

  let folder: URL
  /// By setting, seeds ascending; what has not ended is not here.
  private let runs: [String: [Run]]
  /// Names of runs that have not ended, or cannot be read yet.
  let unfinished: [String]

  /// Reads the runs of these settings.
  ///
  /// - Throws: `FigureError.noStudy` when there is none; `EventLogError.levelTooLow` for a run without epochs;
  ///   `FigureError.notFinite`; what `RunReader` throws.
  public init(_ folder: URL, settings: [String]) throws {
    self.folder = folder
    var runs: [String: [Run]] = [:]
    var unfinished: [String] = []
    for run in RunStore(folder: folder).list() {
      guard let (setting, seed) = Self.task(run.name), settings.contains(setting) else { continue }
      let reader = try RunReader(run)
      guard let result = try reader.result(), result.outcome != .interrupted else {
        unfinished.append(run.name)
        continue
      }
      guard reader.manifest.logLevel >= .epoch else {
        throw EventLogError.levelTooLow(
          run: run.name, level: reader.manifest.logLevel.rawValue, needed: "epoch")
      }
      let epochs = try reader.epochs()
      for epoch in epochs {
        for (quantity, value) in [
          ("train accuracy", epoch.trainAccuracy), ("validation accuracy", epoch.validAccuracy),
          ("time", epoch.trainSeconds + epoch.validSeconds),
        ] where !value.isFinite {
          throw FigureError.notFinite(run: run.name, epoch: epoch.epoch, quantity: quantity)
        }
      }
      guard epochs.count > 1 else {
        throw FigureError.onePoint(run: run.name, epochs: epochs.count)
      }
      runs[setting, default: []].append(
        Run(
          name: run.name, seed: seed, manifest: reader.manifest, epochs: epochs,
          digest: try reader.digest(), ended: reader.manifest.ended(after: result.seconds)))
    }
    self.runs = runs.mapValues { $0.sorted { $0.seed < $1.seed } }
    self.unfinished = unfinished.sorted()
    guard !runs.isEmpty else {
      throw FigureError.noStudy(
        folder: folder.relativePath, settings: settings, unfinished: unfinished.count)
    }
  }

  /// "darts-2nd-s3": ("darts-2nd", 3).
  static func task(_ name: String) -> (setting: String, seed: Int)? {
    guard let mark = name.range(of: "-s", options: .backwards),
      let seed = Int(name[mark.upperBound...])
    else { return nil }
    return (String(name[..<mark.lowerBound]), seed)
  }

  func of(_ setting: String) -> [Run] { runs[setting] ?? [] }

  var all: [Run] { runs.sorted { $0.key < $1.key }.flatMap(\.value) }

  var sources: [FigureSource] { all.map { FigureSource(name: $0.name, digest: $0.digest) } }

  var date: Date { all.map(\.ended).max() ?? .distantPast }

  /// Means over the seeds of a setting, epoch by epoch as far as all of them came.
  func means(_ setting: String, of quantity: (Run, Int) -> Double) -> [SeedMean] {
    let runs = of(setting)
    guard let epochs = runs.map(\.epochs.count).min() else { return [] }
    return (0..<epochs).map { epoch in SeedMean(runs.map { quantity($0, epoch) }) }
  }

  /// What all runs of these settings share, in words: "fashion-mini, 1024 training images, C = 4, …".
  func common(to settings: [String]) -> String {
    let runs = settings.flatMap(of)
    guard let first = runs.first?.manifest else { return "" }
    func shared<Value: Equatable>(_ value: (Manifest) -> Value) -> Value? {
      runs.allSatisfy { value($0.manifest) == value(first) } ? value(first) : nil
    }
    var words: [String] = []
    if let data = shared(\.data.name) { words.append(data) }
    if let images = shared(\.configuration.trainImages), let images {
      words.append("\(images) training images")
    }
    if let channels = shared(\.configuration.shape.channels) { words.append("C = \(channels)") }
    if let cells = shared(\.configuration.shape.cells) { words.append("\(cells) cells") }
    if let batch = shared(\.configuration.batch) { words.append("batch \(batch)") }
    if let epochs = shared(\.configuration.epochs) { words.append("\(epochs) epochs") }
    if let steps = shared(\.configuration.stepsPerEpoch), let steps {
      words.append("\(steps) steps an epoch")
    }
    return words.joined(separator: ", ")
  }

  /// "means of 4 seeds (0 to 3) with 95 % t intervals", or which setting has how many.
  func seeds(of settings: [(name: String, words: String)]) -> String {
    let counts = settings.map { of($0.name).map(\.seed) }.filter { !$0.isEmpty }
    guard let first = counts.first else { return "" }
    if Set(counts).count == 1 {
      if first.count == 1 { return "one seed (\(first[0])), so no interval" }
      return "means of \(first.count) seeds (\(Self.list(first))) with 95 % t intervals"
    }
    let each = settings.filter { !of($0.name).isEmpty }
      .map { "\($0.words): \(of($0.name).count)" }.joined(separator: ", ")
    return "means over seeds with 95 % t intervals (seeds: \(each))"
  }

  private static func list(_ seeds: [Int]) -> String {
    let isRun = zip(seeds, seeds.dropFirst()).allSatisfy { $1 == $0 + 1 }
    return isRun && seeds.count > 2
      ? "\(seeds[0]) to \(seeds[seeds.count - 1])" : seeds.map(String.init).joined(separator: ", ")
  }
}

extension RunManifest {
  /// When the run ended, had it not been interrupted: a date that its copies share.
  func ended(after seconds: Double) -> Date {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    return ((try? Date(started, strategy: style)) ?? .distantPast).addingTimeInterval(seconds)
  }
}

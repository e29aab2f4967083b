import Analysis
import Datasets
import EventLog
import Foundation
import Search
import Supernet

/// Sizes and errors of cells that were trained from scratch.
public struct EvaluatedSizes {
  /// One for each size.
  public var points: [SizeAccuracyFit.Observation]
  var sources: [FigureSource]
  var date: Date
  var notes: [String] = []
  /// Follows "of n cells" in the caption.
  var caption: String
  /// What the evaluated networks have in common; nil for points of a file.
  private var shape: DerivedShape?

  /// Reads a CSV file with the columns size and error; deviation and seeds where they are known.
  ///
  /// - Throws: `AnalysisError.notPoints`; `FigureError.cannotRead`.
  public init(csv: URL) throws {
    points = try SizeAccuracyFit.Observation.read(csv)
    do {
      let content = try Data(contentsOf: csv)
      sources = [FigureSource(name: csv.lastPathComponent, content: content)]
    } catch {
      throw FigureError.cannotRead(path: csv.relativePath, reason: reason(of: error))
    }
    // A file's own date changes when it is copied.
    date = PaperFigures.date
    caption = " (\(csv.lastPathComponent))"
  }

  /// The evaluations of a study, whose names begin with `eval-`, as far as they have ended.
  ///
  /// - Throws: `FigureError.noStudy` when there is none; what `EvaluationReader` throws.
  public init(study: URL) throws {
    var done: [(run: RunFolder, manifest: RunManifest<DerivedTraining>, digest: String)] = []
    var unfinished: [String] = []
    date = .distantPast
    for run in RunStore(folder: study).list() where run.name.hasPrefix("eval-") {
      guard try run.kind() == .evaluation else { continue }
      let reader = try EvaluationReader(run)
      guard let result = try reader.result(), result.outcome == .completed else {
        unfinished.append(run.name)
        continue
      }
      done.append((run, reader.manifest, try reader.digest()))
      date = max(date, reader.manifest.ended(after: result.seconds))
    }
    guard let first = done.first?.manifest.configuration else {
      throw FigureError.noStudy(
        folder: study.relativePath, settings: ["eval-…"], unfinished: unfinished.count)
    }
    points = try SizeAccuracyFit.Observation.of(done.map(\.run))
    sources = done.map { FigureSource(name: $0.run.name, digest: $0.digest) }
    if !unfinished.isEmpty {
      notes = [
        "not drawn, because they have not ended: \(unfinished.sorted().joined(separator: ", "))"
      ]
    }
    if done.allSatisfy({ $0.manifest.configuration.shape == first.shape }) { shape = first.shape }
    let settings = [
      first.data, "C = \(first.shape.channels)", "\(first.shape.cells) cells",
      "\(first.epochs) epochs", "batch \(first.batch)",
    ]
    let seeds = points.compactMap(\.seeds)
    let each =
      seeds.allSatisfy { $0 == 1 }
      ? "one training each" : "means over trainings of one size, bars: 95 % t intervals"
    caption = ", trained from scratch on \(settings.joined(separator: ", ")); \(each)"
  }

  /// Parameters, in millions, that a cell has in the form of the evaluated networks; nil when they have none in common.
  func size(of genotype: String) -> Double? {
    guard let shape, let cell = try? Genotype(genotype) else { return nil }
    return (try? NetworkCount(cell, as: shape)).map { Double($0.parameters) / 1e6 }
  }
}

import EventLog
import Foundation
import Search
import Supernet

/// A run as reports need it, read once.
public struct ReportedRun<Loop: RecordedLoop>: Sendable {
  /// Where the record lies.
  public var folder: RunFolder
  /// How far it came.
  public var summary: RunSummary
  /// What it is.
  public var manifest: RunManifest<Loop>
  /// Those that have ended.
  public var epochs: [Loop.Epoch]
  /// nil while the run works, and when it failed or was killed.
  public var result: Loop.Result?
  /// The end of the chain of digests: 64 hexadecimal digits.
  public var digest: String

  /// Reads what a report says of a run.
  ///
  /// - Throws: as `RecordReader`.
  public init(_ folder: RunFolder) throws {
    let reader = try RecordReader<Loop>(folder)
    self.folder = folder
    summary = RunSummary(folder)
    manifest = reader.manifest
    epochs = try reader.epochs()
    result = try reader.result()
    digest = try reader.digest()
  }

  /// The folder's name.
  public var name: String { summary.name }
  /// The folder, as commands find it from the current one; quoted for a shell.
  var shellPath: String { ShellWord.quoted(Words.path(folder.url)) }
  /// Every setting, resolved.
  public var settings: Loop.Configuration { manifest.configuration }
}

/// A recorded search.
public typealias ReportedSearch = ReportedRun<SearchLoop>

/// A recorded training of a derived network.
public typealias ReportedEvaluation = ReportedRun<DerivedTraining>

extension ReportedSearch {
  /// Wall time of all epochs, in seconds.
  public var seconds: Double { epochs.reduce(0) { $0 + $1.trainSeconds + $1.validSeconds } }

  /// What the cell that the search leaves costs as the paper's network; nil where none can be read.
  ///
  /// Counted from the cell itself: it need not be that of the last epoch, nor of any when the search ended within one.
  var cost: NetworkCount? {
    summary.genotype.flatMap { try? NetworkCount(Genotype($0), as: .cifar10) }
  }
}

extension ReportedEvaluation {
  /// Wall time of all epochs, in seconds.
  public var seconds: Double { epochs.reduce(0) { $0 + $1.trainSeconds + $1.testSeconds } }

  /// Where the cell comes from, in words.
  var cell: String {
    switch manifest.cell {
    case .published(let name): "the published cell \(name)"
    case .run(let name, let epoch, _):
      epoch.map { "the cell \(name)@\($0)" } ?? "the cell of \(name)"
    case nil: "a cell given word by word"
    }
  }

  /// The name of the search that found the cell; nil for other cells.
  var search: String? {
    if case .run(let name, _, _) = manifest.cell { return name }
    return nil
  }
}

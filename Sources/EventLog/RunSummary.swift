import Foundation
import GRDB
import Search

/// A run in one line: what it is, how far it came, how it ended.
public struct RunSummary: Encodable, Equatable, Sendable {
  /// How far a run came.
  public enum Status: String, Encodable, Sendable {
    /// A living process writes its record.
    case running
    /// It ended after its last epoch.
    case completed
    /// Its user ended it; it can be resumed.
    case interrupted
    /// Its stop rule ended it.
    case stoppedEarly = "stopped early"
    /// An error ended it; `problem` says which.
    case failed
    /// No process works on it, and it never said how it ended; or its log is gone, or was not begun.
    case killed
    /// Its files cannot be read; `problem` says why.
    case unreadable
  }

  /// The folder's name.
  public var name: String
  /// nil when it cannot be read.
  public var kind: RunKind?
  /// How far it came.
  public var status: Status
  /// ISO 8601, UTC; nil when the manifest cannot be read, as all that follow.
  public var started: String?
  /// Of a search.
  public var method: String?
  /// The data set's name.
  public var data: String?
  /// Those that have ended.
  public var epochs = 0
  /// Of a search: the best of its epochs, 0 to 1; at level `run` that of the last.
  public var validAccuracy: Double?
  /// Of an evaluation: of the last epoch, 0 to 1.
  public var testAccuracy: Double?
  /// The validation accuracy of a search, the test accuracy of an evaluation.
  public var accuracy: Double? { validAccuracy ?? testAccuracy }
  /// What was found, or evaluated.
  public var genotype: String?
  /// (n, r): convolutions among the kept edges of the normal and the reduction cell.
  public var normalConvolutions: Int?
  /// r
  public var reductionConvolutions: Int?
  /// What failed, in a sentence; nil when nothing did.
  public var problem: String?

  /// Never throws: a list must not fail for one broken run in it.
  public init(_ run: RunFolder) {
    name = run.name
    status = .unreadable
    do {
      kind = try run.kind()
      switch kind {
      case .search, nil: try describe(RunReader(run))
      case .evaluation: try describe(EvaluationReader(run))
      }
    } catch {
      (status, problem) = (.unreadable, "\(error)")
      switch error {
      case EventLogError.missing(_), EventLogError.damaged(_, _): describeUnbegun(run)
      default: break
      }
    }
  }

  /// A process is between the manifest and the first row of the log, or was killed there.
  private mutating func describeUnbegun(_ run: RunFolder) {
    guard !LogDatabase.isBegun(run.logFile, opening: LogDatabase.openForReading) else { return }
    started = (try? ManifestHead(contentsOf: run.manifestFile))?.started
    (status, problem) =
      RunLock.isHeld(run)
      ? (.running, nil) : (.killed, "it has no log, or an empty one: --resume begins it anew")
  }

  private mutating func describe(_ reader: RunReader) throws {
    let result = try reader.result()
    let epochs = try reader.epochs()
    let last = epochs.last
    (status, problem) = try reader.status()
    started = reader.manifest.started
    method = reader.manifest.configuration.method.rawValue
    data = reader.manifest.data.name
    self.epochs = result?.epochs ?? epochs.count
    validAccuracy = epochs.map(\.validAccuracy).max() ?? result?.validAccuracy
    genotype = result?.genotype ?? last?.genotype
    normalConvolutions = result?.normalConvolutions ?? last?.normalConvolutions
    reductionConvolutions = result?.reductionConvolutions ?? last?.reductionConvolutions
  }

  private mutating func describe(_ reader: EvaluationReader) throws {
    let result = try reader.result()
    let epochs = try reader.epochs()
    let configuration = reader.manifest.configuration
    (status, problem) = try reader.status()
    started = reader.manifest.started
    data = reader.manifest.data.name
    self.epochs = result?.epochs ?? epochs.count
    testAccuracy = result?.lastAccuracy ?? epochs.last?.testAccuracy
    genotype = "\(configuration.genotype)"
    normalConvolutions = configuration.genotype.convolutionCounts.normal
    reductionConvolutions = configuration.genotype.convolutionCounts.reduction
  }
}

extension RecordReader {
  /// What the last attempt says of itself; a process of another machine is believed to be at work.
  fileprivate func status() throws -> (RunSummary.Status, problem: String?) {
    let sql = "SELECT * FROM attempts ORDER BY attempt DESC LIMIT 1"
    guard let attempt = try read({ try Row.fetchOne($0, sql: sql) }) else { return (.killed, nil) }
    let outcome: String? = attempt["outcome"]
    if let outcome { return (RunSummary.Status(rawValue: outcome) ?? .failed, attempt["message"]) }
    let host: String = attempt["host"]
    let isAtWork = RunLock.isHeld(run) || host != ProcessInfo.processInfo.hostName
    return (isAtWork ? .running : .killed, nil)
  }
}

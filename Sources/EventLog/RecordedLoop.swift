import Datasets
import Foundation
import GRDB
import Search
import Supernet

/// What a record is of.
public enum RunKind: String, CaseIterable, Codable, Sendable {
  /// A search of an architecture.
  case search
  /// The training of a derived network from scratch.
  case evaluation
}

/// What the log must know of a loop to record it, to go on with it and to compute it again.
///
/// A new kind of record conforms its loop, its settings, state and rows; writer, reader, checkpoints, verification and
/// replay are the same for all.
public protocol RecordedLoop: SteppedLoop
where
  Configuration: RecordedConfiguration, State: RecordedState, Step: RecordedStep,
  Epoch: RecordedEpoch, Result: RecordedResult
{
  /// What its records are called.
  static var kind: RunKind { get }
  /// The images that it works on.
  var data: DataIdentity { get }

  /// Makes the loop of a record, on the images that it was made with.
  ///
  /// - Parameter dataFolder: where the images lie now; nil for where they lay.
  /// - Throws: `EventLogError.otherData`; `DatasetError`, and what making the loop throws.
  static func open(_ manifest: RunManifest<Self>, dataFolder: String?, threads: Int) throws -> Self

  /// Checks that the images of a record are there, and the same.
  ///
  /// - Throws: `EventLogError.otherData`; `DatasetError`.
  static func checkData(of manifest: RunManifest<Self>, folder: String?) throws

  /// Rows that tell what vectors of its rows mean; they never change.
  static func insertLegend(of configuration: Configuration, in db: Database) throws

  /// The file of a checkpoint, with the weights cut into the slices of a layout.
  static func file(of checkpoint: RunCheckpoint<Self>, _ layout: ParameterLayout) throws
    -> StateFile

  /// The checkpoint that a file holds.
  ///
  /// - Throws: `Safetensors.Malformed` for a file of another network.
  static func checkpoint(
    from file: StateFile, _ layout: ParameterLayout, _ configuration: Configuration
  ) throws -> RunCheckpoint<Self>
}

/// The settings of a loop.
public protocol RecordedConfiguration: Codable, Equatable, Sendable {
  /// The most.
  var epochs: Int { get }
  /// Images of each batch.
  var batch: Int { get }
  /// Of all that is random.
  var seed: UInt64 { get }
  /// Extents of the vectors that are shaped like α; nil where there are none.
  var alphaExtents: [Int]? { get }
  /// Of the flat weight vector w.
  func parameterLayout() throws -> ParameterLayout
}

/// All that a loop carries from step to step.
public protocol RecordedState: Equatable, Sendable {
  /// Steps done, through all epochs.
  var step: Int { get }
  /// Epochs done.
  var epoch: Int { get }
  /// Steps done of the present epoch.
  var stepInEpoch: Int { get }
  /// The vectors, in the order in which the state's hash covers them.
  var vectors: [[Float]] { get }
  /// Their names for `runs replay --dump`.
  static var vectorNames: [String] { get }
}

/// What the chain of digests covers and two computations must share.
public protocol RecordedRow: Sendable {
  /// What the chain covers: all but the wall times.
  var canonicalBytes: CanonicalBytes { get }
  /// The same under names, causes before effects.
  var quantities: [Quantity] { get }
}

/// A step as a row of `steps`, and of the tables that go with it.
public protocol RecordedStep: RecordedRow {
  /// From 0, through all epochs.
  var step: Int { get }
  /// From 0.
  var epoch: Int { get }
  /// The vectors that are shaped like α.
  var alphaVectors: [[Float]] { get }
  /// Names of the vectors that it holds, for `runs replay --dump`.
  static var vectorNames: [String] { get }

  /// The vectors that one of these names stands for, with names of their own where there are several.
  func vectors(named name: String) -> [(name: String, values: [Float])]
  /// Stores the row, and those that go with it.
  func insert(in db: Database, attempt: Int, state: StateHash, digest: Data) throws
  /// The rows of a range of steps, in order.
  ///
  /// - Throws: `DatabaseError` (corrupt) when a vector has a broken length.
  static func fetchAll(_ db: Database, steps: Range<Int>) throws -> [Self]
}

/// An epoch as a row of `epochs`.
public protocol RecordedEpoch: RecordedRow, Codable, Equatable {
  /// From 0.
  var epoch: Int { get }
  /// What it is judged by, 0 to 1: of the validation half for a search, of the test images for an evaluation.
  var accuracy: Double { get }
  /// The vectors that are shaped like α.
  var alphaVectors: [[Float]] { get }
  /// Of a search: α and the cell after the epoch.
  var found: (alpha: [Float], genotype: String)? { get }

  /// Stores the row.
  func insert(in db: Database, attempt: Int, state: StateHash, digest: Data) throws
  /// All epochs, in order.
  ///
  /// - Throws: `DatabaseError` (corrupt) when a vector has a broken length.
  static func fetchAll(_ db: Database) throws -> [Self]
}

/// How a run ended, as the row of `result`.
public protocol RecordedResult: RecordedRow, Equatable {
  /// How the run ended.
  var outcome: RunResult.Outcome { get }
  /// Those that have ended.
  var epochs: Int { get }
  /// Those that have ended.
  var steps: Int { get }

  /// Stores the row.
  func insert(in db: Database, digest: Data) throws
  /// nil while the run works, and when it failed or was killed.
  static func fetchOne(_ db: Database) throws -> Self?
}

extension RecordedResult {
  /// - Throws: `DatabaseError` (corrupt) for an outcome that there is not.
  static func outcome(of row: Row) throws -> RunResult.Outcome {
    guard let outcome = RunResult.Outcome(rawValue: row["outcome"]) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "unknown outcome of the run")
    }
    return outcome
  }
}

/// The images of a run; the hash is over their decompressed content, or as `ImageFolder` says.
public struct DataIdentity: Codable, Equatable, Sendable {
  /// As `--data` spells it.
  public var name: String
  /// 64 hexadecimal digits.
  public var sha256: String

  /// A data set's name, and the hash of its content.
  public init(name: String, sha256: String) {
    self.name = name
    self.sha256 = sha256
  }

  /// - Throws: `EventLogError.otherData` when what was found is not this.
  func check(_ found: String) throws {
    guard found == sha256 else {
      throw EventLogError.otherData(name: name, expected: sha256, found: found)
    }
  }
}

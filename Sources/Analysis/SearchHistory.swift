import EventLog
import Foundation
import Search
import Supernet

/// The course of a recorded search, epoch by epoch.
public struct SearchHistory: Codable, Equatable, Sendable {
  /// The end of an epoch.
  public struct Epoch: Codable, Equatable, Sendable {
    /// Epochs done, from 1.
    public var epoch: Int
    /// Mean cross-entropy, nats.
    public var trainLoss: Double
    /// In evaluation mode over the validation half, nats.
    public var validLoss: Double
    /// 0 to 1.
    public var trainAccuracy: Double
    /// 0 to 1.
    public var validAccuracy: Double
    /// n and r.
    public var normalConvolutions: Int
    /// r
    public var reductionConvolutions: Int
    /// Of the network derived for CIFAR-10, C 36, 20 cells.
    public var parameters: Int
    /// Mean over the edges of the entropy of softmax α, nats; ln 8 where nothing is decided.
    public var normalEntropy: Double
    /// The same of the reduction cell.
    public var reductionEntropy: Double
  }

  /// Its name.
  public var run: String
  /// In order; at least one.
  public var epochs: [Epoch]

  /// The course of a search by its epochs.
  ///
  /// - Throws: `EventLogError.levelTooLow` for a record without epochs, `AnalysisError.notRecorded` while there are none.
  public init(_ reader: RunReader) throws {
    run = reader.run.name
    epochs = try reader.recordedEpochs().map { record in
      let weights = AlphaWeights(alpha: record.alpha)
      return Epoch(
        epoch: record.epoch + 1, trainLoss: record.trainLoss, validLoss: record.validLoss,
        trainAccuracy: record.trainAccuracy, validAccuracy: record.validAccuracy,
        normalConvolutions: record.normalConvolutions,
        reductionConvolutions: record.reductionConvolutions, parameters: record.parameters,
        normalEntropy: weights.meanEntropy(of: .normal),
        reductionEntropy: weights.meanEntropy(of: .reduction))
    }
  }
}

/// Softmax of α: how much each operation weighs on its edge.
public struct AlphaWeights: Codable, Equatable, Sendable {
  /// [2 kinds][edges][8 operations], flattened; every row of eight adds up to 1.
  public var values: [Double]

  /// The softmax over the operations of each edge.
  ///
  /// - Parameter alpha: [2 kinds][edges][8 operations].
  public init(alpha: [Float]) {
    let operations = Operation.allCases.count
    values = stride(from: 0, to: alpha.count, by: operations).flatMap { first -> [Double] in
      let row = alpha[first..<(first + operations)].map(Double.init)
      let largest = row.max() ?? 0
      let powers = row.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }

  /// Of a cell.
  public var edges: Int { values.count / (2 * Operation.allCases.count) }

  /// The weights on one edge; [8 operations].
  public func row(_ kind: CellKind, edge: Int) -> [Double] {
    let operations = Operation.allCases.count
    let first = (kind.rawValue * edges + edge) * operations
    return Array(values[first..<(first + operations)])
  }

  /// −Σ p ln p of an edge, in nats.
  public func entropy(_ kind: CellKind, edge: Int) -> Double {
    row(kind, edge: edge).reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
  }

  /// Over the edges of a kind of cell, in nats.
  public func meanEntropy(of kind: CellKind) -> Double {
    (0..<edges).reduce(0) { $0 + entropy(kind, edge: $1) } / Double(edges)
  }
}

/// The weights of the operations along a search.
public struct AlphaHistory: Codable, Equatable, Sendable {
  /// The weights at some time.
  public struct Moment: Codable, Equatable, Sendable {
    /// Epochs done; a fraction between the ends of two.
    public var epochs: Double
    /// Softmax of α.
    public var weights: AlphaWeights
  }

  /// Its name.
  public var run: String
  /// Intermediate nodes of a cell.
  public var nodes: Int
  /// In order: before steps where the record has them, and after epochs.
  public var moments: [Moment]
  /// The epochs that are done at the moment looked at, its weights, and its cell.
  public var shownEpochs: Int
  /// Its weights.
  public var shown: AlphaWeights
  /// Its cell.
  public var genotype: Genotype

  /// The weights at one moment, and their way there.
  ///
  /// - Parameters:
  ///   - epoch: the moment looked at is the end of this epoch, from 0; nil for the last.
  ///   - most: steps that are read, evenly spread.
  /// - Throws: as `SearchHistory`; `AnalysisError.badEpoch`.
  public init(_ reader: RunReader, epoch: Int? = nil, most: Int = 60) throws {
    let epochs = try reader.recordedEpochs()
    guard let record = epoch.map({ wanted in epochs.first { $0.epoch == wanted } }) ?? epochs.last
    else {
      throw AnalysisError.badEpoch(
        epoch ?? 0, run: reader.run.name, last: epochs.last?.epoch ?? 0)
    }
    run = reader.run.name
    nodes = reader.manifest.configuration.shape.nodes
    shownEpochs = record.epoch + 1
    shown = AlphaWeights(alpha: record.alpha)
    genotype = try Genotype(record.genotype)
    let (count, perEpoch) = (try reader.stepCount(), try reader.stepsPerEpoch())
    let chosen = Self.spread(count, most: most)
    var found = try chosen.flatMap { try reader.steps($0..<($0 + 1)) }.map { step in
      Moment(
        epochs: Double(step.epoch) + Double(step.stepInEpoch) / Double(perEpoch),
        weights: AlphaWeights(alpha: step.alpha))
    }
    if let last = epochs.last, count > 0 {
      // What a step finds is what the one before left; the last epoch's end is no step's beginning.
      let end = Double(last.epoch + 1)
      found.removeAll { $0.epochs >= end }
      found.append(Moment(epochs: end, weights: AlphaWeights(alpha: last.alpha)))
    } else {
      found = epochs.map {
        Moment(epochs: Double($0.epoch + 1), weights: AlphaWeights(alpha: $0.alpha))
      }
    }
    moments = found
  }

  /// The first of `count`, and others at even distances, `most` at most.
  static func spread(_ count: Int, most: Int) -> [Int] {
    let number = min(count, most)
    return (0..<number).map { $0 * count / number }
  }
}

extension RunReader {
  /// The epochs of the record, at least one.
  fileprivate func recordedEpochs() throws -> [EpochRecord] {
    let level = manifest.logLevel
    guard level >= .epoch else {
      throw EventLogError.levelTooLow(
        run: run.name, level: level.rawValue, needed: LogLevel.epoch.rawValue)
    }
    let epochs = try epochs()
    guard !epochs.isEmpty else {
      throw AnalysisError.notRecorded(run: run.name, what: "epochs")
    }
    return epochs
  }
}

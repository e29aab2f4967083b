import ArgumentParser
import EventLog
import Search
import Supernet

/// A cell as users give it: a published one, one in the form that DARTS prints, or what a search has found.
struct CellArgument: ParsableArguments {
  static let help = ArgumentHelp(
    "The name of a published cell, Genotype(normal=[('sep_conv_3x3', 0), …], …) in quotes, or a run; RUN@N is its cell at the end of epoch N of the record, whose first is 0: the progress line “epoch 3/12” is @2.",
    valueName: "genotype|run")

  @Argument(help: Self.help) var text: String

  /// - Throws: as `FoundCell`.
  func genotype(in store: RunStore, published: KnownGenotypes) throws -> Genotype {
    try FoundCell(text, in: store, published: published).genotype
  }

  /// The cell, and the run that it is from, where it is from one.
  ///
  /// - Throws: as `FoundCell`.
  func found(in store: RunStore, published: KnownGenotypes) throws -> (
    genotype: Genotype, run: RunReader?
  ) {
    let found = try FoundCell(text, in: store, published: published)
    guard case .run = found.origin, let name = text.split(separator: "@").first else {
      return (found.genotype, nil)
    }
    return (found.genotype, try RunReader(store.find(String(name))))
  }
}

/// The cell that a user's word stands for, and where it comes from.
struct FoundCell {
  let genotype: Genotype
  /// nil for one that was given word by word.
  let origin: CellOrigin?

  /// Names the cell in the name of a record.
  var word: String {
    switch origin {
    case .published(let name): name
    case .run(let name, let epoch, _): name + (epoch.map { "-\($0)" } ?? "")
    case nil: "cell"
    }
  }
}

extension FoundCell {
  /// - Throws: `GenotypeError`; `EventLogError` for a run that cannot be read.
  init(_ text: String, in store: RunStore, published: KnownGenotypes) throws {
    if text.contains("(") {
      self.init(genotype: try Genotype(text), origin: nil)
      return
    }
    do {
      let entry = try published[text]
      self.init(genotype: entry.genotype, origin: .published(name: entry.name))
    } catch GenotypeError.unknownName(let name, let nearest) {
      let parts = text.split(separator: "@", maxSplits: 1)
      guard let runName = parts.first, let run = try? store.find(String(runName)) else {
        throw GenotypeError.unknownName(name, nearest: nearest)
      }
      try self.init(of: run, atEpoch: parts.count == 2 ? String(parts[1]) : nil)
    }
  }

  private init(of run: RunFolder, atEpoch epoch: String?) throws {
    switch try run.kind() {
    case .search: try self.init(foundBy: RunReader(run), atEpoch: epoch)
    case .evaluation:
      let reader = try EvaluationReader(run)
      if let epoch {
        throw GenotypeError.impossible(
          "\(run.name) evaluates one cell in all of its epochs: leave out @\(epoch)")
      }
      self.init(
        genotype: reader.manifest.configuration.genotype,
        origin: .run(name: run.name, epoch: nil, digest: try reader.digest()))
    }
  }

  private init(foundBy reader: RunReader, atEpoch epoch: String?) throws {
    let (name, epochs) = (reader.run.name, try reader.epochs())
    let digest = try reader.digest()
    guard let epoch else {
      let result = try reader.result()
      guard let found = result?.genotype ?? epochs.last?.genotype else {
        throw GenotypeError.impossible("\(name) has no cell yet: its first epoch has not ended")
      }
      let last = result == nil ? epochs.last?.epoch : result?.genotypeEpoch
      self.init(
        genotype: try Genotype(found), origin: .run(name: name, epoch: last, digest: digest))
      return
    }
    guard let record = epochs.first(where: { String($0.epoch) == epoch }) else {
      let known =
        epochs.last.map { "has the epochs 0 to \($0.epoch), which its progress counted from 1" }
        ?? "has no epochs yet"
      throw GenotypeError.impossible("\(name) \(known), not “\(epoch)”")
    }
    self.init(
      genotype: try Genotype(record.genotype),
      origin: .run(name: name, epoch: record.epoch, digest: digest))
  }
}

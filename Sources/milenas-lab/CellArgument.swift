import ArgumentParser
import EventLog
import Supernet

/// A cell as users give it: a published one, one in the form that DARTS prints, or what a search has found.
struct CellArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The name of a published cell, Genotype(normal=[('sep_conv_3x3', 0), …], …) in quotes, or a run; RUN@N is its cell after epoch N, from 0.",
      valueName: "genotype|run"))
  var text: String

  /// - Throws: `GenotypeError`; `EventLogError` for a run that cannot be read.
  func genotype(in store: RunStore, published: KnownGenotypes) throws -> Genotype {
    try found(in: store, published: published).genotype
  }

  /// The cell, and the run that it is from, where it is from one.
  ///
  /// - Throws: as `genotype(in:published:)`.
  func found(in store: RunStore, published: KnownGenotypes) throws -> (
    genotype: Genotype, run: RunReader?
  ) {
    do {
      return (try published.genotype(text), nil)
    } catch GenotypeError.unknownName(let name, let nearest) {
      let parts = text.split(separator: "@", maxSplits: 1)
      guard let runName = parts.first, let run = try? store.find(String(runName)) else {
        throw GenotypeError.unknownName(name, nearest: nearest)
      }
      let reader = try RunReader(run)
      return (try cell(of: reader, atEpoch: parts.count == 2 ? String(parts[1]) : nil), reader)
    }
  }

  private func cell(of reader: RunReader, atEpoch epoch: String?) throws -> Genotype {
    let epochs = try reader.epochs()
    guard let epoch else {
      guard let found = try reader.result()?.genotype ?? epochs.last?.genotype else {
        throw GenotypeError.impossible(
          "\(reader.run.name) has no cell yet: its first epoch has not ended")
      }
      return try Genotype(found)
    }
    guard let record = epochs.first(where: { String($0.epoch) == epoch }) else {
      let known = epochs.last.map { "has the epochs 0 to \($0.epoch)" } ?? "has no epochs yet"
      throw GenotypeError.impossible("\(reader.run.name) \(known), not “\(epoch)”")
    }
    return try Genotype(record.genotype)
  }
}

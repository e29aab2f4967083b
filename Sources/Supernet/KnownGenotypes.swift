import Datasets
import Foundation

/// The cells that the MiLeNAS and DARTS repositories publish, with what is known of them.
public struct KnownGenotypes: Sendable {
  /// One published cell.
  public struct Entry: Sendable {
    /// As the public codes call it.
    public var name: String
    /// The cell.
    public var genotype: Genotype
    /// Repositories and files that hold it.
    public var sources: [String]
    /// What its sources say of it: error, size, how it was found.
    public var remarks: [String]
    /// Counts of the official evaluation networks, made by running them; see `NetworkCount` for ours.
    public var computed: Computed
  }

  /// Exact counts, made with the official code.
  public struct Computed: Hashable, Sendable {
    /// CIFAR-10, C 36, 20 cells.
    public var cifarParameters: Int
    /// With the auxiliary head; nil where it was not counted.
    public var cifarParametersWithAuxiliary: Int?
    /// For one image of 32×32; nil where it was not counted.
    public var cifarMultiplyAdds: Int?
    /// ImageNet, C 48, 14 cells.
    public var imageNetParameters: Int
    /// With the auxiliary head; nil where it was not counted.
    public var imageNetParametersWithAuxiliary: Int?
    /// For one image of 224×224.
    public var imageNetMultiplyAdds: Int
    /// The same by the rule of ptflops.
    public var imageNetPtflops: Int
  }

  /// In the order of the catalogue.
  public let entries: [Entry]
  /// Other names of the same cells: DARTS is DARTS_V2.
  public let aliases: [String: String]

  /// Reads the catalogue that comes with the program.
  ///
  /// - Throws: `DatasetError.missing` when it is not where it was built or installed.
  public init() throws {
    let file = try ShippedFile.url(bundle: "milenas-lab_Supernet", path: "genotypes.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let catalogue = try decoder.decode(Catalogue.self, from: Data(contentsOf: file))
    entries = (catalogue.genotypes + catalogue.extra).map(\.entry)
    aliases = catalogue.alias
  }

  /// All names, aliases included.
  public var names: [String] { entries.map(\.name) + aliases.keys.sorted() }

  /// The cell of a name or an alias.
  ///
  /// - Throws: `GenotypeError.unknownName`, suggesting the nearest.
  public subscript(name: String) -> Entry {
    get throws {
      let name = aliases[name] ?? name
      guard let entry = entries.first(where: { $0.name == name }) else {
        throw GenotypeError.unknownName(name, nearest: NearestName.of(name, among: names))
      }
      return entry
    }
  }

  /// What a user gives for a genotype: the name of a published cell, or the form that DARTS prints.
  ///
  /// - Throws: `GenotypeError`.
  public func genotype(_ text: String) throws -> Genotype {
    text.contains("(") ? try Genotype(text) : try self[text].genotype
  }
}

// MARK: - The file

private struct Catalogue: Decodable {
  var alias: [String: String]
  var genotypes: [Cell]
  var extra: [Cell]

  struct Cell: Decodable {
    var name: String
    var sources: [String]
    var normal: [Pair]
    var normalConcat: [Int]
    var reduce: [Pair]
    var reduceConcat: [Int]
    var computed: Counts
    var stated: Stated?
    var note: String?

    var entry: KnownGenotypes.Entry {
      KnownGenotypes.Entry(
        name: name,
        genotype: Genotype(
          normal: normal.map(\.entry), normalConcat: normalConcat,
          reduction: reduce.map(\.entry), reductionConcat: reduceConcat),
        sources: sources, remarks: (stated?.remarks ?? []) + [note].compactMap { $0 },
        computed: KnownGenotypes.Computed(
          cifarParameters: computed.cifar10C36L20Params,
          cifarParametersWithAuxiliary: computed.cifar10ParamsWithAux,
          cifarMultiplyAdds: computed.cifar10MaddsConvLinear,
          imageNetParameters: computed.imagenetC48L14Params,
          imageNetParametersWithAuxiliary: computed.imagenetParamsWithAux,
          imageNetMultiplyAdds: computed.imagenetMaddsConvLinear,
          imageNetPtflops: computed.imagenetOpsPtflopsStyle))
    }
  }

  /// ["sep_conv_3x3", 0]
  struct Pair: Decodable {
    var entry: Genotype.Entry

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      entry = Genotype.Entry(try list.decode(String.self), try list.decode(Int.self))
    }
  }

  struct Counts: Decodable {
    var cifar10C36L20Params: Int
    var cifar10ParamsWithAux: Int?
    var cifar10MaddsConvLinear: Int?
    var imagenetC48L14Params: Int
    var imagenetParamsWithAux: Int?
    var imagenetMaddsConvLinear: Int
    var imagenetOpsPtflopsStyle: Int
  }

  struct Stated: Decodable {
    var note: String?
    var table1: String?
    var table2Candidate: String?

    var remarks: [String] {
      [
        table1.map { "Table 1: \($0)" },
        table2Candidate.map { "Table 2, one of four candidates: \($0)" }, note,
      ].compactMap { $0 }
    }
  }
}

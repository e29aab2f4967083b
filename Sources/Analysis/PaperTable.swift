import Datasets
import EventLog
import Foundation
import Supernet

/// Table 1 or 2 of the paper, beside what this program counts for the published cells.
public struct PaperTable: Encodable, Sendable {
  /// One architecture. Errors in percent, sizes in millions, cost in GPU days; nil where the paper gives none.
  public struct Row: Codable, Equatable, Sendable {
    /// As the paper calls it.
    public var architecture: String
    /// Test error; top-1 in Table 2.
    public var error: Double
    /// Of Table 1.
    public var errorDeviation: Double?
    /// Of the best network.
    public var bestError: Double?
    /// Of Table 2.
    public var topFiveError: Double?
    /// Millions, as the paper gives them.
    public var parameters: Double
    /// Millions, for one image.
    public var multiplyAdds: Double?
    /// GPU days of the search.
    public var cost: Double?
    /// How it was found, in the paper's word.
    public var method: String
    /// The published cells that the row may stand for, by name; none for other architectures.
    public var cells: [String]
    /// What this program counts for the first of them: parameters of the network without auxiliary head, and
    /// multiply-adds by the rule of ptflops, which the paper's numbers follow.
    public var counted: NetworkCount?
    /// The run that the row comes from; nil for the paper's.
    public var run: String?
  }

  /// Which of the paper's tables.
  public enum Number: Int, CaseIterable, Sendable {
    /// CIFAR-10: C 36, 20 cells.
    case cifar10 = 1
    /// ImageNet: C 48, 14 cells.
    case imageNet = 2
  }

  /// The paper's caption.
  public let title: String
  /// The paper's, then those of local runs.
  public private(set) var rows: [Row]
  private let isImageNet: Bool

  private enum CodingKeys: CodingKey { case title, rows }

  /// Reads the table that comes with the program, counts, and adds a row for each evaluation that has ended and has
  /// the table's stem; its row says on which images and at which size.
  ///
  /// - Parameter runs: those that may hold such evaluations; others, and broken ones, are passed over.
  /// - Throws: `DatasetError.missing` when the table is not where it was built or installed.
  public init(_ number: Number, runs: [RunFolder] = []) throws {
    let file = try ShippedFile.url(bundle: "milenas-lab_Analysis", path: "tables.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let tables = try decoder.decode([String: Shipped].self, from: Data(contentsOf: file))
    guard let shipped = tables["table\(number.rawValue)"] else {
      throw DatasetError.missing(path: file.path, remedy: "build the program again")
    }
    title = shipped.title
    rows = shipped.rows
    isImageNet = number == .imageNet
    let (published, shape) = (
      try KnownGenotypes(), number == .cifar10 ? .cifar10 : DerivedShape.imageNet
    )
    for (k, row) in rows.enumerated() {
      guard let name = row.cells.first else { continue }
      rows[k].counted = try NetworkCount(published[name].genotype, as: shape)
    }
    rows += try runs.compactMap { run in
      guard (try? run.kind()) == .evaluation, let reader = try? EvaluationReader(run),
        reader.manifest.configuration.shape.stem == shape.stem
      else { return nil }
      return try Row(reader, published: published)
    }
  }

  private struct Shipped: Decodable {
    var title: String
    var rows: [Row]
  }

  // MARK: - As text

  /// Of the columns, with their units.
  public var headings: [String] {
    isImageNet
      ? [
        "architecture", "top-1 error (%)", "top-5 error (%)", "params (M)", "counted (M)",
        "mult-adds (M)", "counted (M)", "GPU days", "method", "cell",
      ]
      : [
        "architecture", "test error (%)", "best (%)", "params (M)", "counted (M)", "GPU days",
        "method", "cell",
      ]
  }

  /// Entries in the order of `headings`; empty where the paper gives none.
  public var entries: [[String]] {
    rows.map { row in
      func number(_ value: Double?, _ decimals: Int) -> String {
        value.map { String(format: "%.\(decimals)f", $0) } ?? ""
      }
      let error =
        number(row.error, isImageNet ? 1 : 2)
        + (row.errorDeviation.map { " ± " + number($0, 2) } ?? "")
      let parameters = number(row.parameters, isImageNet ? 1 : 2)
      let counted = number(row.counted.map { Double($0.parameters) * 1e-6 }, isImageNet ? 3 : 4)
      let cost = row.cost.map { "\($0.formattedShort)" } ?? ""
      let cell =
        (row.cells.first ?? "") + (row.cells.count > 1 ? " or \(row.cells.count - 1) others" : "")
      return isImageNet
        ? [
          row.architecture, error, number(row.topFiveError, 1), parameters, counted,
          number(row.multiplyAdds, 0), number(row.counted.map { Double($0.ptflops) * 1e-6 }, 1),
          cost, row.method, cell,
        ]
        : [
          row.architecture, error, number(row.bestError, 2), parameters, counted, cost, row.method,
          cell,
        ]
    }
  }

  /// A table of GitHub's Markdown.
  public var markdown: String {
    func line(_ entries: [String]) -> String { "| " + entries.joined(separator: " | ") + " |\n" }
    func escaped(_ entry: String) -> String {
      entry.replacing("|", with: "\\|").replacing("_", with: "\\_")
    }
    return line(headings) + line(headings.map { _ in "---" })
      + entries.map { line($0.map(escaped)) }.joined()
  }

  /// What the entries after the paper's are, where there are any.
  public var remark: String? {
    rows.contains { $0.run != nil }
      ? "The rows of method “this program” are local evaluations: the test error after the last epoch, and of the best "
        + "epoch, which the test images chose; they compare with the paper's where images and size are the same."
      : nil
  }

  /// A LaTeX table with the rules of the package booktabs.
  public var latex: String {
    func escaped(_ entry: String) -> String {
      var text = ""
      for character in entry {
        switch character {
        case "%", "_", "&", "#", "$": text += "\\\(character)"
        case "±": text += "$\\pm$"
        default: text.append(character)
        }
      }
      return text
    }
    func line(_ entries: [String]) -> String {
      "    " + entries.map(escaped).joined(separator: " & ") + " \\\\\n"
    }
    let columns = headings.map { ["architecture", "method", "cell"].contains($0) ? "l" : "r" }
    return "\\begin{table}\n  \\centering\n  \\caption{\(escaped(title))}\n"
      + "  \\begin{tabular}{\(columns.joined())}\n    \\toprule\n" + line(headings)
      + zip(rows.indices, entries).map { row, entries in
        let begins = row == 0 || (rows[row].run != nil && rows[row - 1].run == nil)
        return (begins ? "    \\midrule\n" : "") + line(entries)
      }.joined()
      + "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n"
  }
}

extension PaperTable.Row {
  /// An evaluation; nil when it has not ended.
  fileprivate init?(_ reader: EvaluationReader, published: KnownGenotypes) throws {
    guard let result = try? reader.result(), result.outcome == .completed,
      let last = result.lastAccuracy
    else { return nil }
    let configuration = reader.manifest.configuration
    let shape = configuration.shape
    architecture = reader.run.name
    error = 100 * (1 - last)
    bestError = result.bestAccuracy.map { 100 * (1 - $0) }
    topFiveError = try reader.epochs().last?.testTopFive.map { 100 * (1 - $0) }
    counted = try NetworkCount(configuration.genotype, as: shape)
    parameters = Double(result.parameters) * 1e-6
    method =
      "this program: \(configuration.data), C \(shape.channels), \(shape.cells) cells, "
      + "\(configuration.epochs) epochs"
    cells = published.entries.filter { $0.genotype == configuration.genotype }.map(\.name)
    run = reader.run.name
  }
}

extension Double {
  /// Without zeros at the end: "0.17", "2000".
  fileprivate var formattedShort: String {
    self == rounded() ? String(Int(self)) : String(self)
  }
}

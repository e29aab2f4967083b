import ArgumentParser
import Supernet

struct GenotypeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "genotype", abstract: "Published cells, and what a cell costs as a network.",
    discussion: """
      Examples:
        milenas-lab genotype list
        milenas-lab genotype show DARTS_V2
        milenas-lab genotype show my-run@35
        milenas-lab genotype export my-run --to python
        milenas-lab genotype draw DARTS_V2 --output cells.pdf
        milenas-lab genotype count DARTS_V2 --stem imageNet
      """,
    subcommands: [
      GenotypeListCommand.self, GenotypeShowCommand.self, GenotypeCountCommand.self,
      GenotypeExportCommand.self, PlotGenotypeCommand<GenotypeDrawName>.self,
    ])
}

/// `genotype list`
private struct GenotypeListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the published cells with their sizes.",
    discussion: """
      Example:
        milenas-lab genotype list --format csv
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    let rows = try KnownGenotypes().entries.map { entry -> [Table.Cell] in
      let counts = entry.genotype.convolutionCounts
      let cifar = try NetworkCount(entry.genotype, as: .cifar10)
      let imageNet = try NetworkCount(entry.genotype, as: .imageNet)
      return [
        .text(entry.name), .integer(Int64(counts.normal)), .integer(Int64(counts.reduction)),
        .integer(Int64(cifar.parameters)), .integer(Int64(imageNet.parameters)),
        .integer(Int64(imageNet.ptflops)),
      ]
    }
    try output.render(
      Table(
        columns: [
          "name", "n", "r", "cifar10_parameters", "imagenet_parameters", "imagenet_ptflops",
        ], rows: rows))
  }
}

/// `genotype show`
private struct GenotypeShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print a cell, and what is known of it.",
    discussion: """
      Example:
        milenas-lab genotype show DARTS_V2 --format json

      With --format json it is the form that other programs read.
      """)

  @OptionGroup var cell: CellArgument
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: RowlessOutputOptions

  func run() throws {
    let published = try KnownGenotypes()
    let genotype = try cell.genotype(in: location.store, published: published)
    try output.render(CellReport(genotype, in: published))
  }
}

private struct CellReport: Report {
  var genotype: Genotype
  var sizes: ConvolutionCounts
  var name: String?
  var sources: [String] = []
  var remarks: [String] = []

  init(_ genotype: Genotype, in published: KnownGenotypes) {
    self.genotype = genotype
    sizes = genotype.convolutionCounts
    guard let entry = published.entries.first(where: { $0.genotype == genotype }) else { return }
    (name, sources, remarks) = (entry.name, entry.sources, entry.remarks)
  }

  var table: Table? { nil }

  var text: String {
    let known = name.map { ["published as \($0): \(sources.joined(separator: ", "))"] } ?? []
    let lines =
      ["\(genotype)", "size (n, r) = (\(sizes.normal), \(sizes.reduction))"] + known + remarks
    return lines.joined(separator: "\n") + "\n"
  }
}

/// `genotype count`
private struct GenotypeCountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "count", abstract: "Count parameters and multiply-adds of a derived network.",
    discussion: """
      The defaults are those of Table 1 (CIFAR-10) or, with --stem imageNet, of Table 2.

      Example:
        milenas-lab genotype count DARTS_V2 --channels 16 --cells 8
      """)

  @OptionGroup var cell: CellArgument
  @Option(help: "How images enter: cifar or imageNet.") var stem = DerivedShape.Stem.cifar
  @Option(help: "Width C of the first cell.") var channels: Int?
  @Option(help: "Number of cells.") var cells: Int?
  @Option(help: "Rows and columns of the images.") var imageSize: Int?
  @Option(help: "Channels of the images.") var inputChannels: Int?
  @Option(help: "Classes.") var classes: Int?
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    var shape = stem == .cifar ? DerivedShape.cifar10 : .imageNet
    shape.channels = channels ?? shape.channels
    shape.cells = cells ?? shape.cells
    shape.imageSize = imageSize ?? shape.imageSize
    shape.inputChannels = inputChannels ?? shape.inputChannels
    shape.classes = classes ?? shape.classes
    let genotype = try cell.genotype(in: location.store, published: KnownGenotypes())
    try output.render(CountReport(shape: shape, count: NetworkCount(genotype, as: shape)))
  }
}

extension DerivedShape.Stem: ExpressibleByArgument {}

/// `genotype export`
private struct GenotypeExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Print a cell in a form that another program reads.",
    discussion: """
      python is a line for cnn/genotypes.py of the public DARTS code, which its --arch option then names; json has the \
      lists normal, normal_concat, reduce and reduce_concat.

      Examples:
        milenas-lab genotype export my-run --to python --as MY_CELL >> cnn/genotypes.py
        milenas-lab genotype export DARTS_V2 --to json
      """)

  enum Form: String, CaseIterable, ExpressibleByArgument { case python, json }

  @OptionGroup var cell: CellArgument
  @OptionGroup var location: StoreOptions
  @Option(help: ArgumentHelp("The form.", valueName: "python|json")) var to = Form.python
  @Option(name: .customLong("as"), help: "Name of the cell in Python.") var name = "SEARCHED"

  func run() throws {
    let genotype = try cell.genotype(in: location.store, published: KnownGenotypes())
    switch to {
    case .python: StandardStream.output.write(try genotype.python(name: name))
    case .json: StandardStream.output.write(genotype.json)
    }
  }
}

private struct CountReport: Report {
  var shape: DerivedShape
  var count: NetworkCount

  var table: Table? {
    Table(
      columns: ["quantity", "value"],
      rows: [
        [.text("parameters"), .integer(Int64(count.parameters))],
        [.text("with auxiliary head"), .integer(Int64(count.parametersWithAuxiliary))],
        [.text("multiply-adds"), .integer(Int64(count.multiplyAdds))],
        [.text("operations by ptflops"), .integer(Int64(count.ptflops))],
      ])
  }

  var text: String { table?.text ?? "" }
}

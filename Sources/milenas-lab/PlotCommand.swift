import ArgumentParser
import EventLog
import Figures
import Foundation

struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot", abstract: "Draw figures for a paper from recorded runs.",
    discussion: """
      Examples:
        milenas-lab plot fig2
        milenas-lab plot fig3c --data paper --venue cvpr --output fig3c.pdf --output fig3c.png
        milenas-lab plot fig2 --overlay paper --caption - --data-out fig2.csv
        milenas-lab plot genotype DARTS_V2 --output cells.svg
        milenas-lab plot gradient-error reference-gradient-error
        milenas-lab plot check fig2.pdf

      PDF, SVG and PNG come from one drawing; the same input gives the same bytes. A figure carries its command and the \
      digests of its runs.
      """,
    subcommands: [
      PlotFigure2<AllPanels>.self, PlotFigure2<PanelA>.self, PlotFigure2<PanelB>.self,
      PlotFigure2<PanelC>.self, PlotFigure3<AllPanels>.self, PlotFigure3<PanelA>.self,
      PlotFigure3<PanelB>.self, PlotFigure3<PanelC>.self,
      PlotGenotypeCommand<PlotGenotypeName>.self, PlotAlphaCommand.self, PlotSearchCommand.self,
      PlotGradientErrorCommand.self, PlotEpsilonCommand.self, PlotUnrollCommand.self,
      PlotCurvatureCommand.self, PlotCheckCommand.self,
    ])
}

/// A command that draws one figure.
protocol FigureCommand: ParsableCommand {
  /// Its name after `plot`, and that of the file where none is given.
  static var figureName: String { get }
  var drawing: FigureOptions { get }
  /// What is drawn when the command says nothing of width.
  static var defaultColumn: Venue.Column { get }
  /// - Throws: what reading the figure's sources throws.
  func figure(in theme: Theme) throws -> Figure
}

/// How a figure looks, and where it goes.
struct FigureOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "File to write: .pdf, .svg or .png; may be given several times. Left out: the figure's name with .pdf, here.",
      valueName: "file"))
  var output: [String] = []
  @Option(help: ArgumentHelp("Whose widths and sizes of type are used.", valueName: "name"))
  var venue: Venue = .cvpr
  @Option(help: "Width: one column, or the whole text.") var column: Venue.Column?
  @Option(
    help: ArgumentHelp(
      "Width instead of the venue's: mm:88, in:3.25 or pt:236.", valueName: "width"))
  var width: String?
  @Option(
    help: ArgumentHelp(
      "An installed font instead of the one that comes with the program.", valueName: "family"))
  var font: String?
  @Option(help: "Colours and weights.") var theme: Theme.Name = .paper
  @Option(help: "Words above the figure; *italic*, **bold**, _{sub}, ^{super}.") var title: String?
  @Option(help: "Pixels per inch of a PNG.") var dpi = 300.0
  @Option(
    help: ArgumentHelp(
      "Writes a caption with the settings to a file, or to standard output (-).", valueName: "file")
  )
  var caption: String?
  @Option(
    help: ArgumentHelp(
      "Writes the numbers behind the figure as CSV to a file, or to standard output (-).",
      valueName: "file"))
  var dataOut: String?
  @Option(
    help: ArgumentHelp("How the list of written files is printed.", valueName: "text|json|csv"))
  var format: OutputOptions.Format = .text

  mutating func validate() throws {
    guard 20...2400 ~= dpi else {
      throw ValidationError("--dpi must be from 20 to 2400, not \(dpi)")
    }
    guard [caption == "-", dataOut == "-", format != .text].count(where: { $0 }) <= 1 else {
      throw ValidationError(
        "standard output takes one of --caption -, --data-out - and --format json or csv: write the others to files"
      )
    }
  }

  var drawnTitle: Text? { title.map { Text($0) } }

  /// - Throws: `FigureError.badWidth`.
  func style(column byDefault: Venue.Column) throws -> FigureStyle {
    FigureStyle(
      venue: venue, column: column ?? byDefault, width: try width.map(FigureStyle.width),
      theme: theme, font: font, dotsPerInch: dpi)
  }

  /// The arguments that decide what is drawn: without those that say where it goes.
  static func deciding(_ arguments: [String]) -> [String] {
    let outputs = ["--output", "-o", "--caption", "--data-out", "--format"]
    var kept: [String] = []
    var skipsNext = false
    for argument in arguments {
      if skipsNext {
        skipsNext = false
      } else if outputs.contains(argument) {
        skipsNext = true
      } else if !outputs.contains(where: { argument.hasPrefix("\($0)=") }) {
        kept.append(argument)
      }
    }
    return kept
  }
}

extension Venue: ExpressibleByArgument {}
extension Venue.Column: ExpressibleByArgument {}
extension Theme.Name: ExpressibleByArgument {}

extension FigureCommand {
  static var figureName: String { configuration.commandName ?? "figure" }

  /// Draws and writes every file that is asked for, or none.
  func run() throws {
    // Other commands that draw, such as `genotype draw`, are the same as one of `plot`.
    let arguments =
      [Self.figureName] + FigureOptions.deciding(Array(CommandLine.arguments.dropFirst(3)))
    let style = try drawing.style(column: Self.defaultColumn)
    let figure = try figure(in: style.theme)
    let files = (drawing.output.isEmpty ? ["\(Self.figureName).pdf"] : drawing.output).map {
      URL(filePath: $0)
    }
    let drawn = try files.map { file in
      try figure.rendered(as: FigureFormat(of: file), style: style, arguments: arguments)
    }
    for note in figure.notes { StandardStream.error.write("milenas-lab: \(note)\n") }
    for (file, data) in zip(files, drawn) { try FigureFile.write(data, to: file) }
    try Self.deliver(figure.caption + "\n", to: drawing.caption)
    try Self.deliver(figure.data.csv, to: drawing.dataOut)
    let isSilent = [drawing.caption, drawing.dataOut].contains("-") && drawing.format == .text
    let report = PlotReport(
      files: zip(files, drawn).map { .init(path: $0.relativePath, bytes: $1.count) },
      caption: figure.caption, sources: figure.sources)
    let printed = try report.rendered(as: drawing.format)
    (isSilent ? StandardStream.error : .output).write(printed)
  }

  private static func deliver(_ text: String, to file: String?) throws {
    switch file {
    case nil: break
    case "-": StandardStream.output.write(text)
    case let file?: try FigureFile.write(Data(text.utf8), to: URL(filePath: file))
    }
  }
}

private struct PlotReport: Report {
  struct File: Encodable {
    var path: String
    var bytes: Int
  }

  var files: [File]
  var caption: String
  var sources: [FigureSource]

  var table: Table? {
    Table(
      columns: ["file", "bytes"],
      rows: files.map { [.text($0.path), .integer(Int64($0.bytes))] })
  }

  var text: String {
    let from = sources.count == 1 ? sources[0].name : "\(sources.count) runs and files"
    return files.map { "wrote \($0.path), from \(from)\n" }.joined()
  }
}

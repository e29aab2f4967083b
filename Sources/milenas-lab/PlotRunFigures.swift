import Analysis
import ArgumentParser
import EventLog
import Figures
import Foundation
import Supernet

/// The run that a figure tells of.
struct RunFigureOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A run: name or path; when left out the newest, or the newest that was analysed.",
      valueName: "run"))
  var name: String?
  @OptionGroup var location: StoreOptions

  /// A run by its record.
  func recorded() throws -> RunReader { try RunReader(location.store.find(name)) }

  /// A run that analyses have looked at.
  func analysed() throws -> (reader: RunReader, results: KeptResults) {
    let run = try name.map { try location.store.find($0) } ?? location.store.newestAnalysed()
    return (try RunReader(run), KeptResults(of: run))
  }
}

/// `plot search`
struct PlotSearchCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Losses, accuracies, model size and entropy of alpha along a search.",
    discussion: """
      Example:
        milenas-lab plot search my-run --output search.pdf
      """)
  static let defaultColumn = Venue.Column.single

  @OptionGroup var subject: RunFigureOptions
  @OptionGroup var drawing: FigureOptions

  func figure(in theme: Theme) throws -> Figure {
    let reader = try subject.recorded()
    return try .search(
      try SearchHistory(reader), theme: theme, from: try FigureRun(reader),
      title: drawing.drawnTitle)
  }
}

/// `plot alpha`
struct PlotAlphaCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "alpha",
    abstract: "Softmax of alpha: a heat map of edges and operations, and its way there.",
    discussion: """
      Examples:
        milenas-lab plot alpha my-run --output alpha.pdf
        milenas-lab plot alpha my-run --epoch 9 --column single --output alpha.png
      """)
  static let defaultColumn = Venue.Column.double

  @OptionGroup var subject: RunFigureOptions
  @Option(help: "Epoch, from 0, after which the heat maps look; left out: the last.")
  var epoch: Int?
  @OptionGroup var drawing: FigureOptions

  func figure(in theme: Theme) throws -> Figure {
    let reader = try subject.recorded()
    return try .alpha(
      try AlphaHistory(reader, epoch: epoch), from: try FigureRun(reader),
      title: drawing.drawnTitle)
  }
}

/// `plot gradient-error`
struct PlotGradientErrorCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradient-error",
    abstract: "How far approximate directions are from exact ones along a run, and why.",
    discussion: """
      Draws what `gradient-error RUN` has found.

      Example:
        milenas-lab plot gradient-error reference-gradient-error --output gradient-error.pdf
      """)
  static let defaultColumn = Venue.Column.double

  @OptionGroup var subject: RunFigureOptions
  @OptionGroup var drawing: FigureOptions

  func figure(in theme: Theme) throws -> Figure {
    let (reader, results) = try subject.analysed()
    let probes = try results.probes()
    return try .gradientError(
      probes, theme: theme, from: try FigureRun(reader).analysed("gradient errors", probes),
      title: drawing.drawnTitle)
  }
}

/// `plot epsilon`
struct PlotEpsilonCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "epsilon",
    abstract: "Error of the finite difference over its radius, with and without kinks.",
    discussion: """
      Draws what `gradient-error RUN --sweep epsilon` has found.

      Example:
        milenas-lab plot epsilon reference-gradient-error --output epsilon.pdf
      """)
  static let defaultColumn = Venue.Column.single

  @OptionGroup var subject: RunFigureOptions
  @OptionGroup var drawing: FigureOptions

  func figure(in theme: Theme) throws -> Figure {
    let (reader, results) = try subject.analysed()
    let sweep = try results.epsilonSweep()
    return try .epsilon(
      sweep, theme: theme, from: try FigureRun(reader).analysed("sweep of the radius", sweep),
      title: drawing.drawnTitle)
  }
}

/// `plot unroll`
struct PlotUnrollCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "unroll",
    abstract: "Error of the exact gradient through K steps, over K.",
    discussion: """
      Draws what `gradient-error RUN --sweep unroll` has found.

      Example:
        milenas-lab plot unroll reference-gradient-error --output unroll.pdf
      """)
  static let defaultColumn = Venue.Column.single

  @OptionGroup var subject: RunFigureOptions
  @OptionGroup var drawing: FigureOptions

  func figure(in theme: Theme) throws -> Figure {
    let (reader, results) = try subject.analysed()
    let sweep = try results.unrollSweep()
    return try .unroll(
      sweep, theme: theme, from: try FigureRun(reader).analysed("sweep of K", sweep),
      title: drawing.drawnTitle)
  }
}

/// `plot curvature`
struct PlotCurvatureCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "curvature", abstract: "Extreme eigenvalues of the alpha-Hessian along a run.",
    discussion: """
      Draws what `curvature RUN` has found.

      Example:
        milenas-lab plot curvature reference-gradient-error --output curvature.pdf
      """)
  static let defaultColumn = Venue.Column.single

  @OptionGroup var subject: RunFigureOptions
  @OptionGroup var drawing: FigureOptions

  func figure(in theme: Theme) throws -> Figure {
    let (reader, results) = try subject.analysed()
    let spectra = try results.spectra()
    return try .curvature(
      spectra, theme: theme, from: try FigureRun(reader).analysed("curvature", spectra),
      title: drawing.drawnTitle)
  }
}

/// `plot genotype` and `genotype draw`: one command under two names.
struct PlotGenotypeCommand<Name: GenotypeFigureName>: FigureCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Name.command, abstract: "The cells of a genotype as graphs.",
      discussion: """
        Nodes stand in columns by their longest way from the inputs, in the order that crosses the fewest edges.

        Examples:
          milenas-lab \(Name.parent) \(Name.command) DARTS_V2 --output cells.pdf
          milenas-lab \(Name.parent) \(Name.command) my-run@35 --column double --output cells.svg
        """)
  }
  static var defaultColumn: Venue.Column { .single }
  static var figureName: String { "genotype" }

  @OptionGroup var cell: CellArgument
  @OptionGroup var location: StoreOptions
  @OptionGroup var drawing: FigureOptions

  func figure(in theme: Theme) throws -> Figure {
    let published = try KnownGenotypes()
    let (genotype, reader) = try cell.found(in: location.store, published: published)
    if let reader {
      let run = try FigureRun(reader)
      return try .genotype(
        genotype, name: cell.text, sources: run.sources, date: run.date, title: drawing.drawnTitle)
    }
    let known = published.entries.first { $0.genotype == genotype }?.name
    let name = cell.text.contains("(") ? known ?? "a given genotype" : cell.text
    return try .genotype(
      genotype, name: name,
      sources: [FigureSource(name: name, content: Data("\(genotype)".utf8))], date: nil,
      title: drawing.drawnTitle)
  }
}

/// Where a command that draws genotypes stands.
protocol GenotypeFigureName {
  static var parent: String { get }
  static var command: String { get }
}

enum PlotGenotypeName: GenotypeFigureName {
  static let parent = "plot"
  static let command = "genotype"
}

enum GenotypeDrawName: GenotypeFigureName {
  static let parent = "genotype"
  static let command = "draw"
}

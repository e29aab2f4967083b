import ArgumentParser
import Figures
import Foundation

/// Which panels a command draws; the letters are part of its name.
protocol PanelChoice {
  static var letters: String { get }
}

enum AllPanels: PanelChoice { static let letters = "abc" }
enum PanelA: PanelChoice { static let letters = "a" }
enum PanelB: PanelChoice { static let letters = "b" }
enum PanelC: PanelChoice { static let letters = "c" }

extension PanelChoice {
  /// "fig2" with all panels, "fig2b" with one.
  static func name(_ figure: String) -> String {
    letters == AllPanels.letters ? figure : figure + letters
  }

  static var column: Venue.Column { letters == AllPanels.letters ? .double : .single }
}

/// Where the numbers of Figures 2 and 3 come from.
struct FigureSourceOptions: ParsableArguments {
  enum Kind: String, CaseIterable, ExpressibleByArgument { case runs, paper }
  enum Overlay: String, CaseIterable, ExpressibleByArgument { case paper }

  @Option(help: "The runs of a study, or the curves of the paper.") var data: Kind = .runs
  @Option(
    help: ArgumentHelp(
      "Draws the paper's curves behind those of the runs.", valueName: "paper"))
  var overlay: Overlay?
  @Option(
    help: ArgumentHelp(
      "Folder of the study's runs, named <setting>-s<seed>; left out: runs/reference-fig2 or -fig3.",
      valueName: "folder"))
  var study: String?

  mutating func validate() throws {
    if data == .paper, overlay != nil || study != nil {
      throw ValidationError("--overlay and --study go with --data runs: leave them out")
    }
  }

  func input(study name: String) -> FigureInput {
    switch data {
    case .paper: .paper
    case .runs:
      .runs(
        URL(filePath: study ?? "runs/\(name)", directoryHint: .isDirectory),
        withPaper: overlay == .paper)
    }
  }
}

struct PlotFigure2<Panels: PanelChoice>: FigureCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Panels.name("fig2"),
      abstract: "Figure 2\(Panels.letters == "abc" ? "" : Panels.letters): "
        + [
          "abc": "the gap between training and validation accuracy, accuracy, time.",
          "a": "the gap between training and validation accuracy.",
          "b": "validation accuracy along the search.", "c": "validation accuracy over time.",
        ][Panels.letters, default: ""],
      discussion: """
        Examples:
          milenas-lab plot \(Panels.name("fig2"))
          milenas-lab plot \(Panels.name("fig2")) --data paper --venue neurips --output figure.svg
        """)
  }
  static var defaultColumn: Venue.Column { Panels.column }

  @OptionGroup var source: FigureSourceOptions
  @Option(
    help: ArgumentHelp(
      "Where panels over epochs begin: an epoch, or percent of the search with --overlay; left out: half-way.",
      valueName: "epoch"))
  var from: Double?
  @OptionGroup var drawing: FigureOptions

  mutating func validate() throws {
    if from != nil, Panels.letters == PanelC.letters {
      throw ValidationError(
        "--from is for panels over epochs, and this one is over time: leave it out")
    }
  }

  func figure(in theme: Theme) throws -> Figure {
    try Figure2.figure(
      Figure2.Letter.allCases.filter { Panels.letters.contains($0.rawValue) },
      of: source.input(study: "reference-fig2"), from: from, title: drawing.drawnTitle,
      theme: theme)
  }
}

struct PlotFigure3<Panels: PanelChoice>: FigureCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Panels.name("fig3"),
      abstract: "Figure 3\(Panels.letters == "abc" ? "" : Panels.letters): "
        + [
          "abc": "searches that sample, model size along a search, error over size.",
          "a": "validation accuracy of searches that sample.",
          "b": "convolutions in the cell along a search.", "c": "error over model size.",
        ][Panels.letters, default: ""],
      discussion: """
        Examples:
          milenas-lab plot \(Panels.name("fig3"))
          milenas-lab plot \(Panels.name("fig3")) --data paper --output figure.png
        """)
  }
  static var defaultColumn: Venue.Column { Panels.column }

  @OptionGroup var source: FigureSourceOptions
  @Option(
    help: ArgumentHelp(
      "CSV of evaluated cells (size, error; deviation, seeds) for panel c, instead of the study's evaluations.",
      valueName: "file"))
  var points: String?
  @OptionGroup var drawing: FigureOptions

  mutating func validate() throws {
    if points != nil, source.data == .paper || !Panels.letters.contains("c") {
      throw ValidationError("--points are for panel c of runs: leave it out")
    }
  }

  func figure(in theme: Theme) throws -> Figure {
    try Figure3.figure(
      Figure3.Letter.allCases.filter { Panels.letters.contains($0.rawValue) },
      of: source.input(study: "reference-fig3"),
      points: points.map { try EvaluatedSizes(csv: URL(filePath: $0)) },
      title: drawing.drawnTitle, theme: theme)
  }
}

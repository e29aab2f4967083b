import Datasets
import Foundation

/// The curves of the paper's Figures 2 and 3 (arXiv 2003.12238), read off the vector drawings in its PDF.
public struct PaperFigures: Sendable {
  /// A panel of the paper.
  public struct Panel: Decodable, Sendable {
    /// By the paper's name: [x, y] pairs in the units of the axes.
    public var series: [String: [[Double]]]
    /// The part of the x axis that the paper shows; nil for all.
    public var window: [Double]?
  }

  /// By figure and letter: "2a".
  private let panels: [String: Panel]
  let source: FigureSource

  /// Reads the curves that come with the program.
  ///
  /// - Throws: `DatasetError.missing` when the file is not beside the program; `FigureError.cannotRead`.
  public init() throws {
    let file = try ShippedFile.url(bundle: "milenas-lab_Figures", path: "paper-figures.json")
    do {
      let content = try Data(contentsOf: file)
      panels = try JSONDecoder().decode([String: Panel].self, from: content)
      source = FigureSource(name: "paper-figures.json", content: content)
    } catch {
      throw FigureError.cannotRead(path: file.path, reason: "\(error)")
    }
  }

  /// The day on which the paper appeared: the date of a figure that shows nothing else.
  static let date = Date(timeIntervalSince1970: 1_585_267_200)

  /// - Throws: `FigureError.cannotRead`.
  func panel(_ name: String) throws -> Panel {
    guard let panel = panels[name] else {
      throw FigureError.cannotRead(path: source.name, reason: "it has no Figure \(name)")
    }
    return panel
  }

  /// The points of a series of a panel.
  ///
  /// - Throws: `FigureError.cannotRead`.
  func points(_ series: String, of name: String) throws -> [(x: Double, y: Double)] {
    guard let points = try panel(name).series[series], points.allSatisfy({ $0.count == 2 }) else {
      throw FigureError.cannotRead(path: source.name, reason: "Figure \(name) has no \(series)")
    }
    return points.map { (x: $0[0], y: $0[1]) }
  }
}

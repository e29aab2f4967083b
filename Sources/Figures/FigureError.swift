import Foundation

/// What can go wrong with a figure.
public enum FigureError: Error, Equatable, CustomStringConvertible {
  /// A family that is not installed.
  case noSuchFont(name: String, nearest: String?)
  /// Not even the shipped font can be used.
  case noFonts(reason: String)
  /// Characters that neither the font nor the shipped one has.
  case missingGlyphs(letters: String, font: String)
  /// A file whose name tells no format.
  case unknownFormat(path: String)
  /// A word that is no width.
  case badWidth(String)
  /// A file that the operating system does not let be written.
  case cannotWrite(path: String, reason: String)
  /// A file that cannot be read.
  case cannotRead(path: String, reason: String)
  /// Cairo's own words.
  case notDrawn(reason: String)
  /// A file that is no figure of this program.
  case noRecord(path: String)
  /// A SOURCE_DATE_EPOCH that is no number of seconds.
  case badDate(String)
  /// A folder without a finished run of any of these settings.
  case noStudy(folder: String, settings: [String], unfinished: Int)
  /// A panel without any of its curves.
  case emptyPanel(figure: String, settings: [String])
  /// A beginning behind which no curve of a panel has two points.
  case nothingShown(figure: String, from: Double, last: Double)
  /// A number of a run that cannot be drawn.
  case notFinite(run: String, epoch: Int, quantity: String)
  /// A run too short for a curve.
  case onePoint(run: String, epochs: Int)
  /// What an analysis or a step of a run holds.
  case noNumbers(run: String, what: String)

  /// Whether a user's word or file is to blame, rather than the machine.
  public var isBadInput: Bool {
    switch self {
    case .noSuchFont, .missingGlyphs, .unknownFormat, .badWidth, .cannotRead, .noRecord, .badDate,
      .noStudy, .emptyPanel, .nothingShown, .notFinite, .onePoint, .noNumbers:
      true
    case .noFonts, .cannotWrite, .notDrawn: false
    }
  }

  public var description: String {
    switch self {
    case .noSuchFont(let name, let nearest):
      "no font called “\(name)” is installed"
        + (nearest.map { ": did you mean “\($0)”?" }
          ?? ": `fc-list : family` shows those there are; without --font the shipped one is used")
    case .noFonts(let reason):
      "no font can be used (\(reason)): build the program again, so that its resources are whole"
    case .missingGlyphs(let letters, let font):
      "the font \(font) has no glyph for \(letters): choose another with --font"
    case .unknownFormat(let path):
      "\(path) does not say what kind of file it is to be: end its name with .pdf, .svg or .png"
    case .badWidth(let word):
      "“\(word)” is no width: write mm:88, cm:8.8, in:3.25 or pt:236, from 100 to 5000 points"
    case .cannotWrite(let path, let reason):
      "cannot write \(path) (\(reason)): choose a folder that can be written, with --output"
    case .cannotRead(let path, let reason): "cannot read \(path) (\(reason))"
    case .notDrawn(let reason): "the figure could not be drawn: \(reason)"
    case .noRecord(let path):
      "\(path) does not say where it comes from: only figures that `milenas-lab plot` wrote can be "
        + "checked, and only unchanged ones"
    case .noStudy(let folder, let settings, let unfinished):
      "\(folder) holds no finished run of \(settings.joined(separator: ", "))"
        + (unfinished > 0 ? " (\(unfinished) are unfinished)" : "")
        + ": runs are named <setting>-s<seed>; set --study to their folder, or draw the paper's "
        + "curves with --data paper"
    case .emptyPanel(let figure, let settings):
      "Figure \(figure) needs finished runs of \(settings.joined(separator: " or ")), and the study has none: "
        + "run them, set --study to their folder, or draw the paper's with --data paper"
    case .nothingShown(let figure, let from, let last):
      String(
        format:
          "no curve of Figure %@ has two points from %g on, its data end at %g: give --from a smaller number",
        figure, from, last)
    case .notFinite(let run, let epoch, let quantity):
      "epoch \(epoch) of \(run) has a \(quantity) that is no number: leave the run out, or search it again"
    case .onePoint(let run, let epochs):
      "\(run) has \(epochs) epoch\(epochs == 1 ? "" : "s"), and a curve needs 2: search with more --epochs"
    case .noNumbers(let run, let what):
      "\(what) of \(run) hold values that are no numbers: the search diverged, so name another run"
    case .badDate(let word):
      "SOURCE_DATE_EPOCH is “\(word)”: set it to seconds since 1970, or unset it"
    }
  }
}

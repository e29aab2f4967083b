import CCairo
import Datasets
import Foundation

/// Words that have been measured; lengths in points.
public struct TypesetText: Equatable, Sendable {
  /// Of lines within a paragraph.
  public enum Alignment: Sendable {
    /// Lines begin below each other.
    case left
    /// Lines are centred.
    case center
    /// Lines end below each other.
    case right
  }

  /// The words.
  public let text: Text
  /// Of the type, in points.
  public let size: Double
  /// Where lines are broken; nil for one line.
  let wrapWidth: Double?
  let alignment: Alignment
  /// Advance of the widest line.
  public let width: Double
  /// From the top of the first line's tallest letters to the bottom of the last line's lowest.
  public let height: Double
  /// From that top to the first baseline.
  public let ascent: Double
  /// From the last baseline to that bottom.
  public let descent: Double
  /// Height of a capital or a digit.
  public let capHeight: Double
}

/// Measures and draws words with Pango, in the font that comes with the program or in an installed one.
///
/// The shipped font is used without a look at the machine's fontconfig, unhinted and at fractional positions, so that
/// words have the same widths everywhere, and the same in PNG, PDF and SVG.
@safe public final class Typesetter {
  /// The font that comes with the program.
  public static let shippedFamily = "STIX"

  /// The font's name.
  public let family: String
  /// SHA-256 over the shipped font's files; nil for an installed font.
  public let fontDigest: String?
  /// Characters that the font has no glyph for, found while measuring.
  public private(set) var missing: Set<Character> = []

  private let map: UnsafeMutablePointer<PangoFontMap>
  private let context: OpaquePointer
  /// By size: what a line of any letters takes, and Pango's distance between lines.
  private var references: [Double: Reference] = [:]

  private struct Reference {
    var ascent: Double
    var descent: Double
    var capHeight: Double
    var lineDistance: Double
  }

  /// Loads the fonts that words are set in.
  ///
  /// - Parameter installed: the family of a font of this machine; nil for the shipped one, which also lends the letters
  ///   that an installed font lacks.
  /// - Throws: `FigureError.noSuchFont` with the nearest name; `DatasetError.missing` without the shipped files.
  public init(font installed: String? = nil) throws {
    let config = unsafe installed == nil ? FcConfigCreate() : FcInitLoadConfigAndFonts()
    guard let config = unsafe config else { throw FigureError.noFonts(reason: "no memory") }
    // The font map keeps a reference of its own.
    defer { unsafe FcConfigDestroy(config) }
    var files: [[UInt8]] = []
    for face in ["Regular", "Italic", "Bold"] {
      let file = try ShippedFile.url(
        bundle: "milenas-lab_Figures", path: "fonts/STIX-\(face).otf")
      files.append([UInt8](try Data(contentsOf: file)))
      guard unsafe FcConfigAppFontAddFile(config, file.path) != 0 else {
        throw FigureError.noFonts(reason: "\(file.lastPathComponent) cannot be read")
      }
    }
    if let installed {
      let families = unsafe Self.families(of: config)
      guard let found = families.first(where: { $0.lowercased() == installed.lowercased() }) else {
        throw FigureError.noSuchFont(
          name: installed, nearest: NearestName.of(installed, among: families))
      }
      family = found
      fontDigest = nil
    } else {
      family = Self.shippedFamily
      fontDigest = SHA256Digest.hex(of: files)
    }
    guard let map = unsafe milenas_font_map_new(config) else {
      throw FigureError.noFonts(reason: "no font map")
    }
    let options = unsafe cairo_font_options_create()
    defer { unsafe cairo_font_options_destroy(options) }
    unsafe cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY)
    unsafe cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE)
    unsafe cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
    guard let context = unsafe milenas_context_new(map, options) else {
      unsafe g_object_unref(map)
      throw FigureError.noFonts(reason: "no context")
    }
    unsafe pango_context_set_language(context, pango_language_from_string("en"))
    unsafe self.map = unsafe map
    unsafe self.context = unsafe context
  }

  deinit {
    unsafe g_object_unref(UnsafeMutableRawPointer(context))
    unsafe g_object_unref(map)
  }

  private static func families(of config: OpaquePointer) -> [String] {
    let pattern = unsafe FcPatternCreate()
    let wanted = unsafe FcObjectSetCreate()
    defer {
      unsafe FcPatternDestroy(pattern)
      unsafe FcObjectSetDestroy(wanted)
    }
    unsafe FcObjectSetAdd(wanted, FC_FAMILY)
    guard let set = unsafe FcFontList(config, pattern, wanted) else { return [] }
    defer { unsafe FcFontSetDestroy(set) }
    var names: Set<String> = []
    for index in unsafe 0..<Int(set.pointee.nfont) {
      var name: UnsafeMutablePointer<FcChar8>?
      guard let font = unsafe set.pointee.fonts[index],
        unsafe FcPatternGetString(font, FC_FAMILY, 0, &name) == FcResultMatch,
        let name = unsafe name
      else { continue }
      unsafe names.insert(String(cString: name))
    }
    return names.sorted()
  }

  /// Measures words at a size, broken into lines where a width is given.
  public func typeset(
    _ text: Text, size: Double, wrapWidth: Double? = nil,
    alignment: TypesetText.Alignment = .left
  ) -> TypesetText {
    let reference = reference(at: size)
    let layout = unsafe layout(text, size: size, wrapWidth: wrapWidth, alignment: alignment)
    defer { unsafe g_object_unref(UnsafeMutableRawPointer(layout)) }
    if unsafe pango_layout_get_unknown_glyphs_count(layout) > 0 {
      missing.formUnion(text.plain.filter { isMissing($0) })
    }
    var logical = PangoRectangle()
    unsafe pango_layout_get_extents(layout, nil, &logical)
    let lines = unsafe pango_layout_get_line_count(layout)
    let iterator = unsafe pango_layout_get_iter(layout)
    defer { unsafe pango_layout_iter_free(iterator) }
    while unsafe pango_layout_iter_next_line(iterator) != 0 {}
    let between =
      unsafe lines > 1
      ? pango_layout_iter_get_baseline(iterator) - pango_layout_get_baseline(layout) : 0
    return TypesetText(
      text: text, size: size, wrapWidth: wrapWidth, alignment: alignment,
      width: Double(logical.width) / 1024,
      height: reference.ascent + reference.descent + Double(between) / 1024,
      ascent: reference.ascent, descent: reference.descent, capHeight: reference.capHeight)
  }

  private func isMissing(_ letter: Character) -> Bool {
    let layout = unsafe layout(
      Text(plain: String(letter)), size: 10, wrapWidth: nil, alignment: .left)
    defer { unsafe g_object_unref(UnsafeMutableRawPointer(layout)) }
    return unsafe pango_layout_get_unknown_glyphs_count(layout) > 0
  }

  /// Draws measured words; `at` is the left end of the first baseline.
  func draw(_ words: TypesetText, on cairo: OpaquePointer) {
    let layout = unsafe layout(
      words.text, size: words.size, wrapWidth: words.wrapWidth, alignment: words.alignment)
    defer { unsafe g_object_unref(UnsafeMutableRawPointer(layout)) }
    // Lines that are centred or flush right begin within the width that they were broken to.
    var logical = PangoRectangle()
    unsafe pango_layout_get_extents(layout, nil, &logical)
    unsafe cairo_rel_move_to(
      cairo, -Double(logical.x) / 1024, -Double(pango_layout_get_baseline(layout)) / 1024)
    unsafe pango_cairo_show_layout(cairo, layout)
  }

  private func reference(at size: Double) -> Reference {
    if let known = references[size] { return known }
    func measured(_ letters: String) -> (above: Double, below: Double, height: Double) {
      let layout = unsafe layout(
        Text(plain: letters), size: size, wrapWidth: nil, alignment: .left)
      defer { unsafe g_object_unref(UnsafeMutableRawPointer(layout)) }
      var ink = PangoRectangle()
      var logical = PangoRectangle()
      unsafe pango_layout_get_extents(layout, &ink, &logical)
      let baseline = unsafe Double(pango_layout_get_baseline(layout))
      return (
        (baseline - Double(ink.y)) / 1024, (Double(ink.y + ink.height) - baseline) / 1024,
        Double(logical.height) / 1024
      )
    }
    let line = measured("(dg)")
    let found = Reference(
      ascent: line.above, descent: line.below, capHeight: measured("0H").above,
      lineDistance: line.height)
    references[size] = found
    return found
  }

  private func layout(
    _ text: Text, size: Double, wrapWidth: Double?, alignment: TypesetText.Alignment
  ) -> OpaquePointer {
    guard let layout = unsafe pango_layout_new(context),
      let description = unsafe pango_font_description_new()
    else { preconditionFailure("no memory for a line of text") }
    defer { unsafe pango_font_description_free(description) }
    let families = family == Self.shippedFamily ? family : "\(family),\(Self.shippedFamily)"
    unsafe pango_font_description_set_family(description, families)
    unsafe pango_font_description_set_absolute_size(description, size * 1024)
    unsafe pango_layout_set_font_description(layout, description)
    unsafe pango_layout_set_markup(layout, text.pangoMarkup(size: size), -1)
    if let wrapWidth {
      unsafe pango_layout_set_width(layout, Int32(wrapWidth * 1024))
      unsafe pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR)
      // The font's own distance, made for formulas, is half as large again as that of a text.
      unsafe pango_layout_set_line_spacing(
        layout, Float(1.15 * size / reference(at: size).lineDistance))
    }
    unsafe pango_layout_set_alignment(
      layout,
      alignment == .left
        ? PANGO_ALIGN_LEFT : alignment == .center ? PANGO_ALIGN_CENTER : PANGO_ALIGN_RIGHT)
    return unsafe layout
  }
}

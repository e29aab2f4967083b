import CCairo
import Foundation

/// A drawing on paper: Cairo makes PDF, SVG and PNG of one and the same.
struct CairoPage {
  private let canvas: Canvas

  init(_ canvas: Canvas) { self.canvas = canvas }

  /// - Throws: `FigureError.notDrawn` with Cairo's words.
  func data(
    as format: FigureFormat, title: String, summary: String, record: FigureRecord,
    dotsPerInch: Double
  ) throws -> Data {
    switch format {
    case .pdf: try pdf(title: title, summary: summary, record: record)
    case .svg: try svg(title: title, summary: summary, record: record)
    case .png: try png(title: title, summary: summary, record: record, dotsPerInch: dotsPerInch)
    }
  }

  private func pdf(title: String, summary: String, record: FigureRecord) throws -> Data {
    try unsafe Self.collected { sink in
      let surface = unsafe cairo_pdf_surface_create_for_stream(
        ByteSink.write, sink, canvas.size.width, canvas.size.height)
      func say(_ what: cairo_pdf_metadata_t, _ words: String) {
        unsafe cairo_pdf_surface_set_metadata(surface, what, words)
      }
      say(CAIRO_PDF_METADATA_TITLE, title)
      say(CAIRO_PDF_METADATA_SUBJECT, summary)
      say(CAIRO_PDF_METADATA_KEYWORDS, record.json)
      say(CAIRO_PDF_METADATA_CREATOR, record.command)
      say(CAIRO_PDF_METADATA_CREATE_DATE, record.timestamp)
      try unsafe draw(on: surface, scale: 1)
    }
  }

  private func svg(title: String, summary: String, record: FigureRecord) throws -> Data {
    let drawn = try unsafe Self.collected { sink in
      let surface = unsafe cairo_svg_surface_create_for_stream(
        ByteSink.write, sink, canvas.size.width, canvas.size.height)
      try unsafe draw(on: surface, scale: 1)
    }
    // Cairo writes neither title nor description; they stand right after the tag that opens the drawing.
    guard let open = drawn.range(of: Data("<svg ".utf8)),
      let close = drawn.range(of: Data(">".utf8), in: open.upperBound..<drawn.endIndex)
    else { throw FigureError.notDrawn(reason: "Cairo's SVG has no <svg>") }
    func escaped(_ words: String) -> String {
      words.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
    let words = """

      <title>\(escaped(title))</title>
      <desc>\(escaped(summary)) Drawn by: \(escaped(record.command))</desc>
      <metadata>\(escaped(record.json))</metadata>
      """
    // Cairo numbers the surfaces of a process, so the second figure would not be as the first.
    let body = String(decoding: drawn[close.upperBound...], as: UTF8.self)
      .replacing(/(id="|#)surface[0-9]+/) { "\($0.1)surface" }
    return drawn[..<close.upperBound] + Data((words + body).utf8)
  }

  private func png(
    title: String, summary: String, record: FigureRecord, dotsPerInch: Double
  ) throws -> Data {
    let scale = dotsPerInch / 72
    let (width, height) = (canvas.size.width * scale, canvas.size.height * scale)
    guard width * height <= 4e8 else {
      throw FigureError.notDrawn(reason: "\(Int(width))×\(Int(height)) pixels are too many")
    }
    let drawn = try unsafe Self.collected { sink in
      guard
        let surface = unsafe cairo_image_surface_create(
          CAIRO_FORMAT_RGB24, Int32(width.rounded()), Int32(height.rounded()))
      else { throw FigureError.notDrawn(reason: "no memory") }
      defer { unsafe cairo_surface_destroy(surface) }
      try unsafe draw(on: cairo_surface_reference(surface), scale: scale)
      try Self.check(unsafe cairo_surface_write_to_png_stream(surface, ByteSink.write, sink))
    }
    return PNGChunks.inserted(
      into: drawn, dotsPerInch: dotsPerInch,
      words: [
        ("Title", title), ("Description", summary), ("Software", record.command),
        ("Creation Time", record.timestamp), (PNGChunks.recordKeyword, record.json),
      ])
  }

  /// Draws all and finishes the surface, which it owns.
  private func draw(on surface: OpaquePointer?, scale: Double) throws {
    guard let surface = unsafe surface, let cairo = unsafe cairo_create(surface) else {
      throw FigureError.notDrawn(reason: "no memory")
    }
    defer {
      unsafe cairo_destroy(cairo)
      unsafe cairo_surface_destroy(surface)
    }
    unsafe cairo_scale(cairo, scale, scale)
    unsafe Self.set(canvas.theme.paper, on: cairo)
    unsafe cairo_paint(cairo)
    unsafe cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND)
    for item in canvas.items { unsafe draw(item, on: cairo) }
    try Self.check(unsafe cairo_status(cairo))
    // An image is still to be read; what is written to a stream ends here.
    if unsafe cairo_surface_get_type(surface) != CAIRO_SURFACE_TYPE_IMAGE {
      unsafe cairo_surface_finish(surface)
    }
    try Self.check(unsafe cairo_surface_status(surface))
  }

  private func draw(_ item: Canvas.Item, on cairo: OpaquePointer) {
    unsafe cairo_save(cairo)
    defer { unsafe cairo_restore(cairo) }
    if let clip = item.clip {
      unsafe cairo_rectangle(cairo, clip.left, clip.top, clip.width, clip.height)
      unsafe cairo_clip(cairo)
    }
    unsafe cairo_new_path(cairo)
    switch item.shape {
    case .fill(let path, let color):
      unsafe Self.trace(path, on: cairo)
      unsafe Self.set(color, on: cairo)
      unsafe cairo_fill(cairo)
    case .stroke(let path, let pen):
      unsafe Self.trace(path, on: cairo)
      unsafe Self.set(pen.color, on: cairo)
      unsafe cairo_set_line_width(cairo, pen.width)
      unsafe cairo_set_dash(cairo, pen.dash, Int32(pen.dash.count), 0)
      unsafe cairo_stroke(cairo)
    case .words(let words, let place, let angle, let color):
      unsafe Self.set(color, on: cairo)
      unsafe cairo_translate(cairo, place.x, place.y)
      unsafe cairo_rotate(cairo, angle)
      unsafe cairo_move_to(cairo, 0, 0)
      unsafe canvas.typesetter.draw(words, on: cairo)
    }
  }

  private static func set(_ color: Color, on cairo: OpaquePointer) {
    if color.opacity == 1 {
      // Opaque colours by themselves, so that a PDF without bands has no transparency.
      unsafe cairo_set_source_rgb(cairo, color.red, color.green, color.blue)
    } else {
      unsafe cairo_set_source_rgba(cairo, color.red, color.green, color.blue, color.opacity)
    }
  }

  private static func trace(_ path: Path, on cairo: OpaquePointer) {
    for element in path.elements {
      switch element {
      case .move(let point): unsafe cairo_move_to(cairo, point.x, point.y)
      case .line(let point): unsafe cairo_line_to(cairo, point.x, point.y)
      case .curve(let a, let b, let end):
        unsafe cairo_curve_to(cairo, a.x, a.y, b.x, b.y, end.x, end.y)
      case .close: unsafe cairo_close_path(cairo)
      }
    }
  }

  private static func check(_ status: cairo_status_t) throws {
    guard status == CAIRO_STATUS_SUCCESS else {
      throw FigureError.notDrawn(reason: unsafe String(cString: cairo_status_to_string(status)))
    }
  }

  /// What Cairo writes while `body` runs.
  private static func collected(
    _ body: (UnsafeMutableRawPointer) throws -> Void
  ) throws -> Data {
    let sink = ByteSink()
    try withExtendedLifetime(sink) {
      try unsafe body(Unmanaged.passUnretained(sink).toOpaque())
    }
    return sink.bytes
  }
}

/// Takes bytes from C.
private final class ByteSink {
  var bytes = Data()

  static let write: cairo_write_func_t = { sink, data, length in
    guard let sink = unsafe sink, let data = unsafe data else { return CAIRO_STATUS_WRITE_ERROR }
    let taker = unsafe Unmanaged<ByteSink>.fromOpaque(sink).takeUnretainedValue()
    unsafe taker.bytes.append(data, count: Int(length))
    return CAIRO_STATUS_SUCCESS
  }
}

import Foundation

/// A line as it is drawn; lengths in points.
public struct Pen: Equatable, Sendable {
  /// Of the line.
  public var color: Color
  /// In points.
  public var width: Double
  /// Lengths of dashes and gaps; empty for a solid line.
  public var dash: [Double]

  /// A solid line, unless dashes are given.
  public init(color: Color, width: Double, dash: [Double] = []) {
    self.color = color
    self.width = width
    self.dash = dash
  }
}

/// Which point of a piece of text is meant by its place.
public struct Anchor: Equatable, Sendable {
  /// Along the line.
  public enum Horizontal: Sendable {
    /// The place is where the words begin.
    case left
    /// The place is half-way.
    case center
    /// The place is where the words end.
    case right
  }

  /// Across it.
  public enum Vertical: Sendable {
    /// The top of the tallest letters.
    case top
    /// Half the height of a digit above the baseline.
    case middle
    /// The line that the letters stand on.
    case baseline
    /// The bottom of the lowest letters.
    case bottom
  }

  /// Which side of the words the place is.
  public var horizontal: Horizontal
  /// Which height of the words the place is.
  public var vertical: Vertical

  /// Both.
  public init(_ horizontal: Horizontal, _ vertical: Vertical) {
    self.horizontal = horizontal
    self.vertical = vertical
  }
}

/// A drawing: what is drawn, in order, and what it is. Cairo renders it, tests read it, and legends look for a place
/// where it is empty.
public struct Canvas {
  /// What a thing is; labels keep clear of data and of other words.
  public enum Role: Equatable, Sendable {
    /// Axes, ticks, grids and boxes.
    case frame
    /// A field behind the data.
    case shade
    /// What the figure is about.
    case data
    /// Labels, legends and numbers.
    case words
  }

  /// What is drawn.
  public enum Shape: Equatable, Sendable {
    /// A line along a path.
    case stroke(Path, Pen)
    /// The inside of a path.
    case fill(Path, Color)
    /// The place is the left end of the first baseline, about which it is turned; radians, clockwise.
    case words(TypesetText, at: Point, angle: Double, color: Color)
  }

  /// One thing that is drawn.
  public struct Item: Equatable, Sendable {
    /// What it is for.
    public var role: Role
    /// What it is.
    public var shape: Shape
    /// Nothing is drawn outside.
    public var clip: Rect?
  }

  /// Of the page, in points.
  public internal(set) var size: Size
  /// Colours and sizes.
  public let theme: Theme
  let typesetter: Typesetter
  /// In the order in which they are drawn.
  public private(set) var items: [Item] = []
  private var clip: Rect?

  /// An empty drawing.
  ///
  /// - Parameter size: of the page; what a layout finds out only at the end can be set then.
  public init(size: Size, theme: Theme, typesetter: Typesetter) {
    self.size = size
    self.theme = theme
    self.typesetter = typesetter
  }

  /// Draws a line along a path.
  public mutating func stroke(_ path: Path, _ pen: Pen, role: Role = .data) {
    items.append(Item(role: role, shape: .stroke(path, pen), clip: clip))
  }

  /// Fills a path.
  public mutating func fill(_ path: Path, _ color: Color, role: Role = .data) {
    items.append(Item(role: role, shape: .fill(path, color), clip: clip))
  }

  /// Measures words in this drawing's font.
  public func typeset(
    _ text: Text, size: Double, wrapWidth: Double? = nil,
    alignment: TypesetText.Alignment = .left
  ) -> TypesetText {
    typesetter.typeset(text, size: size, wrapWidth: wrapWidth, alignment: alignment)
  }

  /// Writes measured words with one of their points at a place; in the theme's ink unless said otherwise.
  ///
  /// - Parameter angle: radians, clockwise, about the place.
  public mutating func write(
    _ words: TypesetText, at place: Point, _ anchor: Anchor, color: Color? = nil,
    angle: Double = 0
  ) {
    let dx: Double =
      switch anchor.horizontal {
      case .left: 0
      case .center: -words.width / 2
      case .right: -words.width
      }
    let dy: Double =
      switch anchor.vertical {
      case .baseline: 0
      case .middle: words.capHeight / 2 - (words.height - words.ascent - words.descent) / 2
      case .top: words.ascent
      case .bottom: words.ascent - words.height
      }
    let (c, s) = (cos(angle), sin(angle))
    let origin = place + Point(c * dx - s * dy, s * dx + c * dy)
    items.append(
      Item(
        role: .words, shape: .words(words, at: origin, angle: angle, color: color ?? theme.ink),
        clip: nil))
  }

  /// What `body` draws is cut off at the rectangle's edges.
  public mutating func clipped(to rect: Rect, _ body: (inout Canvas) -> Void) {
    let outer = clip
    clip = rect
    body(&self)
    clip = outer
  }

  /// Whether nothing of these roles lies within the rectangle.
  public func isFree(_ rect: Rect, of roles: [Role] = [.data, .words]) -> Bool {
    !items.contains { roles.contains($0.role) && $0.meets(rect) }
  }
}

extension Canvas.Item {
  /// The rectangle about it; for words that are turned, about their turned corners. nil for nothing.
  public var bounds: Rect? {
    switch shape {
    case .stroke(let path, let pen): path.bounds?.grown(by: pen.width / 2)
    case .fill(let path, _): path.bounds
    case .words(let words, let place, let angle, _): Rect(around: words.corners(at: place, angle))
    }
  }

  /// Whether any of it is seen within the rectangle.
  public func meets(_ rect: Rect) -> Bool {
    if let clip, !clip.intersects(rect) { return false }
    switch shape {
    case .stroke(let path, let pen):
      let near = rect.grown(by: pen.width / 2)
      return path.segments.contains { near.meetsSegment($0.0, $0.1) }
    case .fill(let path, _):
      return path.segments.contains { rect.meetsSegment($0.0, $0.1) }
        || path.encloses(rect.center)
    case .words:
      return bounds?.intersects(rect) ?? false
    }
  }
}

extension TypesetText {
  /// Of the box about the words, turned with them.
  func corners(at place: Point, _ angle: Double) -> [Point] {
    let (c, s) = (cos(angle), sin(angle))
    let box = Rect(left: 0, top: -ascent, width: width, height: height)
    return box.corners.map { place + Point(c * $0.x - s * $0.y, s * $0.x + c * $0.y) }
  }
}

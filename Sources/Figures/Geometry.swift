import Foundation

/// A place on the page, in points (1/72 inch) from its top left corner.
public struct Point: Equatable, Sendable {
  /// From the left.
  public var x: Double
  /// From the top.
  public var y: Double

  /// x and y.
  public init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }

  /// By components.
  public static func + (a: Point, b: Point) -> Point { Point(a.x + b.x, a.y + b.y) }
  /// By components.
  public static func - (a: Point, b: Point) -> Point { Point(a.x - b.x, a.y - b.y) }
  /// By components.
  public static func * (a: Point, factor: Double) -> Point { Point(a.x * factor, a.y * factor) }
}

/// Width and height, in points.
public struct Size: Equatable, Sendable {
  /// In points.
  public var width: Double
  /// In points.
  public var height: Double

  /// Width and height.
  public init(_ width: Double, _ height: Double) {
    self.width = width
    self.height = height
  }
}

/// An upright rectangle, in points; `top` is the smaller y.
public struct Rect: Equatable, Sendable {
  /// The smaller x.
  public var left: Double
  /// The smaller y.
  public var top: Double
  /// The larger x.
  public var right: Double
  /// The larger y.
  public var bottom: Double

  /// By its sides.
  public init(left: Double, top: Double, right: Double, bottom: Double) {
    self.left = left
    self.top = top
    self.right = right
    self.bottom = bottom
  }

  /// By a corner and its size.
  public init(left: Double, top: Double, width: Double, height: Double) {
    self.init(left: left, top: top, right: left + width, bottom: top + height)
  }

  /// The smallest rectangle that holds all the points; nil for none.
  public init?(around points: [Point]) {
    guard let first = points.first else { return nil }
    self.init(left: first.x, top: first.y, right: first.x, bottom: first.y)
    for point in points {
      left = min(left, point.x)
      right = max(right, point.x)
      top = min(top, point.y)
      bottom = max(bottom, point.y)
    }
  }

  /// From left to right.
  public var width: Double { right - left }
  /// From top to bottom.
  public var height: Double { bottom - top }
  /// The middle.
  public var center: Point { Point((left + right) / 2, (top + bottom) / 2) }
  /// Clockwise from the top left.
  public var corners: [Point] {
    [Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom)]
  }

  /// Grown by `margin` on every side; shrunk when it is negative.
  public func grown(by margin: Double) -> Rect {
    Rect(left: left - margin, top: top - margin, right: right + margin, bottom: bottom + margin)
  }

  /// Whether they share more than a border.
  public func intersects(_ other: Rect) -> Bool {
    left < other.right && other.left < right && top < other.bottom && other.top < bottom
  }

  /// Whether all of it lies inside, borders included.
  public func contains(_ point: Point) -> Bool {
    left <= point.x && point.x <= right && top <= point.y && point.y <= bottom
  }

  /// Whether all of it lies inside, borders included.
  public func contains(_ other: Rect) -> Bool {
    left <= other.left && other.right <= right && top <= other.top && other.bottom <= bottom
  }

  /// Whether the straight line from `a` to `b` passes through it (Liang and Barsky's clipping).
  public func meetsSegment(_ a: Point, _ b: Point) -> Bool {
    var (enter, leave) = (0.0, 1.0)
    let d = b - a
    for (step, distance) in [
      (-d.x, a.x - left), (d.x, right - a.x), (-d.y, a.y - top), (d.y, bottom - a.y),
    ] {
      if step == 0 {
        if distance < 0 { return false }
      } else if step < 0 {
        enter = max(enter, distance / step)
      } else {
        leave = min(leave, distance / step)
      }
    }
    return enter <= leave
  }
}

/// Lines and Bézier curves.
public struct Path: Equatable, Sendable {
  /// A piece of a path.
  public enum Element: Equatable, Sendable {
    /// Begins a new line.
    case move(Point)
    /// Goes straight to a point.
    case line(Point)
    /// A cubic Bézier curve with its two control points.
    case curve(Point, Point, end: Point)
    /// Goes straight back to the beginning.
    case close
  }

  /// In order.
  public private(set) var elements: [Element] = []

  /// Nothing yet.
  public init() {}

  /// Begins a new line.
  public mutating func move(to point: Point) { elements.append(.move(point)) }
  /// Goes straight to a point.
  public mutating func line(to point: Point) { elements.append(.line(point)) }
  /// Adds a cubic Bézier curve with its two control points.
  public mutating func curve(to end: Point, by first: Point, _ second: Point) {
    elements.append(.curve(first, second, end: end))
  }
  /// Goes straight back to the beginning.
  public mutating func close() { elements.append(.close) }

  /// One after the other.
  public static func + (a: Path, b: Path) -> Path {
    var sum = a
    sum.elements += b.elements
    return sum
  }

  /// Straight lines from point to point.
  public static func polyline(_ points: [Point], closed: Bool = false) -> Path {
    var path = Path()
    guard let first = points.first else { return path }
    path.move(to: first)
    for point in points.dropFirst() { path.line(to: point) }
    if closed { path.close() }
    return path
  }

  /// Its outline.
  public static func rectangle(_ rect: Rect) -> Path { polyline(rect.corners, closed: true) }

  /// By four Bézier curves.
  public static func circle(_ center: Point, radius: Double) -> Path {
    // The control points that keep a quarter within 0.03 % of the circle.
    let k = 0.5522847498 * radius
    func at(_ x: Double, _ y: Double) -> Point { center + Point(x, y) }
    var path = Path()
    path.move(to: at(radius, 0))
    path.curve(to: at(0, radius), by: at(radius, k), at(k, radius))
    path.curve(to: at(-radius, 0), by: at(-k, radius), at(-radius, k))
    path.curve(to: at(0, -radius), by: at(-radius, -k), at(-k, -radius))
    path.curve(to: at(radius, 0), by: at(k, -radius), at(radius, -k))
    path.close()
    return path
  }

  /// With corners of a radius, or smaller ones where there is no room.
  public static func roundedRectangle(_ rect: Rect, radius: Double) -> Path {
    let r = min(radius, rect.width / 2, rect.height / 2)
    let k = r * (1 - 0.5522847498)
    var path = Path()
    path.move(to: Point(rect.left + r, rect.top))
    path.line(to: Point(rect.right - r, rect.top))
    path.curve(
      to: Point(rect.right, rect.top + r), by: Point(rect.right - k, rect.top),
      Point(rect.right, rect.top + k))
    path.line(to: Point(rect.right, rect.bottom - r))
    path.curve(
      to: Point(rect.right - r, rect.bottom), by: Point(rect.right, rect.bottom - k),
      Point(rect.right - k, rect.bottom))
    path.line(to: Point(rect.left + r, rect.bottom))
    path.curve(
      to: Point(rect.left, rect.bottom - r), by: Point(rect.left + k, rect.bottom),
      Point(rect.left, rect.bottom - k))
    path.line(to: Point(rect.left, rect.top + r))
    path.curve(
      to: Point(rect.left + r, rect.top), by: Point(rect.left, rect.top + k),
      Point(rect.left + k, rect.top))
    path.close()
    return path
  }

  /// The straight pieces, curves cut into eight.
  public var segments: [(Point, Point)] {
    var pieces: [(Point, Point)] = []
    var (start, current) = (Point(0, 0), Point(0, 0))
    for element in elements {
      switch element {
      case .move(let point): (start, current) = (point, point)
      case .line(let point):
        pieces.append((current, point))
        current = point
      case .curve(let a, let b, let end):
        let from = current
        for step in 1...8 {
          let t = Double(step) / 8
          let s = 1 - t
          let point =
            from * (s * s * s) + a * (3 * s * s * t) + b * (3 * s * t * t) + end * (t * t * t)
          pieces.append((current, point))
          current = point
        }
      case .close:
        pieces.append((current, start))
        current = start
      }
    }
    return pieces
  }

  /// The smallest rectangle around it; nil for an empty path.
  public var bounds: Rect? { Rect(around: segments.flatMap { [$0.0, $0.1] }) }

  /// Whether its inside, by the even-odd rule, holds the point.
  func encloses(_ point: Point) -> Bool {
    var isInside = false
    for (a, b) in segments where (a.y > point.y) != (b.y > point.y) {
      if point.x < a.x + (point.y - a.y) / (b.y - a.y) * (b.x - a.x) { isInside.toggle() }
    }
    return isInside
  }
}

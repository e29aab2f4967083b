import Foundation
import Testing

@testable import Figures

/// Numbers by address: the same in every process.
struct Chance {
  var state: UInt64

  init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  /// 0 to 1 (xorshift64*).
  mutating func next() -> Double {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return Double((state &* 0x2545_F491_4F6C_DD1D) >> 11) / Double(1 << 53)
  }
}

@Suite struct CanvasTests {
  @Test(arguments: 0..<200)
  func aSegmentMeetsARectangleWhenOneOfItsPointsIsWithin(seed: Int) {
    var chance = Chance(seed)
    let rect = Rect(
      left: chance.next(), top: chance.next(), width: chance.next(), height: chance.next())
    let a = Point(3 * chance.next() - 0.5, 3 * chance.next() - 0.5)
    let b = Point(3 * chance.next() - 0.5, 3 * chance.next() - 0.5)
    let steps = 4000
    let touches = (0...steps).contains { step in
      rect.contains(a + (b - a) * (Double(step) / Double(steps)))
    }
    if touches { #expect(rect.meetsSegment(a, b)) }
    // What is only grazed between two of the points looked at may meet.
    if !rect.grown(by: 0.002).meetsSegment(a, b) { #expect(!touches) }
    if !touches { #expect(!rect.grown(by: -0.002).meetsSegment(a, b)) }
  }

  @Test func aShapeEnclosesWhatIsWithinItsOutline() {
    let circle = Path.circle(Point(5, 5), radius: 2)
    #expect(circle.encloses(Point(6, 6)))
    #expect(!circle.encloses(Point(6.6, 6.6)))
    let bounds = circle.bounds
    #expect(abs((bounds?.width ?? 0) - 4) < 0.01)
  }

  @Test func whatIsClippedAwayIsNotThere() throws {
    var canvas = try blank()
    canvas.clipped(to: Rect(left: 0, top: 0, width: 10, height: 10)) {
      $0.fill(.circle(Point(50, 50), radius: 5), .white)
    }
    #expect(canvas.isFree(Rect(left: 45, top: 45, width: 10, height: 10)))
    canvas.fill(.circle(Point(50, 50), radius: 5), .white)
    #expect(!canvas.isFree(Rect(left: 45, top: 45, width: 10, height: 10)))
  }

  /// The box of turned words, by hand: what was wide is high.
  @Test func wordsThatAreTurnedTakeTheirRoomUpwards() throws {
    var canvas = try blank()
    let words = canvas.typeset("accuracy", size: 8)
    canvas.write(words, at: Point(40, 80), .init(.left, .baseline), angle: -.pi / 2)
    let bounds = try #require(canvas.items.last?.bounds)
    #expect(abs(bounds.height - words.width) < 1e-9 && abs(bounds.bottom - 80) < 1e-9)
    #expect(
      abs(bounds.width - words.height) < 1e-9 && abs(bounds.left - (40 - words.ascent)) < 1e-9)
  }

  @Test(arguments: [
    Anchor(.left, .top), .init(.center, .middle), .init(.right, .bottom), .init(.left, .baseline),
  ])
  func wordsStandWhereTheirAnchorSays(anchor: Anchor) throws {
    var canvas = try blank()
    let words = canvas.typeset("Epoch", size: 8)
    canvas.write(words, at: Point(50, 50), anchor)
    let bounds = try #require(canvas.items.last?.bounds)
    switch anchor.horizontal {
    case .left: #expect(abs(bounds.left - 50) < 1e-9)
    case .center: #expect(abs(bounds.center.x - 50) < 1e-9)
    case .right: #expect(abs(bounds.right - 50) < 1e-9)
    }
    switch anchor.vertical {
    case .top: #expect(abs(bounds.top - 50) < 1e-9)
    case .middle: #expect(abs(bounds.top + words.ascent - words.capHeight / 2 - 50) < 1e-9)
    case .baseline: #expect(abs(bounds.top + words.ascent - 50) < 1e-9)
    case .bottom: #expect(abs(bounds.bottom - 50) < 1e-9)
    }
  }

  private func blank() throws -> Canvas {
    Canvas(
      size: Size(100, 100), theme: Theme(.paper, labelSize: 8, smallSize: 6),
      typesetter: try Typesetter())
  }
}

@Suite struct LegendTests {
  /// Curves of any course: whatever they are, the legend finds a free place or goes above.
  @Test(arguments: 0..<40)
  func aLegendNeverCoversDataOrOtherWords(seed: Int) throws {
    var chance = Chance(seed)
    let theme = Theme(.paper, labelSize: 8, smallSize: 6)
    let count = 2 + seed % 6
    let marks = (0..<count).map { index -> any Mark in
      let places = (0..<(5 + seed)).map { Line.Place(x: Double($0), y: chance.next(), low: nil) }
      return Line(Text(plain: "series \(index)"), places, style: theme.series(index), markers: 4)
    }
    let grid = PanelGrid(panels: [Panel(x: Axis("x"), y: Axis("y"), marks: marks)])
    let canvas = grid.draw(width: 180, theme: theme, typesetter: try Typesetter())
    try Overlaps(canvas).expectNone()
    let named = canvas.items.filter {
      if case .words(let words, _, _, _) = $0.shape {
        words.text.plain.hasPrefix("series")
      } else {
        false
      }
    }
    #expect(named.count == count)
  }

  @Test(arguments: 0..<60)
  func directLabelsKeepTheirDistanceAndTheirOrder(seed: Int) {
    var chance = Chance(seed)
    let ends = (0..<(1 + seed % 8)).map { _ in 100 * chance.next() }
    let places = DirectLabels.spread(ends, distance: 7, within: -10...110)
    let sorted = places.sorted()
    #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 >= 7 - 1e-9 })
    for (a, b) in zip(ends.indices, ends.indices.dropFirst()) where ends[a] < ends[b] {
      #expect(places[a] < places[b])
    }
    #expect(sorted.allSatisfy { -10 - 1e-9 <= $0 && $0 <= 110 + 1e-9 })
  }

  @Test func labelsThatDoNotTouchStayWhereTheyAre() {
    #expect(DirectLabels.spread([50, 10, 30], distance: 7, within: 0...100) == [50, 10, 30])
    // Two that do share the shift.
    #expect(DirectLabels.spread([50, 52], distance: 6, within: 0...100) == [48, 54])
  }
}

/// What covers what in a drawing.
struct Overlaps {
  private let canvas: Canvas

  init(_ canvas: Canvas) { self.canvas = canvas }

  /// No words on words, none on data, none beyond the page.
  func expectNone(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let page = Rect(left: 0, top: 0, width: canvas.size.width, height: canvas.size.height)
    let words = canvas.items.filter { if case .words = $0.shape { true } else { false } }
    let boxes = try words.map { try #require($0.bounds).grown(by: -0.2) }
    for (index, box) in boxes.enumerated() {
      #expect(
        page.contains(box), "\(name(words[index])) leaves the page", sourceLocation: sourceLocation)
      for other in (index + 1)..<boxes.count where box.intersects(boxes[other]) {
        Issue.record(
          "\(name(words[index])) covers \(name(words[other]))", sourceLocation: sourceLocation)
      }
      if canvas.items.contains(where: { $0.role == .data && $0.meets(box) }) {
        Issue.record("\(name(words[index])) covers data", sourceLocation: sourceLocation)
      }
    }
  }

  private func name(_ item: Canvas.Item) -> String {
    if case .words(let words, _, _, _) = item.shape { "“\(words.text.plain)”" } else { "a shape" }
  }
}

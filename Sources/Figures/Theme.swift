import Foundation

/// How a series is told from the others: by colour, and in grey by line and mark.
public struct SeriesStyle: Equatable, Sendable {
  /// Of line and marker.
  public var color: Color
  /// Lengths of dashes and gaps, in line widths; empty for a solid line.
  public var dash: [Double]
  /// Of points.
  public var marker: Marker
  /// In points.
  public var width: Double

  /// All parts at once.
  public init(color: Color, dash: [Double], marker: Marker, width: Double) {
    self.color = color
    self.dash = dash
    self.marker = marker
    self.width = width
  }

  var pen: Pen { Pen(color: color, width: width, dash: dash.map { $0 * width }) }
}

/// The shape of a point.
public enum Marker: String, CaseIterable, Sendable {
  /// Filled.
  case circle
  /// Filled, upright.
  case square
  /// Filled, its point up.
  case triangle
  /// Filled, on its corner.
  case diamond
  /// A filled triangle, its point down.
  case down
  /// Two strokes.
  case cross
  /// A circle with the colour of the paper inside.
  case ring

  /// The outline about a point; all have about the area of a circle of that radius.
  func path(at center: Point, radius r: Double) -> Path {
    func shape(_ corners: [(Double, Double)], closed: Bool = true) -> Path {
      .polyline(corners.map { center + Point($0.0 * r, $0.1 * r) }, closed: closed)
    }
    switch self {
    case .circle, .ring: return .circle(center, radius: r)
    case .square: return shape([(-0.89, -0.89), (0.89, -0.89), (0.89, 0.89), (-0.89, 0.89)])
    case .triangle: return shape([(0, -1.35), (1.17, 0.67), (-1.17, 0.67)])
    case .down: return shape([(0, 1.35), (1.17, -0.67), (-1.17, -0.67)])
    case .diamond: return shape([(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)])
    case .cross:
      return shape([(-0.9, -0.9), (0.9, 0.9)], closed: false)
        + shape([(-0.9, 0.9), (0.9, -0.9)], closed: false)
    }
  }
}

/// Colours, sizes and line widths; lengths in points.
public struct Theme: Equatable, Sendable {
  /// The kinds of theme.
  public enum Name: String, CaseIterable, Sendable {
    /// For print and screen.
    case paper
    /// Nothing but greys; line and mark tell the series apart.
    case grey
    /// Larger words and thicker lines.
    case slides
  }

  /// Which one.
  public var name: Name
  /// Of axis labels and titles.
  public var labelSize: Double
  /// Of tick labels, legends and notes; at least 5.
  public var smallSize: Double
  /// Of data.
  public var lineWidth: Double
  /// Of axes.
  public var frameWidth: Double
  /// Outwards from the frame.
  public var tickLength: Double
  /// Of points.
  public var markerRadius: Double
  /// Of intervals, 0 to 1.
  public var bandOpacity: Double
  /// Of words and axes.
  public var ink: Color
  /// Of grids.
  public var faint: Color
  /// Behind all.
  public var paper: Color
  /// For the range that a figure points at.
  public var highlight: Color
  /// Of the series, in order.
  public var palette: [Color]

  /// Sizes in points.
  public init(_ name: Name, labelSize: Double, smallSize: Double) {
    let scale = name == .slides ? 1.5 : 1
    self.name = name
    self.labelSize = labelSize * scale
    self.smallSize = max(5, smallSize * scale)
    lineWidth = 1 * scale
    frameWidth = 0.5 * scale
    tickLength = 2.5 * scale
    markerRadius = 1.6 * scale
    bandOpacity = 0.16
    ink = Color(0x1A1A1A)
    faint = Color(0xD9D9D9)
    paper = .white
    highlight = name == .grey ? Color(0xE4E4E4) : Color(0xFFF1B8)
    let colors = Self.colors.map { Color($0) }
    palette = name == .grey ? colors.map(\.grey) : colors
  }

  /// A colour that is none of the palette's, as this theme shows it.
  public func shown(_ color: Color) -> Color { name == .grey ? color.grey : color }

  /// Okabe and Ito's colours, moved apart until any two differ by ΔE ≥ 20 to the deuteranope as well.
  private static let colors: [UInt32] = [
    0xC8450A, 0x0063A6, 0x1A9E77, 0xE3A100, 0xB35A9B, 0x222222, 0x5DB7EA,
  ]

  private static let dashes: [[Double]] = [
    [], [5, 1.8], [1.2, 1.4], [6, 1.5, 1.2, 1.5], [3, 1.3], [8, 2], [4, 1.2, 1.2, 1.2, 1.2, 1.2],
  ]

  /// The style of the n-th series, from 0; after seven they begin again.
  public func series(_ index: Int) -> SeriesStyle {
    let place = index % palette.count
    return SeriesStyle(
      color: palette[place], dash: Self.dashes[place], marker: Marker.allCases[place],
      width: lineWidth)
  }
}

/// Where a figure is to appear: widths and sizes of type that its style asks for.
///
/// Widths from the venues' style files, sizes of type from tueplots (204769f); a TeX point is 72/72.27 of ours.
public enum Venue: String, CaseIterable, Sendable {
  /// CVPR, two columns.
  case cvpr
  /// ICCV, as CVPR.
  case iccv
  /// NeurIPS, one column.
  case neurips
  /// ICLR, one column.
  case iclr
  /// ICML, two columns.
  case icml
  /// AISTATS, two columns.
  case aistats
  /// UAI, two columns.
  case uai
  /// AAAI, two columns.
  case aaai
  /// ECCV (Springer LNCS), one column.
  case eccv
  /// JMLR, one column.
  case jmlr
  /// TMLR, one column.
  case tmlr
  /// Journals and conferences of the IEEE, two columns.
  case ieee
  /// Journals of the Nature group, two columns.
  case nature

  /// Which of the page's widths.
  public enum Column: String, CaseIterable, Sendable {
    /// One column of the text.
    case single
    /// The whole width of the text.
    case double
  }

  /// Of a column and of the text, in points; the same where the text has one column.
  public func width(_ column: Column) -> Double {
    let texPoint = 72 / 72.27
    let (single, double): (Double, Double) =
      switch self {
      case .cvpr, .iccv: (237.13594 * texPoint, 496.85625 * texPoint)
      case .neurips, .iclr: (5.5 * 72, 5.5 * 72)
      case .icml, .aistats, .uai: (3.25 * 72, 6.75 * 72)
      case .aaai: (3.3 * 72, 6.975 * 72)
      case .eccv: (122 / 25.4 * 72, 122 / 25.4 * 72)
      case .jmlr: (6.0 * 72, 6.0 * 72)
      case .tmlr: (6.5 * 72, 6.5 * 72)
      case .ieee: (3.5 * 72, 7.16 * 72)
      case .nature: (89 / 25.4 * 72, 183 / 25.4 * 72)
      }
    return column == .single ? single : double
  }

  /// Of labels, and of ticks and legends; in points.
  public var typeSizes: (label: Double, small: Double) {
    switch self {
    case .cvpr, .iccv, .icml, .eccv: (8, 6)
    case .neurips, .iclr, .aistats, .uai, .aaai, .tmlr: (9, 7)
    case .jmlr: (9.95, 7.95)
    case .ieee: (8, 7)
    case .nature: (7, 6)
    }
  }
}

import Foundation

/// A colour of sRGB; components from 0 to 1.
public struct Color: Equatable, Sendable {
  /// 0 to 1.
  public var red: Double
  /// 0 to 1.
  public var green: Double
  /// 0 to 1.
  public var blue: Double
  /// 0 to 1.
  public var opacity: Double

  /// Opaque, unless said otherwise.
  public init(red: Double, green: Double, blue: Double, opacity: Double = 1) {
    self.red = red
    self.green = green
    self.blue = blue
    self.opacity = opacity
  }

  /// 0xRRGGBB.
  public init(_ hex: UInt32) {
    func part(_ shift: UInt32) -> Double { Double((hex >> shift) & 0xFF) / 255 }
    self.init(red: part(16), green: part(8), blue: part(0))
  }

  /// The paper's.
  public static let white = Color(0xFFFFFF)

  /// The same colour, more or less transparent.
  public func with(opacity: Double) -> Color {
    var color = self
    color.opacity = opacity
    return color
  }

  /// A share of the way to another colour, in sRGB.
  public func mixed(with other: Color, share: Double) -> Color {
    func mix(_ a: Double, _ b: Double) -> Double { a + share * (b - a) }
    return Color(
      red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue),
      opacity: mix(opacity, other.opacity))
  }

  /// Linear light: what screens emit and eyes add.
  var linear: [Double] {
    [red, green, blue].map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
  }

  /// Of the light, 0 to 1 (ITU-R BT.709).
  var luminance: Double {
    zip(linear, [0.2126, 0.7152, 0.0722]).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The grey of the same luminance.
  public var grey: Color {
    let y = luminance
    let level = y <= 0.0031308 ? 12.92 * y : 1.055 * pow(y, 1 / 2.4) - 0.055
    return Color(red: level, green: level, blue: level, opacity: opacity)
  }
}

/// Colours for the numbers of a heat map.
public enum ColorScale: Sendable {
  /// From dark blue to yellow, of evenly rising lightness, and the same to the colour-blind (cividis).
  case sequential
  /// Blue below the middle, white in it, red above.
  case diverging

  private var stops: [Color] {
    switch self {
    case .sequential:
      [
        0x00224E, 0x123570, 0x3B496C, 0x575D6D, 0x707173, 0x8A8678, 0xA59C74, 0xC3B369, 0xE1CC55,
        0xFEE838,
      ].map { Color($0) }
    case .diverging:
      [0x2166AC, 0x67A9CF, 0xD1E5F0, 0xF7F7F7, 0xFDDBC7, 0xEF8A62, 0xB2182B].map { Color($0) }
    }
  }

  /// The colour at a share of the scale.
  ///
  /// - Parameter share: 0 to 1; what lies outside has the colour of the nearer end.
  public func color(at share: Double) -> Color {
    let stops = stops
    let place = min(max(share, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    return stops[index].mixed(with: stops[index + 1], share: place - Double(index))
  }
}

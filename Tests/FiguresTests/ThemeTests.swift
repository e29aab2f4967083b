import Foundation
import Testing

@testable import Figures

@Suite struct ThemeTests {
  private let theme = Theme(.paper, labelSize: 8, smallSize: 6)

  /// Severe deuteranomaly in linear light (Machado, Oliveira and Fernandes 2009, table of severity 1.0).
  private static let deuteranope = [
    [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
  ]

  @Test func anyTwoColoursDifferAlsoToADeuteranope() {
    let seen = theme.palette.map { lab(linear: $0.linear) }
    let asDeuteranope = theme.palette.map { color in
      lab(
        linear: Self.deuteranope.map { row in zip(row, color.linear).reduce(0) { $0 + $1.0 * $1.1 }
        })
    }
    for colors in [seen, asDeuteranope] {
      for a in colors.indices {
        for b in colors.indices where a < b {
          #expect(distance(colors[a], colors[b]) >= 20, "\(a) and \(b)")
        }
      }
    }
  }

  /// In grey the colour says nothing that one could rely on.
  @Test(arguments: Theme.Name.allCases)
  func anyTwoSeriesDifferInLineAndInMark(name: Theme.Name) {
    let theme = Theme(name, labelSize: 8, smallSize: 6)
    let styles = theme.palette.indices.map(theme.series)
    #expect(Set(styles.map(\.dash)).count == styles.count)
    #expect(Set(styles.map(\.marker)).count == styles.count)
  }

  @Test func theGreyThemeHasNothingButGreys() {
    let theme = Theme(.grey, labelSize: 8, smallSize: 6)
    for color in theme.palette + [theme.highlight, theme.ink] {
      #expect(color.red == color.green && color.green == color.blue)
    }
    // Grey keeps the luminance.
    for (grey, color) in zip(theme.palette, self.theme.palette) {
      #expect(abs(grey.luminance - color.luminance) < 1e-3)
    }
  }

  @Test func theSequentialScaleGetsLighterAllTheWay() {
    let lightness = (0...50).map {
      lab(linear: ColorScale.sequential.color(at: Double($0) / 50).linear)[0]
    }
    #expect(zip(lightness, lightness.dropFirst()).allSatisfy { $1 > $0 })
  }

  /// Style files: cvpr.sty \columnwidth 237.13594pt, neurips \textwidth 5.5in, llncs 12.2cm.
  @Test(arguments: [
    (Venue.cvpr, Venue.Column.single, 236.25), (.cvpr, .double, 495), (.neurips, .single, 396),
    (.icml, .single, 234), (.icml, .double, 486), (.eccv, .double, 345.826_8),
    (.aaai, .single, 237.6), (.jmlr, .double, 432),
  ])
  func widthsAreThoseOfTheVenue(venue: Venue, column: Venue.Column, points: Double) {
    #expect(abs(venue.width(column) - points) < 0.01)
  }

  @Test func widthsAreReadInEveryUnit() throws {
    #expect(abs(try FigureStyle.width("mm:50.8") - 144) < 1e-12)
    #expect(abs(try FigureStyle.width("cm:5.08") - 144) < 1e-12)
    #expect(try FigureStyle.width("in:3.25") == 234)
    #expect(try FigureStyle.width("pt:236.25") == 236.25)
    for word in [
      "88", "mm:", "mm:x", "mm:-88", "mm:1", "pt:60", "in:1e9", "km:88", "mm:nan", "mm:88:2",
    ] {
      #expect(throws: FigureError.badWidth(word)) { try FigureStyle.width(word) }
    }
  }

  @Test func noTypeIsSmallerThanFivePoints() {
    for venue in Venue.allCases {
      #expect(venue.typeSizes.small >= 5 && venue.typeSizes.label >= venue.typeSizes.small)
    }
  }

  /// CIE L*a*b* under D65.
  private func lab(linear: [Double]) -> [Double] {
    let rgb = linear.map { min(max($0, 0), 1) }
    let matrix = [
      [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
      [0.0193339, 0.1191920, 0.9503041],
    ]
    let white = [0.95047, 1, 1.08883]
    let f = zip(matrix, white).map { row, white in
      let t = zip(row, rgb).reduce(0) { $0 + $1.0 * $1.1 } / white
      return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116
    }
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
  }

  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }
}

import Foundation
import Testing

@testable import Figures

@Suite struct TextTests {
  @Test func greekLettersAreItalicAndMinusSignsReal() {
    let text = Text("λ = -0.1")
    #expect(text.plain == "λ = −0.1")
    #expect(text.runs.map(\.isItalic) == [true, false])
  }

  @Test func marksMakeItalicsBoldSubscriptsAndSuperscripts() {
    let text = Text("∇_{α}*L*_{val} **x** 10^{-3}")
    #expect(text.plain == "∇_αL_val x 10^−3")
    #expect(text.pangoMarkup(size: 10).contains("<span font_style=\"italic\">L</span>"))
    #expect(text.runs.contains { $0.words == "x" && $0.isBold })
    #expect(text.runs.contains { $0.words == "−3" && $0.level == .above })
  }

  @Test(arguments: [
    "a * b", "5 * 3 = 15", "run_1", "x^2", "{_}", "open _{brace", "well-known 3-fold",
  ])
  func whatIsNoMarkStaysAsItIs(words: String) {
    #expect(Text(words).plain == words)
  }

  @Test func namesAreTakenAsTheyAre() {
    #expect(Text(plain: "*a*_{b}").runs.map(\.words) == ["*a*_{b}"])
    #expect(Text(plain: "<b>&").pangoMarkup(size: 9) == "&lt;b&gt;&amp;")
  }

  @Test func noLetterIsSmallerThanFivePoints() {
    for size in [5.0, 6, 7, 12] {
      let markup = Text("a_{b}").pangoMarkup(size: size)
      let digits = markup.split(separator: "size=\"")[1].prefix { $0 != "\"" }
      #expect((Double(digits) ?? 0) / 1024 >= 5)
    }
  }

  @Test func theShippedFontHasAllLettersOfTheField() throws {
    let typesetter = try Typesetter()
    _ = typesetter.typeset("αλ∇∈ξετ ∂ − × ≤ ± ∥ → … “ ” ′ ² Ω", size: 8)
    #expect(typesetter.missing == [])
    #expect(typesetter.fontDigest?.count == 64)
  }

  @Test func aLetterWithoutAGlyphIsNamed() throws {
    let typesetter = try Typesetter()
    _ = typesetter.typeset("a 漢 b", size: 8)
    #expect(typesetter.missing == ["漢"])
  }

  @Test func widthsGrowWithTheSizeAndHintingHasNoPart() throws {
    let typesetter = try Typesetter()
    let small = typesetter.typeset("validation accuracy (%)", size: 7)
    let large = typesetter.typeset("validation accuracy (%)", size: 70)
    // Pango counts in 1/1024 of a point.
    #expect(abs(large.width / small.width - 10) < 0.02)
    #expect(abs(large.capHeight / small.capHeight - 10) < 0.05)
  }

  @Test func wordsWrapWithinTheirWidth() throws {
    let typesetter = try Typesetter()
    let line = typesetter.typeset("Training and validation gap", size: 8)
    let wrapped = typesetter.typeset(
      "Training and validation gap", size: 8, wrapWidth: line.width / 2)
    #expect(wrapped.width <= line.width / 2)
    #expect(wrapped.height > 1.8 * line.height)
  }

  @Test func aFontThatIsNotInstalledIsNamed() throws {
    let error = try #require(throws: FigureError.self) { try Typesetter(font: "Comic Serif MS") }
    #expect("\(error)".hasPrefix("no font called “Comic Serif MS” is installed"))
  }
}

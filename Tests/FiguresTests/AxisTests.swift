import Foundation
import Testing

@testable import Figures

@Suite struct AxisTests {
  /// Spans of many sizes and places; the seed is the index.
  private static let spans: [ClosedRange<Double>] = (0..<60).map { index in
    let low = [-930.0, -0.31, 0, 3.7e-5, 86.2, 12_345][index % 6]
    let length = pow(10, Double(index % 9) - 5) * (1 + Double(index % 7))
    return low...(low + length)
  }

  @Test(arguments: spans)
  func ticksAreRoundAndEvenAndWithinTheSpan(span: ClosedRange<Double>) throws {
    for most in 2...8 {
      let ticks = Axis.linearTicks(span, most: most)
      #expect(ticks.count <= most)
      let slack = 1e-6 * (span.upperBound - span.lowerBound)
      #expect(
        ticks.allSatisfy { span.lowerBound - slack <= $0.at && $0.at <= span.upperBound + slack })
      let steps = zip(ticks, ticks.dropFirst()).map { $1.at - $0.at }
      guard let step = steps.first else { continue }
      #expect(steps.allSatisfy { abs($0 / step - 1) < 1e-4 })
      let mantissa = step / pow(10, floor(log10(step) + 1e-9))
      // Of two large ticks the difference has fewer digits.
      let rounding = max(1e-5, 1e-12 * abs(span.lowerBound) / step)
      #expect([1, 2, 2.5, 5, 10].contains { abs($0 - mantissa) < rounding }, "\(step)")
    }
  }

  @Test(arguments: spans)
  func aLabelSaysWhereItsTickIs(span: ClosedRange<Double>) throws {
    for tick in Axis.linearTicks(span, most: 6) {
      let plain = tick.label.plain.replacing("−", with: "-").replacing("×10^", with: "e")
      let value = try #require(Double(plain), "\(plain)")
      #expect(abs(value - tick.at) <= 1e-6 * max(abs(tick.at), 1e-12), "\(plain) at \(tick.at)")
    }
  }

  @Test func aNegativeNumberHasARealMinusSignAndZeroHasNone() {
    #expect(Axis.number(-1.5, decimals: 1).plain == "−1.5")
    #expect(Axis.number(-0.001, decimals: 1).plain == "0.0")
    #expect(Axis.short(-3).plain == "−3")
  }

  @Test func decadesOfALogarithmicAxisAreRaisedAndThinned() {
    let (ticks, minor) = Axis.logarithmicTicks(1e-6...1e-1, most: 8)
    #expect(ticks.map(\.label.plain) == ["10^−6", "10^−5", "10^−4", "10^−3", "10^−2", "10^−1"])
    #expect(minor.count == 5 * 8)
    let thin = Axis.logarithmicTicks(1e-12...1, most: 4)
    #expect(thin.ticks.count <= 5 && thin.minor.isEmpty)
  }

  @Test func aShortLogarithmicAxisHasTicksAllTheSame() {
    #expect(Axis.logarithmicTicks(1.5...7, most: 5).ticks.count >= 2)
    #expect(Axis.logarithmicTicks(3.1...3.4, most: 5).ticks.count >= 2)
  }

  @Test func placesOfALogarithmicAxisAreThoseOfTheLogarithm() {
    let axis = Axis("", scale: .logarithmic, range: 1...10_000).resolved(around: nil, most: 5)
    #expect(abs(axis.share(of: 100) - 0.5) < 1e-12)
  }

  @Test func aPowerOfTenShortensOrIsNotWritten() {
    #expect(Axis.number(2.07945, decimals: 5).plain == "2.07945")
    #expect(Axis.number(-12.00005, decimals: 5).plain == "−12.00005")
    #expect(Axis.number(0.00002, decimals: 5).plain == "2×10^−5")
    #expect(Axis.number(0, decimals: 6).plain == "0")
  }

  @Test func numbersThatDifferByRoundingAreOneValue() {
    let axis = Axis("").resolved(around: 3...3.0.nextUp, most: 5)
    #expect(axis.span.lowerBound < 2.9 && axis.span.upperBound > 3.1)
    #expect(Set(axis.ticks.map(\.label.plain)).count == axis.ticks.count)
  }

  @Test func anAxisOfOneValueStillHasASpan() {
    for value in [0.0, -4, 1e9] {
      let axis = Axis("").resolved(around: value...value, most: 5)
      #expect(axis.span.lowerBound < value && value < axis.span.upperBound)
      #expect(axis.ticks.count >= 2)
    }
  }
}

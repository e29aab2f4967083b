import Testing

@testable import Analysis

/// What the case `metrics` does not pin.
@Suite struct MetricsTests {
  @Test func tauCorrectsForTies() {
    #expect(kendallTau([1, 2, 3], [1, 2, 3]) == 1)
    #expect(kendallTau([1, 2, 3], [3, 2, 1]) == -1)
    // Pairs: one tied in x, two concordant; √(2 · 3).
    #expect(abs(kendallTau([1, 1, 2], [1, 2, 3]) - 2 / 6.0.squareRoot()) <= 1e-15)
    #expect(kendallTau([1, 1], [1, 2]).isNaN)
  }

  @Test func smallAnglesAreNotLostToRounding() {
    let comparison = DirectionComparison(
      estimate: [1, 1e-10], reference: [1, 0], edges: 1, operations: 2)
    #expect(abs(comparison.angleDegrees / (1e-10 * 180 / .pi) - 1) <= 1e-9)
  }

  @Test func theSignedErrorSaysWhomTheEstimateFavours() {
    let comparison = DirectionComparison(
      estimate: [0, 1, 0, 3], reference: [1, 1, 2, 1], edges: 2, operations: 2)
    #expect(comparison.meanErrorPerOperation == [-1.5, 1])
  }

  @Test func aVectorOfAnotherShapeTraps() async {
    await #expect(processExitsWith: .failure) {
      _ = DirectionComparison(estimate: [1], reference: [1, 2], edges: 1, operations: 2)
    }
  }
}

import Foundation
import Testing

@testable import Analysis

@Suite struct SeedStatisticsTests {
  /// By hand: mean 2.5, deviation √(5/3), t(0.975; 3) = 3.182446.
  @Test func theIntervalIsStudents() throws {
    let four = SeedMean([1, 2, 3, 4])
    #expect(four.mean == 2.5 && four.seeds == 4)
    let half = 3.182446 * (5.0 / 3).squareRoot() / 2
    #expect(abs(try #require(four.halfWidth) - half) < 1e-6)
    #expect(abs(try #require(four.low) - (2.5 - half)) < 1e-6)
  }

  @Test func oneSeedHasNoInterval() {
    #expect(SeedMean([7]).halfWidth == nil && SeedMean([7]).high == nil)
  }
}

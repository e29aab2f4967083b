import Foundation
import Testing

@testable import Kernels

@Suite struct PhiloxTests {
  /// Known answers of Random123 1.14, `tests/kat_vectors`, philox4x32 10.
  @Test(arguments: [
    KnownAnswer(
      counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0),
      block: SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8)),
    KnownAnswer(
      counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max),
      block: SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD)),
    KnownAnswer(
      counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344),
      key: SIMD2(0xA409_3822, 0x299F_31D0),
      block: SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1)),
  ])
  func theBijectionIsThePublishedOne(known: KnownAnswer) {
    #expect(Philox.block(counter: known.counter, key: known.key) == known.block)
  }

  @Test func anAddressIsTheCounterAndTheSeedTheKey() {
    let random = Philox(seed: 0x0123_4567_89AB_CDEF, purpose: .gumbel)
    #expect(
      random.block(epoch: 3, step: 2, index: 1)
        == Philox.block(
          counter: SIMD4(1, 2, 3, Philox.Purpose.gumbel.rawValue),
          key: SIMD2(0x89AB_CDEF, 0x0123_4567)))
  }

  @Test func streamsOfTwoSeedsPurposesEpochsOrStepsDiffer() {
    func bits(seed: UInt64 = 1, _ purpose: Philox.Purpose = .weights, epoch: Int = 0, step: Int = 0)
      -> [SIMD4<UInt32>]
    {
      let random = Philox(seed: seed, purpose: purpose)
      return (0..<4).map { random.block(epoch: epoch, step: step, index: $0) }
    }
    let streams = [
      bits(), bits(seed: 2), bits(seed: 1 + 1 << 32), bits(.alpha), bits(epoch: 1), bits(step: 1),
    ]
    #expect(Set(streams.joined()).count == 4 * streams.count)
  }

  // MARK: - Distributions

  @Test func uniformNumbersNeverReachTheEndsOfTheInterval() {
    #expect(Philox.uniform(0, 0) == 0x1p-53)
    #expect(Philox.uniform(.max, .max) == 1 - 0x1p-53)
  }

  @Test func uniformNumbersFillTenBinsEvenly() {
    let random = Philox(seed: 11, purpose: .direction)
    var bins = [Int](repeating: 0, count: 10)
    for index in 0..<100_000 { bins[Int(10 * random.uniform(index: index))] += 1 }
    #expect(chiSquare(bins) < 27.9)  // 9 degrees of freedom, p = 0.001
  }

  @Test func normalNumbersHaveTheMomentsOfTheNormalDistribution() {
    let random = Philox(seed: 12, purpose: .direction)
    let x = (0..<100_000).map { random.normal(index: $0) }
    let scale = Double(x.count).squareRoot()
    // Four standard errors: √(Var x^k / n), with Var x = 1, Var x² = 2, Var x³ = 15, Var x⁴ = 96.
    #expect(abs(mean(x)) < 4 / scale)
    #expect(abs(mean(x.map { $0 * $0 }) - 1) < 4 * 2.0.squareRoot() / scale)
    #expect(abs(mean(x.map { $0 * $0 * $0 })) < 4 * 15.0.squareRoot() / scale)
    #expect(abs(mean(x.map { $0 * $0 * $0 * $0 }) - 3) < 4 * 96.0.squareRoot() / scale)
  }

  @Test func gumbelNumbersFollowTheirDistributionFunction() {
    let random = Philox(seed: 13, purpose: .gumbel)
    let x = (0..<100_000).map { random.gumbel(index: $0) }.sorted()
    // Kolmogorov and Smirnov: F(x) = e^(−e^(−x)), p = 0.001.
    let distance = x.enumerated().reduce(0.0) { largest, entry in
      let expected = exp(-exp(-entry.element))
      let (below, above) = (Double(entry.offset), Double(entry.offset + 1))
      let count = Double(x.count)
      return max(largest, abs(expected - below / count), abs(expected - above / count))
    }
    #expect(distance < 1.95 / Double(x.count).squareRoot())
  }

  @Test func cosineAgreesWithTheCLibrary() {
    let turns =
      [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]
      + (0..<10_000).map { Philox(seed: 14, purpose: .direction).uniform(index: $0) }
    for t in turns {
      // 2πt is rounded in the comparison, by half a unit in the last place of up to 2π.
      #expect(abs(Philox.cosine(turns: t) - cos(2 * .pi * t)) < 1e-15, "t = \(t)")
    }
    #expect(Philox.cosine(turns: 0.25) == 0 && Philox.cosine(turns: 0.75) == 0)
  }

  // MARK: - Integers and permutations

  @Test(arguments: [1, 2, 3, 10, 1000, 1 << 31])
  func integersStayBelowTheirBound(bound: Int) {
    let random = Philox(seed: 15, purpose: .shuffle)
    for index in 0..<10_000 {
      #expect(0..<bound ~= random.integer(below: bound, index: index))
    }
  }

  /// 2³² mod 3·2²⁹ = 2³⁰: without rejection the lower two thirds would be drawn three times in eight each, not one
  /// time in three.
  @Test func integersBelowALargeBoundAreNotBiased() {
    let random = Philox(seed: 16, purpose: .shuffle)
    var thirds = [0, 0, 0]
    for index in 0..<30_000 {
      thirds[random.integer(below: 3 << 29, index: index) / (1 << 29)] += 1
    }
    #expect(chiSquare(thirds) < 13.8)  // 2 degrees of freedom, p = 0.001
  }

  @Test(arguments: [0, 1, 2, 1000])
  func aPermutationHoldsEachNumberOnce(count: Int) {
    let order = Philox(seed: 17, purpose: .shuffle).permutation(of: count, epoch: 4)
    #expect(order.sorted() == Array(0..<count))
  }

  @Test func epochsAreShuffledDifferentlyAndTheSameTwice() {
    let random = Philox(seed: 18, purpose: .shuffle)
    #expect(random.permutation(of: 100, epoch: 1) == random.permutation(of: 100, epoch: 1))
    #expect(random.permutation(of: 100, epoch: 1) != random.permutation(of: 100, epoch: 2))
  }

  @Test func allPermutationsAreAsLikely() {
    let random = Philox(seed: 19, purpose: .shuffle)
    var counts: [[Int]: Int] = [:]
    for epoch in 0..<24_000 { counts[random.permutation(of: 4, epoch: epoch), default: 0] += 1 }
    #expect(counts.count == 24)
    #expect(chiSquare(Array(counts.values)) < 49.7)  // 23 degrees of freedom, p = 0.001
  }
}

/// A counter, a key, and what ten rounds make of them.
struct KnownAnswer: Sendable {
  var counter: SIMD4<UInt32>
  var key: SIMD2<UInt32>
  var block: SIMD4<UInt32>
}

private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

/// Pearson's statistic against equal counts.
private func chiSquare(_ counts: [Int]) -> Double {
  let expected = Double(counts.reduce(0, +)) / Double(counts.count)
  return counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
}

import Testing

@testable import Kernels

/// Hints to the caches change when results are at hand, never what they are.
@Suite struct CacheHintTests {
  @Test(arguments: [8, 16, 24])
  func whatIsWrittenPastTheCachesHasTheSameBits(channels: Int) throws {
    let small = try results(
      in: #require(Arena<PlainFloat>(scalars: 1 << 17, sums: 512)), channels, .nothing)
    let large = try #require(Arena<PlainFloat>(scalars: 9 << 20, sums: 512))
    #expect(large.streams)
    #expect(results(in: large, channels, .nothing) == small)
    #expect(Set(small).count > channels)
  }

  @Test(arguments: [8, 16])
  func tangentsPastTheCachesHaveTheSameBits(channels: Int) throws {
    let small = try results(
      in: #require(Arena<DualDouble>(scalars: 1 << 17, sums: 512)), channels, .nothing)
    let large = try #require(Arena<DualDouble>(scalars: 3 << 20, sums: 512))
    #expect(large.streams)
    #expect(results(in: large, channels, .nothing) == small)
  }

  @Test(arguments: [8, 16])
  func fetchingAheadChangesNoBit(channels: Int) throws {
    let arena = try #require(Arena<PlainFloat>(scalars: 1 << 17, sums: 512))
    let before = results(in: arena, channels, .nothing)
    let planes = TermList(capacity: 2)
    for plane in [1, 2] { planes.append(plane: plane << 14, sampleStep: 4000, coefficients: 0) }
    let list = AheadList([(TermReads(planes), later: 0), (TermReads(planes, 1..<2), later: 1)])
    #expect(results(in: arena, channels, Ahead(list, sample: 0, end: 1)) == before)
    #expect(results(in: arena, channels, Ahead(list, sample: 0, end: 2)) == before)
  }

  /// A separable unit, forward and backward, and both pools, on numbers that do not depend on the arena: every scalar
  /// with its tangent, then the sums.
  private func results<A: Arithmetic>(in arena: Arena<A>, _ channels: Int, _ ahead: Ahead)
    -> [Double]
  {
    let place = 1 << 14
    for i in 0..<(8 * place) {
      arena.write(
        A.Scalar(value: Double(i * 7919 % 1009) / 500 - 1, tangent: Double(i % 613) / 300 - 1),
        at: i)
    }
    arena.clearSums(0, count: 512)
    let table = StencilTable(
      rows: 8, columns: 8, channels: channels, kernel: 5, stride: 1, dilation: 1, padding: 2,
      border: 4)
    let places = UnitPlaces(
      depthwise: place, pointwise: place + 4096, transposed: place + 8192, depthwiseGradient: 0,
      pointwiseGradient: 4096, outputs: channels)
    arena.separable(
      0, table, places, scratch: 2 * place, into: 3 * place, moments: 0, ahead: ahead)
    arena.separableBackward(
      0, table, places, dz: 3 * place, scratch: 2 * place, bordered: 4 * place,
      into: 5 * place, gradients: 6 * place, ahead: ahead)
    let pool = PoolShape(rows: 8, columns: 8, channels: channels, stride: 1)
    arena.maxPool(0, pool, into: 7 * place, taps: 7 * place + 4096, moments: 128)
    arena.averagePool(0, pool, into: 7 * place + 8192, moments: 256)
    return (0..<(8 * place)).flatMap { i in
      let number = arena.read(i)
      return [number.value, number.tangent]
    } + (0..<512).map { arena.sum($0).value }
  }
}

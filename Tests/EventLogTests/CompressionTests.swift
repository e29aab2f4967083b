import Kernels
import Testing

@testable import EventLog

@Suite struct CompressionTests {
  @Test(arguments: [0, 1, 7, 1000])
  func everyBitComesBack(count: Int) throws {
    let vector = Samples.vector(count, from: 1)
    let back = try #require(
      LosslessCompression.unpack(LosslessCompression.pack(vector), count: count))
    #expect(back.map(\.bitPattern) == vector.map(\.bitPattern))
  }

  @Test func aGradientShrinks() {
    let random = Philox(seed: 1, purpose: .direction)
    let gradient = (0..<100_000).map { Float(1e-3 * random.normal(index: $0)) }
    #expect(LosslessCompression.pack(gradient).count < 350_000)
  }

  @Test func otherBytesAreRefused() {
    let packed = LosslessCompression.pack([1, 2, 3])
    #expect(LosslessCompression.unpack(packed, count: 4) == nil)
    #expect(LosslessCompression.unpack(packed.dropLast(), count: 3) == nil)
  }
}

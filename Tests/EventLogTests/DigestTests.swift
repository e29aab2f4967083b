import Datasets
import Foundation
import Search
import Testing

@testable import EventLog

@Suite struct DigestTests {
  /// Values from `printf abc | sha256sum`, FIPS 180-4, and `xxhsum -H2` of an empty file.
  @Test func theHashesAreThoseOfOtherTools() {
    #expect(
      SHA256Digest.hex(Digest.sha256(Data("abc".utf8)))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(SHA256Digest.hex(Digest.xxh3([])) == "99aa06d3014798d86001c324468d497f")
  }

  @Test func theStateHashSeesABitALengthAndAnOrder() {
    let state = StateHash([[1, 2], [3]])
    #expect(state == StateHash([[1, 2], [3]]))
    #expect(state != StateHash([[1, 2], [3.0000002]]))
    #expect(state != StateHash([[1], [2, 3]]))
    #expect(state != StateHash([[3], [1, 2]]))
    #expect(StateHash([[0]]) != StateHash([[-0.0]]))
  }

  private func digest(
    of given: Manifest? = nil,
    changing change: (inout StepRecord) -> Void = { _ in }
  ) throws -> String {
    let manifest = try given ?? Samples.manifest()
    let scratch = try ScratchFolder()
    let run = try RunStore(folder: scratch.url).create(name: manifest.name)
    let writer = try Writer(creating: run, manifest: manifest, layout: Samples.layout)
    for number in 0..<3 {
      var step = Samples.step(number)
      if number == 1 { change(&step) }
      try writer.store([.step(step, nil, Samples.state)])
    }
    try writer.finish(Samples.result())
    return try RunReader(run).digest()
  }

  @Test func runsOfTheSameBitsEndInTheSameDigest() throws {
    let other = try Samples.manifest(name: "other", threads: 2, started: "2027-01-01T00:00:00.000Z")
    #expect(try digest() == digest(of: other))
    #expect(try digest() == digest { $0.phases = [] })
  }

  @Test func aChangeOfOneBitAnywhereChangesTheEnd() throws {
    let whole = try digest()
    #expect(try whole != digest(of: Samples.manifest(seed: 2)))
    #expect(try whole != digest { $0.alpha[100] = $0.alpha[100].nextUp })
    #expect(try whole != digest { $0.terms[1].gradient[0] = -0.0 })
    #expect(try whole != digest { $0.terms[0].coefficient = 0.5.nextUp })
    #expect(try whole != digest { $0.terms.swapAt(0, 1) })
    #expect(try whole != digest { $0.samples[0].noise[3] = 7 })
    #expect(try whole != digest { $0.gradientNorms[0] = 7 })
    #expect(try whole != digest { $0.validLoss = 7 })
  }
}

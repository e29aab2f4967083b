import Testing

@testable import Studies

@Suite struct ProcessorCheckTests {
  private static let older = """
    processor\t: 0
    model name\t: A processor of 2013
    flags\t\t: fpu sse4_2 avx avx2 fma bmi1 bmi2
    bugs\t\t: none
    """

  @Test func whatTheProcessorLacksIsNamed() {
    let check = ProcessorCheck(needed: " avx2 avx512f avx512vl fma", cpuinfo: Self.older)
    #expect(throws: StudyError.otherProcessor(target: "native", missing: ["avx512f", "avx512vl"])) {
      try check.run(target: "native")
    }
    #expect(
      "\(StudyError.otherProcessor(target: "native", missing: ["avx512f", "avx512vl"]))"
        == "this program was built for the processor native, and this one lacks avx512f, avx512vl: "
        + "build it here, or for all machines with MILENAS_CPU=x86-64-v3 swift build -c release")
  }

  @Test func aProcessorThatHasItAllIsLeftAlone() throws {
    try ProcessorCheck(needed: " avx2 fma", cpuinfo: Self.older).run(target: "x86-64-v3")
    try ProcessorCheck(needed: "", cpuinfo: Self.older).run(target: "other")
    // A system that does not say is believed.
    try ProcessorCheck(needed: " avx512f", cpuinfo: "").run(target: "native")
  }
}

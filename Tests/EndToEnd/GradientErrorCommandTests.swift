import Testing

@testable import milenas_lab

@Suite struct GradientErrorCommandTests {
  private static let ways = [
    ["--sweep", "epsilon"], ["--sweep", "unroll"], ["--descent-test"], ["--estimators", "all"],
  ]
  private static let ofProbes = [
    ["--per-edge"], ["--every-epoch"], ["--implicit", "5"], ["--radius", "0.1"], ["--lambda", "2"],
  ]

  private func parse(_ options: [String]) throws {
    _ = try MilenasLab.parseAsRoot(["gradient-error", "run"] + options)
  }

  @Test(arguments: ways, ofProbes)
  func anOptionThatWouldBeIgnoredIsRefused(way: [String], ofProbes: [String]) throws {
    try parse(way)
    try parse(ofProbes)
    #expect(throws: (any Error).self) { try parse(way + ofProbes) }
  }

  @Test func twoAnalysesAtOnceAreRefused() {
    #expect(throws: (any Error).self) { try parse(Self.ways[0] + Self.ways[2]) }
    #expect(throws: (any Error).self) { try parse(Self.ways[1] + Self.ways[3]) }
    #expect(throws: (any Error).self) { try parse(Self.ways[2] + Self.ways[3]) }
  }

  @Test(arguments: [
    ["--lambda", "nan"], ["--lambda", "-1"], ["--radius", "inf"], ["--radius", "0"],
    ["--implicit", "2", "--damping", "inf"], ["--batches", "0"],
  ])
  func numbersThatNoProbeCanTakeAreRefused(options: [String]) {
    #expect(throws: (any Error).self) { try parse(options) }
  }

  @Test(arguments: ["inf", "nan", "1"])
  func aFactorThatStopsNothingIsRefused(factor: String) {
    #expect(throws: (any Error).self) {
      try MilenasLab.parseAsRoot(["curvature", "run", "--factor", factor])
    }
  }
}

import Testing

@testable import Supernet

/// The published cells, with counts that the official networks gave when they were run.
struct CountingTests {
  let published: KnownGenotypes

  init() throws { published = try KnownGenotypes() }

  @Test func catalogueHoldsTheFiftyCellsAndTheOfficialGDASCell() throws {
    #expect(published.entries.count == 51)
    #expect(Set(published.names).count == 52)
    #expect(try published["DARTS"].genotype == published["DARTS_V2"].genotype)
  }

  @Test func everyPublishedCellHasTheExactCountsOfTheOfficialNetworks() throws {
    for entry in published.entries {
      let cifar = try NetworkCount(entry.genotype, as: .cifar10)
      let imageNet = try NetworkCount(entry.genotype, as: .imageNet)
      #expect(cifar.parameters == entry.computed.cifarParameters, "\(entry.name)")
      #expect(imageNet.parameters == entry.computed.imageNetParameters, "\(entry.name)")
      #expect(imageNet.multiplyAdds == entry.computed.imageNetMultiplyAdds, "\(entry.name)")
      #expect(imageNet.ptflops == entry.computed.imageNetPtflops, "\(entry.name)")
      if let expected = entry.computed.cifarParametersWithAuxiliary {
        #expect(cifar.parametersWithAuxiliary == expected, "\(entry.name)")
      }
      if let expected = entry.computed.cifarMultiplyAdds {
        #expect(cifar.multiplyAdds == expected, "\(entry.name)")
      }
      if let expected = entry.computed.imageNetParametersWithAuxiliary {
        #expect(imageNet.parametersWithAuxiliary == expected, "\(entry.name)")
      }
    }
  }

  /// Names such as r116_e100_92_n5_r1 and r104_e200_185_n1r0_91_116 tell n and r.
  @Test func countedConvolutionsAreThoseThatTheNamesTell() throws {
    var decoded = 0
    for entry in published.entries {
      guard let match = entry.name.firstMatch(of: /_n(\d)_?r(\d)/) else { continue }
      decoded += 1
      let counts = entry.genotype.convolutionCounts
      #expect("\(counts.normal)" == match.1 && "\(counts.reduction)" == match.2, "\(entry.name)")
    }
    #expect(decoded == 30)
  }

  /// Table 1's model sizes, in millions of parameters.
  @Test(arguments: [
    ("V2_r2_e100", "2.86"), ("v2_r5_e200", "2.09"),
  ])
  func sizesOfTableOneAreReproduced(name: String, millions: String) throws {
    let count = try NetworkCount(published[name].genotype, as: .cifar10).parameters
    let rounded = (Double(count) / 1e4).rounded() / 100
    #expect("\(rounded)" == millions)
  }

  @Test func supernetOfThePaperHas1930618Weights() {
    let shape = SupernetShape(inputChannels: 3, imageSize: 32, channels: 16, cells: 8)
    #expect(ParameterLayout(shape).count == 1_930_618)
  }

  @Test(arguments: [0, -2, 3, 1 << 40])
  func impossibleWidthNamesItsOption(channels: Int) throws {
    var shape = DerivedShape.cifar10
    shape.channels = channels
    let cell = try published["DARTS_V2"].genotype
    let error = #expect(throws: SupernetError.self) { try NetworkCount(cell, as: shape) }
    #expect(error.map { "\($0)".contains("--channels") } == true)
  }

  @Test func unknownNameSuggestsTheNearest() {
    #expect(throws: GenotypeError.unknownName("DARTS_V3", nearest: "DARTS_V1")) {
      try published["DARTS_V3"]
    }
  }
}

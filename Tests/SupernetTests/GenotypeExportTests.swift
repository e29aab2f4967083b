import Foundation
import Testing

@testable import Supernet

@Suite struct GenotypeExportTests {
  @Test func bothFormsAreReadBack() throws {
    let genotype = try Genotype(
      "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2], "
        + "reduce=[('max_pool_3x3', 1), ('dil_conv_5x5', 0)], reduce_concat=[2])")
    let python = try genotype.python(name: "MINE")
    #expect(python.hasPrefix("MINE = Genotype("))
    #expect(try Genotype(String(python.dropFirst("MINE = ".count))) == genotype)
    let object = try JSONSerialization.jsonObject(with: Data(genotype.json.utf8))
    #expect(object is [String: Any])
  }

  @Test(arguments: ["2fast", "a b", "", "x-y"])
  func aNameThatPythonRefusesIsRefused(name: String) throws {
    let genotype = try Genotype(
      "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2], "
        + "reduce=[('max_pool_3x3', 1), ('dil_conv_5x5', 0)], reduce_concat=[2])")
    #expect(throws: GenotypeError.self) { try genotype.python(name: name) }
  }
}

import Kernels
import Testing

@testable import Supernet

private let shape = SupernetShape(inputChannels: 3, imageSize: 32, channels: 16, cells: 8)

/// α of the usual shape with zeros but for what `set` puts there.
private func alpha(_ set: (inout [Double]) -> Void) -> [Double] {
  var alpha = [Double](repeating: 0, count: shape.alphaCount)
  set(&alpha)
  return alpha
}

struct GenotypeRuleTests {
  @Test func tiesKeepTheLowerInputAndTheLowerOperation() {
    let genotype = Genotype(alpha: alpha { _ in }, shape: shape)
    let expected = (0..<4).flatMap { _ in
      [Genotype.Entry("max_pool_3x3", 0), Genotype.Entry("max_pool_3x3", 1)]
    }
    #expect(genotype.normal == expected && genotype.reduction == expected)
    #expect(genotype.normalConcat == [2, 3, 4, 5])
  }

  @Test func strongerEdgeStandsFirstWhateverItsInput() {
    // Node 1 is fed by edges 2, 3 and 4, from states 0, 1 and 2.
    let genotype = Genotype(
      alpha: alpha {
        $0[shape.alphaIndex(.normal, edge: 3, .dilConv5)] = 1
        $0[shape.alphaIndex(.normal, edge: 4, .skipConnect)] = 2
      }, shape: shape)
    #expect(genotype.normal[2] == Genotype.Entry("skip_connect", 2))
    #expect(genotype.normal[3] == Genotype.Entry("dil_conv_5x5", 1))
    #expect(genotype.reduction[2] == Genotype.Entry("max_pool_3x3", 0))
  }

  /// `none` is never kept, but the softmax runs over all eight, so a strong one weakens its edge.
  @Test func strongNoneWeakensItsEdge() {
    let genotype = Genotype(
      alpha: alpha {
        for edge in 2...4 { $0[shape.alphaIndex(.normal, edge: edge, .sepConv3)] = 1 }
        $0[shape.alphaIndex(.normal, edge: 2, .none)] = 3
      }, shape: shape)
    #expect(genotype.normal[2] == Genotype.Entry("sep_conv_3x3", 1))
    #expect(genotype.normal[3] == Genotype.Entry("sep_conv_3x3", 2))
    #expect(!genotype.description.contains("none"))
  }

  /// The two edges kept have the two largest strengths, recomputed here from scratch.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func keptEdgesAreTheStrongest(seed: UInt64) {
    let random = Philox(seed: seed, purpose: .alpha)
    let alpha = (0..<shape.alphaCount).map { random.normal(index: $0) }
    let genotype = Genotype(alpha: alpha, shape: shape)
    for kind in CellKind.allCases {
      for node in 0..<shape.nodes {
        let edges = shape.edges.indices.filter { shape.edges[$0].node == node }
        let strengths = edges.map { edge -> Double in
          let row = Operation.allCases.map {
            Exponential.exp(alpha[shape.alphaIndex(kind, edge: edge, $0)])
          }
          return row.dropFirst().reduce(0, max) / row.reduce(0, +)
        }
        let kept = genotype.entries(of: kind)[(2 * node)..<(2 * node + 2)].map(\.input)
        let expected = edges.indices.sorted { strengths[$0] > strengths[$1] }.prefix(2)
        #expect(kept == Array(expected), "seed \(seed), \(kind) node \(node)")
      }
    }
  }
}

struct GenotypeTextTests {
  @Test func printedAndReadBackEveryPublishedCellIsTheSame() throws {
    for entry in try KnownGenotypes().entries {
      #expect(try Genotype("\(entry.genotype)") == entry.genotype, "\(entry.name)")
    }
  }

  @Test func formOfTheDARTSFileIsRead() throws {
    let text = """
      Genotype(
        normal = [("sep_conv_3x3", 0), ('skip_connect', 1),],
        normal_concat = range(2, 3),
        reduce = [('max_pool_3x3', 1), ('max_pool_3x3', 0)],
        reduce_concat = [2],
      )
      """
    let genotype = try Genotype(text)
    #expect(genotype.normal == [.init("sep_conv_3x3", 0), .init("skip_connect", 1)])
    #expect(genotype.normalConcat == [2])
  }

  private func cell(_ normal: String, concat: String = "[2]") -> String {
    "Genotype(normal=\(normal), normal_concat=\(concat), "
      + "reduce=[('skip_connect', 0), ('skip_connect', 1)], reduce_concat=[2])"
  }

  @Test(arguments: [
    ("[('sep_conv_3x3', 0), ('skip_conect', 1)]", "[2]", "did you mean skip_connect?"),
    ("[('none', 0), ('skip_connect', 1)]", "[2]", "there is no operation “none”"),
    ("[('sep_conv_3x3', 2), ('skip_connect', 1)]", "[2]", "only 0 to 1 come before it"),
    ("[('sep_conv_3x3', 0)]", "[2]", "two operations for each node"),
    ("[('sep_conv_3x3', 0), ('skip_connect', 1)]", "[2, 3]", "some of the states 2 to 2"),
    ("[('sep_conv_3x3', 0), ('skip_connect', 1)]", "range(3, 2)", "an empty range"),
    ("[('sep_conv_3x3' 0)]", "[2]", "“,” is missing"),
    ("[('sep_conv_3x3", "[2]", "is missing"),
  ])
  func malformedTextIsRefusedWithAReason(normal: String, concat: String, reason: String) {
    let error = #expect(throws: GenotypeError.self) {
      try Genotype(cell(normal, concat: concat))
    }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(String(describing: error))")
  }

  @Test(arguments: ["", "Genotype", "Genotype(", "{}", "Genotype(normal=[]) and more"])
  func otherTextIsRefused(text: String) {
    #expect(throws: GenotypeError.self) { try Genotype(text) }
  }
}

struct GDASRuleTests {
  /// The official GDAS code compares pairs of edge and operation, so that both may be on one edge.
  @Test func twoOperationsOfOneEdgeMayBeKept() {
    let strong = alpha {
      $0[shape.alphaIndex(.normal, edge: 0, .sepConv3)] = 2
      $0[shape.alphaIndex(.normal, edge: 0, .sepConv5)] = 1
    }
    let gdas = Genotype(alpha: strong, shape: shape, rule: .gdas)
    #expect(gdas.normal[0] == .init("sep_conv_3x3", 0))
    #expect(gdas.normal[1] == .init("sep_conv_5x5", 0))
    let darts = Genotype(alpha: strong, shape: shape)
    #expect(darts.normal[1] == .init("max_pool_3x3", 1))
  }
}

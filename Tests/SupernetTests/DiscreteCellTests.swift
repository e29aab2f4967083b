import Datasets
import Kernels
import Testing

@testable import Supernet

private let shape = SupernetShape(inputChannels: 1, imageSize: 8, channels: 4, cells: 3, nodes: 3)

private func cell(_ seed: UInt64, step: Int = 0) -> Genotype {
  Genotype.drawn(
    by: Philox(seed: seed, purpose: .genotype), epoch: 0, step: step, nodes: shape.nodes)
}

struct DiscreteCellTests {
  @Test(arguments: 0..<50 as Range<UInt64>)
  func drawnCellIsTheCellOfItsAlpha(seed: UInt64) throws {
    let cell = cell(seed)
    try cell.validate()
    let alpha: [Float] = try cell.alpha(in: shape)
    #expect(Genotype(alpha: alpha, shape: shape) == cell)
    #expect(Genotype(alpha: alpha, shape: shape, rule: .gdas) == cell)
  }

  /// 2,000 cells; each of seven operations is expected 1/7 of the time, each pair of inputs equally often.
  @Test func drawnCellsAreUniform() {
    let count = 2_000
    var operations: [String: Int] = [:]
    var pairs: [[Int]: Int] = [:]
    for step in 0..<count {
      let entries = cell(3, step: step).normal
      for entry in entries { operations[entry.operation, default: 0] += 1 }
      pairs[entries[4...5].map(\.input), default: 0] += 1
    }
    // Six standard deviations of a binomial count.
    #expect(operations.count == 7 && operations["none"] == nil)
    for (_, found) in operations { #expect(abs(Double(found) - 6.0 / 7 * 2_000) < 6 * 39) }
    #expect(pairs.count == 12)  // ordered pairs of four states
    for (_, found) in pairs { #expect(abs(Double(found) - 2_000 / 12) < 6 * 12.4) }
  }

  /// All mixing weights are 0 but those of the cell, which are 1, wherever α is.
  @Test func relaxationOfACellComputesThatCellAlone() throws {
    let cell = cell(5)
    let random = Philox(seed: 9, purpose: .alpha)
    let alpha = (0..<shape.alphaCount).map { 20 * random.normal(index: $0) }
    let relaxation: Relaxation<Double> = try cell.relaxation(in: shape)
    let mixing = try Mixing<Double>(relaxation, alpha: alpha, shape: shape)
    for k in 0..<shape.cells {
      let kind = shape.kind(ofCell: k)
      for (index, edge) in shape.edges.enumerated() {
        let entry = cell.entries(of: kind).enumerated().first {
          $0.offset / 2 == edge.node && $0.element.input == edge.source
        }
        for operation in Operation.allCases {
          let isKept = operation.name == entry?.element.operation ?? "none"
          #expect(mixing.weights[k][index * 8 + operation.rawValue] == (isKept ? 1 : 0))
        }
      }
    }
  }

  @Test func supernetRefusesACellThatItCannotHold() throws {
    let twice = try Genotype(
      "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 0)], normal_concat=[2], "
        + "reduce=[('skip_connect', 0), ('skip_connect', 1)], reduce_concat=[2])")
    let oneNode = SupernetShape(inputChannels: 1, imageSize: 8, channels: 4, cells: 3, nodes: 1)
    #expect(throws: GenotypeError.self) { try twice.alpha(in: oneNode) as [Float] }
    #expect(throws: GenotypeError.self) { try twice.alpha(in: shape) as [Float] }
  }
}

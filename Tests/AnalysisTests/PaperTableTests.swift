import Supernet
import Testing

@testable import Analysis

@Suite struct PaperTableTests {
  /// The paper prints sizes to 0.01 M; what is counted for its own cells must round to them.
  @Test func countedSizesOfTheOwnCellsRoundToThePrintedOnes() throws {
    let own = try PaperTable(.cifar10).rows.filter { $0.architecture == "MiLeNAS" }
    #expect(own.count == 4)
    for row in own {
      let counted = try #require(row.counted)
      #expect(abs(Double(counted.parameters) / 1e6 - row.parameters) < 0.00501, "\(row)")
    }
  }

  @Test func everyFormHasEveryRow() throws {
    for number in PaperTable.Number.allCases {
      let table = try PaperTable(number)
      #expect(table.entries.allSatisfy { $0.count == table.headings.count })
      #expect(table.markdown.split(separator: "\n").count >= table.rows.count + 2)
      #expect(table.latex.contains("\\toprule") && table.latex.contains("\\bottomrule"))
      for row in table.rows { #expect(table.latex.contains(row.architecture.prefix(6))) }
    }
  }
}

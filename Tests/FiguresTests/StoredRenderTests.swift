import Foundation
import Testing

@testable import Datasets
@testable import Figures

@Suite struct StoredRenderTests {
  /// Other versions of Cairo, Pango or FreeType may shade an edge otherwise; they do not move a line.
  @Test func aRenderLooksLikeTheStoredOne() throws {
    let style = FigureStyle()
    let figure = try Figure2.figure([.b], of: .paper, theme: style.theme)
    let png = try figure.rendered(as: .png, style: style, arguments: ["fig2b", "--data", "paper"])
    let stored = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/fig2b.png")
    guard FileManager.default.fileExists(atPath: stored.path) else {
      try png.write(to: stored)
      Issue.record("\(stored.path) was recorded: look at it, and run the tests again")
      return
    }
    let scratch = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).png")
    try png.write(to: scratch)
    defer { try? FileManager.default.removeItem(at: scratch) }
    let (now, then) = try (
      Photograph(contentsOf: scratch.path), Photograph(contentsOf: stored.path)
    )
    #expect(now.rows == then.rows && now.columns == then.columns)
    let differences = zip(now.pixels, then.pixels).map { abs(Int($0) - Int($1)) }
    #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 1)
    #expect(Double(differences.count { $0 > 96 }) / Double(differences.count) < 0.002)
  }
}

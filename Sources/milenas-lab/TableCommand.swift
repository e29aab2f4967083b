import Analysis
import ArgumentParser

struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table",
    abstract: "Print the paper's Table 1 or 2 beside what this program counts and has trained.",
    discussion: """
      Examples:
        milenas-lab table 1
        milenas-lab table 2 --format latex

      Formats: text, json, csv, markdown, and latex (with the package booktabs). Parameters are counted without the \
      auxiliary head, multiply-adds by the rule of ptflops. Evaluations among the runs follow after the paper's rows, \
      those with the CIFAR stem in Table 1, those with the ImageNet stem in Table 2.
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, csv, markdown, latex }

  @Argument(help: "1 (CIFAR-10) or 2 (ImageNet).") var number: Int
  @Option(
    help: ArgumentHelp("How the table is printed.", valueName: "text|json|csv|markdown|latex"))
  var format = Format.text
  @OptionGroup var location: StoreOptions

  func run() throws {
    guard let number = PaperTable.Number(rawValue: number) else {
      throw ValidationError("the paper has the tables 1 and 2, not \(number)")
    }
    let report = PaperTableReport(
      paper: try PaperTable(number, runs: location.store.list()))
    switch format {
    case .text: StandardStream.output.write(try report.rendered(as: .text))
    case .json: StandardStream.output.write(try report.rendered(as: .json))
    case .csv: StandardStream.output.write(try report.rendered(as: .csv))
    case .markdown: StandardStream.output.write(report.paper.markdown)
    case .latex: StandardStream.output.write(report.paper.latex)
    }
  }
}

private struct PaperTableReport: Report {
  var paper: PaperTable

  func encode(to encoder: any Encoder) throws { try paper.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: paper.headings,
      rows: paper.entries.map { $0.map { $0.isEmpty ? .missing : .text($0) } })
  }

  var text: String {
    paper.title + "\n\n" + (table?.text ?? "") + (paper.remark.map { "\n\($0)\n" } ?? "")
  }
}

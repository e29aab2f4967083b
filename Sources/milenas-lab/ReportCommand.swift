import ArgumentParser
import Foundation
import Reports

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a run or a study as one page, or fill in the checklist of best practices.",
    discussion: """
      Examples:
        milenas-lab report my-run
        milenas-lab report runs/my-study --out study.html
        milenas-lab report my-run --checklist
        milenas-lab report runs/my-study --checklist --format markdown

      The page needs neither network nor scripts, and prints well. A study is a folder that holds one folder per run, \
      named <setting>-s<seed>. The checklist is that of Lindauer and Hutter (JMLR 21(243), 2020).
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, markdown }

  @Argument(
    help: ArgumentHelp(
      "A run (name or path; the newest when left out), or a folder of runs.",
      valueName: "run|study"), completion: .runs)
  var name: String?
  @Option(
    help: ArgumentHelp(
      "The page; <name>.html when left out, - for standard output.", valueName: "file"))
  var out: String?
  @Flag(help: "Print the checklist instead of writing a page.") var checklist = false
  @Option(
    help: ArgumentHelp("How the checklist is printed.", valueName: "text|json|markdown"))
  var format = Format.text
  @Option(help: "Folder that holds the images now.") var dataDir: String?
  @OptionGroup var location: StoreOptions

  mutating func validate() throws {
    guard !checklist || out == nil else {
      throw ValidationError("--checklist goes to standard output: leave out --out, and use > FILE")
    }
    guard checklist || format == .text else {
      throw ValidationError("--format is that of --checklist; the page is HTML")
    }
  }

  func run() throws {
    let subject = try ReportSubject(name, in: location.store)
    if checklist {
      let list = try Checklist(subject)
      switch format {
      case .text: StandardStream.output.write(list.text)
      case .json: StandardStream.output.write(try ChecklistReport(list: list).rendered(as: .json))
      case .markdown: StandardStream.output.write(list.markdown)
      }
      return
    }
    let page = try ReportPage(subject, dataFolder: dataDir)
    guard out != "-" else { return StandardStream.output.write(page.html) }
    let file = URL(filePath: out ?? "\(subject.name).html")
    try page.write(to: file)
    StandardStream.output.write("\(file.relativePath)\n")
  }
}

private struct ChecklistReport: Report {
  var list: Checklist
  var text: String { list.text }
  var table: Table? { nil }

  func encode(to encoder: any Encoder) throws { try list.encode(to: encoder) }
}

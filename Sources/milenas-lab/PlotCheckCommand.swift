import ArgumentParser
import Figures
import Foundation

struct PlotCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract:
      "Tell from which runs a figure came, and whether drawing it again gives the same bytes.",
    discussion: """
      Examples:
        milenas-lab plot check fig2.pdf
        milenas-lab plot check figures/fig3.svg --format json

      Run it in the folder where the figure was drawn, so that its runs are found. Exit code 1: the figure is another \
      one now.
      """)

  @Argument(help: "A PDF, SVG or PNG that `milenas-lab plot` wrote.") var file: String
  @OptionGroup var output: OutputOptions

  func run() throws {
    let url = URL(filePath: file)
    let bytes = try FigureFile.read(url)
    let format = try FigureFormat(of: url)
    let record = try FigureRecord(of: bytes, format: format, path: url.relativePath)
    guard
      let command = try? MilenasLab.parseAsRoot(["plot"] + record.arguments) as? any FigureCommand
    else { throw FigureError.noRecord(path: url.relativePath) }
    let verdict = FigureVerdict(file: url.relativePath, record: record) {
      try command.drawn(as: format, record: record)
    } isSame: {
      $0 == bytes
    }
    try output.render(verdict)
    if !verdict.isSame { throw ExitCode(1) }
  }
}

extension FigureCommand {
  /// The figure once more, with the date that it had.
  fileprivate func drawn(
    as format: FigureFormat, record: FigureRecord
  ) throws -> (sources: [FigureSource], bytes: Data) {
    let style = try drawing.style(column: Self.defaultColumn)
    let figure = try figure(in: style.theme)
    return (
      figure.sources,
      try figure.rendered(
        as: format, style: style, arguments: record.arguments,
        date: Date(timeIntervalSince1970: Double(record.date)))
    )
  }
}

/// What is known of a figure's file.
private struct FigureVerdict: Report {
  struct Source: Encodable {
    var name: String
    var digest: String
    /// same, changed, gone or new; nil when it could not be looked up.
    var state: String?
  }

  var file: String
  var command: String
  var drawn: Date
  var font: String
  var sources: [Source]
  /// Whether drawing it again gives the same bytes.
  var isSame: Bool
  /// Why it could not be drawn again.
  var problem: String?

  init(
    file: String, record: FigureRecord, draw: () throws -> (sources: [FigureSource], bytes: Data),
    isSame: (Data) -> Bool
  ) {
    self.file = file
    command = record.command
    drawn = Date(timeIntervalSince1970: Double(record.date))
    font = record.font
    do {
      let (now, bytes) = try draw()
      sources = record.sources.map { source in
        let match = now.first { $0.name == source.name }
        return Source(
          name: source.name, digest: source.digest,
          state: match.map { $0.digest == source.digest ? "same" : "changed" } ?? "gone")
      }
      sources += now.filter { source in !record.sources.contains { $0.name == source.name } }
        .map { Source(name: $0.name, digest: $0.digest, state: "new") }
      self.isSame = isSame(bytes)
    } catch {
      sources = record.sources.map { Source(name: $0.name, digest: $0.digest) }
      self.isSame = false
      problem = Failure(error).message
    }
  }

  var table: Table? {
    Table(
      columns: ["source", "digest", "now"],
      rows: sources.map { [.text($0.name), .text($0.digest), Table.Cell($0.state)] })
  }

  var text: String {
    var lines = [
      "\(file) was drawn by: \(command)",
      "font: \(font); date: \(drawn.formatted(.iso8601))", "",
    ]
    let short = Table(
      columns: ["source", "digest", "now"],
      rows: sources.map {
        [.text($0.name), .text("\($0.digest.prefix(16))…"), Table.Cell($0.state)]
      })
    lines.append(short.text)
    let changed = sources.filter { $0.state != "same" }
    lines.append(
      isSame
        ? "Drawing it again gives the same bytes."
        : problem.map { "It cannot be drawn again: \($0)." }
          ?? (changed.isEmpty
            ? "Drawing it again gives other bytes, though its sources are the same: the file was changed, or another "
              + "version of the program drew it."
            : "Drawing it again gives other bytes: \(changed.count) of its sources are not what they were.")
    )
    return lines.joined(separator: "\n") + "\n"
  }
}

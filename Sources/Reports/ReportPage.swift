import EventLog
import Foundation

/// A report as one page: no script, nothing loaded from anywhere, the same in print and offline.
///
/// The same record gives the same bytes.
public struct ReportPage: Sendable {
  /// The whole file.
  public let html: String

  /// The page of a run or a study.
  ///
  /// - Parameter dataFolder: where the images lie now, which the record is checked against; nil for where they lay.
  /// - Throws: `EventLogError` for a record that cannot be read.
  public init(_ subject: ReportSubject, dataFolder: String? = nil) throws {
    let sections =
      if subject.isStudy {
        try StudySections(subject, dataFolder: dataFolder).all
      } else if let search = subject.searches.first {
        try RunSections(search, subject.evaluations, dataFolder: dataFolder).all
      } else {
        try subject.evaluations.flatMap { try EvaluationSections($0, dataFolder: dataFolder).all }
      }
    self.init(
      title: subject.name,
      sections: sections
        + (subject.searches.isEmpty ? [] : [Self.checklist(try Checklist(subject))]))
  }

  init(title: String, sections: [HTML]) {
    let head = HTML.tag(
      "head", [:],
      .tag("meta", ["charset": "utf-8"]),
      // Whatever a record says, a browser is told to run and to load nothing.
      .tag(
        "meta",
        [
          "http-equiv": "Content-Security-Policy",
          "content": "default-src 'none'; style-src 'unsafe-inline'",
        ]),
      .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
      .tag("meta", ["name": "generator", "content": "milenas-lab"]),
      .tag("title", [:], .text("\(title) · milenas-lab report")),
      .tag("style", [:], .text(Self.style)))
    let body = HTML.tag(
      "body", [:], [.tag("main", [:], [.tag("h1", [:], .text(title))] + sections)])
    html =
      "<!DOCTYPE html>\n"
      + HTML.tag("html", ["lang": "en", "xmlns": "http://www.w3.org/1999/xhtml"], head, body).markup
      + "\n"
  }

  /// Writes the page, whole or not at all.
  ///
  /// - Throws: `ReportsError.notWritable`.
  public func write(to url: URL) throws {
    do {
      try AtomicFile.write(Data(html.utf8), to: url)
    } catch EventLogError.writeFailed(_, let reason) {
      throw ReportsError.notWritable(path: url.relativePath, reason: reason)
    } catch EventLogError.diskFull {
      throw ReportsError.notWritable(path: url.relativePath, reason: "the disk is full")
    }
  }

  private static func checklist(_ list: Checklist) -> HTML {
    let counts = Checklist.Verdict.allCases.map { "\(list.count($0)) \($0.rawValue)" }
    return .section(
      "Checklist of best practices",
      .tag("p", [:], "\(list.source): \(counts.joined(separator: ", ")) of \(list.items.count)."),
      .table(
        ["item", "question", "verdict", "what the record says, and what to add"],
        list.items.map { item in
          let evidence = item.evidence.map { evidence in
            HTML.tag(
              "p", [:], "\(evidence.value) ",
              .tag("span", ["class": "place"], .text(evidence.place)))
          }
          let add = item.add.map { [HTML.tag("p", [:], .tag("em", [:], "To add: "), .text($0))] }
          return [
            .text(item.number), .text(item.question), .text(item.verdict.rawValue),
            .group(evidence + (add ?? [])),
          ]
        }, class: "checklist"))
  }

  /// No `<`, `>`, `&` or quotes: a style sheet is not unescaped by browsers, but by readers of XML.
  private static let style = """

    :root { color-scheme: light; }
    body { margin: 0; background: #fff; color: #1b1b1b;
      font: 15px/1.5 system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Helvetica, Arial, sans-serif; }
    main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
    h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
    h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid #bbb; }
    p { margin: .4rem 0; max-width: 48rem; }
    .lead { font-size: 1.05rem; }
    .note, figcaption, .place { color: #555; font-size: .87rem; }
    .wrong { color: #a40000; font-weight: 600; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; font-size: .87rem; margin: .6rem 0; }
    th { text-align: left; font-weight: 600; border-bottom: 1.5px solid #333; }
    th, td { padding: .22rem .9rem .22rem 0; vertical-align: top; overflow-wrap: break-word; }
    .facts td, .checklist td { overflow-wrap: anywhere; }
    td { border-bottom: 1px solid #e4e4e4; }
    td p { margin: 0 0 .15rem; }
    .number { text-align: right; font-variant-numeric: tabular-nums; }
    td.number { white-space: nowrap; }
    .facts td:first-child { min-width: 11rem; }
    .checklist td:first-child { font-variant-numeric: tabular-nums; }
    code, pre { font: .84rem/1.45 ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace; }
    pre { background: #f5f5f3; padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; }
    figure { margin: .8rem 0; max-width: 100%; }
    figure svg { max-width: 100%; height: auto; }
    figcaption { max-width: 44rem; }
    @page { margin: 16mm 15mm; }
    @media print {
      body { font-size: 9.5pt; }
      main { max-width: none; padding: 0; }
      h2 { break-after: avoid; margin-top: 1.4rem; }
      figure, pre, tr { break-inside: avoid; }
      thead { display: table-header-group; }
      .scroll { overflow: visible; }
      pre { background: none; border: 1px solid #ccc; }
    }

    """
}

// MARK: - Parts of pages

extension HTML {
  static func section(_ title: String, _ children: HTML...) -> HTML {
    .tag("section", [:], [.tag("h2", [:], .text(title))] + children)
  }

  /// Rows under headings; columns whose heading begins with "#" hold numbers and are set to the right.
  static func table(_ headings: [String], _ rows: [[HTML]], class name: String? = nil) -> HTML {
    func cells(_ tag: String, _ entries: [HTML]) -> HTML {
      .tag(
        "tr", [:],
        zip(headings, entries).map { heading, entry in
          .tag(tag, heading.hasPrefix("#") ? ["class": "number"] : [:], entry)
        })
    }
    let titles = headings.map { HTML.text($0.hasPrefix("#") ? String($0.dropFirst()) : $0) }
    return .tag(
      "div", ["class": "scroll"],
      .tag(
        "table", name.map { ["class": $0] } ?? [:],
        .tag("thead", [:], cells("th", titles)),
        .tag("tbody", [:], rows.map { cells("td", $0) })))
  }

  /// Names and values; what has no value is left out.
  static func facts(_ facts: [(String, String?)]) -> HTML {
    .table(
      ["what", "value"],
      facts.compactMap { name, value in value.map { [.text(name), .text($0)] } }, class: "facts")
  }

  static func commands(_ lines: [String]) -> HTML {
    .tag("pre", [:], .tag("code", [:], .text(lines.joined(separator: "\n"))))
  }
}

import ArgumentParser
import Datasets
import EventLog

/// `runs schema`
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print tables and views of events.sqlite, shapes and units.",
    discussion: """
      Examples:
        milenas-lab runs schema
        milenas-lab runs schema --of evaluation
      """)

  @Option(help: ArgumentHelp("Of which kind of run.", valueName: "search|evaluation"))
  var of = RunKind.search
  @OptionGroup var output: OutputOptions

  func run() throws { try output.render(SchemaReport(schema: Schema.of(of))) }
}

extension RunKind: ExpressibleByArgument {}

private struct SchemaReport: Report {
  let schema: Schema
  var entries: [Schema.Entry] { schema.entries }
  var text: String { schema.description }
  var table: Table? {
    Table(
      columns: ["relation", "column", "type", "meaning"],
      rows: entries.map {
        [.text($0.relation), .text($0.column), .text($0.type), .text($0.meaning)]
      })
  }

  func encode(to encoder: any Encoder) throws { try entries.encode(to: encoder) }
}

/// `runs sql`
struct SQLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql", abstract: "Run one SELECT on a run's record.",
    discussion: """
      Example:
        milenas-lab runs sql my-run 'select epoch, valid_accuracy from epoch_curve'

      The file is opened read-only; `runs schema` shows tables, shapes and units.
      """)

  @Argument(
    help: ArgumentHelp(
      "A run (name or path; the newest when left out), then the statement.",
      valueName: "run> <select"
    ))
  var words: [String]
  @Option(help: "Seconds after which the statement is stopped.")
  var timeLimit = 60.0
  @OptionGroup var location: StoreOptions
  @OptionGroup var output: OutputOptions

  mutating func validate() throws {
    guard 1...2 ~= words.count else {
      throw ValidationError(
        "expected RUN and one SELECT, found \(words.count) words: quote the SELECT")
    }
    guard ReadOnlySQL.timeLimits ~= timeLimit else {
      throw ValidationError("--time-limit takes seconds from 0 to 1e9, not \(timeLimit)")
    }
  }

  func run() throws {
    let run = try location.store.find(words.count == 2 ? words[0] : nil)
    let result = try ReadOnlySQL(run).run(words[words.count - 1], timeLimit: timeLimit)
    try output.render(Table(result))
  }
}

extension Table {
  /// A statement may give two columns one name, which an object of JSON cannot: "a", "a_2".
  private static func distinct(_ names: [String]) -> [String] {
    var taken = Set(names)
    var seen: Set<String> = []
    return names.map { name in
      if seen.insert(name).inserted { return name }
      var number = 2
      while !taken.insert("\(name)_\(number)").inserted { number += 1 }
      return "\(name)_\(number)"
    }
  }

  fileprivate init(_ result: QueryResult) {
    columns = Self.distinct(result.columns)
    rows = result.rows.map { row in
      row.map { value in
        switch value {
        case .null: .missing
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        case .text(let text): .text(text)
        case .blob(let data): .text(SHA256Digest.hex(data))
        }
      }
    }
  }
}

import Datasets
import EventLog
import Foundation

/// Runs the cells of a notebook from top to bottom and puts what they print below them.
///
/// Each output carries a key: what the cell says, all cells above it, the digests of the runs that it reads, and
/// the program's version. `run` leaves out cells whose key is still the same; `check` and `accept` leave out none.
public struct NotebookRunner {
  /// What becomes of outputs.
  public enum Mode: Sendable {
    /// Runs what has changed, and writes.
    case run
    /// Runs everything, compares, and writes nothing.
    case check
    /// Runs everything, and writes what differs.
    case accept
  }

  /// What became of a cell.
  public enum Status: String, Codable, Sendable {
    /// Nothing that it follows from has changed.
    case kept
    /// It was run, and says the same.
    case same
    /// Its output is another one now.
    case changed
    /// It had no output.
    case new
    /// It was run; its output is not compared.
    case ignored
    /// The user asked for other cells only.
    case leftOut = "left out"
  }

  /// What became of a cell.
  public struct CellReport: Codable, Equatable, Sendable {
    /// From 1.
    public var number: Int
    /// Its own; nil when it has none.
    public var name: String?
    /// Where it begins, from 1.
    public var line: Int
    /// What became of it.
    public var status: Status
    /// Wall time.
    public var seconds: Double
  }

  /// What became of a notebook.
  public struct Report: Codable, Equatable, Sendable {
    /// Of the document.
    public var path: String
    /// In order.
    public var cells: [CellReport]
    /// From the document as it is to the one that its cells make now; empty when they are the same.
    public var diff: String
    /// Whether outputs were written back.
    public var isWritten: Bool
    /// Why the notebook has no result; nil when all of its cells ran.
    public var failure: String?

    /// Whether any output is another one now.
    public var differs: Bool { !diff.isEmpty }

    init(path: String, cells: [CellReport], diff: String, isWritten: Bool) {
      self.path = path
      self.cells = cells
      self.diff = diff
      self.isWritten = isWritten
    }

    /// A notebook that is as it was.
    public init(path: String, failure: NotebookError) {
      self.init(path: path, cells: [], diff: "", isWritten: false)
      self.failure = "\(failure)"
    }
  }

  /// What `--dry-run` says of a cell.
  public struct Plan: Codable, Equatable, Sendable {
    /// Of the document.
    public var path: String
    /// From 1.
    public var number: Int
    /// Its own; nil when it has none.
    public var name: String?
    /// Where it begins, from 1.
    public var line: Int
    /// What would run it.
    public var language: CellLanguage
    /// Whether it would run, rather than be taken from the cache.
    public var isRun: Bool
    /// Its first line.
    public var code: String
  }

  /// Set in the environment of cells, which must not run notebooks.
  public static let nestingVariable = "MILENAS_NOTEBOOK_CELL"

  private let place: NotebookPlace
  private let interpreters: [CellLanguage: any Interpreter]
  private let version: String
  /// What becomes of outputs.
  public var mode = Mode.run
  /// Names or numbers of the cells to run; all when empty.
  public var only: [String] = []
  /// Whether cells that may write run in a notebook outside of the user's repository.
  public var allowsShell = false
  /// Seconds that a cell has, where its options do not say so.
  public var timeout = 600.0

  /// A runner for notebooks at a place.
  ///
  /// - Parameters:
  ///   - interpreters: one for each language.
  ///   - version: of the program; another one makes every output stale.
  public init(
    in place: NotebookPlace, interpreters: [CellLanguage: any Interpreter], version: String
  ) {
    self.place = place
    self.interpreters = interpreters
    self.version = version
  }

  /// Runs a notebook.
  ///
  /// The document is written whole at the end or not at all; pictures that cells have drawn are put back when
  /// something fails, and after a check.
  ///
  /// - Throws: `NotebookError`.
  public func run(
    _ file: URL, isCancelled: @escaping () -> Bool = { false },
    progress: (Cell) -> Void = { _ in }
  ) throws -> Report {
    let path = file.relativePath
    let text = try Self.read(file)
    let notebook = try Notebook(text, path: path)
    let keys = self.keys(of: notebook.cells)
    let chosen = try chosenCells(of: notebook.cells, keys: keys, path: path)
    try refuseForeignWriting(notebook.cells, chosen: chosen, path: path)
    var pictures = SavedPictures(folder: place.folder)
    var result = notebook
    var reports: [CellReport] = []
    do {
      for (index, cell) in notebook.cells.enumerated() {
        guard chosen.contains(index) else {
          let isCurrent = cell.output?.key == keys[index]
          reports.append(CellReport(cell, isCurrent ? .kept : .leftOut, seconds: 0))
          continue
        }
        progress(cell)
        try pictures.save(cell.options.figures)
        let began = ContinuousClock.now
        let body = try output(of: cell, key: keys[index], path: path, isCancelled: isCancelled)
        let status = self.status(of: cell, now: body)
        if replaces(cell, status, key: keys[index]) {
          result.cells[index].setOutput(body, key: keys[index])
        } else if mode != .check, let output = cell.output, output.key != keys[index] {
          result.cells[index].setOutput(output.body, key: keys[index])
        }
        reports.append(
          CellReport(cell, status, seconds: (ContinuousClock.now - began) / .seconds(1)))
      }
      let changed = result.text != text
      if changed && mode != .check { try Self.write(result.text, to: file, insteadOf: text) }
      if mode == .check { pictures.restore() }
      return Report(
        path: path, cells: reports,
        diff: UnifiedDiff.text(from: text, to: result.text, path: path),
        isWritten: changed && mode != .check)
    } catch {
      pictures.restore()
      throw error
    }
  }

  /// What `run` would do.
  ///
  /// - Throws: `NotebookError`.
  public func plan(of file: URL) throws -> [Plan] {
    let path = file.relativePath
    let cells = try Notebook(Self.read(file), path: path).cells
    let chosen = try chosenCells(of: cells, keys: keys(of: cells), path: path)
    return cells.enumerated().map { index, cell in
      Plan(
        path: path, number: cell.number, name: cell.options.name, line: cell.line,
        language: cell.language, isRun: chosen.contains(index),
        code: cell.code.split(separator: "\n").first.map(String.init) ?? "")
    }
  }

  // MARK: Which cells run

  /// What the output of each cell follows from.
  private func keys(of cells: [Cell]) -> [String] {
    var keys: [String] = []
    var above = version
    var made: Set<String> = []
    for cell in cells {
      // What this cell or one above makes follows from their keys, and may not be there yet.
      made.formUnion(cell.options.makes)
      let digests = subjects(of: cell).filter { !made.contains(Self.name(ofRun: $0)) }.map { name in
        "\(name)\u{0}\(place.digest(of: name) ?? "none")"
      }
      let pieces = [above, cell.info, cell.code] + digests
      above = SHA256Digest.hex(
        of: pieces.map { Array("\($0.utf8.count)\u{0}\($0)".utf8) })
      keys.append(String(above.prefix(Self.keyDigits)))
    }
    return keys
  }

  /// 48 bits: enough for the changes of one document.
  private static let keyDigits = 12

  /// The name that a run has in the runs folder, also where it is given as a path.
  private static func name(ofRun word: String) -> String {
    word.hasPrefix("runs/") ? String(word.dropFirst("runs/".count)) : word
  }

  /// The runs and studies that a cell names: in its options, and in the words of a command.
  private func subjects(of cell: Cell) -> [String] {
    var names = [cell.options.run, cell.options.study].compactMap { $0 }
    if cell.language == .milenas, let commands = try? CommandWords.commands(of: cell.code) {
      for word in commands.joined() {
        // --run=NAME names one, too.
        let name = word.split(separator: "=", maxSplits: 1).last.map(String.init) ?? word
        if !names.contains(name), place.digest(of: name) != nil { names.append(name) }
      }
    }
    return names
  }

  private func chosenCells(of cells: [Cell], keys: [String], path: String) throws -> Set<Int> {
    for name in only where !cells.contains(where: { $0.isCalled(name) }) {
      throw NotebookError.noSuchCell(
        name, path: path, known: cells.map { $0.options.name ?? "\($0.number)" })
    }
    var chosen = Set(
      cells.indices.filter { index in
        let isWanted = only.isEmpty || only.contains { cells[index].isCalled($0) }
        return isWanted && (mode != .run || cells[index].output?.key != keys[index])
      })
    // A cell that runs needs what the cells above it make.
    let made = MadeRuns(place: place)
    for index in cells.indices where index < (chosen.max() ?? 0) {
      let makes = cells[index].options.makes
      if !makes.isEmpty && !made.areThere(makes, key: keys[index]) { chosen.insert(index) }
    }
    return chosen
  }

  private func refuseForeignWriting(_ cells: [Cell], chosen: Set<Int>, path: String) throws {
    guard !allowsShell, !place.isOwn else { return }
    for (index, cell) in cells.enumerated() where chosen.contains(index) && !cell.onlyReads {
      throw NotebookError.writingNotAllowed(path: path, line: cell.line, cell: cell.label)
    }
  }

  // MARK: One cell

  private func output(
    of cell: Cell, key: String, path: String, isCancelled: @escaping () -> Bool
  ) throws -> String {
    func failed(_ reason: String) -> NotebookError {
      .cellFailed(path: path, line: cell.line, cell: cell.label, reason: reason)
    }
    do {
      if isCancelled() { throw CellFailure.interrupted }
      guard let interpreter = interpreters[cell.language] else {
        preconditionFailure("no interpreter for \(cell.language)")
      }
      let made = MadeRuns(place: place)
      try made.prepare(cell.options.makes)
      defer { made.claim(cell.options.makes) }
      let limits = CellLimits(
        seconds: cell.options.timeout ?? timeout, isCancelled: isCancelled)
      let result = try interpreter.run(cell, within: limits)
      try made.confirm(cell.options.makes, key: key)
      let links = try cell.options.figures.map { figure in
        try link(to: figure, from: path)
      }
      return try Rendering(options: cell.options).body(of: result, figures: links)
    } catch CellFailure.interrupted {
      throw NotebookError.interrupted(path: path)
    } catch CellFailure.failed(let reason) {
      throw failed(reason)
    } catch CellFailure.timedOut(let seconds) {
      throw failed("it took longer than \(seconds) s and was ended: give it a longer timeout")
    } catch {
      throw failed("\(error)")
    }
  }

  /// An image in Markdown, with a path from the notebook's folder and the first digits of the file's SHA-256.
  private func link(to figure: String, from path: String) throws -> String {
    let url = place.folder.appending(path: figure)
    guard let data = try? Data(contentsOf: url) else {
      throw CellFailure.failed(reason: "it was to draw \(figure), and drew none: correct figure=")
    }
    let name = url.deletingPathExtension().lastPathComponent
    let digest = SHA256Digest.hex(of: [Array(data)]).prefix(12)
    let folder = URL(filePath: path).resolvingSymlinksInPath().deletingLastPathComponent()
    return "![\(name)](\(Self.relativePath(to: url, from: folder)) \"sha256 \(digest)\")"
  }

  private static func relativePath(to file: URL, from folder: URL) -> String {
    let (to, from) = (file.standardizedFileURL.pathComponents, folder.pathComponents)
    let shared = zip(to, from).prefix { $0 == $1 }.count
    return (Array(repeating: "..", count: from.count - shared) + to[shared...]).joined(
      separator: "/")
  }

  private func status(of cell: Cell, now body: String) -> Status {
    guard let output = cell.output else { return .new }
    if cell.options.isIgnored { return .ignored }
    let isEqual = Comparison.areEqual(output.body, body, tolerance: cell.options.tolerance)
    return isEqual ? .same : .changed
  }

  /// Whether the output that was just made takes the place of the old one.
  private func replaces(_ cell: Cell, _ status: Status, key: String) -> Bool {
    switch status {
    case .new, .changed: true
    case .ignored: mode != .check && cell.output?.key != key
    case .kept, .same, .leftOut: false
    }
  }

  // MARK: Files

  private static func read(_ file: URL) throws -> String {
    do {
      guard let text = String(validating: try Data(contentsOf: file), as: UTF8.self) else {
        throw NotebookError.unreadable(path: file.relativePath, reason: "it is not in UTF-8")
      }
      return text
    } catch let error as NotebookError {
      throw error
    } catch {
      throw NotebookError.unreadable(
        path: file.relativePath, reason: reason(of: error))
    }
  }

  /// Writes the document at once, if nobody else has written it since it was read.
  private static func write(_ text: String, to file: URL, insteadOf old: String) throws {
    guard try read(file) == old else {
      throw NotebookError.changedMeanwhile(path: file.relativePath)
    }
    do {
      // A link goes on being one.
      try Data(text.utf8).write(to: file.resolvingSymlinksInPath(), options: .atomic)
    } catch {
      throw NotebookError.writeFailed(
        path: file.relativePath, reason: reason(of: error))
    }
  }
}

extension Cell {
  /// Whether it neither writes nor removes anything.
  fileprivate var onlyReads: Bool {
    switch language {
    case .sql: return true
    case .sh: return false
    case .milenas:
      let commands = try? CommandWords.commands(of: code)
      return options.makes.isEmpty && options.figures.isEmpty
        && commands?.allSatisfy(CommandWords.onlyRead) ?? false
    }
  }
}

extension NotebookRunner.CellReport {
  fileprivate init(_ cell: Cell, _ status: NotebookRunner.Status, seconds: Double) {
    self.init(
      number: cell.number, name: cell.options.name, line: cell.line, status: status,
      seconds: seconds)
  }
}

/// Pictures as they were before cells drew them anew.
private struct SavedPictures {
  let folder: URL
  private var contents: [URL: Data?] = [:]

  init(folder: URL) { self.folder = folder }

  mutating func save(_ figures: [String]) throws {
    for figure in figures {
      let url = folder.appending(path: figure)
      if contents[url] == nil { contents[url] = .some(try? Data(contentsOf: url)) }
    }
  }

  func restore() {
    for (url, data) in contents where (try? Data(contentsOf: url)) != data {
      if let data {
        try? data.write(to: url, options: .atomic)
      } else {
        try? FileManager.default.removeItem(at: url)
      }
    }
  }
}

import Datasets
import EventLog
import Foundation

/// A study as its YAML file describes it, read strictly.
///
/// Keys: `name`, `about`, `size` (the one meant when none is asked for), `seeds`, `record`, `search` (options of every
/// search), `settings` (a setting's own options, and `seeds` of its own), `evaluate` (options of every evaluation),
/// `evaluations`, and `sizes`, each of which may hold `seeds`, `record`, `search`, `settings`, `evaluate` and
/// `evaluations` again, for what it changes. A setting's options come before common ones, and those of the size before
/// those of the file.
public struct StudyFile: Sendable {
  /// The key `name`, a possible name of a folder.
  public let name: String
  /// The key `about`: what the study is for.
  public let about: String?
  /// In the order of the file; empty when it comes in one size.
  public let sizes: [String]
  /// The size that is meant when none is asked for.
  public let defaultSize: String?
  /// The whole file as it was read.
  public let text: String
  private let file: String
  private let commands: StudyCommands
  private let base: Layer
  private let layers: [String: Layer]

  /// Reads a study file.
  ///
  /// - Parameter commands: what the options in the file belong to.
  /// - Throws: `StudyError`, naming file, line and key.
  public init(contentsOf url: URL, commands: StudyCommands) throws {
    let path = url.relativePath
    let text: String
    do {
      text = try String(contentsOf: url, encoding: .utf8)
    } catch {
      throw StudyError.unreadable(path: path, reason: reason(of: error))
    }
    try self.init(text: text, file: path, commands: commands)
  }

  /// Reads the text of a study file.
  ///
  /// - Parameter file: how errors call it.
  public init(text: String, file: String, commands: StudyCommands) throws {
    (self.text, self.file, self.commands) = (text, file, commands)
    let map = try StudyMap(yaml: text, file: file)
    try map.allow(only: ["name", "about", "size"] + Layer.keys + ["sizes"])
    let name = try map.required("name")
    self.name = try name.text()
    guard RunStore.isPossible(name: self.name) else {
      throw name.bad("a folder's name: letters, digits, '-', '_' and '.'")
    }
    about = try map["about"]?.text()
    base = try Layer(map, commands: commands, isBase: true)
    let sizes = try map["sizes"]?.map()
    self.sizes = sizes?.keys ?? []
    var layers: [String: Layer] = [:]
    for entry in sizes?.entries ?? [] {
      let size = try entry.value.map()
      try size.allow(only: Layer.keys)
      let layer = try Layer(size, commands: commands, isBase: false)
      try layer.check(against: base)
      layers[entry.key] = layer
    }
    self.layers = layers
    defaultSize = try map["size"]?.text() ?? self.sizes.first
    if let size = map["size"], let defaultSize, layers[defaultSize] == nil {
      throw size.bad("one of the sizes: \(self.sizes.joined(separator: ", "))")
    }
  }

  /// The study in a size.
  ///
  /// - Throws: `StudyError` for options that the commands do not take, and sizes that there are not.
  public func study(size: String? = nil) throws -> Study {
    let size = size ?? defaultSize
    if let size, layers[size] == nil {
      throw StudyError.noSuchSize(size, study: name, known: sizes)
    }
    let layer = base.overlaid(with: size.flatMap { layers[$0] })
    let place = StudyError.Place(file: file, line: nil)
    guard !layer.settings.isEmpty else {
      throw StudyError.missingKey(place, key: "settings", within: "the study")
    }
    var searches: [Study.Task] = []
    for setting in layer.settings {
      let options = layer.record.overridden(by: layer.search).overridden(by: setting.options)
      try check(options, commands.search, cell: nil, of: "settings.\(setting.name)", setting.place)
      guard let seeds = setting.seeds ?? layer.seeds else {
        throw StudyError.missingKey(place, key: "seeds", within: "the study")
      }
      searches += seeds.map { seed in
        Study.Task(
          name: "\(setting.name)-s\(seed)", setting: setting.name, seed: seed, command: .search,
          options: options.arguments)
      }
    }
    var study = Study(
      name: name, about: about, size: size, searches: searches, evaluations: [], text: text)
    for evaluation in layer.evaluations {
      study.evaluations += try evaluations(evaluation, of: study, layer)
    }
    try checkNames(of: study)
    study.nameSearchesWhereTheyAreSeveral()
    return study
  }

  private func evaluations(_ evaluation: Layer.Evaluation, of study: Study, _ layer: Layer) throws
    -> [Study.Evaluation]
  {
    let within = "evaluations.\(evaluation.name)"
    guard let settings = evaluation.of else {
      throw StudyError.missingKey(evaluation.place, key: "of", within: within)
    }
    let options = layer.record.overridden(by: layer.evaluate)
      .overridden(by: evaluation.options)
    // Any published cell shows whether the options are good ones; the study's own is not known yet.
    try check(options, commands.evaluate, cell: "DARTS_V2", of: within, evaluation.place)
    var choices = [Study.Evaluation.Choice.final]
    if evaluation.cells == .eachSize {
      guard let atMost = evaluation.atMost else {
        throw StudyError.missingKey(evaluation.place, key: "at-most", within: within)
      }
      choices = (0..<atMost).map { .ofEachSize(place: $0, atMost: atMost) }
    }
    let seeds = evaluation.seeds ?? [0]
    let searches = study.searches.filter { settings.contains($0.setting) }
    return searches.flatMap { search in
      choices.flatMap { choice in
        seeds.map { seed in
          Study.Evaluation(
            setting: search.setting, search: search.name, choice: choice, seed: seed,
            options: options.arguments)
        }
      }
    }
  }

  private func check(
    _ options: CommandOptions, _ command: StudyCommands.Command, cell: String?, of what: String,
    _ place: StudyError.Place
  ) throws {
    let start = cell.map { [$0] } ?? []
    let store = RunStore(folder: URL(filePath: file).deletingLastPathComponent())
    func complaint(_ arguments: [String]) -> String? {
      do {
        _ = try command.settings(start + arguments, store)
        return nil
      } catch {
        return commands.sentence(error)
      }
    }
    guard let reason = complaint(options.arguments) else { return }
    let culprit = options.entries.first { complaint($0.arguments) == reason }
    throw StudyError.badOptions(culprit?.place ?? place, of: what, reason: reason)
  }

  private func checkNames(of study: Study) throws {
    let place = StudyError.Place(file: file, line: nil)
    var seen: Set<String> = []
    let names =
      study.searches.map(\.name)
      + study.evaluations.map { evaluation in
        switch evaluation.choice {
        case .final: "an evaluation of \(evaluation.search), seed \(evaluation.seed)"
        case .ofEachSize(let place, _):
          "evaluation \(place) of each size of \(evaluation.search), seed \(evaluation.seed)"
        }
      }
    if let name = names.first(where: { !seen.insert($0).inserted }) {
      throw StudyError.twoTasksOfOneName(place, name: name)
    }
  }
}

/// What the file as a whole, and each of its sizes, may say.
private struct Layer {
  static let keys = ["seeds", "record", "search", "settings", "evaluate", "evaluations"]

  struct Setting {
    var name: String
    var place: StudyError.Place
    var seeds: [UInt64]?
    var options: CommandOptions
  }

  struct Evaluation {
    enum Cells: String, CaseIterable {
      case final
      case eachSize = "each-size"
    }

    static let keys = ["of", "cells", "at-most", "seeds", "evaluate"]

    var name: String
    var place: StudyError.Place
    var of: [String]?
    var ofPlace: StudyError.Place?
    var cells: Cells?
    var atMost: Int?
    var seeds: [UInt64]?
    var options: CommandOptions
  }

  var seeds: [UInt64]?
  var record: CommandOptions
  var search: CommandOptions
  var settings: [Setting]
  var evaluate: CommandOptions
  var evaluations: [Evaluation]

  init(_ map: StudyMap, commands: StudyCommands, isBase: Bool) throws {
    func options(_ key: String, _ command: StudyCommands.Command) throws -> CommandOptions {
      try map[key].map { try CommandOptions($0.map(), of: command) } ?? CommandOptions()
    }
    seeds = try map["seeds"]?.seeds()
    let record = try map["record"]?.map()
    try record?.allow(only: Study.recordOptions)
    self.record = try record.map { try CommandOptions($0, of: commands.search) } ?? .init()
    search = try options("search", commands.search)
    evaluate = try options("evaluate", commands.evaluate)
    settings = try (map["settings"]?.map().entries ?? []).map { entry in
      guard RunStore.isPossible(name: entry.key) else {
        throw StudyError.badValue(
          entry.keyPlace, key: "the name of a setting", found: "“\(entry.key)”",
          expected: "made of letters, digits, '-', '_' and '.'")
      }
      let setting = try entry.value.map()
      return Setting(
        name: entry.key, place: entry.keyPlace, seeds: try setting["seeds"]?.seeds(),
        options: try CommandOptions(setting, of: commands.search, ignoring: ["seeds"]))
    }
    evaluations = try (map["evaluations"]?.map().entries ?? []).map { entry in
      let evaluation = try entry.value.map()
      try evaluation.allow(only: Evaluation.keys)
      let cells = try evaluation["cells"].map { value in
        guard let cells = Evaluation.Cells(rawValue: try value.text()) else {
          throw value.bad(
            "one of \(Evaluation.Cells.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return cells
      }
      return Evaluation(
        name: entry.key, place: entry.keyPlace, of: try evaluation["of"]?.texts(),
        ofPlace: evaluation["of"]?.place, cells: cells,
        atMost: try evaluation["at-most"]?.integer(in: 1...1000),
        seeds: try evaluation["seeds"]?.seeds(),
        options: try evaluation["evaluate"].map {
          try CommandOptions($0.map(), of: commands.evaluate)
        } ?? .init())
    }
    if isBase { try check(against: self) }
  }

  /// A size speaks of settings and evaluations of the file alone.
  func check(against base: Layer) throws {
    let names = base.settings.map(\.name)
    func known(_ name: String, _ place: StudyError.Place, within: String, _ names: [String]) throws
    {
      guard !names.contains(name) else { return }
      throw StudyError.unknownKey(
        place, key: name, within: within, known: names,
        nearest: NearestName.of(name, among: names))
    }
    for setting in settings {
      try known(setting.name, setting.place, within: "settings of the study", names)
    }
    for evaluation in evaluations {
      try known(
        evaluation.name, evaluation.place, within: "evaluations of the study",
        base.evaluations.map(\.name))
      for name in evaluation.of ?? [] {
        try known(
          name, evaluation.ofPlace ?? evaluation.place, within: "settings of the study", names)
      }
    }
  }

  func overlaid(with size: Layer?) -> Layer {
    guard let size else { return self }
    var result = self
    result.seeds = size.seeds ?? seeds
    result.record = record.overridden(by: size.record)
    result.search = search.overridden(by: size.search)
    result.evaluate = evaluate.overridden(by: size.evaluate)
    for setting in size.settings {
      guard let index = result.settings.firstIndex(where: { $0.name == setting.name }) else {
        continue
      }
      result.settings[index].seeds = setting.seeds ?? result.settings[index].seeds
      result.settings[index].options = result.settings[index].options.overridden(
        by: setting.options)
    }
    for evaluation in size.evaluations {
      guard let index = result.evaluations.firstIndex(where: { $0.name == evaluation.name })
      else { continue }
      let before = result.evaluations[index]
      result.evaluations[index].of = evaluation.of ?? before.of
      result.evaluations[index].cells = evaluation.cells ?? before.cells
      result.evaluations[index].atMost = evaluation.atMost ?? before.atMost
      result.evaluations[index].seeds = evaluation.seeds ?? before.seeds
      result.evaluations[index].options = before.options.overridden(by: evaluation.options)
    }
    return result
  }
}

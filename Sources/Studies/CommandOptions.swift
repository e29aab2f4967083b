import Datasets
import EventLog

/// The two commands that tasks are, as the program parses them; a study knows no option of its own.
public struct StudyCommands: Sendable {
  /// One option that a command takes.
  public struct Option: Equatable, Sendable {
    /// Without dashes: "switch-epoch".
    public var name: String
    /// Whether it stands alone: `--name` instead of `--name VALUE`.
    public var isFlag: Bool

    /// An option by its name, without dashes.
    public init(name: String, isFlag: Bool) {
      (self.name, self.isFlag) = (name, isFlag)
    }
  }

  /// One command: its options, and the settings that follow from them.
  public struct Command: Sendable {
    /// Every option that the command takes, those of its groups as well.
    public var options: [Option]
    /// The settings that arguments give, by their path ("shape.channels"), values as JSON.
    ///
    /// Takes the arguments after the command's name and the store that runs are looked for in; throws what the
    /// command says of bad ones.
    public var settings: @Sendable (_ arguments: [String], _ store: RunStore) throws -> Settings

    /// A command by its options.
    ///
    /// - Parameters:
    ///   - options: all that the command takes.
    ///   - settings: parses arguments; see the property.
    public init(
      options: [Option],
      settings: @escaping @Sendable (_ arguments: [String], _ store: RunStore) throws -> Settings
    ) {
      (self.options, self.settings) = (options, settings)
    }
  }

  /// `milenas-lab search`.
  public var search: Command
  /// `milenas-lab evaluate`.
  public var evaluate: Command
  /// What an error says of itself to a user.
  public var sentence: @Sendable (any Error) -> String

  /// Both commands, and how an error of theirs is told to a user.
  public init(
    search: Command, evaluate: Command, sentence: @escaping @Sendable (any Error) -> String
  ) {
    (self.search, self.evaluate, self.sentence) = (search, evaluate, sentence)
  }
}

/// Options of a command in a study file, in order.
struct CommandOptions: Equatable {
  struct Entry: Equatable {
    var name: String
    /// nil for a flag that is set.
    var value: String?
    var place: StudyError.Place
    var isUnset = false

    var arguments: [String] {
      guard !isUnset else { return [] }
      guard let value else { return ["--\(name)"] }
      // A value that begins with a dash would be taken for an option.
      return value.hasPrefix("-") ? ["--\(name)=\(value)"] : ["--\(name)", value]
    }
  }

  private(set) var entries: [Entry] = []

  /// What a study decides for every task, and where it says so.
  private static let decided = [
    "seed": "use `seeds:`", "name": "records are named after setting and seed",
    "runs-dir": "give it to `milenas-lab study`",
    "threads": "give --threads-per-worker to `milenas-lab study run`",
    "resume": "what was interrupted is resumed in any case",
    "dry-run": "use `milenas-lab study plan`", "format": "give it to `milenas-lab study`",
    "help": "it does nothing in a study", "version": "it does nothing in a study",
  ]

  init() {}

  /// - Parameter ignoring: keys of the mapping that are no options.
  /// - Throws: `StudyError.unknownKey`, `.decidedByStudy`, `.badValue`.
  init(_ map: StudyMap, of command: StudyCommands.Command, ignoring: [String] = []) throws {
    let known = command.options.filter { Self.decided[$0.name] == nil }
    for entry in map.entries where !ignoring.contains(entry.key) {
      if let remedy = Self.decided[entry.key] {
        throw StudyError.decidedByStudy(entry.keyPlace, option: entry.key, remedy: remedy)
      }
      guard let option = known.first(where: { $0.name == entry.key }) else {
        let names = known.map(\.name) + ignoring
        throw StudyError.unknownKey(
          entry.keyPlace, key: entry.key, within: map.name, known: names,
          nearest: NearestName.of(entry.key, among: names))
      }
      var found = Entry(name: option.name, value: nil, place: entry.keyPlace)
      if option.isFlag {
        found.isUnset = try !entry.value.flag()
      } else {
        found.value = try entry.value.text()
      }
      entries.append(found)
    }
  }

  /// The arguments of a command line.
  var arguments: [String] { entries.flatMap(\.arguments) }

  /// Takes over the options of `other`, in place where there are some of the same name.
  func overridden(by other: CommandOptions) -> CommandOptions {
    var result = self
    for entry in other.entries {
      if let index = result.entries.firstIndex(where: { $0.name == entry.name }) {
        result.entries[index] = entry
      } else {
        result.entries.append(entry)
      }
    }
    return result
  }
}

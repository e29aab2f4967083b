import EventLog
import Foundation

/// A study in one size: the searches and evaluations that it is made of.
public struct Study: Sendable {
  /// As the file says: the name of the study's folder, unless another is asked for.
  public var name: String
  /// What the file says that the study is for; nil when it does not say.
  public var about: String?
  /// nil when its file comes in one size.
  public var size: String?
  /// A search for each setting and seed, in the order of the file.
  public var searches: [Task]
  /// The cells that the searches find, trained from scratch; which cells they are is known when a search is done.
  public var evaluations: [Evaluation]
  /// The text of its file.
  public var text: String

  /// One search: a command line.
  public struct Task: Equatable, Sendable {
    /// The program's command that a task calls.
    public enum Command: String, Codable, Sendable {
      /// Searches a cell.
      case search
      /// Trains the network of a cell from scratch.
      case evaluate
    }

    /// The name of its record: "gdas-s0".
    public var name: String
    /// The setting's name in the file; of an evaluation, that of its search.
    public var setting: String
    /// Of the search, or of the training.
    public var seed: UInt64
    /// Which of the program's commands it calls.
    public var command: Command
    /// After the command's name, without name, folder and threads.
    public var options: [String]
    /// The cell that is trained, as `evaluate` takes it; nil for a search.
    public var cell: String?

    /// What the task computes: the command's own words, with the seed.
    public var arguments: [String] {
      (cell.map { [$0] } ?? []) + options + ["--seed", "\(seed)"]
    }
  }

  /// The training of one cell of one search.
  public struct Evaluation: Equatable, Sendable {
    /// Which cell of its search is trained.
    public enum Choice: Equatable, Sendable {
      /// The cell that the search ended with.
      case final
      /// Of the best cells of each size, the one at a place in the order of sizes, of at most so many.
      case ofEachSize(place: Int, atMost: Int)
    }

    /// The setting of its search.
    public var setting: String
    /// The name of its search's record.
    public var search: String
    /// Which cell of the search.
    public var choice: Choice
    /// Of the training.
    public var seed: UInt64
    /// Whether its name must say which search it is of.
    var namesSearch = false
    /// Of `evaluate`, after the cell, without name, folder and threads.
    public var options: [String]

    /// Until its cell is known: "gdas-s0, final cell".
    public var title: String {
      switch choice {
      case .final: "\(search), final cell, seed \(seed)"
      case .ofEachSize(let place, let atMost):
        "\(search), size \(place + 1) of at most \(atMost), seed \(seed)"
      }
    }
  }

  /// The options of a task that say how much is recorded, rather than what is computed.
  static let recordOptions = ["log-level", "keep-checkpoints"]

  /// Cells of one search are told apart by their sizes; two searches may find the same size.
  mutating func nameSearchesWhereTheyAreSeveral() {
    let ofEachSize = evaluations.filter { $0.choice != .final }
    guard Set(ofEachSize.map(\.search)).count > 1 else { return }
    for index in evaluations.indices { evaluations[index].namesSearch = true }
  }

  /// Searches and evaluations: the indices of a job array go over all of them, searches first.
  public var count: Int { searches.count + evaluations.count }
}

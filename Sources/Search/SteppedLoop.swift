import Supernet

/// A computation of epochs and steps over a state that holds all it reads and changes: a search, or the training of a
/// derived network. Who keeps what it tells is not known here.
public protocol SteppedLoop: AnyObject, SendableMetatype {
  /// Its settings.
  associatedtype Configuration: Codable, Equatable, Sendable
  /// All that a step reads and changes.
  associatedtype State: Equatable, Sendable
  /// What a step leaves behind.
  associatedtype Step: Sendable
  /// What an epoch leaves behind.
  associatedtype Epoch: Codable, Equatable, Sendable
  /// How it ended.
  associatedtype Result: Equatable, Sendable

  /// As it was made with, and what the data decide.
  var configuration: Configuration { get }
  /// Of the flat weight vector w.
  var layout: ParameterLayout { get }
  /// Fewer than the data have where `--steps-per-epoch` says so.
  var stepsPerEpoch: Int { get }
  /// The state before the first step.
  var initialState: State { get throws }

  /// One step, with the large vectors that only the finest log level keeps.
  func tracedStep(_ state: inout State) throws -> (Step, StepTrace)
  /// What follows the last step of an epoch; the next one begins.
  func closeEpoch(_ state: inout State) throws -> Epoch
  /// Runs from a state to the end, or until `isCancelled`, which is asked between steps.
  ///
  /// - Parameters:
  ///   - epochs: the records of the epochs before `start`.
  ///   - emit: is told of each step and epoch, with the state after it.
  func run(
    from start: State, after epochs: [Epoch], isCancelled: () -> Bool,
    emit: (LoopEvent<Step, Epoch>, State) throws -> Void
  ) throws -> (result: Result, state: State)
}

/// What a loop leaves behind, in the order in which it happens.
public enum LoopEvent<Step: Sendable, Epoch: Sendable>: Sendable {
  /// A step has ended.
  case step(Step, StepTrace)
  /// An epoch has ended.
  case epoch(Epoch)
}

extension SearchLoop: SteppedLoop {
  /// Names and places of the weights.
  public var layout: ParameterLayout { net.layout }
  /// Before the first step; with the memory that the search will need, so that none is missing in its middle.
  public var initialState: SearchState {
    get throws {
      try net.reserve(tangents: configuration.takesTangents)
      return try SearchState(net, configuration: configuration)
    }
  }
}

extension DerivedTraining: SteppedLoop {
  /// Names and places of the weights.
  public var layout: ParameterLayout { net.layout }
}

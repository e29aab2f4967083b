import Foundation
import Search

/// The first place where two computations of the same run part.
public struct RunDifference: Equatable, Sendable, Encodable, CustomStringConvertible {
  /// nil for a difference in what closes an epoch, or the run.
  public var step: Int?
  /// nil for a difference in a step, or in what closes the run.
  public var epoch: Int?
  /// "alpha", "term grad_alpha_train", …
  public var quantity: String
  /// ‖a − b‖/‖b‖, b the recorded one; nil where it is no number (names, counts of entries, hashes).
  public var relative: Double?

  public var description: String {
    let place =
      step.map { "step \($0)" } ?? epoch.map { "the end of epoch \($0)" } ?? "the end of the run"
    let size =
      relative.map { String(format: " by a relative difference of %.2g", $0) } ?? ""
    return "differs at \(place) in \(quantity)\(size)"
  }
}

/// One of the things that a record holds, under its name, to be compared bit by bit.
public struct Quantity: Sendable {
  enum Value {
    case numbers([Double])
    case text(String)
  }
  var name: String
  var value: Value

  init(_ name: String, _ value: Double?) {
    self.name = name
    // The file keeps a NaN as NULL, and reads it back as nil or NaN.
    self.value = .numbers([value ?? .nan])
  }

  init(_ name: String, _ value: Int) { self.init(name, Double(value)) }

  init(_ name: String, _ vector: [Float]) {
    self.name = name
    value = .numbers(vector.map(Double.init))
  }

  init(_ name: String, _ text: String) {
    self.name = name
    value = .text(text)
  }

  /// The first of `ours` that is not in `theirs` with the same bits, and by how much it differs.
  static func firstDifference(_ ours: [Quantity], _ theirs: [Quantity])
    -> (quantity: String, relative: Double?)?
  {
    for (a, b) in zip(ours, theirs) {
      guard a.name == b.name else { return (a.name, nil) }
      switch (a.value, b.value) {
      case (.numbers(let x), .numbers(let y)) where x.count == y.count:
        if zip(x, y).allSatisfy({ $0 == $1 || ($0.isNaN && $1.isNaN) }) { continue }
        let difference = zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let size = y.reduce(0) { $0 + $1 * $1 }
        return (a.name, (difference / size).squareRoot())
      case (.text(let x), .text(let y)) where x == y: continue
      default: return (a.name, nil)
      }
    }
    return ours.count == theirs.count ? nil : ("the number of its quantities", nil)
  }
}

extension RecordedStep {
  /// Where this computation of a step differs from the recorded one; nil when every bit is the same.
  func difference(
    from recorded: Self, state: StateHash, recorded recordedState: StateHash
  ) -> RunDifference? {
    firstDifference(from: recorded, state == recordedState).map {
      RunDifference(step: step, epoch: nil, quantity: $0.quantity, relative: $0.relative)
    }
  }
}

extension RecordedEpoch {
  /// Where this computation of an epoch's end differs from the recorded one; nil when every bit is the same.
  func difference(
    from recorded: Self, state: StateHash, recorded recordedState: StateHash
  ) -> RunDifference? {
    firstDifference(from: recorded, state == recordedState).map {
      RunDifference(step: nil, epoch: epoch, quantity: $0.quantity, relative: $0.relative)
    }
  }
}

extension RecordedResult {
  /// Where this end differs from another; nil when every bit is the same.
  func difference(from other: Self) -> RunDifference? {
    Quantity.firstDifference(quantities, other.quantities).map {
      RunDifference(step: nil, epoch: nil, quantity: $0.quantity, relative: $0.relative)
    }
  }
}

extension RecordedRow {
  fileprivate func firstDifference(from recorded: Self, _ sameState: Bool)
    -> (quantity: String, relative: Double?)?
  {
    if let first = Quantity.firstDifference(quantities, recorded.quantities) { return first }
    if canonicalBytes.data == recorded.canonicalBytes.data && sameState { return nil }
    return ("the state after it (w, momentum, statistics, and a search's α and moments)", nil)
  }
}

import Foundation
import Search

/// The first place where two computations of the same run part.
public struct RunDifference: Equatable, Sendable, Encodable, CustomStringConvertible {
  /// nil for a difference in what closes an epoch, or the run.
  public var step: Int?
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
struct Quantity {
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

extension StepRecord {
  /// What two computations of a step must share, causes before effects.
  var quantities: [Quantity] {
    [
      Quantity("step_in_epoch", stepInEpoch), Quantity("epoch", epoch),
      Quantity("weight_rate", weightRate), Quantity("temperature", temperature),
      Quantity("alpha", alpha),
    ]
      + samples.map { Quantity("sample \($0.pass)", $0.noise) }
      + [Quantity("train_loss", trainLoss), Quantity("valid_loss", validLoss)]
      + terms.flatMap {
        [
          Quantity("coefficient of \($0.name)", $0.coefficient),
          Quantity("term \($0.name)", $0.gradient),
        ]
      }
      + [Quantity("alpha_gradient", alphaGradient), Quantity("gradient_norms", gradientNorms)]
  }
}

extension EpochRecord {
  var quantities: [Quantity] {
    [
      Quantity("train_loss", trainLoss), Quantity("train_accuracy", trainAccuracy),
      Quantity("alpha", alpha), Quantity("alpha_softmax", alphaSoftmax),
      Quantity("valid_loss", validLoss), Quantity("valid_accuracy", validAccuracy),
      Quantity("genotype", genotype), Quantity("normal_convolutions", normalConvolutions),
      Quantity("reduction_convolutions", reductionConvolutions),
      Quantity("parameters", parameters), Quantity("multiply_adds", multiplyAdds),
      Quantity("curvature", curvature),
    ]
  }
}

extension RunResult {
  var quantities: [Quantity] {
    [
      Quantity("outcome", outcome.rawValue), Quantity("epochs", epochs), Quantity("steps", steps),
      Quantity("genotype", genotype), Quantity("valid_accuracy", validAccuracy),
    ]
  }
}

extension StepRecord {
  /// Where this computation of a step differs from the recorded one; nil when every bit is the same.
  func difference(
    from recorded: StepRecord, state: StateHash, recorded recordedState: StateHash
  ) -> RunDifference? {
    if let (quantity, relative) = Quantity.firstDifference(quantities, recorded.quantities) {
      return RunDifference(step: step, epoch: nil, quantity: quantity, relative: relative)
    }
    if canonicalBytes.data == recorded.canonicalBytes.data && state == recordedState { return nil }
    return RunDifference(step: step, epoch: nil, quantity: Self.stateName, relative: nil)
  }

  fileprivate static let stateName =
    "the state after it (w, momentum, α, Adam's moments, statistics)"
}

extension EpochRecord {
  /// Where this computation of an epoch's end differs from the recorded one; nil when every bit is the same.
  func difference(
    from recorded: EpochRecord, state: StateHash, recorded recordedState: StateHash
  ) -> RunDifference? {
    if let (quantity, relative) = Quantity.firstDifference(quantities, recorded.quantities) {
      return RunDifference(step: nil, epoch: epoch, quantity: quantity, relative: relative)
    }
    if canonicalBytes.data == recorded.canonicalBytes.data && state == recordedState { return nil }
    return RunDifference(step: nil, epoch: epoch, quantity: StepRecord.stateName, relative: nil)
  }
}

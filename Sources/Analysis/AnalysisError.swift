/// What can go wrong in an analysis.
public enum AnalysisError: Error, Equatable, CustomStringConvertible {
  /// A file of certified cases that is not one.
  case notACaseFile(path: String, reason: String)
  /// A case without a value that it needs, or with one of another kind or size.
  case badCase(path: String, expected: String)
  /// A matrix whose eigenvalues cannot be found.
  case noEigenvalues(size: Int)
  /// A descent of w that found no stationary point.
  case notStationary(iterations: Int, gradientNorm: Double)
  /// The terms of an error do not add up to it: a mistake of the program, or numbers that are not finite.
  case chainDoesNotClose(residual: Double)
  /// A word that is no number of a step.
  case badStep(String)
  /// A result that no command has made yet; `command` makes it.
  case notAnalysed(run: String, what: String, command: String)
  /// An epoch that a run does not have; `last` is the last one.
  case badEpoch(Int, run: String, last: Int)
  /// A record that does not hold what is asked of it yet.
  case notRecorded(run: String, what: String)
  /// Data so few that pairs of batches repeat: only `distinct` of the `asked` ones hold different images.
  case tooFewBatches(run: String, distinct: Int, asked: Int)
  /// A name that no estimator has.
  case badEstimator(String)
  /// Points that no curve can be fitted to.
  case unfit(String)
  /// A file of points that is not one; `line` is nil for all of it.
  case notPoints(path: String, line: Int?, reason: String)

  public var description: String {
    switch self {
    case .notACaseFile(let path, let reason):
      "\(path) is not a file of certified cases: \(reason); "
        + "the format is that of the gradient_cases.json that this program ships"
    case .badCase(let path, let expected):
      "\(path) should be \(expected): correct the file, or take the case out"
    case .noEigenvalues(let size):
      "the eigenvalues of a \(size)×\(size) matrix do not converge: "
        + "it has entries that are not finite"
    case .chainDoesNotClose(let residual):
      "the terms of the gradient error add up to it only within \(residual): "
        + "the run's gradients are not finite, or this is a mistake of the program"
    case .badEstimator(let name):
      "no estimator is called “\(name)”: there are "
        + Estimator.known.map(\.name).joined(separator: ", ") + ", and all"
    case .notAnalysed(let run, let what, let command):
      "\(run) holds no \(what) yet: `milenas-lab \(command)` makes it"
    case .badEpoch(let epoch, let run, let last):
      "\(run) has no epoch \(epoch): its epochs are 0 to \(last)"
    case .notRecorded(let run, let what):
      "the record of \(run) holds no \(what): wait until its first epoch has ended, or name another run"
    case .tooFewBatches(let run, let distinct, let asked):
      "\(run) has data for \(distinct) different pair\(distinct == 1 ? "" : "s") of batches, and this takes \(asked): "
        + "give fewer --batches, or a run with more --train-images or a smaller --batch"
    case .badStep(let word): "“\(word)” is no step: give numbers such as 125,250"
    case .unfit(let reason):
      "no curve can be fitted: \(reason)"
    case .notPoints(let path, let line, let reason):
      "\(path)\(line.map { ", line \($0)" } ?? ""): \(reason); a file of points has the columns size (millions of "
        + "parameters) and error (percent), and may have deviation and seeds"
    case .notStationary(let iterations, let norm):
      "‖∇_wΦ‖ is still \(norm) after \(iterations) Newton steps: "
        + "give a starting point nearer to a minimum, or more weight decay"
    }
  }
}

import Datasets

/// What can go wrong in forming an α-direction.
public enum SearchError: Error, Equatable, CustomStringConvertible {
  /// A setting that no estimator can work with, in one sentence.
  case impossible(String)
  /// A vector of another length than the problem's.
  case wrongLength(what: String, expected: Int, found: Int)
  /// A term that is infinite or not a number.
  case notFinite(term: String)
  /// The same, at a step of a search.
  case notFiniteAtStep(term: String, step: Int)
  /// A name that is none of those there are.
  case unknownName(kind: String, found: String, known: [String])

  static func unknownName(_ kind: String, _ found: String, of known: [String]) -> SearchError {
    .unknownName(kind: kind, found: found, known: known)
  }

  /// Whether a setting or a name is to blame, rather than what came out of the computation.
  public var isBadInput: Bool {
    switch self {
    case .impossible, .unknownName: true
    case .wrongLength, .notFinite, .notFiniteAtStep: false
    }
  }

  public var description: String {
    switch self {
    case .impossible(let sentence): sentence
    case .wrongLength(let what, let expected, let found):
      "\(what) has \(found) entries where the problem has \(expected)"
    case .notFinite(let term):
      "\(term) is not finite: lower the learning rates, or clip the weight gradient"
    case .notFiniteAtStep(let term, let step):
      "\(term) is not finite at step \(step): lower the learning rates, or clip the weight gradient; "
        + "the record is complete up to the step before"
    case .unknownName(let kind, let found, let known):
      "there is no \(kind) “\(found)”"
        + (NearestName.of(found, among: known).map { "; did you mean \($0)?" } ?? ".")
        + " The \(kind)s are \(known.joined(separator: ", "))."
    }
  }
}

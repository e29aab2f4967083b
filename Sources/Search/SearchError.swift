/// What can go wrong in forming an α-direction.
public enum SearchError: Error, Equatable, CustomStringConvertible {
  /// A setting that no estimator can work with, in one sentence.
  case impossible(String)
  /// A vector of another length than the problem's.
  case wrongLength(what: String, expected: Int, found: Int)
  /// A term that is infinite or not a number.
  case notFinite(term: String)

  public var description: String {
    switch self {
    case .impossible(let sentence): sentence
    case .wrongLength(let what, let expected, let found):
      "\(what) has \(found) entries where the problem has \(expected)"
    case .notFinite(let term):
      "\(term) is not finite: lower the learning rates, or clip the weight gradient"
    }
  }
}

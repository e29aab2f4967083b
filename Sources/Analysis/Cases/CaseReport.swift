import Foundation

/// What came of checking a file of certified cases.
public struct CaseReport: Sendable {
  /// One certified value beside the computed one.
  public struct Comparison: Equatable, Sendable {
    /// Where the certified value stands: "smooth_supernet.expected.unrolled1_plain.fd[3].d_FD".
    public var path: String
    /// ‖computed − certified‖ / ‖certified‖; without the division where that is zero or the value
    /// itself is an error; infinite where the numbers of entries differ.
    public var error: Double
    /// The largest error that passes.
    public var tolerance: Double

    /// Written so that NaN fails.
    public var passed: Bool { error <= tolerance }
  }

  /// In the order of the file.
  public internal(set) var comparisons: [Comparison] = []
  /// Certified values of known cases that no check knows, by path.
  public internal(set) var notCompared: [String] = []
  /// Cases whose name names no problem of this program.
  public internal(set) var notChecked: [String] = []
  /// Cases that could not be computed, each with the reason in a sentence.
  public internal(set) var problems: [String] = []

  /// The comparisons beyond their tolerance.
  public var failures: [Comparison] { comparisons.filter { !$0.passed } }

  /// The comparison nearest to its tolerance, or farthest beyond.
  public var worst: Comparison? {
    comparisons.max { $0.error / $0.tolerance < $1.error / $1.tolerance }
  }

  /// Whether something was compared, and everything that was agrees. A case that could not be
  /// computed has failed.
  public var passed: Bool { !comparisons.isEmpty && failures.isEmpty && problems.isEmpty }
}

extension CaseReport: CustomStringConvertible {
  /// Lines for people: failures first, what was left out, and a summary.
  public var description: String {
    var lines = problems.map { "problem: \($0)" }
    lines += failures.map {
      "differs: \($0.path): error \(short($0.error)) exceeds \(short($0.tolerance))"
    }
    lines += notCompared.map { "not compared: \($0)" }
    lines += notChecked.map { "not checked: \($0) names no problem known here" }
    var summary = "\(comparisons.count - failures.count) of \(comparisons.count) values agree"
    if let worst {
      summary +=
        "; nearest to its tolerance: \(worst.path), \(short(worst.error)) of "
        + short(worst.tolerance)
    }
    return (lines + [summary]).joined(separator: "\n")
  }
}

/// Three digits: "4.3e-05".
private func short(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return "\(value)" }
  let exponent = Int(log10(abs(value)).rounded(.down))
  let digits = (value / pow(10, Double(exponent)) * 10).rounded() / 10
  return "\(digits)e\(exponent)"
}

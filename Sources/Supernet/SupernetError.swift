import Datasets

/// What can be wrong with a network that is asked for.
public enum SupernetError: Error, Equatable, CustomStringConvertible {
  /// A setting that cannot be built, in one sentence.
  case impossible(String)
  /// A vector of another length than the network's.
  case wrongLength(what: String, expected: Int, found: Int)
  /// A network that does not fit into memory; the available bytes are nil where only the system knows.
  case tooLarge(neededBytes: Int, availableBytes: Int?, batch: Int)

  public var description: String {
    switch self {
    case .impossible(let sentence): sentence
    case .wrongLength(let what, let expected, let found):
      "\(what) has \(found) entries where the network has \(expected)"
    case .tooLarge(let needed, let available, let batch):
      "the network needs \(Self.gigabytes(needed)) of memory for a batch of \(batch), and "
        + (available.map { "\(Self.gigabytes($0)) are free" } ?? "the system does not give as much")
        + ": lower --batch, --channels, --cells or --nodes"
    }
  }

  private static func gigabytes(_ bytes: Int) -> String {
    "\((Double(bytes) / 1e8).rounded() / 10) GB"
  }
}

extension SupernetError {
  /// - Throws: `.wrongLength` where a vector has not as many entries as the network.
  static func require(_ what: String, _ expected: Int, _ found: Int) throws {
    if expected != found { throw wrongLength(what: what, expected: expected, found: found) }
  }
}

extension Batch {
  /// Whether a network can take it.
  ///
  /// - Parameters:
  ///   - capacity: images that the network was planned for.
  ///   - imageSize: rows, and columns.
  /// - Throws: `SupernetError.impossible`, `.wrongLength`.
  func check(capacity: Int, imageSize: Int, channels: Int, classes: Int) throws {
    guard 1...capacity ~= count else {
      throw SupernetError.impossible(
        "a batch of \(count) images does not fit a network planned for 1 to \(capacity)")
    }
    try SupernetError.require("an image's side", imageSize, rows)
    try SupernetError.require("an image's side", imageSize, columns)
    try SupernetError.require("an image's channels", channels, self.channels)
    if let label = labels.first(where: { !(0..<classes).contains($0) }) {
      throw SupernetError.impossible(
        "label \(label) is outside the \(classes) classes of the network")
    }
  }
}

import ArgumentParser
import Search

/// Which options of a group the command line gave, whatever their values; those with a default of their own count as
/// not given.
enum GivenOptions {
  static func names(in group: any ParsableArguments) -> [String] {
    Mirror(reflecting: group).children.compactMap { label, value in
      guard let label, let option = value as? any Askable, option.isGiven else { return nil }
      return "--" + kebab(label.drop { $0 == "_" })
    }
  }

  /// "logLevel" → "log-level", as swift-argument-parser names options.
  private static func kebab(_ name: Substring) -> String {
    name.map { $0.isUppercase ? "-\($0.lowercased())" : "\($0)" }.joined()
  }
}

private protocol Askable { var isGiven: Bool { get } }
private protocol Absentable { var isPresent: Bool { get } }
extension Optional: Absentable { fileprivate var isPresent: Bool { self != nil } }
extension Option: Askable where Value: Absentable {
  fileprivate var isGiven: Bool { wrappedValue.isPresent }
}
extension Flag: Askable where Value == Bool { fileprivate var isGiven: Bool { wrappedValue } }

// MARK: - Options that nothing reads

extension SearchOptions {
  /// Checks that the search reads every option that was given; records of before may hold more.
  ///
  /// - Throws: `SearchError.impossible`, naming the option.
  func refuseUnread(by c: SearchConfiguration) throws {
    let given = GivenOptions.names(in: self)
    let methods = [c.method, c.switchMethod].compactMap { $0 }
    let mixed: [SearchMethod] = [.milenas1st, .milenas2nd, .milenas2ndExact]
    let differences: [SearchMethod] = [.darts2nd, .milenas2nd]
    let readers: [(option: String, methods: [SearchMethod])] = [
      ("--lambda", mixed), ("--lambda-train", mixed), ("--radius", differences),
      ("--unroll-steps", [.unrolled]), ("--solver", [.implicit]),
      ("--solver-iterations", [.implicit]), ("--damping", [.implicit]),
      ("--random-cells", [.randomSharing]),
    ]
    for (option, readers) in readers
    where given.contains(option) && !methods.contains(where: readers.contains) {
      throw SearchError.impossible(
        "\(option) is not read by \(methods.map(\.rawValue).joined(separator: " and ")), only by "
          + readers.map(\.rawValue).joined(separator: ", ") + ": leave it out")
    }
    for option in ["--temperature-start", "--temperature-end", "--noise"]
    where given.contains(option) && c.space == .darts {
      throw SearchError.impossible(
        "\(option) is not read on the space darts, which draws no samples: leave it out, or set --space"
      )
    }
    guard !updatesSeeNextBatches || c.weightUpdates > 1 else {
      throw SearchError.impossible(
        "--updates-see-next-batches is about further weight steps: add --weight-updates")
    }
    guard c.weightRateEnd <= c.weightRate else {
      throw SearchError.impossible(
        "the learning rate of w would rise from \(c.weightRate) to \(c.weightRateEnd): "
          + "lower --weight-rate-end")
    }
  }
}

// What `validate` of the settings of searches and trainings is made of; each error names the option.

/// - Throws: `SearchError.impossible`.
func require(_ condition: Bool, _ sentence: String) throws {
  if !condition { throw SearchError.impossible(sentence) }
}

/// A setting that was not given is in any range.
func require(_ option: String, _ value: Int?, in range: ClosedRange<Int>) throws {
  guard let value else { return }
  try require(
    range.contains(value),
    "\(option) must be "
      + (range.upperBound == .max
        ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)")
      + ", not \(value)")
}

func require(_ option: String, from0 value: Double) throws {
  try require(
    value >= 0 && value.isFinite, "\(option) must be a finite number from 0 on, not \(value)")
}

func require(_ option: String, above0 value: Double) throws {
  try require(
    value > 0 && value.isFinite, "\(option) must be a finite number above 0, not \(value)")
}

/// A probability that something else must be left of.
func require(_ option: String, from0Below1 value: Double) throws {
  try require((0..<1).contains(value), "\(option) must be from 0 to below 1, not \(value)")
}

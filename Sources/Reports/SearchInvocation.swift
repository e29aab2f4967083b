import EventLog
import Search

/// The command that makes a run again, from its settings.
public struct SearchInvocation: Equatable, Sendable {
  /// What follows `milenas-lab search`.
  public let arguments: [String]
  /// Whether the arguments give every setting; a study can set some that the command line has no option for.
  public let isComplete: Bool

  /// The options whose values differ from those of the preset and the variant.
  ///
  /// - Throws: `SearchError.unknownName` for a preset that this program has not.
  public init(_ settings: SearchConfiguration) throws {
    var options = Options(base: try .preset(settings.preset), settings: settings)
    if settings.preset != "demo" { options.append("--preset", settings.preset) }
    if settings.variant != options.base.variant {
      options.base.adopt(settings.variant)
      options.append("--variant", settings.variant.rawValue)
    }
    // The images decide these.
    options.base.shape.inputChannels = settings.shape.inputChannels
    options.base.shape.imageSize = settings.shape.imageSize
    options.base.shape.classes = settings.shape.classes
    options.addNames()
    options.addNumbers()
    options.addEnds()
    arguments = options.arguments
    isComplete = options.base == settings
  }

}

extension ReportedSearch {
  /// The command that makes a record of the same kind under another name, as a line for a shell.
  ///
  /// - Parameter program: its path, or its name where it is found by that.
  /// - Throws: `SearchError.unknownName` for a preset that this program has not.
  func searchLine(name: String, by program: String) throws -> String {
    var words = [program, "search"] + (try SearchInvocation(settings)).arguments
    if manifest.logLevel != .step { words += ["--log-level", manifest.logLevel.rawValue] }
    if manifest.checkpoints != .all {
      words += ["--keep-checkpoints", manifest.checkpoints.description]
    }
    return (words + ["--name", name]).map(ShellWord.quoted).joined(separator: " ")
  }
}

/// The options found so far, and the settings that they give.
private struct Options {
  var base: SearchConfiguration
  let settings: SearchConfiguration
  var arguments: [String] = []

  mutating func append(_ option: String, _ value: String) {
    // What begins with a dash would be read as an option.
    arguments += value.hasPrefix("-") ? ["\(option)=\(value)"] : [option, value]
  }

  mutating func addNames() {
    add("--method", \.method)
    add("--space", \.space)
    add("--order", \.order)
    add("--solver", \.solver)
    add("--noise", \.noise)
    add("--clip-target", \.clipTarget)
    add("--bn-stats", \.statistics)
    add("--activation", \.shape.activation)
    add("--max-pool", \.shape.maxPool)
    add("--genotype-rule", \.genotypeRule)
    add("--switch-to", \.switchMethod) { $0?.rawValue }
    add("--data", \.data) { $0 }
    add("--data-dir", \.dataDirectory) { $0 }
  }

  mutating func addNumbers() {
    add("--seed", \.seed) { "\($0)" }
    for (option, place) in [
      ("--epochs", \.epochs), ("--batch", \.batch), ("--channels", \.shape.channels),
      ("--cells", \.shape.cells), ("--nodes", \.shape.nodes), ("--cutout", \.augmentation.cutout),
      ("--weight-updates", \.weightUpdates), ("--unroll-steps", \.unrollSteps),
      ("--solver-iterations", \.solverIterations), ("--random-cells", \.randomCells),
    ] as [(String, WritableKeyPath<SearchConfiguration, Int>)] {
      add(option, place) { "\($0)" }
    }
    for (option, place) in [
      ("--train-images", \.trainImages), ("--steps-per-epoch", \.stepsPerEpoch),
      ("--switch-epoch", \.switchEpoch), ("--curvature-every", \.curvatureEvery),
    ] as [(String, WritableKeyPath<SearchConfiguration, Int?>)] {
      add(option, place) { $0.map(String.init) }
    }
    for (option, place) in [
      ("--lambda", \.lambda), ("--lambda-train", \.lambdaTrain), ("--radius", \.radius),
      ("--damping", \.damping), ("--temperature-start", \.temperatureStart),
      ("--temperature-end", \.temperatureEnd), ("--weight-rate", \.weightRate),
      ("--weight-rate-end", \.weightRateEnd),
      ("--alpha-rate", \.alphaRate), ("--clip", \.clip),
    ] as [(String, WritableKeyPath<SearchConfiguration, Double>)] {
      add(option, place) { $0 == $0.rounded() && abs($0) < 1e9 ? "\(Int($0))" : "\($0)" }
    }
  }

  mutating func addEnds() {
    if settings.updatesSeeNextBatches {
      base.updatesSeeNextBatches = true
      arguments.append("--updates-see-next-batches")
    }
    switch settings.stopRule {
    case .size(let counts): append("--stop-at", "\(counts.normal),\(counts.reduction)")
    case .curvature(let rule):
      var standard = CurvatureRule()
      standard.factor = rule.factor
      guard standard == rule else { return }
      append("--stop-at-curvature", "\(rule.factor)")
    case nil: return
    }
    base.stopRule = settings.stopRule
  }

  /// Adds the option when its value is another than that of the preset; `text` gives nil where no option says so.
  private mutating func add<Value: Equatable>(
    _ option: String, _ place: WritableKeyPath<SearchConfiguration, Value>,
    text: (Value) -> String?
  ) {
    let value = settings[keyPath: place]
    guard value != base[keyPath: place], let text = text(value) else { return }
    base[keyPath: place] = value
    append(option, text)
  }

  private mutating func add<Choice: RawRepresentable<String> & Equatable>(
    _ option: String, _ place: WritableKeyPath<SearchConfiguration, Choice>
  ) {
    add(option, place) { $0.rawValue }
  }
}

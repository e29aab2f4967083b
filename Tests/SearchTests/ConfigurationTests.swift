import Foundation
import Testing

@testable import Search

struct ConfigurationTests {
  @Test(arguments: SearchConfiguration.presets)
  func presetsAreValidAndSurviveJSON(name: String) throws {
    let preset = try SearchConfiguration.preset(name)
    try preset.validate()
    let copy = try JSONDecoder().decode(
      SearchConfiguration.self, from: JSONEncoder().encode(preset))
    #expect(copy == preset)
  }

  @Test func paperPresetIsTheSettingOfThePaper() throws {
    let paper = try SearchConfiguration.preset("paper")
    #expect(paper.shape.channels == 16 && paper.shape.cells == 8 && paper.shape.nodes == 4)
    #expect(paper.batch == 64 && paper.epochs == 50 && paper.data == "cifar10")
    #expect(paper.weightRate == 0.025 && paper.weightRateEnd == 0.001 && paper.momentum == 0.9)
    #expect(paper.weightDecay == 3e-4 && paper.clip == 5 && paper.clipTarget == .weights)
    #expect(
      paper.alphaRate == 3e-4 && paper.alphaBetas == [0.5, 0.999] && paper.alphaDecay == 1e-3)
    #expect(paper.method == .milenas1st && paper.lambda == 1 && paper.lambdaTrain == 1)
  }

  @Test func unknownPresetSuggestsTheNearest() {
    let error = #expect(throws: SearchError.self) { try SearchConfiguration.preset("papr") }
    #expect(error.map { "\($0)".contains("did you mean paper?") } == true)
  }

  @Test func nameLikeNoOtherListsWhatThereIs() {
    let error = #expect(throws: SearchError.self) { try SearchConfiguration.preset("xyzzy") }
    #expect(
      error.map { "\($0)" }
        == "there is no preset “xyzzy”. The presets are \(SearchConfiguration.presets.joined(separator: ", "))."
    )
  }

  @Test(arguments: ImpossibleSetting.all)
  func impossibleSettingsNameTheirOption(setting: ImpossibleSetting) throws {
    let error = #expect(throws: (any Error).self) {
      try TinySearch.configuration(setting.change).validate()
    }
    #expect(error.map { "\($0)".contains(setting.option) } == true, "\(String(describing: error))")
  }
}

/// A setting that cannot work, and the option that its error must name.
struct ImpossibleSetting: Sendable, CustomStringConvertible {
  var option: String
  var change: @Sendable (inout SearchConfiguration) -> Void
  var description: String { option }

  init(_ option: String, _ change: @escaping @Sendable (inout SearchConfiguration) -> Void) {
    self.option = option
    self.change = change
  }

  static let all = [
    Self("--epochs") { $0.epochs = 0 },
    Self("--batch") { $0.batch = 1 },
    Self("--steps-per-epoch") { $0.stepsPerEpoch = 0 },
    Self("--lambda") { $0.lambda = -1 },
    Self("--lambda") { $0.lambda = .nan },
    Self("--lambda-train") { $0.lambdaTrain = .infinity },
    Self("--weight-updates") { $0.weightUpdates = 0 },
    Self("--radius") { $0.radius = 0 },
    Self("--unroll-steps") { $0.unrollSteps = 0 },
    Self("--solver-iterations") { $0.solverIterations = 0 },
    Self("--radius") { $0.radius = .infinity },
    Self("--damping") { $0.damping = -0.5 },
    Self("--damping") { $0.damping = .nan },
    Self("--clip") { $0.clip = -3 },
    Self("--clip") { $0.clip = .nan },
    Self("--cutout") { $0.augmentation.cutout = -4 },
    Self("--temperature-start") { $0.temperatureStart = .infinity },
    Self("--temperature-end") { $0.temperatureEnd = 0 },
    Self("--weight-rate ") { $0.weightRate = .infinity },
    Self("--weight-rate-end") { $0.weightRateEnd = -1e-9 },
    Self("--alpha-rate") { $0.alphaRate = .nan },
    Self("momentum") { $0.momentum = .nan },
    Self("beta") { $0.alphaBetas = [0.5, 1] },
    Self("betas") { $0.alphaBetas = [] },
    Self("--stop-at") { $0.stopRule = .size(.init(normal: -1, reduction: 0)) },
    Self("--switch-epoch") { ($0.switchMethod, $0.switchEpoch) = (.darts1st, -1) },
    Self("--switch-epoch") { ($0.switchMethod, $0.switchEpoch, $0.epochs) = (.darts1st, 2, 2) },
    Self("--switch-epoch") { $0.switchMethod = .darts1st },
    Self("--order simultaneous") { ($0.order, $0.method) = (.simultaneous, .darts2nd) },
    Self("--order simultaneous") {
      ($0.order, $0.switchMethod, $0.switchEpoch) = (.simultaneous, .darts2nd, 1)
    },
    Self("--stop-at-curvature") {
      var rule = CurvatureRule()
      rule.factor = 1
      $0.stopRule = .curvature(rule)
    },
    Self("--curvature-every") { $0.curvatureEvery = 0 },
    Self("--random-cells") { $0.randomCells = 0 },
    Self("random-sharing") { ($0.method, $0.space) = (.randomSharing, .gdas) },
    Self("--channels") { $0.shape.channels = 0 },
    // Numbers of which nothing can be counted.
    Self("--epochs") { $0.epochs = .max },
    Self("--channels") { $0.shape.channels = 1_000_000_000 },
    Self("--cells") { $0.shape.cells = 99_999_999_999 },
    Self("--nodes") { $0.shape.nodes = 999_999 },
    Self("--weight-updates") { $0.weightUpdates = .max },
    Self("--unroll-steps") { $0.unrollSteps = .max },
  ]
}

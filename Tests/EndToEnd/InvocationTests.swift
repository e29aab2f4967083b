import EventLog
import Foundation
import Reports
import Search
import Testing

@testable import milenas_lab

/// The commands that reports print make the same settings again.
@Suite struct InvocationTests {
  private static let changes: [@Sendable (inout SearchConfiguration) -> Void] = [
    { _ in },
    {
      $0.seed = 7
      $0.method = .darts2nd
      $0.space = .gumbel
      $0.epochs = 3
      $0.lambda = 0.1
    },
    {
      $0.adopt(.milenasCode)
      $0.statistics = .weightStep
      $0.noise = .kind
      $0.lambdaTrain = -0.5
    },
    {
      $0.switchMethod = .milenas1st
      $0.switchEpoch = 4
      $0.method = .darts1st
      $0.stopRule = .size(.init(normal: 6, reduction: 0))
      $0.trainImages = 512
      $0.dataDirectory = "my images"
    },
    {
      $0.stopRule = .curvature(CurvatureRule())
      $0.curvatureEvery = 2
      $0.updatesSeeNextBatches = true
      $0.weightUpdates = 3
      $0.alphaRate = 1e-5
      $0.weightRate = 0.1
      $0.clip = 0
      $0.augmentation.cutout = 8
      $0.shape.activation = .silu
      $0.shape.maxPool = .avg
    },
  ]

  @Test(arguments: SearchConfiguration.presets, changes.indices)
  func theCommandParsesToTheSettingsItCameFrom(preset: String, change: Int) throws {
    var settings = try SearchConfiguration.preset(preset)
    Self.changes[change](&settings)
    let invocation = try SearchInvocation(settings)
    #expect(invocation.isComplete)
    let command = try #require(
      try MilenasLab.parseAsRoot(["search"] + invocation.arguments) as? SearchCommand)
    #expect(try command.settings.configuration(seed: command.compute.seed) == settings)
  }

  @Test func aSettingWithoutAnOptionMakesTheCommandIncomplete() throws {
    var settings = try SearchConfiguration.preset("demo")
    settings.momentum = 0.5
    #expect(!(try SearchInvocation(settings).isComplete))
  }
}

import Datasets
import Foundation
import Search
import Supernet

@testable import EventLog

/// Records with every kind of float in their vectors; the same number gives the same record.
enum Samples {
  static let shape = SupernetShape(inputChannels: 1, imageSize: 8, channels: 2, cells: 1)
  static let layout = ParameterLayout(shape)

  static func configuration(seed: UInt64 = 1) throws -> SearchConfiguration {
    var configuration = try SearchConfiguration.preset("demo")
    configuration.seed = seed
    configuration.shape = shape
    configuration.batch = 4
    configuration.epochs = 2
    configuration.stepsPerEpoch = 2
    return configuration
  }

  static func manifest(
    name: String = "run", level: LogLevel = .step, seed: UInt64 = 1, threads: Int = 1,
    started: String = "2026-01-02T03:04:05.678Z"
  ) throws -> Manifest {
    Manifest(
      name: name, record: RecordOptions(level: level), configuration: try configuration(seed: seed),
      data: .init(name: "fashion-mini", sha256: String(repeating: "ab", count: 32)),
      threads: threads, started: started)
  }

  /// `count` floats of which some are −0, subnormal, infinite and NaN with a payload.
  static func vector(_ count: Int, from number: Int) -> [Float] {
    let floats = Float32DecoderTests.everyKindOfFloat
    return (0..<count).map { floats[(number * 131 + $0 * 17) % floats.count] }
  }

  static func step(_ number: Int, stepsPerEpoch: Int = 4) -> StepRecord {
    let count = shape.alphaCount
    return StepRecord(
      step: number, epoch: number / stepsPerEpoch, stepInEpoch: number % stepsPerEpoch,
      trainLoss: 2.302585092994046 / Double(number + 1),
      validLoss: number % 2 == 0 ? 0.1 + Double(number) : nil, weightRate: 0.025,
      temperature: number % 2 == 0 ? nil : 9.98, alpha: vector(count, from: number),
      alphaGradient: vector(count, from: number + 1),
      terms: ["valid", "train"].enumerated().map { index, name in
        .init(name: name, coefficient: 0.5, gradient: vector(count, from: number + 2 + index))
      },
      samples: [.init(pass: "weights", noise: vector(count, from: number + 4))],
      gradientNorms: vector(layout.slices.count, from: number + 5),
      phases: [.init(name: "train gradient", seconds: 0.25), .init(name: "update", seconds: 0.5)])
  }

  static func epoch(_ number: Int, validAccuracy: Double = 0.5, n: Int = 6) -> EpochRecord {
    EpochRecord(
      epoch: number, trainLoss: 1.5, trainAccuracy: 0.625, validLoss: 1.25,
      validAccuracy: validAccuracy, alpha: vector(shape.alphaCount, from: number),
      alphaSoftmax: [Float](repeating: 0.125, count: shape.alphaCount),
      genotype: "Genotype(normal=[('sep_conv_3x3', 0)])", normalConvolutions: n,
      reductionConvolutions: 0, parameters: 3_349_342, multiplyAdds: 528_359_040,
      curvature: number % 2 == 0 ? 0.25 : nil, trainSeconds: 3, validSeconds: 1)
  }

  static func result(_ outcome: RunResult.Outcome = .completed) -> RunResult {
    RunResult(
      outcome: outcome, epochs: 2, steps: 8, genotype: "Genotype(normal=[('sep_conv_3x3', 0)])",
      genotypeEpoch: 1, normalConvolutions: 6, reductionConvolutions: 0, validAccuracy: 0.5,
      seconds: 8)
  }

  static let state = StateHash([[1, 2], [3]])
}

extension StepRecord {
  /// All bits of the record: NaNs with their payloads, which `==` cannot compare.
  var bits: Data { canonicalBytes.data }
}

extension Samples {
  /// 32 images of the size that `shape` takes, of ten classes that differ in brightness.
  static func dataset() -> Dataset {
    let count = 32
    let labels = (0..<count).map { UInt8($0 % 10) }
    let pixels = labels.flatMap { label in (0..<64).map { 20 * label + UInt8($0 * 37 % 50) } }
    let images = ImageSet(
      pixels: pixels, labels: labels, rows: 8, columns: 8, channels: 1,
      classNames: (0..<10).map { "class \($0)" })
    return Dataset(
      name: "stripes", train: images, test: images, means: [0.5], deviations: [0.25],
      contents: [pixels, labels])
  }
}

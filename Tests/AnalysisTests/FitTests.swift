import Foundation
import Testing

@testable import Analysis

@Suite struct FitTests {
  /// The marks of the paper's Fig. 3c, and numpy's fits of them, from the certified cases.
  private struct Figure3c: Decodable {
    struct Fit: Decodable {
      var params: [String: Double]
      var rss: Double
      var aicc: Double
    }

    struct Fieller: Decodable {
      var g: Double
      var interval: [Double]

      enum CodingKeys: String, CodingKey {
        case g
        case interval = "interval_of_optimum"
      }
    }

    var sizes: [Double]
    var errors: [Double]
    var fits: [String: Fit]
    var fieller: Fieller

    enum CodingKeys: String, CodingKey {
      case sizes = "x_params_million"
      case errors = "error_percent"
      case fits
      case fieller = "fieller_95"
    }

    static func shipped() throws -> Figure3c {
      let data = try Data(contentsOf: shippedCases)
      let object = try JSONSerialization.jsonObject(with: data)
      func find(_ value: Any) -> Any? {
        guard let fields = value as? [String: Any] else { return nil }
        return fields["curve_fit_fig3c"] ?? fields.values.lazy.compactMap(find).first
      }
      let found = try #require(find(object) as Any?)
      return try JSONDecoder().decode(
        Figure3c.self, from: JSONSerialization.data(withJSONObject: found))
    }

    var points: [SizeAccuracyFit.Observation] {
      zip(sizes, errors).map { .init(size: $0, error: $1) }
    }
  }

  @Test(arguments: [
    (SizeModel.constant, "constant"), (.linear, "linear"), (.quadratic, "quadratic"),
    (.logQuadratic, "quadratic_log"), (.power, "power_offset"),
    (.exponential, "saturating_exponential"), (.plateau, "linear_plateau"),
    (.segmented, "segmented"),
  ])
  func curvesOfThePapersFigureAgreeWithNumpy(model: SizeModel, name: String) throws {
    let figure = try Figure3c.shipped()
    let expected = try #require(figure.fits[name], "\(figure.fits.keys.sorted())")
    let ones = figure.sizes.map { _ in 1.0 }
    let curve = try #require(SizeCurve(model, x: figure.sizes, y: figure.errors, weights: ones))
    #expect(abs(curve.residualSum / expected.rss - 1) < 1e-6)
    #expect(abs(curve.aicc - expected.aicc) < 1e-5)
    for (name, value) in zip(model.parameterNames, curve.parameters) {
      guard let certified = expected.params[name] else { continue }
      #expect(abs(value / certified - 1) < 1e-6, "\(name)")
    }
  }

  @Test func theOptimumOfTheParabolaAndItsIntervalAreThoseOfTheCases() throws {
    let figure = try Figure3c.shipped()
    let fit = try SizeAccuracyFit(figure.points, samples: 400)
    let quadratic = try #require(fit.candidates.first { $0.curve.model == .quadratic })
    #expect(abs(try #require(quadratic.optimum) - 4.34254563155351) < 1e-6)
    #expect(abs(try #require(fit.fiellerG) / figure.fieller.g - 1) < 1e-6)
    #expect(abs(try #require(fit.fieller?.low) / figure.fieller.interval[0] - 1) < 1e-6)
    #expect(abs(try #require(fit.fieller?.high) / figure.fieller.interval[1] - 1) < 1e-6)
    // numpy's bootstrap of 4,000 samples gave 3.81 to 7.98.
    let interval = try #require(quadratic.optimumInterval)
    #expect(abs(try #require(interval.low) - 3.81) < 0.1)
    #expect(fit.words.contains("an upturn beyond it is a property of the parabola"))
  }

  @Test func sharesOfTheModelsAddUpToOneAndTheBestComesFirst() throws {
    let fit = try SizeAccuracyFit(try Figure3c.shipped().points, samples: 0)
    #expect(abs(fit.candidates.map(\.akaikeWeight).reduce(0, +) - 1) < 1e-12)
    #expect(fit.candidates.map(\.curve.aicc) == fit.candidates.map(\.curve.aicc).sorted())
    #expect(fit.candidates.count == SizeModel.allCases.count)
  }

  /// A curve without noise is found whatever its parameters are.
  @Test(arguments: [0.3, 1.0, 2.5])
  func aCurveThatIsTrueIsFound(theta: Double) throws {
    let x = (1...20).map { 0.5 * Double($0) }
    let power = try #require(
      SizeCurve(
        .power, x: x, y: x.map { 2 + 3 * pow($0, -theta) }, weights: x.map { _ in 1 }))
    #expect(abs(power.parameters[2] - theta) < 1e-6)
    let exponential = try #require(
      SizeCurve(
        .exponential, x: x, y: x.map { 2 + 3 * exp(-$0 / theta) }, weights: x.map { _ in 1 }))
    #expect(abs(exponential.parameters[2] - theta) < 1e-6)
  }

  @Test func weightsPullTheCurveToThePointsThatAreSure() throws {
    let sizes = [1.0, 2, 3, 4, 5, 6, 7]
    let sure: [SizeAccuracyFit.Observation] = sizes.map {
      .init(size: $0, error: $0 == 4 ? 9 : 5, deviation: $0 == 4 ? 4 : 0.1, seeds: 4)
    }
    let fit = try SizeAccuracyFit(sure, models: [.constant], samples: 0)
    #expect(fit.isWeighted)
    let plain = try SizeAccuracyFit(
      sure.map { .init(size: $0.size, error: $0.error) }, models: [.constant], samples: 0)
    #expect(
      abs(fit.candidates[0].curve.parameters[0] - 5)
        < abs(plain.candidates[0].curve.parameters[0] - 5))
  }

  /// Two seeds that happen to agree know less than twenty.
  @Test func aPointOfManySeedsWeighsMore() throws {
    let points: [SizeAccuracyFit.Observation] = (1...8).map {
      .init(
        size: Double($0), error: $0 == 8 ? 6 : 5, deviation: 0.5, seeds: $0 == 8 ? 20 : 2)
    }
    let fit = try SizeAccuracyFit(points, models: [.constant], samples: 0)
    // s²/n of 0.125 and 0.0125: a parabola leaves no more scatter than that, so weights of 8 and 80.
    #expect(abs(fit.candidates[0].curve.parameters[0] - (7 * 8 * 5 + 80 * 6) / (7 * 8 + 80)) < 1e-9)
  }

  @Test(arguments: [0.0, 3, 0.1])
  func errorsThatAreAllTheSameAreConstant(error: Double) throws {
    let points = (1...7).map { SizeAccuracyFit.Observation(size: Double($0), error: error) }
    let fit = try SizeAccuracyFit(points, samples: 20)
    #expect(fit.candidates[0].curve.model == .constant)
    #expect(abs(fit.candidates.map(\.akaikeWeight).reduce(0, +) - 1) < 1e-12)
    #expect(!fit.words.contains("nan"))
  }

  @Test(arguments: [
    ([1.0, 2, 3], [1.0, 2, 3], "there are 3 points"),
    ([2, 2, 2, 2, 2, 2], [1, 2, 3, 1, 2, 3], "all sizes are the same"),
    ([1, 2, 3, 4, .nan, 6], [1, 2, 3, 1, 2, 3], "is no number"),
    ([1, 2, 3, 4, -5, 6], [1, 2, 3, 1, 2, 3], "not positive"),
  ])
  func pointsThatAllowNoCurveAreNamed(sizes: [Double], errors: [Double], words: String) throws {
    let points = zip(sizes, errors).map { SizeAccuracyFit.Observation(size: $0, error: $1) }
    let error = try #require(throws: AnalysisError.self) {
      try SizeAccuracyFit(points, samples: 0)
    }
    #expect("\(error)".contains(words), "\(error)")
  }

  private func read(_ lines: String...) throws -> [SizeAccuracyFit.Observation] {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    return try SizeAccuracyFit.Observation.read(file)
  }

  @Test func aFileOfPointsIsReadAsItStands() throws {
    let points = try read("size,error,deviation,seeds", "3.5,2.6,0.1,4", "4,2.5,0,", "", "5,2.7,,2")
    #expect(
      points == [
        .init(size: 3.5, error: 2.6, deviation: 0.1, seeds: 4),
        .init(size: 4, error: 2.5, deviation: 0), .init(size: 5, error: 2.7, seeds: 2),
      ])
  }

  /// As R and spreadsheets write it; cells are named with commas in them.
  @Test func fieldsMayBeQuotedAndOtherColumnsStandBeside() throws {
    let points = try read(
      "\"cell\",\"size\",\"error\"", "\"Genotype(normal=[('skip', 0), ('max', 1)])\",\"3.5\",2.6",
      "  ",
      "plain,4,\"2.5\"")
    #expect(points == [.init(size: 3.5, error: 2.6), .init(size: 4, error: 2.5)])
  }

  @Test func aFileThatIsNotThereHasNoLine() throws {
    let error = try #require(throws: AnalysisError.self) {
      try SizeAccuracyFit.Observation.read(URL(filePath: "/nowhere/points.csv"))
    }
    #expect("\(error)".hasPrefix("/nowhere/points.csv: it cannot be read"), "\(error)")
  }

  @Test(arguments: [
    ("1,5,0.1,1e30", "“1e30” is no count of seeds"), ("1,5,0.1,-3", "“-3” is no count of seeds"),
    ("1,5,0.1,0", "“0” is no count of seeds"), ("1,5,0.1,2.5", "“2.5” is no count of seeds"),
    ("1,5,-0.1,3", "“-0.1” is no deviation"), ("1,nan,0.1,3", "“nan” is no number"),
    ("1,,0.1,3", "size or error is missing"),
  ])
  func aRowThatIsNoPointIsNamedWithItsLine(row: String, words: String) throws {
    let error = try #require(throws: AnalysisError.self) {
      try read("size,error,deviation,seeds", "2,4,0.1,3", row)
    }
    #expect("\(error)".contains("line 3: \(words)"), "\(error)")
  }

  /// A hill and no valley: its top is nobody's best size.
  @Test func aParabolaWithAMaximumHasNoIntervalOfAMinimum() throws {
    let points = zip([1.0, 2, 3, 4, 5, 6, 7], [4, 4.55, 4.8, 4.9, 4.78, 4.6, 4.1]).map {
      SizeAccuracyFit.Observation(size: $0, error: $1)
    }
    let fit = try SizeAccuracyFit(points, samples: 40)
    #expect(fit.fieller == nil && fit.fiellerG == nil)
    #expect(fit.words.contains("The quadratic has no minimum."))
  }

  @Test func withoutABootstrapNothingIsSaidOfIt() throws {
    let fit = try SizeAccuracyFit(try Figure3c.shipped().points, samples: 0)
    #expect(fit.probabilityInside == nil)
    #expect(
      fit.candidates.allSatisfy { $0.economicalInterval == nil && $0.optimumInterval == nil })
    #expect(!fit.words.contains("nan") && !fit.words.contains("unbounded"))
    #expect(!fit.words.contains("probability") && fit.words.contains("Fieller's 95 % interval"))
  }

  /// The paper's sizes a hundredth as large: 4.34 M become 43.4 k.
  @Test func smallSizesAreShownInThousands() throws {
    let figure = try Figure3c.shipped()
    let small = figure.points.map {
      SizeAccuracyFit.Observation(size: $0.size / 100, error: $0.error)
    }
    let (fit, large) = (
      try SizeAccuracyFit(small, samples: 0), try SizeAccuracyFit(figure.points, samples: 0)
    )
    #expect(fit.words.contains("has its minimum at 43.4 k"))
    #expect(large.words.contains("has its minimum at 4.34 M"))
    let (low, high) = (figure.sizes.min() ?? .nan, figure.sizes.max() ?? .nan)
    #expect(
      fit.words.contains(String(format: "inside the data (%.1f k to %.1f k)", 10 * low, 10 * high)))
  }

  /// Tables of Student's t: two-sided 95 %.
  @Test(arguments: [(1.0, 12.7062), (2, 4.30265), (3, 3.18245), (18, 2.10092), (120, 1.97993)])
  func quantilesAreThoseOfTheTables(freedom: Double, expected: Double) {
    #expect(abs(StudentT.quantile(level: 0.95, freedom: freedom) - expected) < 1e-4)
  }
}

@Suite struct NISTTests {
  @Test(arguments: try NISTProblem.shipped().map(\.name))
  func leastSquaresHaveSixCertifiedDigits(name: String) throws {
    let problem = try #require(try NISTProblem.shipped().first { $0.name == name })
    let second = problem.agreement(fromStart: 1)
    #expect(second.parameterDigits >= 6, "\(second)")
    #expect(name == "Lanczos1" || second.residualDigits >= 8, "\(second)")
    #expect(name == "Lanczos1" || second.deviationDigits >= 5, "\(second)")
    let first = problem.agreement(fromStart: 0)
    #expect(name == "BoxBOD" || first.parameterDigits >= 6, "\(first)")
  }

  @Test func thereAreAllTwentySevenProblems() throws {
    #expect(try NISTProblem.shipped().count == 27)
  }
}

import Foundation
import GRDB
import Search

// A record of a search becomes a row and a row becomes the record again. Columns come in the order of `Tables`.

extension StepRecord: RecordedStep {
  public var canonicalBytes: CanonicalBytes {
    var bytes = CanonicalBytes()
    for number in [step, epoch, stepInEpoch] { bytes.append(number) }
    bytes.append(trainLoss)
    bytes.append(validLoss)
    bytes.append(weightRate)
    bytes.append(temperature)
    for vector in [alpha, alphaGradient, gradientNorms] { bytes.append(vector) }
    bytes.append(terms.count)
    for term in terms {
      bytes.append(term.name)
      bytes.append(term.coefficient)
      bytes.append(term.gradient)
    }
    bytes.append(samples.count)
    for sample in samples {
      bytes.append(sample.pass)
      bytes.append(sample.noise)
    }
    return bytes
  }

  public var quantities: [Quantity] {
    [
      Quantity("step_in_epoch", stepInEpoch), Quantity("epoch", epoch),
      Quantity("weight_rate", weightRate), Quantity("temperature", temperature),
      Quantity("alpha", alpha),
    ]
      + samples.map { Quantity("sample \($0.pass)", $0.noise) }
      + [Quantity("train_loss", trainLoss), Quantity("valid_loss", validLoss)]
      + terms.flatMap {
        [
          Quantity("coefficient of \($0.name)", $0.coefficient),
          Quantity("term \($0.name)", $0.gradient),
        ]
      }
      + [Quantity("alpha_gradient", alphaGradient), Quantity("gradient_norms", gradientNorms)]
  }

  public var alphaVectors: [[Float]] { [alpha, alphaGradient] + terms.map(\.gradient) }

  public static var vectorNames: [String] { ["grad-alpha", "terms", "samples"] }

  public func vectors(named name: String) -> [(name: String, values: [Float])] {
    switch name {
    case "grad-alpha": [(name, alphaGradient)]
    case "terms": terms.map { ("term-\($0.name)", $0.gradient) }
    case "samples": samples.map { ("sample-\($0.pass)", $0.noise) }
    default: []
    }
  }

  public func insert(in db: Database, attempt: Int, state: StateHash, digest: Data) throws {
    try db.insert(
      Tables.steps,
      [
        step, attempt, epoch, stepInEpoch, trainLoss, validLoss, weightRate, temperature,
        Float32Blob.encode(alpha), Float32Blob.encode(alphaGradient),
        Float32Blob.encode(gradientNorms), state.bytes, digest,
      ])
    for (place, term) in terms.enumerated() {
      try db.insert(
        Tables.gradientTerms,
        [step, place, term.name, term.coefficient, Float32Blob.encode(term.gradient)])
    }
    for (place, sample) in samples.enumerated() {
      try db.insert(
        Tables.gumbelSamples, [step, place, sample.pass, Float32Blob.encode(sample.noise)])
    }
    for (place, phase) in phases.enumerated() {
      try db.insert(Tables.stepSeconds, [step, place, phase.name, phase.seconds])
    }
  }

  public static func fetchAll(_ db: Database, steps: Range<Int>) throws -> [StepRecord] {
    let bounds: StatementArguments = [steps.lowerBound, steps.upperBound]
    func parts(_ table: Relation) throws -> [Int: [Row]] {
      let rows = try Row.fetchAll(
        db,
        sql: "SELECT * FROM \(table.name) WHERE step >= ? AND step < ? ORDER BY step, place",
        arguments: bounds)
      return Dictionary(grouping: rows) { $0["step"] }
    }
    let terms = try parts(Tables.gradientTerms)
    let samples = try parts(Tables.gumbelSamples)
    let phases = try parts(Tables.stepSeconds)
    let rows = try Row.fetchAll(
      db, sql: "SELECT * FROM steps WHERE step >= ? AND step < ? ORDER BY step", arguments: bounds)
    return try rows.map { row in
      let step: Int = row["step"]
      return StepRecord(
        step: step, epoch: row["epoch"], stepInEpoch: row["step_in_epoch"],
        trainLoss: row["train_loss"] ?? .nan, validLoss: row["valid_loss"],
        weightRate: row["weight_rate"], temperature: row["temperature"],
        alpha: try row.vector("alpha"), alphaGradient: try row.vector("alpha_gradient"),
        terms: try terms[step, default: []].map { row in
          Term(
            name: row["term"], coefficient: row["coefficient"],
            gradient: try row.vector("gradient"))
        },
        samples: try samples[step, default: []].map { row in
          Sample(pass: row["pass"], noise: try row.vector("noise"))
        },
        gradientNorms: try row.vector("gradient_norms"),
        phases: phases[step, default: []].map { row in
          Phase(name: row["phase"], seconds: row["seconds"])
        })
    }
  }
}

extension EpochRecord: RecordedEpoch {
  public var accuracy: Double { validAccuracy }
  public var alphaVectors: [[Float]] { [alpha, alphaSoftmax] }
  public var found: (alpha: [Float], genotype: String)? { (alpha, genotype) }

  public var canonicalBytes: CanonicalBytes {
    var bytes = CanonicalBytes()
    bytes.append(epoch)
    for number in [trainLoss, trainAccuracy, validLoss, validAccuracy] { bytes.append(number) }
    for vector in [alpha, alphaSoftmax] { bytes.append(vector) }
    bytes.append(genotype)
    for number in [normalConvolutions, reductionConvolutions, parameters, multiplyAdds] {
      bytes.append(number)
    }
    bytes.append(curvature)
    return bytes
  }

  public var quantities: [Quantity] {
    [
      Quantity("train_loss", trainLoss), Quantity("train_accuracy", trainAccuracy),
      Quantity("alpha", alpha), Quantity("alpha_softmax", alphaSoftmax),
      Quantity("valid_loss", validLoss), Quantity("valid_accuracy", validAccuracy),
      Quantity("genotype", genotype), Quantity("normal_convolutions", normalConvolutions),
      Quantity("reduction_convolutions", reductionConvolutions),
      Quantity("parameters", parameters), Quantity("multiply_adds", multiplyAdds),
      Quantity("curvature", curvature),
    ]
  }

  public func insert(in db: Database, attempt: Int, state: StateHash, digest: Data) throws {
    try db.insert(
      Tables.epochs,
      [
        epoch, attempt, trainLoss, trainAccuracy, validLoss, validAccuracy,
        Float32Blob.encode(alpha), Float32Blob.encode(alphaSoftmax), genotype,
        normalConvolutions, reductionConvolutions, parameters, multiplyAdds, curvature,
        trainSeconds, validSeconds, state.bytes, digest,
      ])
  }

  public static func fetchAll(_ db: Database) throws -> [EpochRecord] {
    try Row.fetchAll(db, sql: "SELECT * FROM epochs ORDER BY epoch").map { row in
      EpochRecord(
        epoch: row["epoch"], trainLoss: row["train_loss"] ?? .nan,
        trainAccuracy: row["train_accuracy"], validLoss: row["valid_loss"] ?? .nan,
        validAccuracy: row["valid_accuracy"],
        alpha: try row.vector("alpha"), alphaSoftmax: try row.vector("alpha_softmax"),
        genotype: row["genotype"], normalConvolutions: row["normal_convolutions"],
        reductionConvolutions: row["reduction_convolutions"], parameters: row["parameters"],
        multiplyAdds: row["multiply_adds"], curvature: row["curvature"],
        trainSeconds: row["train_seconds"], validSeconds: row["valid_seconds"])
    }
  }
}

extension RunResult: RecordedResult {
  public var canonicalBytes: CanonicalBytes {
    var bytes = CanonicalBytes()
    bytes.append(outcome.rawValue)
    for number in [epochs, steps, normalConvolutions, reductionConvolutions] {
      bytes.append(number)
    }
    bytes.append(genotype)
    bytes.append(genotypeEpoch ?? -1)
    bytes.append(validAccuracy)
    return bytes
  }

  public var quantities: [Quantity] {
    [
      Quantity("outcome", outcome.rawValue), Quantity("epochs", epochs), Quantity("steps", steps),
      Quantity("genotype", genotype), Quantity("valid_accuracy", validAccuracy),
      Quantity("genotype_epoch", genotypeEpoch ?? -1),
      Quantity("normal_convolutions", normalConvolutions),
      Quantity("reduction_convolutions", reductionConvolutions),
    ]
  }

  public func insert(in db: Database, digest: Data) throws {
    try db.insert(
      Tables.result,
      [
        1, outcome.rawValue, epochs, steps, genotype, genotypeEpoch, normalConvolutions,
        reductionConvolutions, validAccuracy, seconds, digest,
      ])
  }

  public static func fetchOne(_ db: Database) throws -> RunResult? {
    guard let row = try Row.fetchOne(db, sql: "SELECT * FROM result") else { return nil }
    return RunResult(
      outcome: try outcome(of: row), epochs: row["epochs"], steps: row["steps"],
      genotype: row["genotype"], genotypeEpoch: row["genotype_epoch"],
      normalConvolutions: row["normal_convolutions"],
      reductionConvolutions: row["reduction_convolutions"],
      validAccuracy: row["valid_accuracy"], seconds: row["seconds"])
  }
}

extension Database {
  /// Stores a row through a prepared statement; a value for every column, in order.
  func insert(_ table: Relation, _ values: [(any DatabaseValueConvertible)?]) throws {
    try cachedStatement(sql: table.insertion).execute(arguments: StatementArguments(values))
  }
}

extension Row {
  func vector(_ column: String) throws -> [Float] {
    guard let vector = Float32Blob.decode(self[column]) else {
      throw DatabaseError(
        resultCode: .SQLITE_CORRUPT, message: "\(column) has a length that is no multiple of 4")
    }
    return vector
  }
}

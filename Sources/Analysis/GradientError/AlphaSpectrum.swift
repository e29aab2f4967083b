import EventLog
import Kernels
import Search
import Supernet

/// Extreme eigenvalues and trace of ∇²_αα L_val at a state of a run (R-DARTS), in Double.
public struct AlphaSpectrum: Codable, Equatable, Sendable {
  /// The state is the one before this step, from 0.
  public var step: Int
  /// Its epoch, from 0.
  public var epoch: Int
  /// λ_max, λ_min and trace on each validation batch, without α's decay.
  public var largest: Estimate
  /// λ_min on each validation batch.
  public var smallest: Estimate
  /// The trace on each validation batch.
  public var trace: Estimate
  /// Of the mean Hessian over the batches; that of a batch is biased up.
  public var largestOfMean: Double
  /// Share of the top eigenvector's square on each edge, the mean Hessian's.
  public var participation: [Double]
  /// Hessian-vector products made.
  public var products: Int

  /// Both ends of the spectrum of ∇²_αα L_val at the state before a step, in Double.
  ///
  /// - Parameters:
  ///   - batches: validation batches.
  ///   - iterations: of Lanczos' method.
  /// - Throws: what the passes throw; `AnalysisError.noEigenvalues`.
  public init(
    _ replay: Replay, step: Int, threads: Int, batches: Int, iterations: Int = 20
  ) throws {
    let probe = try ProbePoint(replay, step: step, batches: batches)
    let net = try Supernet<Double>(
      replay.loop.net.shape, batchCapacity: replay.loop.configuration.batch, threads: threads)
    let operations = Operation.allCases.count
    let edges = net.alphaCount / operations
    // A constant added to an edge changes nothing: exact eigenvectors of eigenvalue 0.
    let known = (0..<edges).map { edge in
      (0..<net.alphaCount).map {
        $0 / operations == edge ? 1 / Double(operations).squareRoot() : 0
      }
    }
    var count = 0
    func product(_ vector: [Double], _ batch: Int) throws -> [Double] {
      count += 1
      return try net.alphaHessianProduct(
        vector, at: probe.double.point, on: probe.validation.double[batch])
    }
    let lanczos = Lanczos(iterations: iterations)
    var (tops, bottoms, traces): ([Double], [Double], [Double]) = ([], [], [])
    for batch in 0..<batches {
      let spectrum = try lanczos.spectrum(dimension: net.alphaCount, deflating: known) {
        try product($0, batch)
      }
      tops.append(spectrum.largest)
      bottoms.append(spectrum.smallest)
      traces.append(try Self.trace(net.alphaCount) { try product($0, batch) })
    }
    let mean = try lanczos.spectrum(dimension: net.alphaCount, deflating: known) { vector in
      var sum = [Double].zeros(vector.count)
      for batch in 0..<batches { sum.add(1, times: try product(vector, batch)) }
      return sum.scaled(by: 1 / Double(batches))
    }
    self.step = step
    epoch = probe.epoch
    (largest, smallest, trace) = (Estimate(tops), Estimate(bottoms), Estimate(traces))
    largestOfMean = mean.largest
    participation = (0..<edges).map { edge in
      mean.topVector[(edge * operations)..<((edge + 1) * operations)].reduce(0) { $0 + $1 * $1 }
    }
    products = count
  }

  /// The spectrum that is kept with the run, or a new one.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, batches: Int, iterations: Int
  ) throws -> AlphaSpectrum {
    try KeptResults.result(
      .curvature, of: replay.reader, settings: ["batches": batches, "iterations": iterations],
      step: step
    ) {
      try AlphaSpectrum(
        replay, step: step, threads: threads, batches: batches, iterations: iterations)
    }
  }

  /// Hutchinson's estimate with four Rademacher vectors.
  private static func trace(_ count: Int, _ product: ([Double]) throws -> [Double]) throws
    -> Double
  {
    let random = Philox(seed: 7, purpose: .direction)
    let samples = 4
    var sum = 0.0
    for sample in 0..<samples {
      let signs = (0..<count).map { random.uniform(index: sample * count + $0) < 0.5 ? -1.0 : 1.0 }
      sum += signs.dot(try product(signs))
    }
    return sum / Double(samples)
  }
}

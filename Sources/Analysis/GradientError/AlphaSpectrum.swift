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
  /// Of the mean Hessian over the batches: biased up as that of a batch is, for λ_max is convex, but by less.
  public var largestOfMean: Double
  /// Share of the top eigenvector's square on each edge, the mean Hessian's.
  public var participation: [Double]
  /// Hessian-vector products made.
  public var products: Int

  /// ‖Hu − λ_max u‖/λ_max of the mean Hessian: how far Lanczos' method got; nil in results of older versions.
  public var residual: Double?

  /// What one batch gives.
  private struct OneBatch: Codable {
    var largest: Double
    var smallest: Double
    var trace: Double
    var products: Int
  }

  /// What the mean Hessian gives.
  private struct MeanHessian: Codable {
    var largest: Double
    var residual: Double
    var participation: [Double]
    var products: Int
  }

  /// Both ends of the spectrum of ∇²_αα L_val at the state before a step, in Double.
  ///
  /// - Parameters:
  ///   - batches: validation batches.
  ///   - iterations: of Lanczos' method, at most: it ends when both extreme values are found to 1e-6.
  ///   - parts: keeps each batch, and the mean Hessian.
  /// - Throws: what the passes throw; `AnalysisError.noEigenvalues`.
  public init(
    _ replay: Replay, step: Int, threads: Int, batches: Int, iterations: Int = 30,
    parts: ResultParts = .notKept
  ) throws {
    let probe = try ProbePoint(replay, step: step, pairs: batches)
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
    func product(_ vector: [Double], _ batch: Int) throws -> [Double] {
      try net.alphaHessianProduct(
        vector, at: probe.double.point, on: probe.validation.double[batch])
    }
    let lanczos = Lanczos(iterations: iterations)
    let each = try (0..<batches).map { batch in
      try parts.part("batch \(batch)") {
        let spectrum = try lanczos.spectrum(dimension: net.alphaCount, deflating: known) {
          try product($0, batch)
        }
        return OneBatch(
          largest: spectrum.largest, smallest: spectrum.smallest,
          trace: try Self.trace(net.alphaCount) { try product($0, batch) },
          products: spectrum.iterations + Self.traceSamples)
      }
    }
    let mean = try parts.part("mean Hessian") {
      let spectrum = try lanczos.spectrum(dimension: net.alphaCount, deflating: known) { vector in
        var sum = [Double].zeros(vector.count)
        for batch in 0..<batches { sum.add(1, times: try product(vector, batch)) }
        return sum.scaled(by: 1 / Double(batches))
      }
      return MeanHessian(
        largest: spectrum.largest,
        residual: (spectrum.bounds.last ?? .nan) / abs(spectrum.largest),
        participation: (0..<edges).map { edge in
          spectrum.topVector[(edge * operations)..<((edge + 1) * operations)].reduce(0) {
            $0 + $1 * $1
          }
        }, products: batches * spectrum.iterations)
    }
    self.step = step
    epoch = probe.epoch
    largest = Estimate(each.map(\.largest))
    smallest = Estimate(each.map(\.smallest))
    trace = Estimate(each.map(\.trace))
    largestOfMean = mean.largest
    residual = mean.residual
    participation = mean.participation
    products = each.reduce(mean.products) { $0 + $1.products }
  }

  /// The spectrum that is kept with the run, or a new one; where one was interrupted, its parts are not made again.
  ///
  /// - Throws: what the passes throw; `CancellationError` once cancelled.
  public static func kept(
    _ replay: Replay, step: Int, threads: Int, batches: Int, iterations: Int,
    isCancelled: @escaping () -> Bool = { false }
  ) throws -> AlphaSpectrum {
    try KeptResults.result(
      .curvature, of: replay, settings: settings(batches, iterations), step: step,
      batches: batches, isCancelled: isCancelled
    ) { parts in
      try AlphaSpectrum(
        replay, step: step, threads: threads, batches: batches, iterations: iterations,
        parts: parts)
    }
  }

  /// What the spectra at these states cost at most: passes, and seconds by the time of one of them.
  ///
  /// - Throws: what the passes throw.
  public static func plan(
    _ replay: Replay, steps: [Int], threads: Int, batches: Int, iterations: Int
  ) throws -> GradientErrorAnalysis.Plan {
    let open = try steps.filter {
      try !KeptResults.holds(
        .curvature, of: replay, settings: settings(batches, iterations), step: $0,
        batches: batches)
    }
    // A product with ∇²_αα L takes 4/3 of a gradient; each batch has one more in the mean Hessian.
    let products = Double(batches * (2 * iterations + traceSamples))
    return GradientErrorAnalysis.Plan(
      steps: steps, finished: steps.count - open.count,
      seconds: try open.first.map {
        try replay.passSeconds(step: $0, threads: threads) * products * 4 / 3 * Double(open.count)
      } ?? 0)
  }

  private static func settings(_ batches: Int, _ iterations: Int) -> [String: Int] {
    ["batches": batches, "iterations": iterations, "traceSamples": traceSamples]
  }

  private static let traceSamples = 16

  /// Hutchinson's estimate, uᵀHu over Rademacher vectors u, the same for every batch.
  private static func trace(_ count: Int, _ product: ([Double]) throws -> [Double]) throws
    -> Double
  {
    let random = Philox(seed: 7, purpose: .direction)
    var sum = 0.0
    for sample in 0..<traceSamples {
      let signs = (0..<count).map { random.uniform(index: sample * count + $0) < 0.5 ? -1.0 : 1.0 }
      sum += signs.dot(try product(signs))
    }
    return sum / Double(traceSamples)
  }
}

extension CurvatureRule {
  /// The epoch whose cell the rule would have kept, from the states among these that it measures; nil: it would not stop.
  ///
  /// - Parameter spectra: after each epoch, ascending; of several within one epoch the first counts.
  public func stop(along spectra: [AlphaSpectrum]) -> Int? {
    let measured = spectra.indices.filter { index in
      let epoch = spectra[index].epoch
      return measures(afterEpoch: epoch - 1) && (index == 0 || spectra[index - 1].epoch < epoch)
    }.map { spectra[$0] }
    return stop(
      epochs: measured.map { $0.epoch - 1 }, curvatures: measured.map(\.largestOfMean))
  }

  /// What the rule says of these states, and whether they are enough for it; without a full stop.
  public func words(along spectra: [AlphaSpectrum]) -> String {
    if let stop = stop(along: spectra) {
      return "R-DARTS would stop and keep the cell of epoch \(stop)"
    }
    let needed = lag + window
    let measured = spectra.count { measures(afterEpoch: $0.epoch - 1) }
    return measured < needed
      ? "R-DARTS cannot tell: its rule needs \(needed) measurements, every \(every) epochs, and there are \(measured)"
      : "R-DARTS would not stop: no average over \(window) measurements has grown by \(factor) after epoch \(firstEpoch)"
  }
}

import Foundation

/// Probes of one run together, and what they say.
public struct GradientErrorSummary: Codable, Equatable, Sendable {
  /// A number over all probes and batches; intervals of the means of the states.
  public struct Row: Codable, Equatable, Sendable {
    /// Of the term: "batch noise".
    public var name: String
    /// Its share of the error.
    public var value: Estimate
    /// Its length over the target's.
    public var size: Estimate?
  }

  /// What is summed up, by step.
  public var probes: [ProbeResult]
  /// Shares and sizes of the terms.
  public var terms: [Row]
  /// Batch noise and one step, mean over the two orders of taking them out; empty where a probe lacks it.
  public var orderFreeTerms: [Row]
  /// Those of the chain that ends at the implicit gradient; empty unless every probe has one.
  public var implicitTerms: [Row]
  /// Words made from the numbers.
  public var words: String

  /// Means and intervals over the states and batches of the probes.
  ///
  /// - Precondition: at least one probe.
  public init(_ probes: [ProbeResult]) {
    self.probes = probes
    func rows(_ sources: [ProbeResult.Source], _ terms: [[ProbeResult.Term]]) -> [Row] {
      sources.map { source in
        func values(_ part: (ProbeResult.Term) -> [Double]) -> [[Double]] {
          terms.map { $0.first { $0.source == source }.map(part) ?? [] }
        }
        return Row(
          name: source.rawValue, value: Estimate(groups: values(\.shares)),
          size: Estimate(groups: values(\.sizes)).within(0...(.infinity)))
      }
    }
    terms = rows(ProbeResult.Source.toUnrolled, probes.map(\.terms))
    let orderFree = probes.compactMap(\.orderFree)
    orderFreeTerms =
      orderFree.count == probes.count ? rows([.batchNoise, .oneStep], orderFree) : []
    let implicit = probes.compactMap(\.implicit)
    implicitTerms =
      implicit.count == probes.count
      ? rows(ProbeResult.Source.allCases, implicit.map(\.terms)) : []
    words = ""
    words = makeWords()
  }

  /// A quantity of a direction against a target, over all probes.
  ///
  /// - Parameter bounds: what the quantity cannot leave; nil where it has none.
  public func estimate(
    _ direction: String, against target: String, within bounds: ClosedRange<Double>? = nil,
    _ part: (ProbeResult.Comparison) -> [Double]
  ) -> Estimate {
    let estimate = Estimate(groups: values(direction, against: target, part))
    return bounds.map(estimate.within) ?? estimate
  }

  /// ‖d − T‖/‖T‖ of a direction, over all probes.
  public func error(_ direction: String, against target: String) -> Estimate {
    estimate(direction, against: target, within: 0...(.infinity), \.relativeErrors)
  }

  /// The cosine of a direction with a target, over all probes.
  public func cosine(_ direction: String, against target: String) -> Estimate {
    Estimate(cosineGroups: values(direction, against: target, \.cosines))
  }

  /// [probes][batches]
  private func values(
    _ direction: String, against target: String, _ part: (ProbeResult.Comparison) -> [Double]
  ) -> [[Double]] {
    probes.compactMap { probe in
      probe.comparisons.first { $0.direction == direction && $0.target == target }.map(part)
    }
  }

  /// How much larger a direction's error is than that of darts-2nd-exact, batch by batch.
  public func excess(_ direction: String, against target: String) -> Estimate {
    Estimate(
      groups: probes.compactMap { probe in
        func errors(_ name: String) -> [Double]? {
          probe.comparisons.first { $0.direction == name && $0.target == target }?.relativeErrors
        }
        return errors(direction).flatMap { mine in
          errors("darts-2nd-exact").map { mine.subtracting($0) }
        }
      })
  }

  /// The geometric mean over the states of an error of the finite difference.
  private func differenceError(_ part: (ProbeResult.TwinRow) -> Double) -> Double? {
    let rows = probes.compactMap(\.twin.first)
    return rows.isEmpty ? nil : Estimate(geometric: rows.map(part)).mean
  }

  private func makeWords() -> String {
    func percent(_ x: Double) -> String {
      abs(x) < 0.0995 ? String(format: "%.2g %%", 100 * x) : String(format: "%.0f %%", 100 * x)
    }
    let ranked = terms.sorted { $0.value.mean > $1.value.mean }
    let batches = probes.reduce(0) { $0 + $1.implicitShares.count }
    let unroll = probes[0].settings.unroll
    let implicit = Estimate(groups: probes.map(\.implicitShares))
    let whole = error("darts-2nd (difference, Float)", against: "bilevel")
    let interval =
      whole.low.isFinite ? " (95 %: \(percent(whole.low)) to \(percent(whole.high)))" : ""
    var sentences = [
      "At \(Self.count(probes.count, "state")) of this run, on \(Self.count(batches, "pair")) of batches, DARTS-2nd "
        + "misses the exact gradient through \(Self.count(unroll, "step")) by \(percent(whole.mean)) of its "
        + "length\(interval). Most of that is \(ranked[0].name) (\(percent(ranked[0].value.mean)) of the error), "
        + "then \(ranked[1].name) (\(percent(ranked[1].value.mean)))."
    ]
    if let radius = probes[0].twin.first?.radius, let network = differenceError(\.network),
      let twin = differenceError(\.twin)
    {
      sentences.append(
        "The finite difference of the second-order term is off by \(percent(network)) at r = \(radius) and by "
          + "\(percent(twin)) on the smooth twin of the network"
          + (network > 10 * twin
            ? ", so the kinks of ReLU and maximum pooling make that error and not the step length."
            : ", so kinks do not make it.")
          + " It reaches the direction through a second-order term that is \(percent(implicit.mean)) as long as the "
          + "first-order one, so it moves the direction by about "
          + "\(percent(terms[1].size?.mean ?? .nan)) of the target's length.")
    }
    let (exact, first) = (
      error("darts-2nd-exact", against: "bilevel"),
      error("darts-1st", against: "bilevel")
    )
    let mixed = error("milenas-1st", against: "mixed")
    let mixedSecond = error("milenas-2nd-exact", against: "mixed")
    let excess = excess("darts-1st", against: "bilevel")
    let verdict =
      excess.low > 0 || excess.high < 0
      ? ", and chance does not explain the difference"
      : excess.low.isFinite ? ", which chance explains as well" : ""
    sentences.append(
      "With exact products the error is \(percent(exact.mean)), without any second-order term \(percent(first.mean))"
        + "\(verdict). "
        + "MiLeNAS-1st misses the gradient of its own objective by \(percent(mixed.mean)), MiLeNAS-2nd with exact "
        + "products by \(percent(mixedSecond.mean)).")
    if let words = implicitWords(percent) { sentences.append(words) }
    let reliability = probes.map(\.reliability).filter(\.isFinite)
    if !reliability.isEmpty {
      let mean = reliability.reduce(0, +) / Double(reliability.count)
      sentences.append(
        String(format: "Two halves of the batches agree on the target with a cosine of %.2f", mean)
          + (mean < 0.9
            ? ": differences between directions beyond that are noise of the batches."
            : ", so the target is known well enough to tell directions apart."))
    }
    return sentences.joined(separator: " ")
  }

  private func implicitWords(_ percent: (Double) -> String) -> String? {
    let implicit = probes.compactMap(\.implicit)
    guard !implicit.isEmpty, implicit.count == probes.count else { return nil }
    let valid = implicit.count(where: \.isValid)
    let ratio = Estimate(groups: implicit.map(\.stationarityRatios)).mean
    let distance = error("implicit", against: "bilevel").mean
    return
      "The implicit gradient is a gradient at \(valid) of \(Self.count(implicit.count, "state")), where the slope "
      + "of w is \(percent(ratio)) of that at the start; it lies \(percent(distance)) of the target's length from the "
      + "gradient through K steps"
      + (valid == implicit.count
        ? "."
        : ", and where it is none the damping and not the loss decides it: read it as a surrogate.")
  }

  /// "1 state", "2 states".
  private static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }
}

import Analysis
import Foundation
import Supernet

struct GradientErrorReport: Report {
  var run: String
  var summary: GradientErrorSummary
  var showsEdges: Bool

  private enum CodingKeys: String, CodingKey { case run, summary }

  private static func text(_ estimate: Estimate, decimals: Int = 3) -> Table.Cell {
    estimate.mean.isFinite ? .text(estimate.text("%.\(decimals)f")) : .missing
  }

  private static func count(_ estimate: Estimate) -> Table.Cell { .integer(Int64(estimate.count)) }

  /// A line for each probe, direction and target.
  var table: Table? {
    let metrics: [(name: String, estimate: (ProbeResult.Comparison) -> Estimate)] = [
      ("relative_error", { Estimate($0.relativeErrors).within(0...(.infinity)) }),
      ("cosine", { Estimate(cosines: $0.cosines) }),
      ("sign_agreement", { Estimate($0.signAgreements).within(0...1) }),
      ("kendall_tau", { Estimate($0.kendallTaus).within(-1...1) }),
      ("favourite", { Estimate($0.favourites).within(0...1) }),
      ("changed_entries", { Estimate($0.changedEntries).within(0...(.infinity)) }),
    ]
    return Table(
      columns: ["step", "epoch", "direction", "target", "batches"]
        + Estimate.columns(metrics.map(\.name))
        + Self.operations.map { "signed_error_\($0)" },
      rows: summary.probes.flatMap { probe in
        probe.comparisons.map { comparison -> [Table.Cell] in
          let subject: [Table.Cell] = [
            .integer(Int64(probe.step)), .integer(Int64(probe.epoch)),
            .text(comparison.direction), .text(comparison.target),
            .integer(Int64(comparison.relativeErrors.count)),
          ]
          return subject + metrics.flatMap { $0.estimate(comparison).cells }
            + Self.operations.indices.map { operation in
              comparison.signedErrorsPerOperation.map { errors in
                .real(Estimate(errors.map { $0[operation] }).mean)
              } ?? .missing
            }
        }
      })
  }

  var text: String {
    let unroll = summary.probes[0].settings.unroll
    return """
      \(run): target of the errors is the exact gradient through \(unroll) step\(unroll == 1 ? "" : "s") of SGD, mean over the batches
      (bilevel: of L_val; mixed: of L_train + lambda L_val); w' is SGD's own step, with momentum and decay.
      \(validity)
      Brackets: 95 % intervals by Student, over the batches of one state or the means of several; of 8 states or more by the
      hierarchical bootstrap.
      Entries: of the genotype, those that differ after 50 steps of Adam's length along the direction from 50 along the target.

      \(sizes.text)
      \(ranks.text)
      \(terms)\(operations)\(showsEdges ? edges : "")\(states.text)
      \(twin.text)
      \(summary.words)

      """
  }

  private var names: [String] {
    summary.probes[0].comparisons.map(\.direction).reduce(into: []) {
      if !$0.contains($1) { $0.append($1) }
    }
  }

  /// How far each direction is from both targets.
  private var sizes: Table {
    Table(
      columns: [
        "direction", "error, bilevel target", "less darts-2nd-exact's", "cosine",
        "error, mixed target", "batches",
      ],
      rows: names.map { name in
        let error = summary.error(name, against: "bilevel")
        return [
          .text(name), Self.text(error), Self.text(summary.excess(name, against: "bilevel")),
          Self.text(summary.cosine(name, against: "bilevel"), decimals: 4),
          Self.text(summary.error(name, against: "mixed")), Self.count(error),
        ]
      })
  }

  /// What each direction would do to alpha, beside the bilevel target.
  private var ranks: Table {
    Table(
      columns: ["direction", "signs agree", "Kendall's tau", "favourites", "entries", "batches"],
      rows: names.map { name in
        func text(
          _ bounds: ClosedRange<Double>, _ part: (ProbeResult.Comparison) -> [Double],
          decimals: Int = 2
        ) -> Table.Cell {
          Self.text(
            summary.estimate(name, against: "bilevel", within: bounds, part), decimals: decimals)
        }
        return [
          .text(name), text(0...1, \.signAgreements), text(-1...1, \.kendallTaus),
          text(0...1, \.favourites), text(0...(.infinity), \.changedEntries, decimals: 1),
          Self.count(summary.estimate(name, against: "bilevel", \.signAgreements)),
        ]
      })
  }

  /// The chains of terms, each adding up to the whole error.
  private var terms: String {
    func table(
      _ rows: [GradientErrorSummary.Row], orderFree: [GradientErrorSummary.Row] = [],
      _ heading: String
    ) -> Table {
      Table(
        columns: [heading, "share", "size over the target"]
          + (orderFree.isEmpty ? [] : ["share, order-free"]) + ["batches"],
        rows: rows.map { row in
          [
            .text(row.name), Self.text(row.value, decimals: 4),
            row.size.map { Self.text($0, decimals: 5) } ?? .missing,
          ]
            + (orderFree.isEmpty
              ? []
              : [
                Self.text((orderFree.first { $0.name == row.name } ?? row).value, decimals: 4)
              ]) + [Self.count(row.value)]
        })
    }
    let residual = summary.probes.map(\.chainResidual).max() ?? .nan
    let sum = String(
      format: "The terms add up to the error within %.1e of it, their shares to 1.", residual)
    let order =
      summary.orderFreeTerms.isEmpty
      ? "" : " Noise is taken out before the step from one to K; order-free: mean of both orders."
    return table(
      summary.terms, orderFree: summary.orderFreeTerms, "term of the error of darts-2nd"
    ).text
      + "\(sum)\(order)\n\n"
      + (summary.implicitTerms.isEmpty
        ? "" : table(summary.implicitTerms, "term, to the implicit gradient").text + "\n")
  }

  private var states: Table {
    Table(
      columns: [
        "step", "epoch", "rate", "g2/g1", "noise", "target/noise", "halves' cosine", "slope of w",
        "of its start", "batches", "passes", "seconds",
      ],
      rows: summary.probes.map { probe in
        [
          .integer(Int64(probe.step)), .integer(Int64(probe.epoch)),
          .real(probe.rate, decimals: 4), Self.text(Estimate(probe.implicitShares), decimals: 4),
          Self.real(probe.noise, decimals: 2), Self.real(probe.targetOverNoise, decimals: 2),
          Self.real(probe.reliability, decimals: 3),
          Self.text(Estimate(probe.stationarity), decimals: 3),
          probe.startingStationarity.map { start in
            Self.text(Estimate(probe.stationarity.map { $0 / start }), decimals: 3)
          } ?? .missing,
          .integer(Int64(probe.implicitShares.count)),
          .text("\(probe.gradientPasses) + \(probe.tangentPasses) tangents"),
          .real(probe.seconds, decimals: 1),
        ]
      })
  }

  private static func real(_ value: Double?, decimals: Int) -> Table.Cell {
    guard let value, value.isFinite else { return .missing }
    return .real(value, decimals: decimals)
  }

  /// The finite difference with and without kinks.
  private var twin: Table {
    func percent(_ each: [Double]?, _ mean: Double) -> Table.Cell {
      let estimate = Estimate(geometric: (each ?? [mean]).map { 100 * $0 })
      return .text(estimate.text("%.3g") + " %")
    }
    return Table(
      columns: [
        "step", "r", "error of the difference of g2", "on the smooth twin", "ratio", "batches",
      ],
      rows: summary.probes.flatMap { probe in
        probe.twin.map {
          [
            .integer(Int64(probe.step)), .real($0.radius), percent($0.networks, $0.network),
            percent($0.twins, $0.twin), .real($0.network / $0.twin, decimals: 0),
            .integer(Int64($0.networks?.count ?? 1)),
          ]
        }
      })
  }

  /// Whether there is an implicit gradient at all.
  private var validity: String {
    let implicit = summary.probes.compactMap(\.implicit)
    guard !implicit.isEmpty else {
      return
        "The implicit gradient is no truth here: the weights are not at a minimum, and with batch norm and decay "
        + "there is none; --implicit shows it all the same."
    }
    let settings = implicit[0].settings
    let residual = implicit.flatMap(\.residuals).max() ?? .nan
    return "Implicit gradient, \(settings.iterations) iterations, damping \(settings.damping): "
      + (implicit.allSatisfy(\.isValid) ? "valid" : "a surrogate")
      + String(format: "; residual up to %.2g, ", residual)
      + "negative curvature on \(implicit.reduce(0) { $0 + $1.negativeCurvatures }) batches."
  }

  private static let operations = Operation.allCases.map(\.name)
  /// The directions whose errors are shown in detail.
  private static let detailed = ["darts-1st", "darts-2nd (difference, Float)", "milenas-1st"]

  /// Whom a direction favours; nothing for results of older versions.
  private var operations: String {
    guard summary.probes.allSatisfy({ $0.comparisons[0].signedErrorsPerOperation != nil }) else {
      return ""
    }
    let table = Table(
      columns: ["signed error (below 0: favoured)"] + Self.detailed + ["batches"],
      rows: Self.operations.indices.map { operation in
        detail(Self.operations[operation], decimals: 2) {
          ($0.signedErrorsPerOperation ?? []).map { $0[operation] }
        }
      })
    return table.text + "\n"
  }

  /// Relative errors of the edges, normal cell first.
  private var edges: String {
    guard let count = summary.probes[0].comparisons[0].relativeErrorsPerEdge?.first?.count,
      summary.probes.allSatisfy({ $0.comparisons[0].relativeErrorsPerEdge != nil })
    else { return "" }
    let table = Table(
      columns: ["error of edge"] + Self.detailed + ["batches"],
      rows: (0..<count).map { edge in
        detail(Edge.name(edge, of: count), within: 0...(.infinity)) {
          ($0.relativeErrorsPerEdge ?? []).map { $0[edge] }
        }
      })
    return table.text + "\n"
  }

  /// A line of what the directions in detail have against the bilevel target.
  private func detail(
    _ name: String, decimals: Int = 3, within bounds: ClosedRange<Double>? = nil,
    _ part: (ProbeResult.Comparison) -> [Double]
  ) -> [Table.Cell] {
    let estimates = Self.detailed.map {
      summary.estimate($0, against: "bilevel", within: bounds, part)
    }
    return [.text(name)] + estimates.map { Self.text($0, decimals: decimals) }
      + [Self.count(estimates[0])]
  }
}

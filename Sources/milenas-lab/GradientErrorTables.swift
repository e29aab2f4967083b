import Analysis
import Foundation

struct EpsilonReport: Report {
  var sweep: EpsilonSweep

  func encode(to encoder: any Encoder) throws { try sweep.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["r"]
        + Estimate.columns(
          EpsilonSweep.Series.allCases.map {
            $0.rawValue.lowercased().replacing(", ", with: "_").replacing(" ", with: "_")
          }) + ["flips", "batches"],
      rows: sweep.rows.map { row in
        [.real(row.radius)] + EpsilonSweep.Series.allCases.flatMap { row[$0].cells }
          + [.real(row.flips), .integer(Int64(sweep.batches))]
      })
  }

  var text: String {
    func short(_ value: Double) -> Table.Cell { .text(String(format: "%.2g", value)) }
    let rows = Table(
      columns: ["r"] + EpsilonSweep.Series.allCases.map(\.rawValue) + ["flips", "batches"],
      rows: sweep.rows.map { row in
        [short(row.radius)] + EpsilonSweep.Series.allCases.map { .text(row[$0].text("%.2g")) }
          + [.real(row.flips, decimals: 0), .integer(Int64(sweep.batches))]
      })
    let curves = Table(
      columns: ["fitted curve", "a (r^2)", "b (1/r)", "c (1/sqrt r)", "best r", "error there"],
      rows: sweep.curves.map {
        [
          .text($0.name), short($0.a), short($0.b), short($0.c), short($0.bestRadius),
          short($0.bestError),
        ]
      })
    return """
      relative error of the finite difference of the mixed product, before step \(sweep.step): \(sweep.batches == 1 ? "one pair of batches, so no intervals" : "geometric means over \(sweep.batches) pairs of batches, with 95 % intervals"); flips among \(sweep.kinks) kinks

      \(rows.text)
      \(curves.text)
      \(words)

      """
  }

  /// What the two columns in Double say at the radius of the public codes, and how they go with it.
  private var words: String {
    guard
      let official = sweep.rows.min(by: { abs(log10($0.radius) + 2) < abs(log10($1.radius) + 2) }),
      let smaller = sweep.rows.last(where: { $0.radius <= official.radius / 9 })
    else { return "" }
    func percent(_ value: Double) -> String {
      String(format: value < 0.995 ? "%.2g %%" : "%.0f %%", 100 * value)
    }
    func slope(_ series: EpsilonSweep.Series) -> Double {
      log(official[series].mean / smaller[series].mean) / log(official.radius / smaller.radius)
    }
    let (network, twin) = (official.double.mean, official.twinDouble.mean)
    return String(
      format:
        "At r = %.2g the difference is off by %@ on the network and by %@ on its smooth twin, %.0f times less; "
        + "from r = %.2g on, the error goes as r^%.1f on the network and as r^%.1f on the twin.",
      official.radius, percent(network), percent(twin), network / twin, smaller.radius,
      slope(.double), slope(.twinDouble))
  }
}

struct UnrollReport: Report {
  var sweep: UnrollSweep

  func encode(to encoder: any Encoder) throws { try sweep.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["K", "batches"] + Estimate.columns(["error", "cosine", "captured", "norm"]),
      rows: sweep.rows.map { row in
        [.integer(Int64(row.unroll)), .integer(Int64(row.error.count))]
          + [row.error, row.cosine, row.captured, row.norm].flatMap(\.cells)
      })
  }

  var text: String {
    let rows = Table(
      columns: ["K", "error", "cosine", "captured", "norm", "batches"],
      rows: sweep.rows.map { row in
        [
          .integer(Int64(row.unroll)), .text(row.error.text("%.3f")),
          .text(row.cosine.text("%.4f")), .text(row.captured.text("%.3f")),
          .text(row.norm.text("%.4f")), .integer(Int64(row.error.count)),
        ]
      })
    return """
      exact gradient through K steps against \(sweep.rows.count - 1) steps, before step \(sweep.step)
      Captured: how much of the reference's implicit part the K steps have; brackets: 95 % intervals over the batches.

      \(rows.text)
      """
  }
}

struct DescentReport: Report {
  var test: DescentTest

  func encode(to encoder: any Encoder) throws { try test.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["direction"] + Estimate.columns(["fall", "beyond_exact"]) + ["batches"],
      rows: test.rows.map { row in
        [.text(row.direction)] + row.fall.cells
          + (row.beyondExact?.cells ?? [.missing, .missing, .missing])
          + [.integer(Int64(row.fall.count))]
      })
  }

  var text: String {
    let rows = Table(
      columns: ["direction", "fall", "less that of darts-2nd-exact", "batches"],
      rows: test.rows.map {
        [
          .text($0.direction), .text($0.fall.text("%.5f")),
          $0.beyondExact.map { .text($0.text("%.5f")) } ?? .missing,
          .integer(Int64($0.fall.count)),
        ]
      })
    return """
      fall of L_val after \(test.unroll) steps of w, per length \(test.length) that alpha moves, before step \(test.step)
      On validation batches that formed no direction; brackets: 95 % intervals over them, of differences batch by batch.

      \(rows.text)
      """
  }
}

struct EstimatorReport: Report {
  var tables: [EstimatorTable]

  func encode(to encoder: any Encoder) throws { try tables.encode(to: encoder) }

  var table: Table? {
    Table(
      columns: ["subject", "estimator"] + Estimate.columns(["error", "cosine"])
        + ["batches", "residual", "valid", "gradients", "tangents", "seconds"],
      rows: tables.flatMap { table in
        table.rows.map { row in
          [.text(table.subject), .text(row.estimator)] + row.error.cells + row.cosine.cells
            + [.integer(Int64(row.error.count))] + Self.costs(row)
        }
      })
  }

  private static func costs(_ row: EstimatorTable.Row) -> [Table.Cell] {
    [
      row.residual.map { .text(String(format: "%.2g", $0)) } ?? .missing,
      .text(row.isValid ? "yes" : "surrogate"), .integer(Int64(row.gradients)),
      .integer(Int64(row.tangents)), .real(row.seconds, decimals: 2),
    ]
  }

  var text: String {
    tables.map { table in
      let rows = Table(
        columns: [
          "estimator", "error", "cosine", "batches", "residual", "valid", "gradients", "tangents",
          "seconds",
        ],
        rows: table.rows.map { row in
          [
            .text(row.estimator), .text(row.error.text("%.3g")), .text(row.cosine.text("%.4f")),
            .integer(Int64(row.error.count)),
          ] + Self.costs(row)
        })
      return "\(table.subject)\n\n\(rows.text)"
    }.joined(separator: "\n")
      + "\nvalid: an implicit estimate is a gradient only at a minimum of w, with its system solved to 1e-3; brackets: "
      + "95 % intervals over the batches; residual: the largest; passes and seconds: of one batch\n"
  }
}

/// An edge of a supernet as tables name it.
enum Edge {
  /// "normal 3": edges of both cells in a row, the normal one first.
  static func name(_ edge: Int, of count: Int) -> String {
    "\(edge < count / 2 ? "normal" : "reduction") \(edge % (count / 2))"
  }
}

extension Estimate {
  /// The columns of estimates in rows: "error", "error_low", "error_high".
  static func columns(_ names: [String]) -> [String] {
    names.flatMap { [$0, "\($0)_low", "\($0)_high"] }
  }

  /// Mean and ends, with all their digits.
  var cells: [Table.Cell] { [.real(mean), .real(low), .real(high)] }

  /// "1.25 [1.1, 1.4]"; the mean alone where there is no interval.
  func text(_ format: String) -> String {
    guard low.isFinite else { return String(format: format, mean) }
    return String(format: "\(format) [\(format), \(format)]", mean, low, high)
  }
}

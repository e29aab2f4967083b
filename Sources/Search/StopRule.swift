import Supernet

/// When a search ends before its last epoch. A function of the epochs' records, so that a resumed run decides the same.
public enum StopRule: Codable, Equatable, Sendable {
  /// The paper's: the counts (n, r) have fallen to or below these.
  ///
  /// The public MiLeNAS code stops when they are equal to (6, 0), and forgets the cell that made it stop.
  case size(ConvolutionCounts)
  /// R-DARTS': λ_max of ∇²_αα L_val has grown.
  case curvature(CurvatureRule)

  /// The epoch that the search ends with, whose genotype it keeps; nil to go on.
  ///
  /// - Parameter epochs: all so far, in order.
  public func stop(after epochs: [EpochRecord]) -> EpochRecord? {
    switch self {
    case .size(let limit):
      guard let last = epochs.last, last.normalConvolutions <= limit.normal,
        last.reductionConvolutions <= limit.reduction
      else { return nil }
      return last
    case .curvature(let rule):
      // `--curvature-every` may have measured at other epochs too, which the rule does not look at.
      let measured = epochs.filter { $0.curvature != nil && rule.measures(afterEpoch: $0.epoch) }
      guard
        let stop = rule.stop(
          epochs: measured.map(\.epoch), curvatures: measured.compactMap(\.curvature))
      else { return nil }
      return measured.first { $0.epoch == stop }
    }
  }
}

/// Stops when the largest eigenvalue of the α-Hessian, averaged over a window, has grown by a factor since the window
/// some measurements before; the cell kept is that of the older window's centre.
///
/// Source: the code of R-DARTS (automl/RobustDARTS), whose constants are the defaults; its paper words the rule as
/// λ̄(i − k)/λ̄(i) < 0.75.
public struct CurvatureRule: Codable, Equatable, Sendable {
  /// Epochs from one measurement to the next.
  public var every = 2
  /// Measurements averaged.
  public var window = 5
  /// Measurements from one window to the one that it is compared with.
  public var lag = 4
  /// Growth that stops the search.
  public var factor = 1.3
  /// The first epoch whose cell may be kept.
  public var firstEpoch = 10

  /// The constants of R-DARTS.
  public init() {}

  /// Whether the end of this epoch, from 0, measures.
  public func measures(afterEpoch epoch: Int) -> Bool { epoch % every == 0 }

  /// The epoch whose cell is kept, once the rule holds at the last measurement or held at one before.
  ///
  /// - Parameters:
  ///   - epochs: of the measurements, ascending.
  ///   - curvatures: λ_max at these.
  public func stop(epochs: [Int], curvatures: [Double]) -> Int? {
    func mean(endingAt last: Int) -> Double {
      curvatures[(last - window + 1)...last].reduce(0, +) / Double(window)
    }
    for now in curvatures.indices.dropFirst(lag + window - 1) {
      let centre = epochs[now - lag - window / 2]
      let before = mean(endingAt: now - lag)
      // A network that has collapsed has no curvature to compare with.
      if centre >= firstEpoch && before > 0 && mean(endingAt: now) > factor * before {
        return centre
      }
    }
    return nil
  }
}

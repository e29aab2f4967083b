import EventLog
import Foundation
import Search

/// Which cells of a search are worth training: the best of each size, spread over the sizes.
enum CellChoice {
  /// For each size (n, r) the epoch of the highest validation accuracy, the first of equals; of more than `count` sizes
  /// those that lie farthest apart on a logarithmic scale of parameters.
  ///
  /// One best cell overall would be one of the smallest: the search's accuracy rises while sizes fall.
  ///
  /// - Returns: at most `count`, by parameters from small to large.
  static func bestOfEachSize(_ epochs: [EpochRecord], atMost count: Int) -> [EpochRecord] {
    var best: [[Int]: EpochRecord] = [:]
    for epoch in epochs {
      let size = [epoch.normalConvolutions, epoch.reductionConvolutions]
      if let known = best[size], known.validAccuracy >= epoch.validAccuracy { continue }
      best[size] = epoch
    }
    let cells = best.values.sorted { ($0.parameters, $0.epoch) < ($1.parameters, $1.epoch) }
    return spread(cells, count: count) { log(Double($0.parameters)) }
  }

  /// The first, the last, and again and again the one farthest from all that are taken; in the order given.
  static func spread<Element>(
    _ elements: [Element], count: Int, by place: (Element) -> Double
  ) -> [Element] {
    guard elements.count > count else { return elements }
    guard count > 1 else { return Array(elements.suffix(count)) }
    let places = elements.map(place)
    var taken = [0, elements.count - 1]
    while taken.count < count {
      let distances = elements.indices.map { index in
        taken.contains(index) ? -1 : taken.map { abs(places[index] - places[$0]) }.min() ?? 0
      }
      guard let farthest = elements.indices.max(by: { distances[$0] < distances[$1] }) else {
        break
      }
      taken.append(farthest)
    }
    return taken.sorted().map { elements[$0] }
  }
}

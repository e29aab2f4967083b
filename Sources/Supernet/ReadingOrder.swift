import Kernels

/// What the steps of a phase read from memory, one step after the other, for each to fetch what the next one reads.
final class ReadingOrder {
  private struct Entry {
    var planes: (Tensor, Tensor)
    var isActive: () -> Bool
  }

  private var entries: [Entry] = []

  /// Adds a step that reads two tensors (or one, given twice) of the same size, and hands back its number.
  func append(_ first: Tensor, _ second: Tensor, when isActive: @escaping () -> Bool) -> Int {
    entries.append(Entry(planes: (first, second), isActive: isActive))
    return entries.count - 1
  }

  /// What follows step `number` on a sample: the next step's planes, after the last one the first step's of the next
  /// sample.
  func ahead(of number: Int, sample: Int, samples: Int) -> Ahead {
    let wraps = number + 1 == entries.count
    let next = entries[wraps ? 0 : number + 1]
    let sample = wraps ? sample + 1 : sample
    guard sample < samples, next.isActive() else { return .nothing }
    return Ahead(
      next.planes.0.at(sample), next.planes.1.at(sample), count: next.planes.0.sampleStep)
  }
}

import Kernels

/// A batch of planes in the arena: [samples][rows][columns][padded channels].
struct Tensor: Sendable {
  var offset: Int
  var rows: Int
  var columns: Int
  /// Channels that mean something, and those that are stored: a multiple of 8, the rest zeros.
  var channels: Int
  var padded: Int

  var pixels: Int { rows * columns }
  var sampleStep: Int { pixels * padded }

  /// Offset of one sample's plane.
  func at(_ sample: Int) -> Int { offset + sample * sampleStep }

  static func padded(_ channels: Int) -> Int { (channels + 7) / 8 * 8 }

  /// A step's reading of it.
  var read: TermReads { TermReads(TermList(plane: offset, sampleStep: sampleStep)) }
}

/// Hands out places in the arena, once, before anything runs.
///
/// Three regions: tensors of the whole batch and coefficients; scratch of each worker; partial weight gradients of
/// each chunk. The latter two are given as offsets relative to a worker's or a chunk's part.
struct Planner {
  let samples: Int
  private(set) var scalars = 0
  private(set) var scratch = 0
  private(set) var sums = 0
  private var borderedPlanes: [[Int]: Int] = [:]

  init(samples: Int) { self.samples = samples }

  /// Checks that offsets of a network within the bounds of its shape stay in the range of integers.
  ///
  /// - Throws: `SupernetError.impossible`, `.tooLarge`.
  static func check(samples: Int, imageSize: Int, channels: Int) throws {
    guard 1...1 << 20 ~= samples else {
      throw SupernetError.impossible("--batch must be 1 to \(1 << 20), not \(samples)")
    }
    let plane = samples * imageSize * imageSize * channels * MemoryLayout<Float>.stride
    guard plane <= 1 << 42 else {
      throw SupernetError.tooLarge(neededBytes: plane, availableBytes: nil, batch: samples)
    }
  }

  mutating func tensor(rows: Int, columns: Int, channels: Int) -> Tensor {
    let padded = Tensor.padded(channels)
    let count = samples * rows * columns * padded
    return Tensor(
      offset: take(count), rows: rows, columns: columns, channels: channels, padded: padded)
  }

  mutating func take(_ count: Int) -> Int {
    defer { scalars += (count + 15) / 16 * 16 }
    return scalars
  }

  /// A place among the sums in Double that lasts for the whole pass.
  mutating func takeSums(_ count: Int) -> Int {
    defer { sums += count }
    return sums
  }

  private mutating func takeScratch(_ count: Int) -> Int {
    defer { scratch += (count + 15) / 16 * 16 }
    return scratch
  }

  /// A scratch plane with a border that stays zero: shared by all users with this role and geometry.
  mutating func bordered(
    _ role: Int, rows: Int, columns: Int, channels: Int, border: Int, count: Int
  )
    -> Int
  {
    let key = [role, rows, columns, channels, border]
    if let offset = borderedPlanes[key] { return offset }
    let offset = takeScratch(count)
    borderedPlanes[key] = offset
    return offset
  }

  /// A scratch region of its own.
  mutating func ownScratch(_ count: Int) -> Int { takeScratch(count) }
}

/// A batch norm: its places, and the slices of w that scale and shift it, if any.
final class BatchNorm {
  let index: Int
  let channels: Int
  /// Offset in `BatchNormStatistics`.
  let statistics: Int
  let places: NormPlaces
  let gamma: ParameterLayout.Slice?
  let beta: ParameterLayout.Slice?
  var padded: Int { places.padded }

  init(
    index: Int, channels: Int, statistics: Int, planner: inout Planner,
    gamma: ParameterLayout.Slice? = nil, beta: ParameterLayout.Slice? = nil
  ) {
    self.index = index
    self.channels = channels
    self.statistics = statistics
    self.gamma = gamma
    self.beta = beta
    let padded = Tensor.padded(channels)
    let sums = planner.takeSums(3 * padded)
    places = NormPlaces(
      scale: planner.take(padded), offset: planner.take(padded),
      gamma: gamma == nil ? -1 : planner.take(padded),
      beta: beta == nil ? -1 : planner.take(padded), mean: sums, variance: sums + padded,
      inverse: sums + 2 * padded, padded: padded)
  }
}

/// The gradient that a batch norm hands back, dz = Σ a·g + b·z + d, as terms with coefficients in the arena.
final class GradientTerms {
  let list: TermList
  /// Coefficients of up to `sources` gradients, then of z, then the constants; [padded] each.
  let coefficients: Int
  /// Where the last two are added up in Double, [2][padded].
  let parts: Int
  let padded: Int
  let sources: Int

  init(sources: Int, channels: Int, planner: inout Planner) {
    self.sources = sources
    padded = Tensor.padded(channels)
    list = TermList(capacity: sources + 1)
    coefficients = planner.take((sources + 2) * padded)
    parts = planner.takeSums(2 * padded)
  }

  func place(_ source: Int) -> Int { coefficients + source * padded }
  var valuePlace: Int { place(sources) }
  var constantPlace: Int { place(sources + 1) }
}

extension Arena {
  /// The arena of a network, if there is memory for it and for what comes with it.
  ///
  /// - Parameters:
  ///   - weights: entries of w; a step holds about four vectors of them: w, its momentum, its gradient and a copy.
  ///   - batch: which the error names.
  /// - Throws: `SupernetError.tooLarge`, before anything is allocated.
  static func planned(scalars: Int, sums: Int, weights: Int, batch: Int) throws -> Arena {
    let needed =
      Self.byteCount(scalars: scalars, sums: sums) + 4 * weights * MemoryLayout<Element>.stride
    if let available = MemoryBudget.available(), available < needed {
      throw SupernetError.tooLarge(
        neededBytes: needed, availableBytes: available, batch: batch)
    }
    guard let arena = Arena(scalars: scalars, sums: sums) else {
      throw SupernetError.tooLarge(neededBytes: needed, availableBytes: nil, batch: batch)
    }
    return arena
  }
}

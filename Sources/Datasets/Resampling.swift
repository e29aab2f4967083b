/// A part of an image, in pixels of it.
struct ImageRegion: Equatable {
  var row: Double
  var column: Double
  var height: Double
  var width: Double
}

/// A photograph in Float while it is augmented.
///
/// values: [size][size][3], 0 ... 1.
struct WorkingImage {
  var values: [Float]
  var size: Int

  /// Takes a region to size × size: a bilinear filter, widened where pixels are merged (as PIL resizes).
  init(_ photograph: Photograph, _ region: ImageRegion, size: Int) {
    self.size = size
    let across = Taps(
      from: region.column, extent: region.width, limit: photograph.columns, size: size)
    let down = Taps(from: region.row, extent: region.height, limit: photograph.rows, size: size)
    // Only the rows that are read, each brought to its width first.
    let rows = down.first..<down.end
    var narrow = [Float](repeating: 0, count: rows.count * size * 3)
    for row in rows {
      for x in 0..<size {
        var sum = SIMD4<Float>.zero
        for (k, weight) in across.weights[x].enumerated() {
          let at = (row * photograph.columns + across.starts[x] + k) * 3
          sum += weight * photograph.pixel(at)
        }
        let to = ((row - rows.lowerBound) * size + x) * 3
        for c in 0..<3 { narrow[to + c] = sum[c] }
      }
    }
    values = [Float](repeating: 0, count: size * size * 3)
    for y in 0..<size {
      for (k, weight) in down.weights[y].enumerated() {
        let from = (down.starts[y] + k - rows.lowerBound) * size * 3
        for i in 0..<(size * 3) { values[y * size * 3 + i] += weight / 255 * narrow[from + i] }
      }
    }
  }

  /// Mirrors left and right.
  mutating func mirror() {
    for y in 0..<size {
      for x in 0..<(size / 2) {
        for c in 0..<3 {
          values.swapAt((y * size + x) * 3 + c, (y * size + size - 1 - x) * 3 + c)
        }
      }
    }
  }
}

extension Photograph {
  fileprivate func pixel(_ at: Int) -> SIMD4<Float> {
    SIMD4(Float(pixels[at]), Float(pixels[at + 1]), Float(pixels[at + 2]), 0)
  }
}

/// For each output pixel the first input pixel and the weights of those that follow; weights add up to 1.
private struct Taps {
  var starts: [Int] = []
  var weights: [[Float]] = []
  var first: Int { starts.min() ?? 0 }
  var end: Int { zip(starts, weights).map { $0 + $1.count }.max() ?? 0 }

  init(from origin: Double, extent: Double, limit: Int, size: Int) {
    let scale = extent / Double(size)
    let support = max(scale, 1)
    for i in 0..<size {
      let centre = origin + (Double(i) + 0.5) * scale
      let start = min(max(0, Int((centre - support + 0.5).rounded(.down))), limit - 1)
      let stop = max(start + 1, min(limit, Int((centre + support + 0.5).rounded(.down))))
      let raw = (start..<stop).map { max(0, 1 - abs((Double($0) + 0.5 - centre) / support)) }
      let total = raw.reduce(0, +)
      starts.append(start)
      weights.append(
        total > 0 ? raw.map { Float($0 / total) } : raw.indices.map { $0 == 0 ? 1 : 0 })
    }
  }
}

/// Brightness, contrast, saturation and hue, changed at random (torchvision's `ColorJitter`).
struct ColourJitter: Equatable {
  /// Factors of the first three, and the share of a turn by which hues move.
  var brightness: Float
  var contrast: Float
  var saturation: Float
  var hue: Float
  /// The four in the order in which they are applied.
  var order: [Int]

  func apply(to image: inout WorkingImage) {
    for step in order {
      switch step {
      case 0: blend(&image, brightness) { _ in 0 }
      case 1:
        let pixels = image.values.count / 3
        var sum = 0.0
        for p in 0..<pixels { sum += Double(Self.gray(image.values, p)) }
        let mean = Float(sum / Double(pixels))
        blend(&image, contrast) { _ in mean }
      case 2:
        let before = image.values
        blend(&image, saturation) { Self.gray(before, $0) }
      default: turn(&image)
      }
    }
  }

  private static func gray(_ values: [Float], _ pixel: Int) -> Float {
    0.299 * values[3 * pixel] + 0.587 * values[3 * pixel + 1] + 0.114 * values[3 * pixel + 2]
  }

  /// factor·x + (1 − factor)·other, kept in 0 ... 1.
  private func blend(_ image: inout WorkingImage, _ factor: Float, _ other: (Int) -> Float) {
    for p in 0..<(image.values.count / 3) {
      let base = (1 - factor) * other(p)
      for c in 0..<3 {
        image.values[3 * p + c] = min(max(factor * image.values[3 * p + c] + base, 0), 1)
      }
    }
  }

  /// Moves the hue of each pixel (HSV).
  private func turn(_ image: inout WorkingImage) {
    for p in 0..<(image.values.count / 3) {
      let (r, g, b) = (image.values[3 * p], image.values[3 * p + 1], image.values[3 * p + 2])
      let (high, low) = (max(r, g, b), min(r, g, b))
      let range = high - low
      guard range > 0 else { continue }
      var sector =
        high == r ? (g - b) / range : high == g ? 2 + (b - r) / range : 4 + (r - g) / range
      sector = (sector / 6 + hue + 2).truncatingRemainder(dividingBy: 1) * 6
      let whole = sector.rounded(.down)
      let rest = sector - whole
      let (falling, rising) = (high - range * rest, high - range * (1 - rest))
      let turned: (Float, Float, Float) =
        switch Int(whole) % 6 {
        case 0: (high, rising, low)
        case 1: (falling, high, low)
        case 2: (low, high, rising)
        case 3: (low, falling, high)
        case 4: (rising, low, high)
        default: (high, low, falling)
        }
      (image.values[3 * p], image.values[3 * p + 1], image.values[3 * p + 2]) = turned
    }
  }
}

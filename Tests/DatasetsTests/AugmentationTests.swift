import Kernels
import Testing

@testable import Datasets

@Suite struct AugmentationTests {
  /// Two images of 6×5 with three channels, every pixel different from its neighbours.
  private let set = ImageSet(
    pixels: (0..<(2 * 6 * 5 * 3)).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }, labels: [0, 1],
    rows: 6, columns: 5, channels: 3, classNames: ["a", "b"])
  private let means: [Float] = [0.5, 0.25, 0]
  private let deviations: [Float] = [0.5, 0.25, 1]

  private func augmented(
    _ image: Int, _ augmentation: Augmentation, _ choice: Augmentation.Choice
  ) -> [Float] {
    var pixels: [Float] = []
    augmentation.append(
      image, of: set, choice, means: means, deviations: deviations, to: &pixels)
    return pixels
  }

  /// The published order, one whole image at a time: pad, crop, flip, normalise, cut out.
  private func reference(
    _ image: Int, _ augmentation: Augmentation, _ choice: Augmentation.Choice
  ) -> [Float] {
    typealias Image = [[[Float]]]
    let padding = augmentation.padding
    let black = [Float](repeating: 0, count: set.channels)
    var padded = Image(
      repeating: .init(repeating: black, count: set.columns + 2 * padding),
      count: set.rows + 2 * padding)
    for y in 0..<set.rows {
      for x in 0..<set.columns {
        for c in 0..<set.channels {
          let place = ((image * set.rows + y) * set.columns + x) * set.channels + c
          padded[y + padding][x + padding][c] = Float(set.pixels[place])
        }
      }
    }
    var picture: Image = padded[(choice.row + padding)...].prefix(set.rows).map {
      Array($0[(choice.column + padding)...].prefix(set.columns))
    }
    if choice.mirrored { picture = picture.map { $0.reversed() } }
    picture = picture.map { $0.map { zip($0, zip(means, deviations)).map(normalised) } }
    let half = augmentation.cutout / 2
    for y in max(0, choice.cutRow - half)..<min(set.rows, choice.cutRow + half) {
      for x in max(0, choice.cutColumn - half)..<min(set.columns, choice.cutColumn + half) {
        picture[y][x] = black
      }
    }
    return picture.flatMap { $0.flatMap { $0 } }
  }

  private func normalised(_ pixel: Float, _ statistics: (mean: Float, deviation: Float)) -> Float {
    (pixel / 255 - statistics.mean) / statistics.deviation
  }

  @Test(arguments: [
    Augmentation.none, .standard, Augmentation(padding: 2, flips: false, cutout: 4),
    Augmentation(padding: 4, flips: true, cutout: 16),
  ])
  func everyChoiceEqualsTheStepsOneByOne(augmentation: Augmentation) {
    let random = Philox(seed: 21, purpose: .augmentation)
    for index in 0..<300 {
      let choice = augmentation.choice(
        random, epoch: 1, step: 2, index: index, rows: set.rows, columns: set.columns)
      #expect(
        augmented(index % 2, augmentation, choice) == reference(index % 2, augmentation, choice),
        "\(choice)")
    }
  }

  @Test func theBorderIsBlackBeforeNormalisation() {
    let shifted = augmented(
      0, .standard, .init(row: 4, column: 0, mirrored: false, cutRow: 0, cutColumn: 0))
    let lastRow = Array(shifted.suffix(5 * 3))
    #expect(lastRow == (0..<5).flatMap { _ in [-1, -1, 0] as [Float] })
  }

  @Test func aSquareThatFitsIsCutOutWhole() {
    let cut = Augmentation(padding: 0, flips: false, cutout: 2)
    let pixels = augmented(
      0, cut, .init(row: 0, column: 0, mirrored: false, cutRow: 3, cutColumn: 2))
    let untouched = augmented(
      0, .none, .init(row: 0, column: 0, mirrored: false, cutRow: 0, cutColumn: 0))
    let changed = Set(zip(pixels, untouched).enumerated().filter { $1.0 != $1.1 }.map { $0.0 / 3 })
    #expect(changed == [2 * 5 + 1, 2 * 5 + 2, 3 * 5 + 1, 3 * 5 + 2])
  }

  // MARK: - Choices

  @Test func everyShiftFlipAndCentreIsAsLikely() {
    let augmentation = Augmentation(padding: 4, flips: true, cutout: 16)
    let random = Philox(seed: 22, purpose: .augmentation)
    var (rows, columns) = ([Int](repeating: 0, count: 9), [Int](repeating: 0, count: 9))
    var (cutRows, cutColumns) = ([Int](repeating: 0, count: 6), [Int](repeating: 0, count: 5))
    var mirrored = [0, 0]
    for index in 0..<20_000 {
      let choice = augmentation.choice(
        random, epoch: 0, step: index / 64, index: index % 64, rows: 6, columns: 5)
      rows[choice.row + 4] += 1
      columns[choice.column + 4] += 1
      mirrored[choice.mirrored ? 1 : 0] += 1
      cutRows[choice.cutRow] += 1
      cutColumns[choice.cutColumn] += 1
    }
    for counts in [rows, columns, mirrored, cutRows, cutColumns] {
      // Five standard deviations of a binomial count.
      let expected = 20_000 / Double(counts.count)
      for count in counts { #expect(abs(Double(count) - expected) < 5 * expected.squareRoot()) }
    }
  }

  @Test func noAugmentationLeavesImagesAsTheyAre() {
    let choice = Augmentation.none.choice(
      Philox(seed: 23, purpose: .augmentation), epoch: 5, step: 6, index: 7, rows: 6, columns: 5)
    #expect(choice == .init(row: 0, column: 0, mirrored: false, cutRow: 0, cutColumn: 0))
  }
}

import Kernels

/// What happens to training images (DARTS `cnn/utils.py`): pad-and-crop on raw pixels, flip, normalise, cutout.
public struct Augmentation: Codable, Equatable, Sendable {
  /// Zeros added on each side before the crop; 0 for none. The zeros are black pixels, before normalisation.
  public var padding: Int
  /// Mirrors every second image at random.
  public var flips: Bool
  /// Side of a square set to 0 after normalisation, its centre anywhere in the image; 0 for none.
  public var cutout: Int

  /// Padding and cutout in pixels, 0 for none.
  public init(padding: Int, flips: Bool, cutout: Int) {
    self.padding = padding
    self.flips = flips
    self.cutout = cutout
  }

  /// Pad by 4, flip, no cutout.
  public static let standard = Augmentation(padding: 4, flips: true, cutout: 0)
  /// The images as they are.
  public static let none = Augmentation(padding: 0, flips: false, cutout: 0)

  /// Where an image is shifted, whether it is mirrored, and where it is cut out.
  struct Choice: Equatable {
    var row: Int
    var column: Int
    var mirrored: Bool
    var cutRow: Int
    var cutColumn: Int
  }

  /// The choice for the image at an address; `index` is its place in the batch.
  func choice(_ random: Philox, epoch: Int, step: Int, index: Int, rows: Int, columns: Int)
    -> Choice
  {
    func draw(_ below: Int, _ k: Int) -> Int {
      random.integer(below: below, epoch: epoch, step: step, index: index * 8 + k)
    }
    return Choice(
      row: padding == 0 ? 0 : draw(2 * padding + 1, 0) - padding,
      column: padding == 0 ? 0 : draw(2 * padding + 1, 1) - padding,
      mirrored: flips && draw(2, 2) == 1, cutRow: cutout == 0 ? 0 : draw(rows, 3),
      cutColumn: cutout == 0 ? 0 : draw(columns, 4))
  }

  /// Appends one image, normalised, [rows][columns][channels].
  func append(
    _ image: Int, of set: ImageSet, _ choice: Choice, means: [Float], deviations: [Float],
    to batch: inout [Float]
  ) {
    let first = image * set.imageSize
    let half = cutout / 2
    for y in 0..<set.rows {
      for x in 0..<set.columns {
        let row = y + choice.row
        let column = (choice.mirrored ? set.columns - 1 - x : x) + choice.column
        let inside = row >= 0 && row < set.rows && column >= 0 && column < set.columns
        // Rows and columns centre − half ..< centre + half, clipped at the border.
        let cut =
          cutout > 0 && y >= choice.cutRow - half && y < choice.cutRow + half
          && x >= choice.cutColumn - half && x < choice.cutColumn + half
        for c in 0..<set.channels {
          let pixel =
            inside ? set.pixels[first + (row * set.columns + column) * set.channels + c] : 0
          batch.append(cut ? 0 : (Float(pixel) / 255 - means[c]) / deviations[c])
        }
      }
    }
  }
}

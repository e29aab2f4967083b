import Kernels

/// What a step sees: images that are normalised and augmented, and their labels.
///
/// images: [count][rows][columns][channels]; labels: [count], 0 ..< classes.
public struct Batch<Scalar: KernelScalar>: Equatable, Sendable {
  /// [labels.count][rows][columns][channels], normalised.
  public var images: [Scalar]
  /// Class of each image, from 0.
  public var labels: [Int]
  /// Of each image.
  public var rows: Int
  /// Of each image.
  public var columns: Int
  /// Of each image.
  public var channels: Int

  /// The number of images.
  public var count: Int { labels.count }

  /// Images in NHWC order, one label for each.
  ///
  /// - Precondition: images holds count · rows · columns · channels scalars.
  public init(images: [Scalar], labels: [Int], rows: Int, columns: Int, channels: Int) {
    precondition(
      images.count == labels.count * rows * columns * channels,
      "\(images.count) scalars for \(labels.count) images of \(rows)×\(columns)×\(channels)")
    self.images = images
    self.labels = labels
    self.rows = rows
    self.columns = columns
    self.channels = channels
  }

  /// The same batch in another precision; Float to Double is exact.
  public func converted<Other: KernelScalar>(to other: Other.Type) -> Batch<Other> {
    Batch<Other>(
      images: images.map(Other.init), labels: labels, rows: rows, columns: columns,
      channels: channels)
  }
}

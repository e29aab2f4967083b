/// Images as they are on disk, with their labels.
public struct ImageSet: Equatable, Sendable {
  /// [count][rows][columns][channels], 0 ... 255.
  public var pixels: [UInt8]
  /// [count], 0 ..< classes.
  public var labels: [UInt8]
  /// Of each image.
  public var rows: Int
  /// Of each image.
  public var columns: Int
  /// 1 or 3.
  public var channels: Int
  /// In the order of the labels.
  public var classNames: [String]

  /// How many images.
  public var count: Int { labels.count }
  /// Bytes of one image.
  public var imageSize: Int { rows * columns * channels }

  /// Images of one shape with their labels; pixels in NHWC order.
  ///
  /// - Precondition: the numbers of pixels and labels belong together.
  public init(
    pixels: [UInt8], labels: [UInt8], rows: Int, columns: Int, channels: Int, classNames: [String]
  ) {
    precondition(pixels.count == labels.count * rows * columns * channels)
    self.pixels = pixels
    self.labels = labels
    self.rows = rows
    self.columns = columns
    self.channels = channels
    self.classNames = classNames
  }
}

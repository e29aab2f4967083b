/// Images as they are on disk, with their labels.
public struct ImageSet: Equatable, Sendable {
  /// [count][rows][columns][channels], 0 ... 255.
  public var pixels: [UInt8]
  /// [count], 0 ..< classes.
  public var labels: [UInt8]
  public var rows: Int
  public var columns: Int
  public var channels: Int
  public var classNames: [String]

  public var count: Int { labels.count }
  public var imageSize: Int { rows * columns * channels }

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

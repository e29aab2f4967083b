/// The network that a genotype becomes when it is trained from scratch, as data (DARTS `cnn/model.py`).
public struct DerivedShape: Hashable, Codable, Sendable {
  /// How images become the inputs of the first cell.
  public enum Stem: String, CaseIterable, Codable, Sendable {
    /// One 3×3 convolution to 3C channels, at full size.
    case cifar
    /// Three 3×3 convolutions of stride 2 to C channels; the first cell reads the last two.
    case imageNet
  }

  /// How images enter.
  public var stem: Stem
  /// Of the images.
  public var inputChannels: Int
  /// Rows and columns of the square images.
  public var imageSize: Int
  /// Outputs of the classifier.
  public var classes: Int
  /// C, the width of the first cell; doubled by each reduction cell.
  public var channels: Int
  /// L; the cells at L/3 and 2L/3 are reduction cells.
  public var cells: Int

  /// Nothing is checked before `validate`.
  public init(
    stem: Stem, inputChannels: Int, imageSize: Int, classes: Int, channels: Int, cells: Int
  ) {
    self.stem = stem
    self.inputChannels = inputChannels
    self.imageSize = imageSize
    self.classes = classes
    self.channels = channels
    self.cells = cells
  }

  /// The network whose parameters are the "Model Size" of the paper's Table 1 and Fig. 3c: C 36, 20 cells, CIFAR-10.
  public static let cifar10 = DerivedShape(
    stem: .cifar, inputChannels: 3, imageSize: 32, classes: 10, channels: 36, cells: 20)

  /// The network of Table 2: C 48, 14 cells, 224×224 images of 1000 classes.
  public static let imageNet = DerivedShape(
    stem: .imageNet, inputChannels: 3, imageSize: 224, classes: 1000, channels: 48, cells: 14)

  /// The derived network at the size of the supernet that found it.
  public init(_ shape: SupernetShape) {
    self.init(
      stem: .cifar, inputChannels: shape.inputChannels, imageSize: shape.imageSize,
      classes: shape.classes, channels: shape.channels, cells: shape.cells)
  }

  /// Checks that such a network can be built.
  ///
  /// - Throws: `SupernetError.impossible`, naming the first setting that cannot be built.
  public func validate() throws {
    // Within these, counts stay in the range of integers.
    let settings = [
      ("--channels", channels, 2...1024), ("--cells", cells, 1...1000),
      ("--image-size", imageSize, 1...2048), ("--input-channels", inputChannels, 1...1024),
      ("--classes", classes, 2...1_000_000),
    ]
    for (option, value, range) in settings where !range.contains(value) {
      throw SupernetError.impossible(
        "\(option) must be \(range.lowerBound) to \(range.upperBound), not \(value)")
    }
    guard channels % 2 == 0 else {
      throw SupernetError.impossible(
        "--channels must be even, not \(channels): a factorised reduction halves it")
    }
  }

  /// Of a cell, from 0.
  public func kind(ofCell cell: Int) -> CellKind {
    cell == cells / 3 || cell == 2 * cells / 3 ? .reduction : .normal
  }
}

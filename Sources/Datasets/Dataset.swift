import Foundation

/// A data set: its training and test images, and how pixels are normalised.
public struct Dataset: Sendable {
  /// As `--data` spells it.
  public let name: String
  /// The training images.
  public let train: ImageSet
  /// The test images.
  public let test: ImageSet
  /// Per channel, of pixels in 0 ... 1.
  public let means: [Float]
  /// Standard deviation of each channel of the training images, on pixels of 0 to 1.
  public let deviations: [Float]
  /// SHA-256 over the decompressed files, training images and labels first; 64 hexadecimal digits.
  public let sha256: String

  /// All names, the shipped one first.
  public static let names = ["fashion-mini", "fashion-mnist", "cifar10", "cifar100"]

  /// What a name stands for, in one line.
  public static func summary(of name: String) -> String {
    switch name {
    case "fashion-mini": "4,000 + 1,000 images of Fashion-MNIST, shipped with the program"
    case "fashion-mnist": "60,000 + 10,000 images of clothing, 1×28×28, 10 classes (IDX files)"
    case "cifar10": "50,000 + 10,000 photographs, 3×32×32, 10 classes (binary version)"
    case "cifar100": "50,000 + 10,000 photographs, 3×32×32, 100 classes (binary version)"
    case ImageFolder.name:
      "photographs in class folders, JPEG or PNG; for evaluate, with --data-dir"
    default: ""
    }
  }

  /// Where the files of a data set are looked for when no folder is given; nil for what comes with the program.
  ///
  /// Fashion-MNIST: the folder that Debian's package `dataset-fashion-mnist` fills. CIFAR: the folder that its archive
  /// unpacks to, in the working folder.
  public static func usualFolder(of name: String) -> String? {
    switch name {
    case "fashion-mnist": "/usr/share/datasets/fashion-mnist"
    case "cifar10": "cifar-10-batches-bin"
    case "cifar100": "cifar-100-binary"
    default: nil
    }
  }

  /// Reads and checks a data set.
  ///
  /// - Parameter folder: where its files lie; nil for the usual place.
  /// - Throws: `DatasetError`.
  public static func open(_ name: String, folder: String? = nil) throws -> Dataset {
    let folder = folder ?? usualFolder(of: name) ?? ""
    switch name {
    case "fashion-mini":
      let shipped = try ShippedFile.url(bundle: "milenas-lab_Datasets", path: "fashion-mini")
      return try fashion(name, folder: shipped.path)
    case "fashion-mnist": return try fashion(name, folder: folder)
    case "cifar10":
      return try cifar(
        name, train: (1...5).map { "\(folder)/data_batch_\($0).bin" },
        test: "\(folder)/test_batch.bin", labelBytes: 1, records: 10_000, classNames: cifar10Names,
        means: [0.49139968, 0.48215827, 0.44653124],
        deviations: [0.24703233, 0.24348505, 0.26158768])
    case "cifar100":
      return try cifar(
        name, train: ["\(folder)/train.bin"], test: "\(folder)/test.bin", labelBytes: 2,
        records: 50_000, classNames: (0..<100).map { "class \($0)" },
        means: [0.5071, 0.4865, 0.4409], deviations: [0.2673, 0.2564, 0.2762])
    case ImageFolder.name: throw DatasetError.needsEvaluation(name)
    default: throw DatasetError.unknownName(name)
    }
  }

  /// A data set in memory; `contents` are the files that its hash covers, decompressed.
  ///
  /// - Precondition: both parts have images of one shape.
  public init(
    name: String, train: ImageSet, test: ImageSet, means: [Float], deviations: [Float],
    contents: [[UInt8]]
  ) {
    precondition(train.imageSize == test.imageSize && means.count == train.channels)
    self.name = name
    self.train = train
    self.test = test
    self.means = means
    self.deviations = deviations
    sha256 = SHA256Digest.hex(of: contents)
  }

  private static func fashion(_ name: String, folder: String) throws -> Dataset {
    func part(_ prefix: String) throws -> (set: ImageSet, contents: [[UInt8]]) {
      try IDX.imageSet(
        images: existing("\(folder)/\(prefix)-images-idx3-ubyte"),
        labels: existing("\(folder)/\(prefix)-labels-idx1-ubyte"), rows: 28, columns: 28,
        classNames: fashionNames)
    }
    let (train, test) = (try part("train"), try part("t10k"))
    return Dataset(
      name: name, train: train.set, test: test.set, means: [0.2860], deviations: [0.3530],
      contents: train.contents + test.contents)
  }

  /// The file itself or its gzip form.
  private static func existing(_ path: String) throws -> String {
    if FileManager.default.fileExists(atPath: path) { return path }
    if FileManager.default.fileExists(atPath: path + ".gz") { return path + ".gz" }
    throw DatasetError.missing(
      path: path,
      remedy:
        "install Debian's dataset-fashion-mnist, or set --data-dir to the folder that holds it")
  }

  private static func cifar(
    _ name: String, train: [String], test: String, labelBytes: Int, records: Int,
    classNames: [String], means: [Float], deviations: [Float]
  ) throws -> Dataset {
    let trainPart = try CIFAR.imageSet(
      files: train, labelBytes: labelBytes, records: records, classNames: classNames)
    let testPart = try CIFAR.imageSet(
      files: [test], labelBytes: labelBytes, records: 10_000, classNames: classNames)
    return Dataset(
      name: name, train: trainPart.set, test: testPart.set, means: means, deviations: deviations,
      contents: trainPart.contents + testPart.contents)
  }

  static let fashionNames = [
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
    "ankle boot",
  ]
  static let cifar10Names = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
}

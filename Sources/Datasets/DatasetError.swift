/// What can be wrong with the files or the name of a data set.
public enum DatasetError: Error, Equatable, CustomStringConvertible {
  /// A name that no data set has.
  case unknownName(String)
  /// A file or folder that is not there.
  case missing(path: String, remedy: String)
  /// A file that the operating system does not give.
  case unreadable(path: String, reason: String)
  /// A file of another format.
  case wrongMagic(path: String, expected: String, found: String)
  /// A file that is cut short, or too long.
  case wrongSize(path: String, expectedBytes: Int, foundBytes: Int)
  /// A compressed file that would fill the memory.
  case tooLong(path: String, largestBytes: Int)
  /// A header that announces more than any data set has.
  case tooManyImages(path: String, announced: Int, largest: Int)
  /// Images of another size than the set's.
  case wrongShape(path: String, expected: [Int], found: [Int])
  /// A label that names no class.
  case wrongLabel(path: String, image: Int, label: Int, classes: Int)
  /// A compressed file that is damaged.
  case notGzip(path: String, reason: String)
  /// Files of images and labels that do not belong together.
  case countsDiffer(images: String, imageCount: Int, labels: String, labelCount: Int)
  /// A batch that is larger than the images that train the weights, or empty.
  case impossibleBatch(batch: Int, images: Int)
  /// More images asked for than there are.
  case tooFewImages(asked: Int, found: Int)
  /// A folder without classes or images.
  case noImages(folder: String)
  /// A class of the test images that the training images lack.
  case unknownClass(folder: String, trainingFolder: String)
  /// An image that cannot be decoded.
  case damagedImage(path: String, reason: String)
  /// Not one image that can be decoded.
  case allDamaged(count: Int, first: String)
  /// A data set that no search can use.
  case needsEvaluation(String)

  public var description: String {
    switch self {
    case .unknownName(let name):
      "there is no data set “\(name)”; "
        + (NearestName.of(name, among: Dataset.names).map { "did you mean \($0)? " } ?? "")
        + "the data sets are \(Dataset.names.joined(separator: ", "))"
    case .missing(let path, let remedy): "\(path) is not there; \(remedy)"
    case .unreadable(let path, let reason):
      "\(path) cannot be read: \(reason); make it readable, or set --data-dir"
    case .wrongMagic(let path, let expected, let found):
      "\(path) begins with \(found) where \(expected) was expected; it is another kind of file: "
        + "fetch it again, or set --data-dir"
    case .wrongSize(let path, let expected, let found):
      "\(path) holds \(found) bytes where \(expected) were expected; fetch it again, or set --data-dir"
    case .tooLong(let path, let largest):
      "\(path) holds more than the \(largest) bytes expected; fetch it again, or set --data-dir"
    case .tooManyImages(let path, let announced, let largest):
      "\(path) announces \(announced) images where at most \(largest) were expected; fetch it "
        + "again, or set --data-dir"
    case .wrongShape(let path, let expected, let found):
      "\(path) holds images of \(shape(found)) where \(shape(expected)) were expected; fetch it "
        + "again, or set --data-dir"
    case .wrongLabel(let path, let image, let label, let classes):
      "\(path) gives image \(image) the label \(label), but there are \(classes) classes; fetch it "
        + "again, or set --data-dir"
    case .notGzip(let path, let reason):
      "\(path) cannot be decompressed: \(reason); fetch it again, or set --data-dir"
    case .countsDiffer(let images, let imageCount, let labels, let labelCount):
      "\(images) holds \(imageCount) images but \(labels) \(labelCount) labels; fetch both again, "
        + "or set --data-dir"
    case .impossibleBatch(let batch, let images):
      "--batch \(batch) must be between 1 and the \(images) images that train the weights; choose "
        + "another, or more --train-images"
    case .tooFewImages(let asked, let found):
      "--train-images \(asked) must be between 4 and the \(found) training images there are"
    case .noImages(let folder):
      "\(folder) holds no images; the form is \(folder)/<class>/<image>.jpg (or .jpeg, .png), beside a folder of "
        + "the other part (train, and val or test); or set --data-dir"
    case .unknownClass(let folder, let trainingFolder):
      "\(folder) is a class that \(trainingFolder) does not have; the classes of both parts must have the same names"
    case .damagedImage(let path, let reason):
      "\(path) cannot be decoded: \(reason); replace or remove it, or leave out --strict to skip such images"
    case .allDamaged(let count, let first):
      "none of the \(count) images of a batch can be decoded; the first is \(first)"
    case .needsEvaluation(let name):
      "\(name) is read image by image and serves `evaluate` alone; the data sets of a search are "
        + Dataset.names.joined(separator: ", ")
    }
  }

  private func shape(_ sizes: [Int]) -> String {
    sizes.map(String.init).joined(separator: "×")
  }
}

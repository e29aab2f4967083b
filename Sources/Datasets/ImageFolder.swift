import Foundation
import Kernels
import Synchronization

/// Photographs in folders, one folder for each class, in `train` and `val` (or `test`): ImageNet's form. Files beside the
/// folders of the classes are passed over.
///
/// Images are decoded by a pool of workers ahead of the training. A damaged image is left out of its batch, counted and
/// named; or it ends the training (`strict`).
public final class ImageFolder: TrainingSource {
  /// How it is called among the data sets.
  public static let name: String = "image-folder"

  /// How photographs become square images.
  public struct Options: Equatable, Sendable {
    /// Rows and columns of the batches.
    public var imageSize = 224
    /// Test images: the shorter side, before the centre is cut out.
    public var resize = 256
    /// Training images: brightness, contrast and saturation by up to 0.4, hue by up to 0.2 (DARTS
    /// `cnn/train_imagenet.py`).
    public var jitters = true
    /// Whether a damaged image ends the training.
    public var strict = false
    /// Only the first so many training images of each class.
    public var imagesPerClass: Int?
    /// Threads that decode.
    public var workers = 2
    /// Batches that are decoded ahead.
    public var ahead = 2
    /// Steps after which an epoch is cut short, so that nothing is decoded for later ones; nil for all.
    public var stepsPerEpoch: Int?

    /// Those of DARTS for ImageNet.
    public init() {}
  }

  /// An image that could not be decoded.
  public struct Skipped: Equatable, Sendable {
    /// Of the file.
    public var path: String
    /// What is wrong with it, in words.
    public var reason: String
  }

  public var name: String { Self.name }
  /// As it was made with.
  public let options: Options
  /// The folders' names, in the order of the labels.
  public let classNames: [String]
  /// Images of every batch but the last.
  public let batchSize: Int
  /// Over the paths inside the folder and the sizes of all files that are used; their contents are not read for it.
  public let sha256: String
  private let train: [Item]
  private let test: [Item]
  private let seed: UInt64
  let pool: ReadAhead
  private let damaged = Mutex<[String: String]>([:])

  struct Item: Equatable, Sendable {
    var path: String
    var label: Int
  }

  public var imageSize: Int { options.imageSize }
  /// Colour.
  public var inputChannels: Int { 3 }
  /// How many folders.
  public var classes: Int { classNames.count }
  /// Training images.
  public var trainingCount: Int { train.count }
  /// Test images.
  public var testCount: Int { test.count }
  /// The images that were left out so far, by path.
  public var skipped: [Skipped] {
    damaged.withLock { $0.sorted { $0.key < $1.key } }
      .map { Skipped(path: $0.key, reason: $0.value) }
  }

  /// Lists the files; none is opened yet.
  ///
  /// - Throws: `DatasetError.noImages` (for a class without training images, too), `.unknownClass`, `.impossibleBatch`.
  public init(folder: String, seed: UInt64, batchSize: Int, options: Options = Options()) throws {
    let trainFolder = "\(folder)/train"
    let testFolder = ["val", "test"].map { "\(folder)/\($0)" }
      .first { FileManager.default.fileExists(atPath: $0) }
    guard let testFolder else { throw DatasetError.noImages(folder: "\(folder)/val") }
    let names = Self.folders(in: trainFolder)
    classNames = names
    train = try names.enumerated().flatMap { label, name in
      let images = Self.images(in: "\(trainFolder)/\(name)")
      // A class that nothing is learned of would be an output all the same.
      guard !images.isEmpty else { throw DatasetError.noImages(folder: "\(trainFolder)/\(name)") }
      return images.prefix(options.imagesPerClass ?? .max).map { Item(path: $0, label: label) }
    }
    test = try Self.folders(in: testFolder).flatMap { name -> [Item] in
      guard let label = names.firstIndex(of: name) else {
        throw DatasetError.unknownClass(
          folder: "\(testFolder)/\(name)", trainingFolder: trainFolder)
      }
      return Self.images(in: "\(testFolder)/\(name)").map { Item(path: $0, label: label) }
    }
    guard !train.isEmpty else { throw DatasetError.noImages(folder: trainFolder) }
    guard !test.isEmpty else { throw DatasetError.noImages(folder: testFolder) }
    guard 1...train.count ~= batchSize else {
      throw DatasetError.impossibleBatch(batch: batchSize, images: train.count)
    }
    sha256 = Self.digest(of: train + test, in: folder)
    self.options = options
    self.batchSize = batchSize
    self.seed = seed
    pool = ReadAhead(workers: options.workers)
  }

  private static func entries(of folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { !$0.hasPrefix(".") }.sorted()
  }

  private static func folders(in folder: String) -> [String] {
    entries(of: folder).filter {
      var isFolder: ObjCBool = false
      return unsafe FileManager.default.fileExists(
        atPath: "\(folder)/\($0)", isDirectory: &isFolder)
        && isFolder.boolValue
    }
  }

  private static func images(in folder: String) -> [String] {
    entries(of: folder)
      .filter { ["jpg", "jpeg", "png"].contains(($0 as NSString).pathExtension.lowercased()) }
      .map { "\(folder)/\($0)" }
  }

  private static func digest(of items: [Item], in folder: String) -> String {
    let lines = items.map { item in
      Array("\(item.path.dropFirst(folder.count)) \(fileSize(item.path) ?? 0)\n".utf8)
    }
    return SHA256Digest.hex(of: lines)
  }

  // MARK: - Batches

  /// The step's part of the epoch's shuffle, augmented; smaller where images were damaged.
  ///
  /// - Throws: `DatasetError.damagedImage` (strict), `.allDamaged`.
  public func trainingBatch(epoch: Int, step: Int) throws -> Batch<Float> {
    let random = Philox(seed: seed, purpose: .augmentation)
    let order = Philox(seed: seed, purpose: .shuffle).permutation(of: train.count, epoch: epoch)
    pool.forgetTraining(butOf: epoch)
    let steps = min(options.stepsPerEpoch ?? .max, stepsPerEpoch)
    return try batch(.train(epoch: epoch), step, of: max(step + 1, steps)) {
      [train, options] step in
      let first = step * self.batchSize
      return order[first..<min(first + self.batchSize, train.count)].enumerated().map {
        place, image in
        let item = train[image]
        return (
          item,
          {
            let photograph = try Photograph(contentsOf: item.path)
            return Self.augmented(
              photograph, options, random, epoch: epoch, step: step, place: place)
          }
        )
      }
    }
  }

  public func testBatch(_ k: Int) throws -> Batch<Float> {
    try batch(.test, k, of: testBatchCount) { [test, options] k in
      let first = k * self.batchSize
      return test[first..<min(first + self.batchSize, test.count)].map { item in
        (item, { Self.centred(try Photograph(contentsOf: item.path), options) })
      }
    }
  }

  private typealias Work = (item: Item, load: @Sendable () throws -> [Float])

  /// Takes a batch from the pool, and asks it for those that follow.
  private func batch(
    _ part: ReadAhead.Part, _ step: Int, of steps: Int, _ work: (Int) -> [Work]
  ) throws -> Batch<Float> {
    for next in step..<min(step + 1 + max(0, options.ahead), steps) {
      let address = ReadAhead.Address(part: part, step: next)
      if !pool.holds(address) { pool.start(address, work(next).map(\.load)) }
    }
    let items = work(step).map(\.item)
    var (images, labels): ([Float], [Int]) = ([], [])
    images.reserveCapacity(items.count * imageSize * imageSize * 3)
    for (item, image) in zip(items, pool.take(ReadAhead.Address(part: part, step: step))) {
      switch image {
      case .success(let values):
        images += values
        labels.append(item.label)
      case .failure(let error):
        if options.strict { throw error }
        let reason: String
        if case DatasetError.damagedImage(_, let found) = error {
          reason = found
        } else {
          reason = "\(error)"
        }
        damaged.withLock { $0[item.path] = reason }
      }
    }
    guard !labels.isEmpty else {
      throw DatasetError.allDamaged(count: items.count, first: items.first?.path ?? "")
    }
    return Batch(images: images, labels: labels, rows: imageSize, columns: imageSize, channels: 3)
  }

  // MARK: - One image

  /// A region of 0.08 to 1 of the area and an aspect of 3/4 to 4/3, at random; the largest centred one after ten
  /// tries (torchvision's `RandomResizedCrop`).
  static func randomRegion(
    rows: Int, columns: Int, _ random: Philox, epoch: Int, step: Int, place: Int
  ) -> ImageRegion {
    func draw(_ k: Int) -> Double {
      random.uniform(epoch: epoch, step: step, index: place * 64 + k)
    }
    for attempt in 0..<10 {
      let area = Double(rows * columns) * (0.08 + 0.92 * draw(4 * attempt))
      let limit = Exponential.log(4.0 / 3)
      let aspect = Exponential.exp((2 * draw(4 * attempt + 1) - 1) * limit)
      let width = (area * aspect).squareRoot().rounded()
      let height = (area / aspect).squareRoot().rounded()
      guard 1...Double(columns) ~= width, 1...Double(rows) ~= height else { continue }
      return ImageRegion(
        row: ((Double(rows) - height + 1) * draw(4 * attempt + 2)).rounded(.down),
        column: ((Double(columns) - width + 1) * draw(4 * attempt + 3)).rounded(.down),
        height: height, width: width)
    }
    let (r, c) = (Double(rows), Double(columns))
    let (height, width) = (min(r, c * 4 / 3), min(c, r * 4 / 3))
    return ImageRegion(row: (r - height) / 2, column: (c - width) / 2, height: height, width: width)
  }

  private static func augmented(
    _ photograph: Photograph, _ options: Options, _ random: Philox, epoch: Int, step: Int,
    place: Int
  ) -> [Float] {
    func draw(_ k: Int) -> Double {
      random.uniform(epoch: epoch, step: step, index: place * 64 + 40 + k)
    }
    var image = WorkingImage(
      photograph,
      randomRegion(
        rows: photograph.rows, columns: photograph.columns, random, epoch: epoch, step: step,
        place: place), size: options.imageSize)
    if draw(0) < 0.5 { image.mirror() }
    if options.jitters {
      // The order of the four: they are sorted by a number drawn for each.
      let keys = (0..<4).map { draw(5 + $0) }
      ColourJitter(
        brightness: Float(0.6 + 0.8 * draw(1)), contrast: Float(0.6 + 0.8 * draw(2)),
        saturation: Float(0.6 + 0.8 * draw(3)), hue: Float(0.4 * draw(4) - 0.2),
        order: (0..<4).sorted { keys[$0] < keys[$1] }
      ).apply(to: &image)
    }
    return normalised(image)
  }

  /// The centre of the image as if its shorter side had been brought to `resize` pixels.
  private static func centred(_ photograph: Photograph, _ options: Options) -> [Float] {
    let (r, c) = (Double(photograph.rows), Double(photograph.columns))
    let side = min(min(r, c) * Double(options.imageSize) / Double(options.resize), min(r, c))
    return normalised(
      WorkingImage(
        photograph,
        ImageRegion(row: (r - side) / 2, column: (c - side) / 2, height: side, width: side),
        size: options.imageSize))
  }

  /// ImageNet's means and deviations.
  private static func normalised(_ image: WorkingImage) -> [Float] {
    let means: [Float] = [0.485, 0.456, 0.406]
    let deviations: [Float] = [0.229, 0.224, 0.225]
    var values = image.values
    for i in values.indices { values[i] = (values[i] - means[i % 3]) / deviations[i % 3] }
    return values
  }
}

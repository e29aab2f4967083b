import Foundation
import Testing

@testable import Datasets

/// Whether the package dataset-fashion-mnist is installed.
private let hasFashionMNIST = FileManager.default.fileExists(
  atPath: "\(Dataset.usualFolder(of: "fashion-mnist") ?? "")/train-images-idx3-ubyte.gz")

@Suite struct DatasetTests {
  /// SHA-256 of the decompressed files, the same for Debian's files as for those of the authors.
  @Test(
    .enabled(if: hasFashionMNIST, "install Debian's dataset-fashion-mnist"),
    arguments: [
      (
        "train-images-idx3-ubyte", [28, 28], 60_000,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
      ),
      (
        "train-labels-idx1-ubyte", [], 60_000,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
      ),
      (
        "t10k-images-idx3-ubyte", [28, 28], 10_000,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
      ),
      (
        "t10k-labels-idx1-ubyte", [], 10_000,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
      ),
    ])
  func fashionMNISTHasThePublishedContent(
    name: String, item: [Int], count: Int, sha256: String
  ) throws {
    let folder = try #require(Dataset.usualFolder(of: "fashion-mnist"))
    let file = try IDX.read("\(folder)/\(name).gz", item: item)
    #expect(file.count == count)
    #expect(SHA256Digest.hex(of: [file.content]) == sha256)
  }

  @Test(.enabled(if: hasFashionMNIST, "install Debian's dataset-fashion-mnist"))
  func fashionMiniHoldsTheFirstImagesOfEachClassOfFashionMNIST() throws {
    let whole = try Dataset.open("fashion-mnist")
    let mini = try Dataset.open("fashion-mini")
    for (part, of) in [(mini.train, whole.train), (mini.test, whole.test)] {
      for label in 0..<10 as Range<UInt8> {
        let chosen = part.labels.indices.filter { part.labels[$0] == label }
        let first = of.labels.indices.filter { of.labels[$0] == label }.prefix(chosen.count)
        #expect(chosen.flatMap(part.image) == first.flatMap(of.image), "class \(label)")
      }
    }
  }

  // MARK: - fashion-mini

  @Test func fashionMiniIsBalancedInEachHalfAndInTheTestPart() throws {
    let mini = try Dataset.open("fashion-mini")
    #expect(mini.train.count == 4000 && mini.test.count == 1000)
    #expect(classCounts(mini.train.labels[..<2000]) == .init(repeating: 200, count: 10))
    #expect(classCounts(mini.train.labels[2000...]) == .init(repeating: 200, count: 10))
    #expect(classCounts(mini.test.labels[...]) == .init(repeating: 100, count: 10))
  }

  @Test func leadingPartsOfFashionMiniAreBalanced() throws {
    let mini = try Dataset.open("fashion-mini")
    for half in [10, 50, 500] {
      #expect(classCounts(mini.train.labels[..<half]) == .init(repeating: half / 10, count: 10))
    }
  }

  private func classCounts(_ labels: ArraySlice<UInt8>) -> [Int] {
    labels.reduce(into: .init(repeating: 0, count: 10)) { $0[Int($1)] += 1 }
  }

  /// The manifest of a run names its data by this digest, so it must not change.
  @Test func theDigestOfFashionMiniIsTheRecordedOne() throws {
    #expect(
      try Dataset.open("fashion-mini").sha256
        == "1f26c6664041e3acb841ebcf97f703efcdd2360ff72f5e07b7352dd2c7c11f2d")
  }

  // MARK: - The registry

  @Test func anUnknownNameIsAnsweredWithTheNearest() throws {
    #expect(
      try sentence { _ = try Dataset.open("fashion-minst") }
        == "there is no data set “fashion-minst”; did you mean fashion-mnist? the data sets are "
        + "fashion-mini, fashion-mnist, cifar10, cifar100")
    #expect(
      try sentence { _ = try Dataset.open("imagenet") }
        == "there is no data set “imagenet”; the data sets are fashion-mini, fashion-mnist, "
        + "cifar10, cifar100")
  }

  @Test func aFolderWithoutTheFilesIsNamedWithTheRemedy() throws {
    let folder = try ScratchFolder()
    #expect(
      try sentence { _ = try Dataset.open("fashion-mnist", folder: folder.path) }
        == "\(folder.path)/train-images-idx3-ubyte is not there; install Debian's "
        + "dataset-fashion-mnist, or set --data-dir to the folder that holds it")
  }

  @Test func everyNameHasASummary() {
    for name in Dataset.names { #expect(!Dataset.summary(of: name).isEmpty) }
  }

  @Test func aResourceThatIsGoneIsAnErrorAndNoTrap() throws {
    #expect(
      try sentence { _ = try ShippedFile.url(bundle: "milenas-lab_Datasets", path: "gone") }
        == "milenas-lab_Datasets.resources/Resources/gone is not there; keep the folder "
        + "milenas-lab_Datasets.resources beside the program, or build it again")
  }
}

extension ImageSet {
  /// The pixels of one image.
  fileprivate func image(_ index: Int) -> ArraySlice<UInt8> {
    pixels[(index * imageSize)..<((index + 1) * imageSize)]
  }
}

@Suite struct SHA256Tests {
  /// FIPS 180-4's examples, and the empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func theDigestIsThePublishedOne(message: String, digest: String) {
    #expect(SHA256Digest.hex(of: [Array(message.utf8)]) == digest)
  }

  @Test func piecesAreOneMessage() {
    let message = (0..<200).map(UInt8.init)
    for cut in [0, 1, 63, 64, 65, 200] {
      #expect(
        SHA256Digest.bytes(of: [Array(message[..<cut]), Array(message[cut...])])
          == SHA256Digest.bytes(of: [message]))
    }
  }
}

@Suite struct NearestNameTests {
  @Test(arguments: [
    ("cifar10", "cifar10", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("mnist", "minst", 1),
    ("CIFAR", "cifar", 0), ("abc", "", 3),
  ])
  func editsAreInsertedDeletedReplacedAndExchangedLetters(a: String, b: String, edits: Int) {
    #expect(NearestName.edits(a, b) == edits)
    #expect(NearestName.edits(b, a) == edits)
  }

  @Test func aNameThatIsFarFromAllHasNone() {
    #expect(NearestName.of("imagenet", among: Dataset.names) == nil)
    #expect(NearestName.of("cifar-10", among: Dataset.names) == "cifar10")
    #expect(NearestName.of("x", among: []) == nil)
  }
}

import Kernels
import Testing

@testable import Datasets

/// 51 training images whose only pixel is their number, and 7 test images; no normalisation to speak of.
private func numbered() -> Dataset {
  func part(_ count: Int) -> ImageSet {
    ImageSet(
      pixels: (0..<count).map(UInt8.init), labels: (0..<count).map { UInt8($0 % 3) }, rows: 1,
      columns: 1, channels: 1, classNames: ["a", "b", "c"])
  }
  return Dataset(
    name: "numbered", train: part(51), test: part(7), means: [0], deviations: [1 / 255],
    contents: [])
}

@Suite struct BatchSourceTests {
  private func source(
    seed: UInt64 = 1, batch: Int = 8, _ augmentation: Augmentation = .none,
    validationAugmentation: Bool = false, trainImages: Int? = nil
  ) throws -> BatchSource {
    try BatchSource(
      numbered(), seed: seed, batchSize: batch, augmentation: augmentation,
      validationAugmentation: validationAugmentation, trainImages: trainImages)
  }

  // MARK: - What is in an epoch

  @Test(arguments: 0..<4)
  func theTrainingBatchesOfAnEpochAreAPartitionOfTheFirstHalf(epoch: Int) throws {
    let source = try source()
    #expect(source.stepsPerEpoch == 4)
    let steps = (0..<source.stepsPerEpoch).map { source.trainingBatch(epoch: epoch, step: $0) }
    #expect(steps.map(\.indices.count) == [8, 8, 8, 1])
    #expect(steps.flatMap(\.indices).sorted() == Array(0..<25))
  }

  @Test func theHalvesAreDisjointAndCoverTheImages() throws {
    let source = try source()
    let training = (0..<4).flatMap { source.trainingBatch(epoch: 0, step: $0).indices }
    let evaluated = (0..<source.evaluationBatchCount).flatMap {
      source.evaluationBatch($0).images.map { Int($0.rounded()) }
    }
    #expect(evaluated == Array(25..<51))
    #expect(Set(training).isDisjoint(with: evaluated))
    #expect(source.trainingCount + source.validationCount == 51)
  }

  @Test func validationBatchesAreFullAndBeginAgainAtTheEndOfTheHalf() throws {
    let source = try source()
    let indices = (0..<13).flatMap { source.validationBatch(epoch: 2, step: $0).indices }
    #expect(indices.count == 104)
    let rounds = (0..<4).map { Array(indices[(26 * $0)..<(26 * $0 + 26)]) }
    for round in rounds {
      #expect(round == rounds[0])
      #expect(round.sorted() == Array(25..<51))
    }
  }

  @Test func randomValidationBatchesAreDistinctImagesDrawnEvenly() throws {
    let source = try source()
    var counts = [Int](repeating: 0, count: 51)
    for step in 0..<2600 {
      let indices = source.randomValidationBatch(epoch: 0, step: step).indices
      #expect(Set(indices).count == 8)
      for index in indices { counts[index] += 1 }
    }
    #expect(counts[..<25].allSatisfy { $0 == 0 })
    // 2,600 draws of 8 among 26: 800 each; five standard deviations of a binomial count.
    for count in counts[25...] { #expect(abs(count - 800) < 118) }
  }

  @Test func testBatchesAreTheTestImagesInFileOrder() throws {
    let source = try WholeSource(numbered(), seed: 1, batchSize: 3, augmentation: .standard)
    let batches = (0..<source.testBatchCount).map { source.testBatch($0) }
    #expect(batches.map(\.count) == [3, 3, 1])
    #expect(batches.flatMap(\.images).map { Int($0.rounded()) } == Array(0..<7))
    #expect(batches.flatMap(\.labels) == [0, 1, 2, 0, 1, 2, 0])
  }

  @Test func theIndicesAreThoseOfTheImagesAndLabels() throws {
    let source = try source()
    for (batch, indices) in [
      source.trainingBatch(epoch: 3, step: 1), source.validationBatch(epoch: 3, step: 1),
      source.randomValidationBatch(epoch: 3, step: 1),
    ] {
      #expect(batch.images.map { Int($0.rounded()) } == indices)
      #expect(batch.labels == indices.map { $0 % 3 })
    }
  }

  @Test(arguments: [(4, 2, 2), (5, 2, 3), (20, 10, 10), (51, 25, 26)])
  func theFirstTrainImagesAreCutInHalf(images: Int, training: Int, validation: Int) throws {
    let source = try source(batch: 2, trainImages: images)
    #expect(source.trainingCount == training && source.validationCount == validation)
    let used = (0..<source.stepsPerEpoch).flatMap {
      source.trainingBatch(epoch: 0, step: $0).indices
    }
    #expect(used.sorted() == Array(0..<training))
    #expect(
      source.validationBatch(epoch: 0, step: 0).indices.allSatisfy { training..<images ~= $0 })
  }

  // MARK: - Addresses

  @Test func theSameAddressHasTheSameBitsInAnyOrder() throws {
    let addresses = (0..<3).flatMap { epoch in (0..<4).map { (epoch, $0) } }
    let there = try source(.standard)
    let forwards = addresses.map { there.trainingBatch(epoch: $0, step: $1).batch }
    let back = try source(.standard)
    let backwards = addresses.reversed().map { back.trainingBatch(epoch: $0, step: $1).batch }
    #expect(forwards == backwards.reversed())
  }

  @Test func theSameAddressHasTheSameBitsFromAnyThread() async throws {
    let source = try source(.standard, validationAugmentation: true)
    let alone = (0..<32).map { source.validationBatch(epoch: $0 / 4, step: $0 % 4).batch }
    let together = await withTaskGroup(of: (Int, Batch<Float>).self) { group in
      for k in 0..<32 {
        group.addTask { (k, source.validationBatch(epoch: k / 4, step: k % 4).batch) }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for k in 0..<32 { #expect(together[k] == alone[k]) }
  }

  @Test func otherSeedsAndEpochsHaveOtherBatches() throws {
    let first = try source().trainingBatch(epoch: 0, step: 0).indices
    #expect(try source(seed: 2).trainingBatch(epoch: 0, step: 0).indices != first)
    #expect(try source().trainingBatch(epoch: 1, step: 0).indices != first)
  }

  // MARK: - Augmentation

  @Test func validationImagesAreAugmentedOnlyWhenAsked() throws {
    // One pixel, shifted by up to 4: black in 80 of 81 places.
    let plain = try source(.standard).validationBatch(epoch: 0, step: 0).batch
    #expect(plain.images.allSatisfy { $0 >= 24.5 })
    let augmented = try source(.standard, validationAugmentation: true)
      .validationBatch(epoch: 0, step: 0).batch
    #expect(augmented.images.contains(0))
    #expect(augmented.labels == plain.labels)
  }

  @Test func evaluationImagesAreNeverAugmented() throws {
    let source = try source(.standard, validationAugmentation: true)
    #expect(try source.evaluationBatch(0) == self.source().evaluationBatch(0))
  }

  /// Without a half for α all images train; they are drawn and augmented as in a search.
  @Test func aWholeEpochHasEveryTrainingImageOnce() throws {
    let source = try WholeSource(numbered(), seed: 1, batchSize: 8, augmentation: .none)
    let images = (0..<source.stepsPerEpoch).flatMap {
      source.trainingBatch(epoch: 0, step: $0).images.map { Int($0.rounded()) }
    }
    #expect(images.sorted() == Array(0..<51) && images != images.sorted())
  }

  // MARK: - Bad settings

  @Test(arguments: [0, -1, 26])
  func anImpossibleBatchIsNamedWithTheRemedy(batch: Int) throws {
    #expect(
      try sentence { _ = try source(batch: batch) }
        == "--batch \(batch) must be between 1 and the 25 images that train the weights; choose "
        + "another, or more --train-images")
  }

  @Test(arguments: [-1, 0, 3, 52])
  func anImpossibleNumberOfImagesIsNamed(images: Int) throws {
    #expect(
      try sentence { _ = try source(trainImages: images) }
        == "--train-images \(images) must be between 4 and the 51 training images there are")
  }
}

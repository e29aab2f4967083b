import Testing

@testable import Kernels

@Suite struct VectorMathTests {
  /// Lengths around the sixteen lanes and the block of 4,096.
  static let lengths = [0, 1, 15, 16, 17, 4095, 4096, 4097, 10_000]

  @Test(arguments: lengths)
  func dotProductsOfWholeNumbersAreExact(count: Int) {
    let x = (0..<count).map { Float($0 % 7 - 3) }
    let y = (0..<count).map { Float($0 % 5 - 2) }
    let exact = zip(x, y).reduce(0) { $0 + Int($1.0) * Int($1.1) }
    #expect(x.dot(y) == Double(exact))
    #expect(x.map(Double.init).dot(y.map(Double.init)) == Double(exact))
  }

  @Test func sumsOfFloatsAreTakenInDouble() {
    let x: [Float] = [4096, 1, -4096]
    #expect(x.dot([4096, 0x1p-20, 4096]) == 0x1p-20)
  }

  @Test func squaresBeyondTheRangeOfFloatHaveANorm() {
    #expect(
      [Float(3e30), 4e30].norm
        == (Double(Float(3e30)) * Double(Float(3e30))
        + Double(Float(4e30)) * Double(Float(4e30))).squareRoot())
  }

  @Test(arguments: lengths)
  func additionRoundsEachEntryOnce(count: Int) {
    let x = (0..<count).map { 1 / Double($0 + 1) }
    let y = (0..<count).map { Double($0).squareRoot() }
    let expected = zip(x, y).map { $0.addingProduct(0.1, $1) }
    #expect(x.adding(0.1, times: y) == expected)
    #expect(x.subtracting(y) == zip(x, y).map(-))
    #expect(x.scaled(by: 3) == x.map { $0 * 3 })
  }

  @Test func vectorsOfDifferentLengthsTrap() async {
    await #expect(processExitsWith: .failure) { _ = [1.0, 2].dot([1]) }
    await #expect(processExitsWith: .failure) { _ = [1.0, 2].adding(1, times: [1]) }
  }
}

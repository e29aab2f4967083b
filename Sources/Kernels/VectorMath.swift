/// Vector arithmetic on flat parameter vectors.
///
/// Sums are taken in Double over blocks of a fixed size, so that a result depends on the data
/// alone: not on the precision's vector width, not on the processor, not on threads. Products of
/// two Floats are exact in Double. The specialised copies live here, because this module is
/// optimised in debug builds too.
extension Array where Element: KernelScalar {
  /// Σᵢ xᵢ yᵢ, summed in Double.
  ///
  /// - Precondition: both have the same length.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  public func dot(_ other: [Element]) -> Double {
    precondition(count == other.count, "dot product of \(count) and \(other.count) entries")
    return withUnsafeBufferPointer { x in
      other.withUnsafeBufferPointer { y in
        var total = 0.0
        for start in stride(from: 0, to: x.count, by: sumBlock) {
          total += blockDot(x, y, start..<Swift.min(start + sumBlock, x.count))
        }
        return total
      }
    }
  }

  /// ‖x‖₂, summed in Double; squares of Doubles beyond 1e±154 leave its range.
  public var norm: Double { dot(self).squareRoot() }

  /// x ← x + a·y, each entry rounded once (a fused multiply-add).
  ///
  /// - Precondition: both have the same length.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  public mutating func add(_ a: Element, times other: [Element]) {
    precondition(count == other.count, "sum of \(count) and \(other.count) entries")
    withUnsafeMutableBufferPointer { x in
      other.withUnsafeBufferPointer { y in
        for i in x.indices { x[i] = x[i].addingProduct(a, y[i]) }
      }
    }
  }

  /// x ← a·x.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  public mutating func scale(by a: Element) {
    withUnsafeMutableBufferPointer { x in
      for i in x.indices { x[i] *= a }
    }
  }

  /// x + a·y, each entry rounded once.
  public func adding(_ a: Element, times other: [Element]) -> [Element] {
    var sum = self
    sum.add(a, times: other)
    return sum
  }

  /// a·x.
  public func scaled(by a: Element) -> [Element] {
    var product = self
    product.scale(by: a)
    return product
  }

  /// x − y.
  public func subtracting(_ other: [Element]) -> [Element] { adding(-1, times: other) }

  /// A vector of zeros.
  public static func zeros(_ count: Int) -> [Element] { [Element](repeating: 0, count: count) }
}

/// Entries summed before their total joins the sum of the blocks before.
private let sumBlock = 4096

/// The dot product of one block in sixteen lanes, which are added from first to last.
@inline(__always)
private func blockDot<Scalar: KernelScalar>(
  _ x: UnsafeBufferPointer<Scalar>, _ y: UnsafeBufferPointer<Scalar>, _ range: Range<Int>
) -> Double {
  var lanes = SIMD16<Double>.zero
  var i = range.lowerBound
  while i + 16 <= range.upperBound {
    var (a, b) = (SIMD16<Double>(), SIMD16<Double>())
    for lane in 0..<16 {
      a[lane] = Double(x[i + lane])
      b[lane] = Double(y[i + lane])
    }
    lanes.addProduct(a, b)
    i += 16
  }
  var total = 0.0
  for lane in 0..<16 { total += lanes[lane] }
  while i < range.upperBound {
    total.addProduct(Double(x[i]), Double(y[i]))
    i += 1
  }
  return total
}

import CCacheHints

/// Vectors that can choose lane by lane.
///
/// The standard library's comparisons are vector instructions for concrete types only, loops over lanes in generic
/// code; so the choice is spelled out once for each width and precision.
public protocol KernelVector: SIMD where Scalar: KernelScalar {
  /// The lanes of `yes` where a > b, of `no` elsewhere.
  static func choose(_ a: Self, over b: Self, _ yes: Self, _ no: Self) -> Self
  /// The lanes of `yes` where a = b, of `no` elsewhere.
  static func choose(_ a: Self, equal b: Self, _ yes: Self, _ no: Self) -> Self
}

extension KernelVector {
  /// Writes the vector to an address that is a multiple of its size, past the caches.
  @inline(__always)
  func stream(to address: UnsafeMutableRawPointer) {
    switch MemoryLayout<Self>.size {
    #if AVX512
      case 64: stream_64(address, unsafeBitCast(self, to: SIMD16<UInt32>.self))
    #endif
    case 32: stream_32(address, unsafeBitCast(self, to: SIMD8<UInt32>.self))
    default: address.storeBytes(of: self, as: Self.self)
    }
  }
}

extension SIMD4: KernelVector where Scalar: KernelScalar {
  @inline(__always)
  public static func choose(_ a: Self, over b: Self, _ yes: Self, _ no: Self) -> Self {
    Scalar.choose(a, over: b, yes, no)
  }

  @inline(__always)
  public static func choose(_ a: Self, equal b: Self, _ yes: Self, _ no: Self) -> Self {
    Scalar.choose(a, equal: b, yes, no)
  }
}

extension SIMD8: KernelVector where Scalar: KernelScalar {
  @inline(__always)
  public static func choose(_ a: Self, over b: Self, _ yes: Self, _ no: Self) -> Self {
    Scalar.choose(a, over: b, yes, no)
  }

  @inline(__always)
  public static func choose(_ a: Self, equal b: Self, _ yes: Self, _ no: Self) -> Self {
    Scalar.choose(a, equal: b, yes, no)
  }
}

extension SIMD16: KernelVector where Scalar: KernelScalar {
  @inline(__always)
  public static func choose(_ a: Self, over b: Self, _ yes: Self, _ no: Self) -> Self {
    Scalar.choose(a, over: b, yes, no)
  }

  @inline(__always)
  public static func choose(_ a: Self, equal b: Self, _ yes: Self, _ no: Self) -> Self {
    Scalar.choose(a, equal: b, yes, no)
  }
}

/// The choices of `KernelVector` for one precision.
public protocol VectorChoices: SIMDScalar, Hashable, Codable {
  /// In each lane `yes` where a > b, else `no`.
  static func choose(_ a: SIMD4<Self>, over b: SIMD4<Self>, _ yes: SIMD4<Self>, _ no: SIMD4<Self>)
    -> SIMD4<Self>
  /// In each lane `yes` where a = b, else `no`.
  static func choose(_ a: SIMD4<Self>, equal b: SIMD4<Self>, _ yes: SIMD4<Self>, _ no: SIMD4<Self>)
    -> SIMD4<Self>
  /// In each lane `yes` where a > b, else `no`.
  static func choose(_ a: SIMD8<Self>, over b: SIMD8<Self>, _ yes: SIMD8<Self>, _ no: SIMD8<Self>)
    -> SIMD8<Self>
  /// In each lane `yes` where a = b, else `no`.
  static func choose(_ a: SIMD8<Self>, equal b: SIMD8<Self>, _ yes: SIMD8<Self>, _ no: SIMD8<Self>)
    -> SIMD8<Self>
  /// In each lane `yes` where a > b, else `no`.
  static func choose(
    _ a: SIMD16<Self>, over b: SIMD16<Self>, _ yes: SIMD16<Self>, _ no: SIMD16<Self>
  )
    -> SIMD16<Self>
  /// In each lane `yes` where a = b, else `no`.
  static func choose(
    _ a: SIMD16<Self>, equal b: SIMD16<Self>, _ yes: SIMD16<Self>, _ no: SIMD16<Self>
  )
    -> SIMD16<Self>
}

extension Float: VectorChoices {
  /// In each lane `yes` where a > b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD4<Float>, over b: SIMD4<Float>, _ yes: SIMD4<Float>, _ no: SIMD4<Float>
  ) -> SIMD4<Float> {
    no.replacing(with: yes, where: a .> b)
  }

  /// In each lane `yes` where a = b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD4<Float>, equal b: SIMD4<Float>, _ yes: SIMD4<Float>, _ no: SIMD4<Float>
  ) -> SIMD4<Float> {
    no.replacing(with: yes, where: a .== b)
  }

  /// In each lane `yes` where a > b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD8<Float>, over b: SIMD8<Float>, _ yes: SIMD8<Float>, _ no: SIMD8<Float>
  ) -> SIMD8<Float> {
    no.replacing(with: yes, where: a .> b)
  }

  /// In each lane `yes` where a = b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD8<Float>, equal b: SIMD8<Float>, _ yes: SIMD8<Float>, _ no: SIMD8<Float>
  ) -> SIMD8<Float> {
    no.replacing(with: yes, where: a .== b)
  }

  /// In each lane `yes` where a > b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD16<Float>, over b: SIMD16<Float>, _ yes: SIMD16<Float>, _ no: SIMD16<Float>
  ) -> SIMD16<Float> {
    no.replacing(with: yes, where: a .> b)
  }

  /// In each lane `yes` where a = b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD16<Float>, equal b: SIMD16<Float>, _ yes: SIMD16<Float>, _ no: SIMD16<Float>
  ) -> SIMD16<Float> {
    no.replacing(with: yes, where: a .== b)
  }
}

extension Double: VectorChoices {
  /// In each lane `yes` where a > b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD4<Double>, over b: SIMD4<Double>, _ yes: SIMD4<Double>, _ no: SIMD4<Double>
  ) -> SIMD4<Double> {
    no.replacing(with: yes, where: a .> b)
  }

  /// In each lane `yes` where a = b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD4<Double>, equal b: SIMD4<Double>, _ yes: SIMD4<Double>, _ no: SIMD4<Double>
  ) -> SIMD4<Double> {
    no.replacing(with: yes, where: a .== b)
  }

  /// In each lane `yes` where a > b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD8<Double>, over b: SIMD8<Double>, _ yes: SIMD8<Double>, _ no: SIMD8<Double>
  ) -> SIMD8<Double> {
    no.replacing(with: yes, where: a .> b)
  }

  /// In each lane `yes` where a = b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD8<Double>, equal b: SIMD8<Double>, _ yes: SIMD8<Double>, _ no: SIMD8<Double>
  ) -> SIMD8<Double> {
    no.replacing(with: yes, where: a .== b)
  }

  /// In each lane `yes` where a > b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD16<Double>, over b: SIMD16<Double>, _ yes: SIMD16<Double>, _ no: SIMD16<Double>
  ) -> SIMD16<Double> {
    no.replacing(with: yes, where: a .> b)
  }

  /// In each lane `yes` where a = b, else `no`.
  @inline(__always)
  public static func choose(
    _ a: SIMD16<Double>, equal b: SIMD16<Double>, _ yes: SIMD16<Double>, _ no: SIMD16<Double>
  ) -> SIMD16<Double> {
    no.replacing(with: yes, where: a .== b)
  }
}

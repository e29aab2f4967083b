/// What a pass computes with: a precision, and values alone or with tangents.
///
/// Channels are padded to a multiple of 8; where they are a multiple of 16, Float uses vectors of 16.
public protocol Arithmetic: Sendable {
  /// What memory holds.
  associatedtype Element: KernelScalar
  /// Sums, batch-norm coefficients and losses: in Double in either precision.
  associatedtype Scalar: PassNumber
  /// 1, or 2 with tangents.
  static var components: Int { get }
  /// The vectors for a multiple of 8 channels.
  associatedtype Narrow: Lanes where Narrow.Element == Element
  /// The vectors for a multiple of 16 channels.
  associatedtype Wide: Lanes where Wide.Element == Element
}

#if AVX512
  /// The vector for multiples of 8 channels in Float.
  public typealias Float8 = SIMD8<Float>
  /// The vector for multiples of 16 channels in Float.
  public typealias Float16 = SIMD16<Float>
  /// The vector for multiples of 8 channels in Double.
  public typealias Double8 = SIMD8<Double>
#else
  /// The vector for multiples of 8 channels in Float.
  public typealias Float8 = SIMD8<Float>
  /// The vector for multiples of 16 channels in Float: two of these.
  public typealias Float16 = SIMD8<Float>
  /// The vector for multiples of 8 channels in Double: two of these.
  public typealias Double8 = SIMD4<Double>
#endif

/// Gradients in Float.
public enum PlainFloat: Arithmetic {
  /// Single precision.
  public typealias Element = Float
  /// Sums are in Double.
  public typealias Scalar = Double
  /// For multiples of 8 channels.
  public typealias Narrow = Plain<Float8>
  /// For multiples of 16 channels.
  public typealias Wide = Plain<Float16>
  /// 1: no tangents.
  public static var components: Int { 1 }
}

/// Gradients in Double.
public enum PlainDouble: Arithmetic {
  /// Double precision.
  public typealias Element = Double
  /// Sums are in Double.
  public typealias Scalar = Double
  /// For multiples of 8 channels.
  public typealias Narrow = Plain<Double8>
  /// For multiples of 16 channels.
  public typealias Wide = Plain<Double8>
  /// 1: no tangents.
  public static var components: Int { 1 }
}

/// Gradients and their directional derivatives in Float.
public enum DualFloat: Arithmetic {
  /// Single precision.
  public typealias Element = Float
  /// Sums are in Double, with their tangents.
  public typealias Scalar = DualNumber
  /// For multiples of 8 channels.
  public typealias Narrow = Dual<Float8>
  /// For multiples of 16 channels.
  public typealias Wide = Dual<Float16>
  /// 2: a value and its tangent.
  public static var components: Int { 2 }
}

/// Gradients and their directional derivatives in Double.
public enum DualDouble: Arithmetic {
  /// Double precision.
  public typealias Element = Double
  /// Sums are in Double, with their tangents.
  public typealias Scalar = DualNumber
  /// For multiples of 8 channels.
  public typealias Narrow = Dual<Double8>
  /// For multiples of 16 channels.
  public typealias Wide = Dual<Double8>
  /// 2: a value and its tangent.
  public static var components: Int { 2 }
}

/// A number of a pass outside its vectors: `Double`, or a `DualNumber` where tangents are carried.
public protocol PassNumber: Sendable {
  /// A number with its tangent, which `Double` drops.
  init(value: Double, tangent: Double)
  /// The number itself.
  var value: Double { get }
  /// Its derivative along the direction; 0 where none is carried.
  var tangent: Double { get }
  /// a + b, tangents likewise.
  static func + (a: Self, b: Self) -> Self
  /// a − b, tangents likewise.
  static func - (a: Self, b: Self) -> Self
  /// a·b; (a·b)˙ = ȧ·b + a·ḃ.
  static func * (a: Self, b: Self) -> Self
  /// a/b; (a/b)˙ = (ȧ − a/b·ḃ)/b.
  static func / (a: Self, b: Self) -> Self
  /// √x
  var squareRoot: Self { get }
  /// e^x, with bits of its own on every C library.
  var exponential: Self { get }
  /// ln x, likewise.
  var logarithm: Self { get }
}

extension PassNumber {
  /// A constant: its tangent is 0.
  public init(_ value: Double) { self.init(value: value, tangent: 0) }
  /// 0 with tangent 0.
  public static var zero: Self { Self(0) }
  /// −a
  public static prefix func - (a: Self) -> Self { zero - a }
  /// Adds b to a.
  public static func += (a: inout Self, b: Self) { a = a + b }
}

extension Double: PassNumber {
  /// The value; no tangent is carried.
  public init(value: Double, tangent: Double) { self = value }
  /// The number itself.
  public var value: Double { self }
  /// 0: none is carried.
  public var tangent: Double { 0 }
  /// √x
  public var squareRoot: Double { squareRoot() }
  /// e^x, with bits of its own on every C library.
  public var exponential: Double { Exponential.exp(self) }
  /// ln x, likewise.
  public var logarithm: Double { Exponential.log(self) }
}

/// A number and its derivative along one direction.
public struct DualNumber: PassNumber, Equatable {
  /// The number itself.
  public var value: Double
  /// Its derivative along the direction.
  public var tangent: Double

  /// A number with its derivative.
  public init(value: Double, tangent: Double) {
    self.value = value
    self.tangent = tangent
  }

  public static func + (a: Self, b: Self) -> Self {
    Self(value: a.value + b.value, tangent: a.tangent + b.tangent)
  }

  public static func - (a: Self, b: Self) -> Self {
    Self(value: a.value - b.value, tangent: a.tangent - b.tangent)
  }

  public static func * (a: Self, b: Self) -> Self {
    Self(value: a.value * b.value, tangent: a.value * b.tangent + a.tangent * b.value)
  }

  public static func / (a: Self, b: Self) -> Self {
    let quotient = a.value / b.value
    return Self(value: quotient, tangent: (a.tangent - quotient * b.tangent) / b.value)
  }

  /// (√a)˙ = ȧ/(2√a)
  public var squareRoot: Self {
    let root = value.squareRoot()
    return Self(value: root, tangent: tangent / (2 * root))
  }

  /// (e^a)˙ = e^a·ȧ
  public var exponential: Self {
    let e = Exponential.exp(value)
    return Self(value: e, tangent: e * tangent)
  }

  /// (ln a)˙ = ȧ/a
  public var logarithm: Self {
    Self(value: Exponential.log(value), tangent: tangent / value)
  }
}

/// One vector of a pass over the network: values alone, or values with their tangents.
///
/// Every kernel is written once against this protocol. With `Plain` lanes it computes losses and gradients; with
/// `Dual` lanes the same text computes their exact directional derivatives (forward over reverse), at three
/// multiply-adds for one. Memory holds the tangent of the scalar at `p` at `p + shift`.
public protocol Lanes {
  /// Of a lane.
  associatedtype Element: KernelScalar
  /// The processor's vector.
  associatedtype Vector: KernelVector where Vector.Scalar == Element
  /// 1, or 2 with tangents.
  static var components: Int { get }
  /// 0 in all lanes.
  static var zero: Self { get }
  /// Reads the lanes at `p`, and their tangents at `p + shift`.
  static func load(_ p: UnsafeMutablePointer<Element>, _ shift: Int) -> Self
  /// One scalar in all lanes, with its tangent.
  static func splat(_ p: UnsafeMutablePointer<Element>, _ shift: Int) -> Self
  /// Writes the lanes to `p`, and their tangents to `p + shift`.
  func store(_ p: UnsafeMutablePointer<Element>, _ shift: Int)
  /// The same past the caches: for what is read again only after much else was. `p` is a multiple of a vector's size.
  func stream(_ p: UnsafeMutablePointer<Element>, _ shift: Int)
  /// self + a·b, fused.
  func adding(_ a: Self, times b: Self) -> Self
  /// Lane by lane.
  static func + (a: Self, b: Self) -> Self
  /// Lane by lane; tangents by the product rule.
  static func * (a: Self, b: Self) -> Self
  /// The lanes of `self` where those of `condition` are larger than 0, elsewhere 0.
  func whereOver(_ condition: Self) -> Self
  /// The lanes of `self` where `a` equals `b` in value, elsewhere 0.
  func whereEqual(_ a: Self, _ b: Vector) -> Self
  /// Takes over the lanes of `other` that are larger in value, and `index` in `indices` with them.
  mutating func takeLarger(_ other: Self, _ indices: inout Vector, _ index: Element)
  /// The same vector of values in all lanes with tangents 0.
  init(values: Vector)
  /// The values, without tangents.
  var values: Vector { get }
  /// The logistic function 1 / (1 + e^−x).
  var logistic: Self { get }
  /// Adds each lane to a sum in Double.
  func flush(_ sums: UnsafeMutablePointer<Double>, _ shift: Int)
}

extension Lanes {
  /// Lanes of a vector.
  @inline(__always) public static var width: Int { Vector.scalarCount }
}

/// Values alone.
public struct Plain<Vector: KernelVector>: Lanes {
  /// Of a lane.
  public typealias Element = Vector.Scalar
  @inline(__always) public static var components: Int { 1 }
  /// The values.
  public var values: Vector

  @inline(__always) public init(values: Vector) { self.values = values }
  /// 0 in all lanes.
  @inline(__always) public static var zero: Self { Self(values: Vector(repeating: 0)) }

  /// Reads the lanes at `p`.
  @inline(__always)
  public static func load(_ p: UnsafeMutablePointer<Element>, _ shift: Int) -> Self {
    Self(values: UnsafeRawPointer(p).loadUnaligned(as: Vector.self))
  }

  /// One scalar in all lanes.
  @inline(__always)
  public static func splat(_ p: UnsafeMutablePointer<Element>, _ shift: Int) -> Self {
    Self(values: Vector(repeating: p.pointee))
  }

  /// Writes the lanes to `p`.
  @inline(__always)
  public func store(_ p: UnsafeMutablePointer<Element>, _ shift: Int) {
    UnsafeMutableRawPointer(p).storeBytes(of: values, as: Vector.self)
  }

  /// Writes the lanes to `p`, past the caches.
  @inline(__always)
  public func stream(_ p: UnsafeMutablePointer<Element>, _ shift: Int) { values.stream(to: p) }

  @inline(__always)
  public func adding(_ a: Self, times b: Self) -> Self {
    Self(values: values.addingProduct(a.values, b.values))
  }

  @inline(__always) public static func + (a: Self, b: Self) -> Self {
    Self(values: a.values + b.values)
  }
  @inline(__always) public static func * (a: Self, b: Self) -> Self {
    Self(values: a.values * b.values)
  }

  @inline(__always)
  public func whereOver(_ condition: Self) -> Self {
    let zero = Vector(repeating: 0)
    return Self(values: .choose(condition.values, over: zero, values, zero))
  }

  @inline(__always)
  public func whereEqual(_ a: Self, _ b: Vector) -> Self {
    Self(values: .choose(a.values, equal: b, values, Vector(repeating: 0)))
  }

  @inline(__always)
  public mutating func takeLarger(_ other: Self, _ indices: inout Vector, _ index: Element) {
    indices = .choose(other.values, over: values, Vector(repeating: index), indices)
    values = .choose(other.values, over: values, other.values, values)
  }

  @inline(__always) public var logistic: Self { Self(values: Exponential.logistic(values)) }

  @inline(__always)
  public func flush(_ sums: UnsafeMutablePointer<Double>, _ shift: Int) {
    var i = 0
    while i < Vector.scalarCount {
      sums[i] += Double(values[i])
      i &+= 1
    }
  }
}

/// Values and their derivatives along one direction.
public struct Dual<Vector: KernelVector>: Lanes {
  /// Of a lane.
  public typealias Element = Vector.Scalar
  @inline(__always) public static var components: Int { 2 }
  /// The values.
  public var values: Vector
  /// Their derivatives.
  public var tangents: Vector

  @inline(__always)
  public init(values: Vector) {
    self.values = values
    tangents = Vector(repeating: 0)
  }

  /// Values with their derivatives.
  @inline(__always)
  public init(values: Vector, tangents: Vector) {
    self.values = values
    self.tangents = tangents
  }

  /// 0 in all lanes.
  @inline(__always) public static var zero: Self { Self(values: Vector(repeating: 0)) }

  /// Reads the lanes at `p`, and their tangents at `p + shift`.
  @inline(__always)
  public static func load(_ p: UnsafeMutablePointer<Element>, _ shift: Int) -> Self {
    Self(
      values: UnsafeRawPointer(p).loadUnaligned(as: Vector.self),
      tangents: UnsafeRawPointer(p + shift).loadUnaligned(as: Vector.self))
  }

  /// One scalar in all lanes, with its tangent.
  @inline(__always)
  public static func splat(_ p: UnsafeMutablePointer<Element>, _ shift: Int) -> Self {
    Self(values: Vector(repeating: p.pointee), tangents: Vector(repeating: p[shift]))
  }

  /// Writes the lanes to `p`, and their tangents to `p + shift`.
  @inline(__always)
  public func store(_ p: UnsafeMutablePointer<Element>, _ shift: Int) {
    UnsafeMutableRawPointer(p).storeBytes(of: values, as: Vector.self)
    UnsafeMutableRawPointer(p + shift).storeBytes(of: tangents, as: Vector.self)
  }

  /// Writes the lanes to `p`, and their tangents to `p + shift`, past the caches.
  @inline(__always)
  public func stream(_ p: UnsafeMutablePointer<Element>, _ shift: Int) {
    values.stream(to: p)
    tangents.stream(to: p + shift)
  }

  @inline(__always)
  public func adding(_ a: Self, times b: Self) -> Self {
    Self(
      values: values.addingProduct(a.values, b.values),
      tangents: tangents.addingProduct(a.values, b.tangents).addingProduct(a.tangents, b.values))
  }

  @inline(__always)
  public static func + (a: Self, b: Self) -> Self {
    Self(values: a.values + b.values, tangents: a.tangents + b.tangents)
  }

  @inline(__always)
  public static func * (a: Self, b: Self) -> Self {
    Self(
      values: a.values * b.values,
      tangents: (a.values * b.tangents).addingProduct(a.tangents, b.values))
  }

  @inline(__always)
  public func whereOver(_ condition: Self) -> Self {
    let zero = Vector(repeating: 0)
    return Self(
      values: .choose(condition.values, over: zero, values, zero),
      tangents: .choose(condition.values, over: zero, tangents, zero))
  }

  @inline(__always)
  public func whereEqual(_ a: Self, _ b: Vector) -> Self {
    let zero = Vector(repeating: 0)
    return Self(
      values: .choose(a.values, equal: b, values, zero),
      tangents: .choose(a.values, equal: b, tangents, zero))
  }

  @inline(__always)
  public mutating func takeLarger(_ other: Self, _ indices: inout Vector, _ index: Element) {
    indices = .choose(other.values, over: values, Vector(repeating: index), indices)
    tangents = .choose(other.values, over: values, other.tangents, tangents)
    values = .choose(other.values, over: values, other.values, values)
  }

  @inline(__always)
  public var logistic: Self {
    let s = Exponential.logistic(values)
    return Self(values: s, tangents: s * (1 - s) * tangents)
  }

  @inline(__always)
  public func flush(_ sums: UnsafeMutablePointer<Double>, _ shift: Int) {
    var i = 0
    while i < Vector.scalarCount {
      sums[i] += Double(values[i])
      sums[i &+ shift] += Double(tangents[i])
      i &+= 1
    }
  }
}

/// Where a kernel writes its result: a type, so that the choice costs nothing in its loops.
protocol Destination {
  /// Writes the lanes, and their tangents `shift` scalars behind.
  static func write<L: Lanes>(_ lanes: L, _ p: UnsafeMutablePointer<L.Element>, _ shift: Int)
}

/// Into the caches: for what is read next.
enum Cached: Destination {
  @inline(__always)
  static func write<L: Lanes>(_ lanes: L, _ p: UnsafeMutablePointer<L.Element>, _ shift: Int) {
    lanes.store(p, shift)
  }
}

/// Past the caches, to places that are multiples of a vector: for what is read only after much else was.
enum Streamed: Destination {
  @inline(__always)
  static func write<L: Lanes>(_ lanes: L, _ p: UnsafeMutablePointer<L.Element>, _ shift: Int) {
    lanes.stream(p, shift)
  }
}

/// Vector registers of the processor that the kernels are built for.
///
/// A tile keeps its sums in registers: the longer it is, the less is read for a multiply-add, until it does not fit.
enum Registers {
  /// Whether there are 32 of them, not 16.
  @inline(__always)
  static var are32: Bool { BuildTarget.usesAVX512 }
}

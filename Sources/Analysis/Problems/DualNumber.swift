import Foundation
import Kernels

/// The numbers that the problems with known answers compute with: plain ones, or dual ones for
/// tangents.
protocol Number {
  init(_ value: Double)
  /// The plain value, for comparisons and reports.
  var value: Double { get }
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  static func exp(_ x: Self) -> Self
  static func log(_ x: Self) -> Self
  static func tanh(_ x: Self) -> Self
  static func sqrt(_ x: Self) -> Self
  static func sin(_ x: Self) -> Self
  static func cos(_ x: Self) -> Self
  static func arctan(_ x: Self) -> Self
}

extension Number {
  static func += (a: inout Self, b: Self) { a = a + b }
  static prefix func - (a: Self) -> Self { Self(0) - a }
}

extension Float: Number {
  var value: Double { Double(self) }
  static func exp(_ x: Float) -> Float { Foundation.exp(x) }
  static func log(_ x: Float) -> Float { Foundation.log(x) }
  static func tanh(_ x: Float) -> Float { Foundation.tanh(x) }
  static func sqrt(_ x: Float) -> Float { x.squareRoot() }
  static func sin(_ x: Float) -> Float { Foundation.sin(x) }
  static func cos(_ x: Float) -> Float { Foundation.cos(x) }
  static func arctan(_ x: Float) -> Float { Foundation.atan(x) }
}

extension Double: Number {
  var value: Double { self }
  static func exp(_ x: Double) -> Double { Foundation.exp(x) }
  static func log(_ x: Double) -> Double { Foundation.log(x) }
  static func tanh(_ x: Double) -> Double { Foundation.tanh(x) }
  static func sqrt(_ x: Double) -> Double { x.squareRoot() }
  static func sin(_ x: Double) -> Double { Foundation.sin(x) }
  static func cos(_ x: Double) -> Double { Foundation.cos(x) }
  static func arctan(_ x: Double) -> Double { Foundation.atan(x) }
}

/// x + ẋ·t with t² = 0: carries the derivative along a direction through any arithmetic.
///
/// A reverse pass written for `Number` and run on dual numbers gives products with second
/// derivatives.
struct Dual<Base: Number>: Number {
  var base: Base
  var tangent: Base

  init(_ base: Base, _ tangent: Base) {
    self.base = base
    self.tangent = tangent
  }

  init(_ value: Double) { self.init(Base(value), Base(0)) }

  var value: Double { base.value }

  static func + (a: Dual, b: Dual) -> Dual { Dual(a.base + b.base, a.tangent + b.tangent) }
  static func - (a: Dual, b: Dual) -> Dual { Dual(a.base - b.base, a.tangent - b.tangent) }

  static func * (a: Dual, b: Dual) -> Dual {
    Dual(a.base * b.base, a.tangent * b.base + a.base * b.tangent)
  }

  static func / (a: Dual, b: Dual) -> Dual {
    let quotient = a.base / b.base
    return Dual(quotient, (a.tangent - quotient * b.tangent) / b.base)
  }

  static func exp(_ x: Dual) -> Dual {
    let y = Base.exp(x.base)
    return Dual(y, y * x.tangent)
  }

  static func log(_ x: Dual) -> Dual { Dual(Base.log(x.base), x.tangent / x.base) }

  static func tanh(_ x: Dual) -> Dual {
    let y = Base.tanh(x.base)
    return Dual(y, (Base(1) - y * y) * x.tangent)
  }

  static func sqrt(_ x: Dual) -> Dual {
    let y = Base.sqrt(x.base)
    return Dual(y, x.tangent / (y + y))
  }

  static func sin(_ x: Dual) -> Dual { Dual(Base.sin(x.base), Base.cos(x.base) * x.tangent) }

  static func cos(_ x: Dual) -> Dual {
    Dual(Base.cos(x.base), Base(0) - Base.sin(x.base) * x.tangent)
  }

  static func arctan(_ x: Dual) -> Dual {
    Dual(Base.arctan(x.base), x.tangent / (Base(1) + x.base * x.base))
  }
}

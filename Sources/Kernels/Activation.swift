/// The nonlinearity: ReLU, with slope 0 at 0, or SiLU (x·logistic x) for smooth twins.
public enum Activation: Sendable {
  /// max(0, x)
  case relu
  /// x/(1 + e^−x), the smooth twin's.
  case silu

  @inline(__always)
  func apply<L: Lanes>(_ x: L) -> L {
    switch self {
    case .relu: x.whereOver(x)
    case .silu: x * x.logistic
    }
  }

  /// g times the slope at x.
  @inline(__always)
  func backward<L: Lanes>(_ g: L, at x: L) -> L {
    switch self {
    case .relu: return g.whereOver(x)
    case .silu:
      let s = x.logistic
      let minus = L(values: L.Vector(repeating: -1))
      // slope = s + x·s·(1 − s)
      let rest = L(values: L.Vector(repeating: 1)) + minus * s
      return g * (s + x * s * rest)
    }
  }
}

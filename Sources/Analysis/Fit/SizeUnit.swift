import Foundation

/// What parameters are counted in where sizes are shown: thousands for small networks, else millions.
public struct SizeUnit: Equatable, Sendable {
  /// Thousands, not millions.
  public let isThousands: Bool

  /// The unit for sizes of which the largest is given.
  ///
  /// - Parameter largest: in millions.
  public init(largest: Double) { isThousands = largest < 0.5 }

  /// How many of these a million is.
  public var perMillion: Double { isThousands ? 1000 : 1 }

  /// Digits after the point that tell networks apart.
  public var decimals: Int { isThousands ? 1 : 2 }

  /// "46.8 k" or "4.34 M", from millions.
  public func words(_ millions: Double) -> String {
    number(millions) + (isThousands ? " k" : " M")
  }

  /// The same without its unit.
  public func number(_ millions: Double) -> String {
    String(format: "%.\(decimals)f", perMillion * millions)
  }
}

import Supernet

/// Every setting of a search.
public struct SearchConfiguration: Codable, Equatable, Sendable {
  public var method: String
  public var shape: SupernetShape
  public var epochs: Int
  public var seed: UInt64

  public init(method: String, shape: SupernetShape, epochs: Int, seed: UInt64) {
    self.method = method
    self.shape = shape
    self.epochs = epochs
    self.seed = seed
  }
}

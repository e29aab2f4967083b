import Datasets
import Kernels

/// The supernet: a pure function of (w, α, input), with its derivatives.
///
/// Not to be shared by several threads; it does its own splitting over a `ThreadTeam`.
public final class Supernet<Scalar: KernelScalar>: BilevelProblem {
  public typealias Input = SupernetInput<Scalar>

  public let shape: SupernetShape
  public let layout: ParameterLayout
  /// The largest batch that fits into the buffers.
  public let batchCapacity: Int

  public var weightCount: Int { layout.count }
  public var alphaCount: Int { shape.alphaCount }

  /// - Parameter threads: workers that share the work; results have the same bits for any number.
  /// - Throws: `SupernetError.impossible`.
  public init(_ shape: SupernetShape, batchCapacity: Int, threads: Int) throws {
    try shape.validate()
    self.shape = shape
    self.layout = ParameterLayout(shape)
    self.batchCapacity = batchCapacity
  }

  public func gradient(_ wanted: Wanted, at point: Point<Scalar>, on input: Input) throws
    -> Gradient<Scalar>
  {
    preconditionFailure("the passes come with the next commit")
  }

  public func tangent(
    _ wanted: Wanted, at point: Point<Scalar>, along direction: Direction<Scalar>, on input: Input
  ) throws -> Tangent<Scalar> {
    preconditionFailure("the passes come with the next commit")
  }

  /// Loss and correct count in evaluation mode, with running statistics; no derivatives.
  public func evaluate(
    at point: Point<Scalar>, on input: Input, statistics: BatchNormStatistics<Scalar>
  ) throws -> Gradient<Scalar> {
    preconditionFailure("the passes come with the next commit")
  }

  /// Running statistics before the first step: means 0, variances 1.
  public var initialStatistics: BatchNormStatistics<Scalar> {
    preconditionFailure("the passes come with the next commit")
  }
}

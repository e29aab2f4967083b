import Kernels

extension Supernet {
  /// On which side of every kink a batch lies: 1 where a ReLU's input is above 0, and the tap that won each maximum.
  ///
  /// Two points with the same answer lie in one smooth piece of the loss. Entries: ReLU inputs of the states and of the
  /// second halves of separable convolutions, then the maxima, for every image. Empty for the smooth twin.
  /// - Throws: as `gradient`.
  public func kinkSides(at point: Point<Scalar>, on input: Input) throws -> [UInt8] {
    try forwardPass(at: point, on: input).kinkSides()
  }
}

extension Pass {
  func kinkSides() -> [UInt8] {
    var sides: [UInt8] = []
    func append(_ tensor: Tensor, _ side: (Double, Int) -> UInt8) {
      for sample in 0..<samples {
        let first = tensor.at(sample)
        for place in 0..<tensor.sampleStep where place % tensor.padded < tensor.channels {
          sides.append(side(arena.read(first + place).value, place % tensor.padded))
        }
      }
    }
    func isOver(_ value: Double) -> UInt8 { value > 0 ? 1 : 0 }
    if shape.activation == .relu {
      for cell in cells {
        for state in cell.states { append(state.x) { value, _ in isOver(value) } }
        for edge in cell.edges {
          for (operation, first) in units(edge.first) where edge.second[operation] != nil {
            let places = first.norm.places
            append(first.z) { value, channel in
              isOver(
                value * arena.read(places.scale + channel).value
                  + arena.read(places.offset + channel).value)
            }
          }
        }
      }
    }
    for cell in cells {
      for state in cell.states {
        guard let taps = state.pools[.maxPool3]?.taps else { continue }
        append(taps) { value, _ in UInt8(value) }
      }
    }
    return sides
  }
}

import Kernels

/// The weights of the operations in every cell of one pass, and the way back from their gradient to α.
struct Mixing<S: PassNumber> {
  /// [cells][edges·8]
  let weights: [[S]]
  /// Operations that are computed at all; the others have weight 0.
  let isActive: [[Bool]]
  /// The way back: gradients of the weights, [cells][edges·8], to that of α.
  private let soft: [[S]]
  private let temperature: Double
  private let shape: SupernetShape

  /// α: [2 kinds][edges][8] as numbers of the pass.
  init<Element: KernelScalar>(
    _ relaxation: Relaxation<Element>, alpha: [S], shape: SupernetShape
  ) throws {
    self.shape = shape
    let rows = shape.edgeCount
    let operations = Operation.allCases.count
    let noise: [Element]
    let tau: Double
    let isHard: Bool
    switch relaxation {
    case .softmax: (noise, tau, isHard) = ([], 1, false)
    case .gumbel(let sample, let temperature): (noise, tau, isHard) = (sample, temperature, false)
    case .gdas(let sample, let temperature): (noise, tau, isHard) = (sample, temperature, true)
    }
    temperature = tau
    let perKind = 2 * rows * operations
    let perCell = shape.cells * rows * operations
    guard noise.isEmpty || noise.count == perKind || noise.count == perCell else {
      throw SupernetError.wrongLength(
        what: "the Gumbel noise", expected: perKind, found: noise.count)
    }
    var soft: [[S]] = []
    var weights: [[S]] = []
    var active: [[Bool]] = []
    for cell in 0..<shape.cells {
      let kind = shape.kind(ofCell: cell).rawValue
      let set = noise.count == perCell && perCell != perKind ? cell : kind
      var softRow: [S] = []
      for edge in 0..<rows {
        let at = (kind * rows + edge) * operations
        let logits = (0..<operations).map { o -> S in
          let u = noise.isEmpty ? 0 : Double(noise[(set * rows + edge) * operations + o])
          return (alpha[at + o] + S(u)) * S(1 / tau)
        }
        softRow += Self.softmax(logits)
      }
      soft.append(softRow)
      guard isHard else {
        weights.append(softRow)
        active.append(softRow.indices.map { $0 % operations != Operation.none.rawValue })
        continue
      }
      var hard = softRow.map { _ in S.zero }
      var chosen = softRow.map { _ in false }
      for edge in 0..<rows {
        let row = (edge * operations)..<((edge + 1) * operations)
        let best = row.reduce(row.lowerBound) { softRow[$1].value > softRow[$0].value ? $1 : $0 }
        // 1 forward, the soft weight's derivative backward (straight-through).
        hard[best] = S(value: 1, tangent: softRow[best].tangent)
        chosen[best] = best != row.lowerBound + Operation.none.rawValue
      }
      weights.append(hard)
      active.append(chosen)
    }
    self.soft = soft
    self.weights = weights
    isActive = active
  }

  /// Softmax with the largest logit taken off.
  static func softmax(_ logits: [S]) -> [S] {
    let largest = logits.map(\.value).max() ?? 0
    let exponentials = logits.map { ($0 - S(largest)).exponential }
    let total = exponentials.reduce(S.zero, +)
    return exponentials.map { $0 / total }
  }

  /// ∇_α from the gradients of the weights, summed over the cells of each kind in their order.
  ///
  /// A hard sample hands back the gradient of the chosen operation alone: the unchosen weights are not added
  /// (official GDAS on the NASNet space, and the public MiLeNAS code).
  func alphaGradient(_ products: [[S]]) -> [S] {
    let operations = Operation.allCases.count
    var result = [S](repeating: .zero, count: shape.alphaCount)
    for cell in 0..<shape.cells {
      let base = shape.kind(ofCell: cell).rawValue * shape.edgeCount * operations
      for edge in 0..<shape.edgeCount {
        let row = (edge * operations)..<((edge + 1) * operations)
        let mean = row.reduce(S.zero) { $0 + soft[cell][$1] * products[cell][$1] }
        for i in row {
          result[base + i] +=
            soft[cell][i] * (products[cell][i] - mean) * S(1 / temperature)
        }
      }
    }
    return result
  }
}

extension Relaxation {
  /// The operation with the largest (α + noise)/τ on each edge, [2 kinds][edges] for noise shared by kind: what a hard
  /// sample computes. Ties go to the lower operation.
  ///
  /// alpha: [2 kinds][edges][8].
  public func chosenOperations(alpha: [Scalar]) -> [Int] {
    let noise: [Scalar] =
      switch self {
      case .softmax: []
      case .gumbel(let noise, _), .gdas(let noise, _): noise
      }
    let operations = Operation.allCases.count
    return (0..<(alpha.count / operations)).map { row in
      (0..<operations).reduce(0) { best, o in
        func logit(_ o: Int) -> Scalar {
          let i = row * operations + o
          return noise.isEmpty ? alpha[i] : alpha[i] + noise[i]
        }
        return logit(o) > logit(best) ? o : best
      }
    }
  }
}

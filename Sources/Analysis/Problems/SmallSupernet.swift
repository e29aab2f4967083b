import Kernels
import Supernet

/// The small supernet as data: which operations it has, and where its matrices lie in w.
struct SmallSupernetShape: Equatable {
  enum Kind {
    /// tanh(h A), softplus(h B)
    case smooth
    /// The same behind a batch norm with the batch's statistics, biased variance, no affine map.
    case batchNorm
    /// relu(h A), and max(h_j, h_{j+1}) over cyclic neighbours.
    case relu
  }

  /// One weight matrix, [rows][columns], row-major at `offset` of w.
  struct Slice: Equatable {
    var offset: Int
    var rows: Int
    var columns: Int
    var range: Range<Int> { offset..<(offset + rows * columns) }
  }

  static let edges = 3
  static let operations = 4

  var kind: Kind
  /// By name: W0, A0 … A2, C, c, and B0 … B2 but for `relu`.
  var slices: [String: Slice]

  var weightCount: Int { slices.values.map(\.range.upperBound).max() ?? 0 }
  var alphaCount: Int { Self.edges * Self.operations }

  subscript(name: String) -> Slice {
    guard let slice = slices[name] else { preconditionFailure("no slice is called \(name)") }
    return slice
  }
}

/// Examples: inputs [n][features] and class indices [n].
struct LabelledRows: Equatable {
  var inputs: Matrix
  var labels: [Int]
}

/// A supernet of three edges with four operations each, small enough for 45-digit reference values.
///
/// node0 = X W0; node1 = e0(node0); node2 = e1(node0) + e2(node1); logits = [node1, node2] C + c.
/// An edge is Σ_k softmax(α_e)_k op_k; the operations are `none`, the identity and two of the kind.
/// The loss is the mean cross-entropy. α: [3 edges][4 operations]; w as named by the slices.
struct SmallSupernet<Scalar: KernelScalar & Number>: AnalyticProblem {
  typealias Input = LabelledRows

  let shape: SmallSupernetShape

  var weightCount: Int { shape.weightCount }
  var alphaCount: Int { shape.alphaCount }

  func derivatives<N: Number>(weights: [N], alpha: [N], on examples: LabelledRows)
    -> Derivatives<N>
  {
    var passes = Passes(shape: shape, weights: weights, alpha: alpha)
    return passes.run(on: examples)
  }

  /// What decides the masks: the arguments of all ReLUs and the differences of all maxima.
  ///
  /// Empty for smooth networks.
  func switches(at point: Point<Scalar>, on examples: LabelledRows) -> [Double] {
    var passes = Passes(shape: shape, weights: point.weights, alpha: point.alpha)
    _ = passes.run(on: examples)
    return passes.switches
  }
}

/// Values of a layer: one row an example.
private typealias Rows<N> = [[N]]

/// An operation applied: its output, and the way back.
private struct Applied<N: Number> {
  var output: Rows<N>
  /// dy → dh; adds the weight gradient.
  var backward: (Rows<N>, _ gradient: inout [N]) -> Rows<N>
}

/// Forward and backward over one batch.
private struct Passes<N: Number> {
  let shape: SmallSupernetShape
  let weights: [N]
  let alpha: [N]
  var gradient: [N]
  var alphaGradient: [N]
  var switches: [Double] = []

  init(shape: SmallSupernetShape, weights: [N], alpha: [N]) {
    self.shape = shape
    self.weights = weights
    self.alpha = alpha
    gradient = weights.map { _ in N(0) }
    alphaGradient = alpha.map { _ in N(0) }
  }

  mutating func run(on examples: LabelledRows) -> Derivatives<N> {
    let stem = linear(examples.inputs.map { constants($0) }, shape["W0"])
    let edge0 = mixed(0, stem.output)
    let (edge1, edge2) = (mixed(1, stem.output), mixed(2, edge0.output))
    let node2 = zip(edge1.output, edge2.output).map { sum($0, $1) }
    let joined = zip(edge0.output, node2).map { $0 + $1 }
    let head = linear(joined, shape["C"])
    let bias = shape["c"].range
    let logits = head.output.map { sum($0, Array(weights[bias])) }

    let (loss, dLogits) = crossEntropy(logits, examples.labels)
    for row in dLogits { for (k, d) in zip(bias, row) { gradient[k] += d } }
    let dJoined = head.backward(dLogits, &gradient)
    let width = shape["W0"].columns
    let dNode2 = dJoined.map { Array($0[width...]) }
    let dNode1 = zip(dJoined.map { Array($0[..<width]) }, backward(2, edge2, dNode2)).map {
      sum($0, $1)
    }
    let dStem = zip(backward(0, edge0, dNode1), backward(1, edge1, dNode2)).map { sum($0, $1) }
    _ = stem.backward(dStem, &gradient)
    return Derivatives(loss: loss, weights: gradient, alpha: alphaGradient)
  }

  // MARK: Edges

  /// An edge after its forward pass.
  struct Edge {
    var output: Rows<N>
    /// softmax(α_e)
    var shares: [N]
    /// All operations but `none`.
    var operations: [Applied<N>]
  }

  private mutating func mixed(_ edge: Int, _ h: Rows<N>) -> Edge {
    let first = edge * SmallSupernetShape.operations
    let shares = softmax(Array(alpha[first..<(first + SmallSupernetShape.operations)]))
    let operations = [Applied<N>(output: h) { dy, _ in dy }] + candidates(edge, h)
    let output = h.indices.map { row in
      h[row].indices.map { column in
        zip(shares.dropFirst(), operations).reduce(N(0)) { $0 + $1.0 * $1.1.output[row][column] }
      }
    }
    return Edge(output: output, shares: shares, operations: operations)
  }

  private mutating func backward(_ index: Int, _ edge: Edge, _ dy: Rows<N>) -> Rows<N> {
    let dShares = [N(0)] + edge.operations.map { inner(dy, $0.output) }
    let mean = dot(edge.shares, dShares)
    for k in dShares.indices {
      alphaGradient[index * SmallSupernetShape.operations + k] +=
        edge.shares[k] * (dShares[k] - mean)
    }
    var total = dy.map { $0.map { _ in N(0) } }
    for (share, operation) in zip(edge.shares.dropFirst(), edge.operations) {
      let part = operation.backward(dy.map { $0.map { share * $0 } }, &gradient)
      total = zip(total, part).map { sum($0, $1) }
    }
    return total
  }

  private mutating func candidates(_ edge: Int, _ h: Rows<N>) -> [Applied<N>] {
    let a = linear(h, shape["A\(edge)"])
    switch shape.kind {
    case .smooth:
      let b = linear(h, shape["B\(edge)"])
      return [chain(a, elementwise(hyperbolicTangent)), chain(b, elementwise(softplus))]
    case .batchNorm:
      let b = linear(h, shape["B\(edge)"])
      return [
        chain(chain(a, batchNorm), elementwise(hyperbolicTangent)),
        chain(chain(b, batchNorm), elementwise(softplus)),
      ]
    case .relu:
      switches += a.output.joined().map(\.value)
      switches += h.flatMap { row in row.indices.map { (row[$0] - next(row, $0)).value } }
      return [chain(a, elementwise(relu)), cyclicMaximum(h)]
    }
  }

  // MARK: Operations

  private func linear(_ x: Rows<N>, _ slice: SmallSupernetShape.Slice) -> Applied<N> {
    let w = (0..<slice.rows).map { row in
      Array(weights[(slice.offset + row * slice.columns)...].prefix(slice.columns))
    }
    let y = x.map { row in
      (0..<slice.columns).map { column in
        row.indices.reduce(N(0)) { $0 + row[$1] * w[$1][column] }
      }
    }
    return Applied(output: y) { dy, gradient in
      for (xRow, dRow) in zip(x, dy) {
        for i in xRow.indices {
          for j in dRow.indices {
            gradient[slice.offset + i * slice.columns + j] += xRow[i] * dRow[j]
          }
        }
      }
      return dy.map { dRow in w.map { dot($0, dRow) } }
    }
  }

  private func chain(_ first: Applied<N>, _ second: (Rows<N>) -> Applied<N>) -> Applied<N> {
    let last = second(first.output)
    return Applied(output: last.output) { dy, gradient in
      first.backward(last.backward(dy, &gradient), &gradient)
    }
  }
}

// MARK: - Operations without weights

/// A function and its derivative, applied to each entry.
private func elementwise<N: Number>(_ function: @escaping (N) -> (value: N, slope: N))
  -> (Rows<N>) -> Applied<N>
{
  { x in
    let y = x.map { $0.map(function) }
    return Applied(output: y.map { $0.map(\.value) }) { dy, _ in
      zip(dy, y).map { zip($0, $1).map { $0 * $1.slope } }
    }
  }
}

private func hyperbolicTangent<N: Number>(_ x: N) -> (value: N, slope: N) {
  let y = N.tanh(x)
  return (y, N(1) - y * y)
}

private func softplus<N: Number>(_ x: N) -> (value: N, slope: N) {
  let e = N.exp(x)
  return (N.log(N(1) + e), e / (N(1) + e))
}

/// The slope at 0 is 0.
private func relu<N: Number>(_ x: N) -> (value: N, slope: N) {
  x.value > 0 ? (x, N(1)) : (N(0), N(0))
}

private func next<N>(_ row: [N], _ j: Int) -> N { row[(j + 1) % row.count] }

/// y_j = max(h_j, h_{j+1}), the last with the first; the first of equals wins.
private func cyclicMaximum<N: Number>(_ h: Rows<N>) -> Applied<N> {
  let takesNext = h.map { row in row.indices.map { row[$0].value < next(row, $0).value } }
  let y = zip(h, takesNext).map { row, takes in
    row.indices.map { takes[$0] ? next(row, $0) : row[$0] }
  }
  return Applied(output: y) { dy, _ in
    zip(dy, takesNext).map { row, takes in
      var dh = row.map { _ in N(0) }
      for j in row.indices { dh[takes[j] ? (j + 1) % row.count : j] += row[j] }
      return dh
    }
  }
}

/// (x − ⟨x⟩) / √(var + 1e-5) per column, over the batch.
private func batchNorm<N: Number>(_ x: Rows<N>) -> Applied<N> {
  let share = N(1 / Double(x.count))
  func mean(_ rows: Rows<N>) -> [N] {
    (rows.first ?? []).indices.map { column in
      share * rows.reduce(N(0)) { $0 + $1[column] }
    }
  }
  func products(_ a: Rows<N>, _ b: Rows<N>) -> Rows<N> {
    zip(a, b).map { zip($0, $1).map { $0 * $1 } }
  }
  let center = mean(x)
  let centered = x.map { difference($0, center) }
  let sigma = mean(products(centered, centered)).map { N.sqrt($0 + N(1e-5)) }
  let y = centered.map { zip($0, sigma).map { $0 / $1 } }
  return Applied(output: y) { dy, _ in
    let (first, second) = (mean(dy), mean(products(y, dy)))
    return zip(dy, y).map { dRow, yRow in
      dRow.indices.map { (dRow[$0] - first[$0] - yRow[$0] * second[$0]) / sigma[$0] }
    }
  }
}

/// ⟨x, y⟩ over all entries.
private func inner<N: Number>(_ x: Rows<N>, _ y: Rows<N>) -> N {
  zip(x, y).reduce(N(0)) { $0 + dot($1.0, $1.1) }
}

private func softmax<N: Number>(_ z: [N]) -> [N] {
  let exponentials = z.map { N.exp($0) }
  let total = exponentials.reduce(N(0)) { $0 + $1 }
  return exponentials.map { $0 / total }
}

/// Mean of −log softmax(z)_label, and its gradient.
private func crossEntropy<N: Number>(_ logits: Rows<N>, _ labels: [Int]) -> (N, Rows<N>) {
  let share = N(1 / Double(labels.count))
  var loss = N(0)
  let slopes = zip(logits, labels).map { row, label in
    let p = softmax(row)
    loss += -(share * N.log(p[label]))
    return p.indices.map { share * ($0 == label ? p[$0] - N(1) : p[$0]) }
  }
  return (loss, slopes)
}

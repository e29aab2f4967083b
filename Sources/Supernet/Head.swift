import Kernels

/// Global average pooling, the linear classifier and the cross-entropy, in Double: small beside the cells.
struct Head<Number: PassNumber> {
  var loss: Number
  var correct: Int
  /// [samples][classes]
  var logits: [[Number]]
  /// ∂loss/∂logits
  private(set) var gradient: [[Number]] = []

  /// Mean softmax cross-entropy over the samples; a NaN logit gives a NaN loss.
  init(logits: [[Number]], labels: [Int]) {
    self.logits = logits
    loss = .zero
    correct = 0
    let share = Number(1 / Double(labels.count))
    for (row, label) in zip(logits, labels) {
      let largest = row.map(\.value).max() ?? 0
      let exponentials = row.map { ($0 - Number(largest)).exponential }
      let total = exponentials.reduce(Number.zero, +)
      loss += share * (total.logarithm + Number(largest) - row[label])
      if row.indices.allSatisfy({ row[$0].value < row[label].value || $0 == label }) {
        correct += 1
      }
      gradient.append(
        exponentials.enumerated().map { index, e in
          share * (e / total - (index == label ? Number(1) : .zero))
        })
    }
  }
}

extension Pass {
  private var featureNodes: [Cell.State] { cells[cells.count - 1].nodes }

  /// Features of one sample in the order of the classifier's inputs: node-major.
  private func featureRow(_ sample: Int) -> [Number] {
    let nodes = featureNodes
    let width = nodes.reduce(0) { $0 + $1.x.padded }
    let scale = Number(1 / Double(nodes[0].x.pixels))
    return nodes.enumerated().flatMap { i, node in
      (0..<node.x.channels).map { c in
        arena.sum(features + sample * width + i * node.x.padded + c) * scale
      }
    }
  }

  /// Loss and logits from the features that the forward script left.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  func classify(_ labels: [Int]) -> Head<Number> {
    let weight = layout["classifier.weight"]
    let bias = layout["classifier.bias"]
    let inputs = weight.shape[1]
    let logits = (0..<samples).map { sample -> [Number] in
      let row = featureRow(sample)
      return (0..<shape.classes).map { k in
        var sum = parameter(bias.offset + k)
        for i in 0..<inputs { sum += parameter(weight.offset + k * inputs + i) * row[i] }
        return sum
      }
    }
    return Head(logits: logits, labels: labels)
  }

  /// Gradients of the classifier, and of the features for the backward script.
  @_specialize(where A == PlainFloat)
  @_specialize(where A == PlainDouble)
  @_specialize(where A == DualFloat)
  @_specialize(where A == DualDouble)
  func classifyBackward(_ head: Head<Number>) {
    let weight = layout["classifier.weight"]
    let bias = layout["classifier.bias"]
    let inputs = weight.shape[1]
    let nodes = featureNodes
    let width = nodes.reduce(0) { $0 + $1.x.padded }
    let scale = Number(1 / Double(nodes[0].x.pixels))
    var weightGradient = [Number](
      repeating: .zero, count: flat == nil ? 0 : shape.classes * inputs)
    var biasGradient = [Number](repeating: .zero, count: shape.classes)
    for sample in 0..<samples {
      let row = flat == nil ? [] : featureRow(sample)
      var input = [Number](repeating: .zero, count: inputs)
      for k in 0..<shape.classes {
        let g = head.gradient[sample][k]
        biasGradient[k] += g
        for i in 0..<inputs {
          input[i] += g * parameter(weight.offset + k * inputs + i)
          if flat != nil { weightGradient[k * inputs + i] += g * row[i] }
        }
      }
      var i = 0
      for (n, node) in nodes.enumerated() {
        for c in 0..<node.x.channels {
          arena.write(
            input[i] * scale, at: featureGradient + sample * width + n * node.x.padded + c)
          i += 1
        }
      }
    }
    guard let flat else { return }
    for (i, g) in weightGradient.enumerated() { flat.write(g, at: weight.offset + i) }
    for (k, g) in biasGradient.enumerated() { flat.write(g, at: bias.offset + k) }
  }
}

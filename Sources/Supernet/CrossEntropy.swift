import Kernels

/// Mean softmax cross-entropy with label smoothing, and its gradient: −Σ t log p, t = (1 − ε)·label + ε/classes
/// (`CrossEntropyLabelSmooth` of DARTS `cnn/train_imagenet.py`); ε = 0 is the plain one.
struct CrossEntropy {
  /// In nats; NaN when a logit is.
  private(set) var loss = 0.0
  /// Rows whose label has strictly the largest logit.
  private(set) var correct = 0
  /// ∂loss/∂logits, [samples][classes].
  private(set) var gradient: [[Double]] = []

  init(logits: [[Double]], labels: [Int], smoothing: Double) {
    let share = 1 / Double(labels.count)
    for (row, label) in zip(logits, labels) {
      let largest = row.max() ?? 0
      let exponentials = row.map { Exponential.exp($0 - largest) }
      let total = exponentials.reduce(0, +)
      let logTotal = Exponential.log(total) + largest
      let even = smoothing / Double(row.count)
      loss += share * (logTotal - (1 - smoothing) * row[label])
      if smoothing > 0 { loss -= share * even * row.reduce(0, +) }
      if row.indices.allSatisfy({ row[$0] < row[label] || $0 == label }) { correct += 1 }
      gradient.append(
        exponentials.enumerated().map { k, e in
          share * (e / total - even - (k == label ? 1 - smoothing : 0))
        })
    }
  }
}

import Analysis
import Foundation
import Supernet

/// `plot search`: the course of one search.
extension Figure {
  /// Losses, accuracies, model size and entropy of α along a search.
  ///
  /// - Throws: `FigureError.onePoint`, `.notFinite`.
  public static func search(
    _ history: SearchHistory, theme: Theme, from run: FigureRun, title: Text?
  ) throws -> Figure {
    let epochs = history.epochs
    guard epochs.count > 1 else {
      throw FigureError.onePoint(run: history.run, epochs: epochs.count)
    }
    for epoch in epochs {
      for (quantity, value) in [
        ("training loss", epoch.trainLoss), ("validation loss", epoch.validLoss),
        ("training accuracy", epoch.trainAccuracy), ("validation accuracy", epoch.validAccuracy),
        ("entropy of alpha", epoch.normalEntropy + epoch.reductionEntropy),
      ] where !value.isFinite {
        throw FigureError.notFinite(
          run: history.run, epoch: epoch.epoch - 1, quantity: quantity)
      }
    }
    func course(
      _ name: Text, _ series: Int, _ value: (SearchHistory.Epoch) -> Double
    ) -> [any Mark] {
      Course.marks(
        name, epochs.map { Line.Place(x: Double($0.epoch), y: value($0)) },
        style: theme.series(series), phase: series % 2 == 0 ? 0.3 : 0.7)
    }
    let axis = Axis("Epochs done", isWhole: true)
    let uniform = log(Double(Operation.allCases.count))
    let entropies = epochs.flatMap { [$0.normalEntropy, $0.reductionEntropy] }
    // Room for the words over the line.
    let ceiling = uniform + 0.12 * max(1e-3, uniform - (entropies.min() ?? 0))
    let panels = [
      Panel(
        title: "Loss", x: axis, y: Axis("Cross-entropy (nats)"),
        marks: course("training", 0, \.trainLoss) + course("validation", 1, \.validLoss)),
      Panel(
        title: "Accuracy", x: axis, y: Axis("Accuracy (%)"),
        marks: course("training", 0) { 100 * $0.trainAccuracy }
          + course("validation", 1) { 100 * $0.validAccuracy }),
      Panel(
        title: "Model size", x: axis,
        y: Axis(
          "Convolutions kept", range: -0.4...(0.4 + largestCount(epochs)), isWhole: true),
        marks: course("*n*, normal cell", 2) { Double($0.normalConvolutions) }
          + course("*r*, reduction cell", 4) { Double($0.reductionConvolutions) }),
      Panel(
        title: "Entropy of softmax *α*", x: axis,
        y: Axis("Mean over edges (nats)", including: [ceiling]),
        marks: [Rule("ln 8: uniform", y: uniform)] + course("normal cell", 2, \.normalEntropy)
          + course("reduction cell", 4, \.reductionEntropy)),
    ]
    let last = epochs[epochs.count - 1]
    func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
    return Figure(
      title: "Course of \(history.run)",
      summary:
        "After \(last.epoch) epochs the validation accuracy is \(percent(last.validAccuracy)), training "
        + "\(percent(last.trainAccuracy)); the cell keeps n = \(last.normalConvolutions) and "
        + "r = \(last.reductionConvolutions) convolutions; the entropy of softmax α is "
        + String(format: "%.3f and %.3f nats.", last.normalEntropy, last.reductionEntropy),
      caption:
        "Search \(history.run), \(last.epoch) epochs, one seed. (a) Mean cross-entropy over the training batches, and over "
        + "the validation half in evaluation mode. (b) Accuracy likewise. (c) Model size (n, r): convolutions among the "
        + "edges that the derived cells keep. (d) Entropy of softmax α, mean over the edges; ln 8 where nothing is "
        + "decided.",
      content: PanelGrid(title: title, panels: panels, columns: 2),
      data: FigureData(
        columns: [
          "epoch", "train_loss", "valid_loss", "train_accuracy", "valid_accuracy", "n", "r",
          "parameters", "normal_entropy", "reduction_entropy",
        ],
        rows: epochs.map { epoch in
          [
            Double(epoch.epoch), epoch.trainLoss, epoch.validLoss, epoch.trainAccuracy,
            epoch.validAccuracy, Double(epoch.normalConvolutions),
            Double(epoch.reductionConvolutions), Double(epoch.parameters), epoch.normalEntropy,
            epoch.reductionEntropy,
          ].map(FigureData.Value.number)
        }),
      sources: run.sources, date: run.date)
  }

  private static func largestCount(_ epochs: [SearchHistory.Epoch]) -> Double {
    Double(epochs.map { max($0.normalConvolutions, $0.reductionConvolutions) }.max() ?? 8)
  }
}

import Datasets
import EventLog
import Foundation

/// The notebook that `notebook new` begins with.
public enum NotebookTemplate {
  /// What a notebook asks of a kind of run.
  private struct Questions {
    var outcome: String
    var curve: String
    var ofCurve: String

    init(_ kind: RunKind) {
      switch kind {
      case .search:
        outcome = "outcome, epochs, steps, valid_accuracy, genotype"
        curve = "Accuracy and size of the derived cells after each epoch"
        ofCurve =
          "epoch, train_accuracy, valid_accuracy, normal_convolutions, reduction_convolutions"
      case .evaluation:
        outcome = "outcome, epochs, steps, test_accuracy, best_accuracy, parameters"
        curve =
          "Accuracy after each epoch; the last is the honest one, the best was chosen by the test images"
        ofCurve = "epoch, train_accuracy, test_accuracy"
      }
    }
  }

  /// A short report on a run, without outputs.
  public static func text(on run: String, of kind: RunKind) -> String {
    let (questions, name) = (Questions(kind), CommandWords.quoted(run))
    return """
      # \(run)

      What the run found, from its record.

      ```sql {run=\(name) name=outcome}
      SELECT \(questions.outcome) FROM result
      ```

      \(questions.curve):

      ```sql {run=\(name) name=curve tolerance=1e-6 digits=4}
      SELECT \(questions.ofCurve)
      FROM epochs
      ```

      The record is whole, so everything above can be checked:

      ```milenas {name=verify}
      milenas-lab runs verify \(name)
      ```

      """
  }

  /// Writes a new notebook.
  ///
  /// - Throws: `NotebookError.exists`, `.writeFailed`.
  public static func write(to file: URL, on run: String, of kind: RunKind) throws {
    do {
      try Data(text(on: run, of: kind).utf8).write(to: file, options: .withoutOverwriting)
    } catch CocoaError.fileWriteFileExists {
      throw NotebookError.exists(path: file.relativePath)
    } catch {
      throw NotebookError.writeFailed(
        path: file.relativePath, reason: reason(of: error))
    }
  }
}

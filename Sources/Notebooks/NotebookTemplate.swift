import EventLog
import Foundation

/// The notebook that `notebook new` begins with.
public enum NotebookTemplate {
  /// A short report on a run, without outputs.
  public static func text(on run: String) -> String {
    """
    # \(run)

    What the run found, from its record.

    ```sql {run=\(run) name=outcome}
    SELECT outcome, epochs, steps, valid_accuracy, genotype FROM result
    ```

    Accuracy and size of the derived cells after each epoch:

    ```sql {run=\(run) name=curve tolerance=1e-6 digits=4}
    SELECT epoch, train_accuracy, valid_accuracy, normal_convolutions, reduction_convolutions
    FROM epochs
    ```

    The record is whole, so everything above can be checked:

    ```milenas {name=verify}
    milenas-lab runs verify \(run)
    ```

    """
  }

  /// Writes a new notebook.
  ///
  /// - Throws: `NotebookError.exists`, `.writeFailed`.
  public static func write(to file: URL, on run: String) throws {
    do {
      try Data(text(on: run).utf8).write(to: file, options: .withoutOverwriting)
    } catch CocoaError.fileWriteFileExists {
      throw NotebookError.exists(path: file.relativePath)
    } catch {
      throw NotebookError.writeFailed(
        path: file.relativePath, reason: error.localizedDescription)
    }
  }
}

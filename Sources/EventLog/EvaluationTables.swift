/// What is stored of an evaluation: the tables of every run, and steps, epochs and a result of its own.
enum EvaluationTables {
  static let all =
    [Tables.run, Tables.attempts, Tables.layers, steps, Tables.traces, epochs, checkpoints, result]
    + [losses, epochCurve, stepCost]

  static let steps = Relation(
    name: "steps", meaning: "one row per step, committed before the next begins (level step)",
    columns: [
      Column("step", "INTEGER PRIMARY KEY", "from 0, through all epochs"),
      Column("attempt", "INTEGER NOT NULL REFERENCES attempts", "the start that computed it"),
      Column("epoch", "INTEGER NOT NULL", "from 0"),
      Column(
        "step_in_epoch", "INTEGER NOT NULL", "from 0; with seed and epoch: images and drop-path"),
      Column("train_loss", "REAL", "mean cross-entropy, labels smoothed, nats; NULL: NaN"),
      Column("auxiliary_loss", "REAL", "the same of the auxiliary head; NULL without one"),
      Column("correct", "INTEGER NOT NULL", "images whose label has the largest logit"),
      Column("images", "INTEGER NOT NULL", "how many the batch had"),
      Column("rate", "REAL NOT NULL", "learning rate"),
      Column("drop_path", "REAL NOT NULL", "probability with which a branch was dropped"),
      Column("gradient_norm", "REAL NOT NULL", "2-norm of ∇_w, unclipped"),
      Column("batch_seconds", "REAL NOT NULL", "wait for the batch, s; no part of the digest"),
      Column("seconds", "REAL NOT NULL", "wall time of the rest, s; as above"),
      Column("state", "BLOB NOT NULL", "hash of all that the next step starts from; 16 bytes"),
      Column("digest", "BLOB NOT NULL", "SHA-256 of the row before, this row and the state"),
    ],
    body: .table(constraints: ["UNIQUE (epoch, step_in_epoch)"]))

  static let epochs = Relation(
    name: "epochs", meaning: "one row per epoch, after its last step (levels epoch and step)",
    columns: [
      Column("epoch", "INTEGER PRIMARY KEY", "from 0"),
      Column("attempt", "INTEGER NOT NULL REFERENCES attempts", "the start that computed it"),
      Column("train_loss", "REAL", "mean over the epoch's images, nats, no auxiliary; NULL: NaN"),
      Column("train_accuracy", "REAL NOT NULL", "in training mode, 0 to 1"),
      Column("test_loss", "REAL", "plain, over all test images, nats; NULL: NaN"),
      Column("test_accuracy", "REAL NOT NULL", "in evaluation mode, 0 to 1"),
      Column(
        "test_top_five", "REAL", "label among the five largest, 0 to 1; NULL: 5 classes or fewer"),
      Column("train_seconds", "REAL NOT NULL", "wall time of the steps, s; not in the digest"),
      Column("test_seconds", "REAL NOT NULL", "wall time of the test, s; as above"),
      Column("state", "BLOB NOT NULL", "hash of all that the next step starts from; 16 bytes"),
      Column("digest", "BLOB NOT NULL", "SHA-256 of the row before, this row and the state"),
    ],
    body: .table())

  /// The same as a search's, but for the images that judge.
  static let checkpoints: Relation = {
    var relation = Tables.checkpoints
    relation.columns[2] = Column(
      "test_accuracy", "REAL", "of the last of them, 0 to 1; NULL before the first")
    return relation
  }()

  static let result = Relation(
    name: "result",
    meaning: "how the run ended; one row, none while it works or when it was killed",
    columns: [
      Column("id", "INTEGER PRIMARY KEY CHECK (id = 1)", "1"),
      Column("outcome", "TEXT NOT NULL", "completed or interrupted"),
      Column("epochs", "INTEGER NOT NULL", "finished epochs"),
      Column("steps", "INTEGER NOT NULL", "finished steps"),
      Column("test_accuracy", "REAL", "of the last epoch, 0 to 1; NULL before the first"),
      Column("best_accuracy", "REAL", "of the best epoch, which the test images chose; as above"),
      Column("best_epoch", "INTEGER", "that epoch, from 0"),
      Column("parameters", "INTEGER NOT NULL", "of the network, without auxiliary head"),
      Column("seconds", "REAL NOT NULL", "wall time of the last attempt, s; not in the digest"),
      Column("digest", "BLOB NOT NULL", "the end of the chain: equal for runs of the same bits"),
    ],
    body: .table())

  // MARK: - Views

  static let losses = Relation(
    name: "losses", meaning: "loss and accuracy of each step",
    columns: [
      Column("step", "from 0"), Column("epoch", "from 0"),
      Column("train_loss", "mean cross-entropy, nats"),
      Column("auxiliary_loss", "nats; NULL without auxiliary head"),
      Column("train_accuracy", "of the batch, 0 to 1"),
    ],
    body: .view(
      """
      SELECT step, epoch, train_loss, auxiliary_loss, CAST(correct AS REAL) / images FROM steps
      """))

  static let epochCurve = Relation(
    name: "epoch_curve", meaning: "how well the network does after each epoch",
    columns: [
      Column("epoch", "from 0"), Column("train_loss", "nats"),
      Column("train_accuracy", "0 to 1"), Column("test_loss", "nats"),
      Column("test_accuracy", "0 to 1"), Column("gap", "train_accuracy - test_accuracy"),
      Column("seconds", "wall time, s"),
    ],
    body: .view(
      """
      SELECT epoch, train_loss, train_accuracy, test_loss, test_accuracy,
        train_accuracy - test_accuracy, train_seconds + test_seconds
      FROM epochs
      """))

  static let stepCost = Relation(
    name: "step_cost", meaning: "where the time of the steps of an epoch goes",
    columns: [
      Column("epoch", "from 0"), Column("steps", "how many"),
      Column("batch_seconds", "waiting for batches, s"), Column("seconds", "the rest, s"),
      Column("images_per_second", "over both"),
    ],
    body: .view(
      """
      SELECT epoch, count(*), sum(batch_seconds), sum(seconds),
        sum(images) / (sum(batch_seconds) + sum(seconds))
      FROM steps GROUP BY epoch
      """))
}

/// What is stored: one row of `run` and `result`, one of `attempts` per start, one per epoch and step.
enum Tables {
  static let all =
    [run, attempts, alphaEntries, layers, steps, gradientTerms, gumbelSamples, stepSeconds, traces]
    + [epochs, checkpoints, result] + Float32Decoder.tables

  static let run = Relation(
    name: "run", meaning: "what the run is; one row, written first",
    columns: [
      Column("id", "INTEGER PRIMARY KEY CHECK (id = 1)", "1"),
      Column("name", "TEXT NOT NULL", "the folder's name when the run began"),
      Column("started", "TEXT NOT NULL", "when"),
      Column("log_level", "TEXT NOT NULL", "run, epoch, step or trace"),
      Column("manifest", "TEXT NOT NULL", "manifest.json: settings, seed, data, environment"),
      Column(
        "digest", "BLOB NOT NULL", "SHA-256 of the manifest; the chain of digests begins here"),
    ],
    body: .table())

  static let attempts = Relation(
    name: "attempts", meaning: "every start of the run: the first, and those that resumed it",
    columns: [
      Column("attempt", "INTEGER PRIMARY KEY", "0, 1, …"),
      Column("started", "TEXT NOT NULL", "when"),
      Column("ended", "TEXT", "when; NULL while it works, and for ever when it was killed"),
      Column("outcome", "TEXT", "completed, stopped early, interrupted or failed; NULL as ended"),
      Column("message", "TEXT", "what went wrong, when it failed"),
      Column("first_step", "INTEGER NOT NULL", "the step it began with"),
      Column("host", "TEXT NOT NULL", "machine"),
      Column("process", "INTEGER NOT NULL", "process number there"),
      Column("slurm_job", "TEXT", "job, under Slurm"),
      Column("slurm_task", "TEXT", "task of an array job"),
    ],
    body: .table())

  static let alphaEntries = Relation(
    name: "alpha_entries", meaning: "what each entry of an α-shaped vector belongs to",
    columns: [
      Column("position", "INTEGER PRIMARY KEY", "index in the vector, from 0"),
      Column("kind", "TEXT NOT NULL", "normal or reduction"),
      Column("edge", "INTEGER NOT NULL", "0 to 13 for 4 nodes; node by node, then by source"),
      Column("node", "INTEGER NOT NULL", "intermediate node that the edge enters, from 0"),
      Column("source", "INTEGER NOT NULL", "0, 1: the cells before; 2 + i: node i"),
      Column("operation", "TEXT NOT NULL", "DARTS's name: sep_conv_3x3"),
    ],
    body: .table(constraints: ["UNIQUE (kind, edge, operation)"]))

  static let layers = Relation(
    name: "layers",
    meaning: "the slices of the flat weight vector w, whose gradient norms are logged",
    columns: [
      Column("layer", "INTEGER PRIMARY KEY", "index in a vector of norms, from 0"),
      Column(
        "name", "TEXT NOT NULL UNIQUE", "cells.0.edge3.sep_conv_3x3.depthwise1"),
      Column("shape", "TEXT NOT NULL", "output, input per group, rows, columns: 48x3x3x3"),
      Column("first_entry", "INTEGER NOT NULL", "where it begins in w"),
      Column("entries", "INTEGER NOT NULL", "how many"),
    ],
    body: .table())

  static let steps = Relation(
    name: "steps", meaning: "one row per step, committed before the next begins (level step)",
    columns: [
      Column("step", "INTEGER PRIMARY KEY", "from 0, through all epochs"),
      Column("attempt", "INTEGER NOT NULL REFERENCES attempts", "the start that computed it"),
      Column("epoch", "INTEGER NOT NULL", "from 0"),
      Column("step_in_epoch", "INTEGER NOT NULL", "from 0; with seed and epoch: which images"),
      Column("train_loss", "REAL", "mean cross-entropy of the training batch, nats; NULL: NaN"),
      Column("valid_loss", "REAL", "of the validation batch, nats; NULL when none is taken"),
      Column("weight_rate", "REAL NOT NULL", "learning rate of w"),
      Column("temperature", "REAL", "τ of the relaxation; NULL for the softmax"),
      Column("alpha", "BLOB NOT NULL", "α before the step; α-shaped"),
      Column("alpha_gradient", "BLOB NOT NULL", "what Adam was given, before decay; α-shaped"),
      Column("gradient_norms", "BLOB NOT NULL", "2-norm of ∇_w L_train per layer, unclipped"),
      Column("state", "BLOB NOT NULL", "hash of all that the next step starts from; 16 bytes"),
      Column("digest", "BLOB NOT NULL", "SHA-256 of the row before, this row and the state"),
    ],
    body: .table(constraints: ["UNIQUE (epoch, step_in_epoch)"]))

  static let gradientTerms = Relation(
    name: "gradient_terms", meaning: "every term of the α-gradient of a step",
    columns: [
      Column("step", stepKey, "from 0"),
      Column("place", "INTEGER NOT NULL", "order in the sum, from 0"),
      Column("term", "TEXT NOT NULL", "its name"),
      Column("coefficient", "REAL NOT NULL", "its factor in the sum"),
      Column("gradient", "BLOB NOT NULL", "the term without its factor; α-shaped"),
    ],
    body: .table(constraints: ["PRIMARY KEY (step, place)"], rowless: true))

  static let gumbelSamples = Relation(
    name: "gumbel_samples",
    meaning: """
      the noise of a step's first passes on the training and the validation batch and of its first weight step (spaces \
      gumbel and gdas); later weight steps and batches of an unrolled path draw their own, which runs replay computes again
      """,
    columns: [
      Column("step", stepKey, "from 0"),
      Column("place", "INTEGER NOT NULL", "order of the passes, from 0"),
      Column("pass", "TEXT NOT NULL", "whose forward pass it was"),
      Column("noise", "BLOB NOT NULL", "[sets][edges][8 operations]; 2 sets, or one per cell"),
    ],
    body: .table(constraints: ["PRIMARY KEY (step, place)"], rowless: true))

  static let stepSeconds = Relation(
    name: "step_seconds", meaning: "wall time of the phases of a step; no part of the digests",
    columns: [
      Column("step", stepKey, "from 0"),
      Column("place", "INTEGER NOT NULL", "order of the phases, from 0"),
      Column("phase", "TEXT NOT NULL", "its name"),
      Column("seconds", "REAL NOT NULL", "wall time, s"),
    ],
    body: .table(constraints: ["PRIMARY KEY (step, place)"], rowless: true))

  static let traces = Relation(
    name: "traces",
    meaning: "the weight gradient of each step (level trace); no part of the digests",
    columns: [
      Column("step", "INTEGER PRIMARY KEY REFERENCES steps", "from 0"),
      Column(
        "weight_gradient", "BLOB NOT NULL",
        "∇_w L_train, unclipped; byte planes 0 to 3 of its float32 entries, zstd"),
      Column("hash", "BLOB NOT NULL", "XXH3-128 of the entries before compression; 16 bytes"),
    ],
    body: .table())

  static let epochs = Relation(
    name: "epochs", meaning: "one row per epoch, after its last step (levels epoch and step)",
    columns: [
      Column("epoch", "INTEGER PRIMARY KEY", "from 0"),
      Column("attempt", "INTEGER NOT NULL REFERENCES attempts", "the start that computed it"),
      Column("train_loss", "REAL", "mean over the training batches, nats; NULL: NaN"),
      Column("train_accuracy", "REAL NOT NULL", "in training mode, 0 to 1"),
      Column("valid_loss", "REAL", "over the validation half, nats; NULL: NaN"),
      Column("valid_accuracy", "REAL NOT NULL", "in evaluation mode, 0 to 1"),
      Column("alpha", "BLOB NOT NULL", "α after the epoch; α-shaped"),
      Column("alpha_softmax", "BLOB NOT NULL", "its softmax over the operations; α-shaped"),
      Column("genotype", "TEXT NOT NULL", "the cell derived from α, as DARTS prints it"),
      Column("normal_convolutions", "INTEGER NOT NULL", "n: kept edges with a convolution"),
      Column("reduction_convolutions", "INTEGER NOT NULL", "r: the same in the reduction cell"),
      Column("parameters", "INTEGER NOT NULL", "of the derived network: CIFAR-10, C 36, 20 cells"),
      Column("multiply_adds", "INTEGER NOT NULL", "of the same network, for one image"),
      Column("curvature", "REAL", "largest eigenvalue of the α-Hessian; NULL: not measured"),
      Column("train_seconds", "REAL NOT NULL", "wall time of the steps, s; not in the digest"),
      Column("valid_seconds", "REAL NOT NULL", "wall time of the evaluation, s; as above"),
      Column("state", "BLOB NOT NULL", "hash of all that the next step starts from; 16 bytes"),
      Column("digest", "BLOB NOT NULL", "SHA-256 of the row before, this row and the state"),
    ],
    body: .table())

  static let checkpoints = Relation(
    name: "checkpoints", meaning: "states on disk from which the run can continue",
    columns: [
      Column("step", "INTEGER PRIMARY KEY", "the first step after it"),
      Column("epochs", "INTEGER NOT NULL", "how many epochs are complete"),
      Column("valid_accuracy", "REAL", "of the last of them, 0 to 1; NULL before the first"),
      Column("file", "TEXT NOT NULL", "path inside the run's folder"),
      Column("bytes", "INTEGER NOT NULL", "size of the file"),
      Column("sha256", "BLOB NOT NULL", "of the file; 32 bytes"),
      Column("digest", "BLOB NOT NULL", "the chain's digest at this point, from which it goes on"),
      Column("written", "TEXT NOT NULL", "when"),
    ],
    body: .table())

  static let result = Relation(
    name: "result",
    meaning: "how the run ended; one row, none while it works or when it was killed",
    columns: [
      Column("id", "INTEGER PRIMARY KEY CHECK (id = 1)", "1"),
      Column("outcome", "TEXT NOT NULL", "completed, stopped early or interrupted"),
      Column("epochs", "INTEGER NOT NULL", "finished epochs"),
      Column("steps", "INTEGER NOT NULL", "finished steps"),
      Column("genotype", "TEXT NOT NULL", "the cell that is left, as DARTS prints it"),
      Column("genotype_epoch", "INTEGER", "the epoch that ended with it; NULL: within an epoch"),
      Column("normal_convolutions", "INTEGER NOT NULL", "n: kept edges with a convolution"),
      Column("reduction_convolutions", "INTEGER NOT NULL", "r: the same in the reduction cell"),
      Column("valid_accuracy", "REAL", "of that epoch or the last, 0 to 1; NULL before the first"),
      Column("seconds", "REAL NOT NULL", "wall time of the last attempt, s; not in the digest"),
      Column("digest", "BLOB NOT NULL", "the end of the chain: equal for runs of the same bits"),
    ],
    body: .table())

  private static let stepKey = "INTEGER NOT NULL REFERENCES steps"
}

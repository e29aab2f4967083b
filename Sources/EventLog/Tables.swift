/// What is stored: one row of `run` and `result`, one of `attempts` per start, one per epoch and step.
enum Tables {
  static let all =
    [run, attempts, alphaEntries, layers, steps, gradientTerms, checkpoints]
    + Float32Decoder.tables

  static let run = Relation(
    name: "run", meaning: "what the run is; one row, written first",
    columns: [
      Column("id", "INTEGER PRIMARY KEY CHECK (id = 1)", "1"),
      Column("name", "TEXT NOT NULL", "the folder's name when the run began"),
      Column("started", "TEXT NOT NULL", "when"),
      Column("log_level", "TEXT NOT NULL", "run, epoch or step"),
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
        "name", "TEXT NOT NULL UNIQUE", "as in checkpoints: cells.0.edge3.sep_conv_3x3.depthwise1"),
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
      Column(
        "step_in_epoch", "INTEGER NOT NULL", "from 0: with the seed it is the batches' address"),
      Column("train_loss", "REAL NOT NULL", "mean cross-entropy of the training batch, nats"),
      Column(
        "valid_loss", "REAL", "of the validation batch, nats; NULL when the method takes none"),
      Column("alpha", "BLOB NOT NULL", "α before the step; α-shaped"),
      Column("alpha_gradient", "BLOB NOT NULL", "what Adam was given, before its decay; α-shaped"),
      Column("gradient_norms", "BLOB NOT NULL", "2-norm of ∇_w L_train per layer, before clipping"),
      Column("digest", "BLOB NOT NULL", "SHA-256 chained over the rows and the state; 32 bytes"),
    ],
    body: .table(constraints: ["UNIQUE (epoch, step_in_epoch)"]))

  static let gradientTerms = Relation(
    name: "gradient_terms", meaning: "every term of the α-gradient of a step, unscaled",
    columns: [
      Column("step", "INTEGER NOT NULL REFERENCES steps", "from 0"),
      Column("term", "TEXT NOT NULL", "its name"),
      Column("coefficient", "REAL NOT NULL", "its factor in the sum"),
      Column("vector", "BLOB NOT NULL", "α-shaped"),
    ],
    body: .table(constraints: ["PRIMARY KEY (step, term)"], rowless: true))

  static let checkpoints = Relation(
    name: "checkpoints", meaning: "states on disk from which the run can continue",
    columns: [
      Column("epoch", "INTEGER PRIMARY KEY", "the epoch it closes"),
      Column("step", "INTEGER NOT NULL", "the first step after it"),
      Column("file", "TEXT NOT NULL", "path inside the run's folder"),
      Column("bytes", "INTEGER NOT NULL", "size of the file"),
      Column("sha256", "BLOB NOT NULL", "of the file; 32 bytes"),
      Column("written", "TEXT NOT NULL", "when"),
    ],
    body: .table())
}

/// A view for every question that is asked again and again; the answers follow from the tables.
enum Views {
  static let all = [
    losses, alpha, gradientTermEntries, alphaSoftmax, gumbelNoise, gradientNorm, epochCurve,
    modelSize, bestPerSize, stepCost,
  ]

  static let losses = Relation(
    name: "losses", meaning: "the losses of each step",
    columns: [
      step, epoch, Column("train_loss", "mean cross-entropy, nats"),
      Column("valid_loss", "nats; NULL when the method takes none"),
    ],
    body: .view("SELECT step, epoch, train_loss, valid_loss FROM steps"))

  static let alpha = Relation(
    name: "alpha", meaning: "α before each step, and the gradient that Adam was given",
    columns: [step] + place + [Column("value", "α"), Column("gradient", "before Adam's decay")],
    body: .view(
      """
      SELECT step, kind, edge, operation,
        \(Float32Decoder.entry(of: "alpha", at: "position")),
        \(Float32Decoder.entry(of: "alpha_gradient", at: "position"))
      FROM steps CROSS JOIN alpha_entries ORDER BY step, position
      """))

  static let gradientTermEntries = Relation(
    name: "alpha_gradient_terms", meaning: "every entry of every term of the α-gradient",
    columns: [step] + place + [
      Column("term", "its name"), Column("coefficient", "its factor in the sum"),
      Column("value", "without that factor"),
    ],
    body: .view(
      """
      SELECT step, kind, edge, operation, term, coefficient,
        \(Float32Decoder.entry(of: "gradient", at: "position"))
      FROM gradient_terms CROSS JOIN alpha_entries ORDER BY step, place, position
      """))

  static let alphaSoftmax = Relation(
    name: "alpha_softmax", meaning: "the weight of each operation on its edge after each epoch",
    columns: [epoch] + place + [Column("value", "softmax of α, 0 to 1")],
    body: .view(
      """
      SELECT epoch, kind, edge, operation,
        \(Float32Decoder.entry(of: "alpha_softmax", at: "position"))
      FROM epochs CROSS JOIN alpha_entries ORDER BY epoch, position
      """))

  static let gumbelNoise = Relation(
    name: "gumbel_noise", meaning: "the noise added to α in every pass of a step",
    columns: [
      step, Column("pass", "whose forward pass it was"),
      Column("noise_set", "cell kind, or cell when each has its own noise; from 0"),
      Column("edge", "from 0"), Column("operation", "DARTS's name"), Column("value", "noise"),
    ],
    // The rows of the first kind of cell name edges and operations; positions number the sets.
    body: .view(
      """
      SELECT step, pass, sets.position, entries.edge, entries.operation,
        \(Float32Decoder.entry(of: "noise", at: "(sets.position * size + entries.position)"))
      FROM gumbel_samples
        CROSS JOIN (SELECT count(*) AS size FROM alpha_entries WHERE kind = 'normal')
        CROSS JOIN alpha_entries AS sets ON sets.position < length(noise) / (4 * size)
        CROSS JOIN alpha_entries AS entries ON entries.kind = 'normal'
      ORDER BY step, place, sets.position, entries.position
      """))

  static let gradientNorm = Relation(
    name: "gradient_norm", meaning: "the 2-norm of ∇_w L_train per layer of each step",
    columns: [step, Column("layer", "its name"), Column("value", "2-norm, before clipping")],
    body: .view(
      """
      SELECT step, name, \(Float32Decoder.entry(of: "gradient_norms", at: "layer"))
      FROM steps CROSS JOIN layers ORDER BY step, layer
      """))

  static let epochCurve = Relation(
    name: "epoch_curve", meaning: "how well the supernet does after each epoch",
    columns: [
      epoch, Column("train_loss", "nats"), Column("train_accuracy", "0 to 1"),
      Column("valid_loss", "nats"), Column("valid_accuracy", "0 to 1"),
      Column("gap", "train_accuracy - valid_accuracy"), Column("seconds", "wall time, s"),
    ],
    body: .view(
      """
      SELECT epoch, train_loss, train_accuracy, valid_loss, valid_accuracy,
        train_accuracy - valid_accuracy, train_seconds + valid_seconds
      FROM epochs
      """))

  static let modelSize = Relation(
    name: "model_size", meaning: "the size of the derived cell after each epoch",
    columns: [epoch] + size,
    body: .view(
      """
      SELECT epoch, normal_convolutions, reduction_convolutions, parameters, multiply_adds,
        valid_accuracy, genotype
      FROM epochs
      """))

  static let bestPerSize = Relation(
    name: "best_per_size", meaning: "for each size the epoch of the highest validation accuracy",
    columns: [epoch] + size,
    body: .view(
      """
      SELECT epoch, n, r, parameters, multiply_adds, valid_accuracy, genotype
      FROM (SELECT *, row_number() OVER (
        PARTITION BY n, r ORDER BY valid_accuracy DESC, epoch) AS rank FROM model_size)
      WHERE rank = 1
      """))

  static let stepCost = Relation(
    name: "step_cost", meaning: "where the time of the steps of an epoch goes",
    columns: [
      epoch, Column("phase", "its name"), Column("steps", "how many"),
      Column("mean_seconds", "per step, s"), Column("seconds", "of the epoch, s"),
    ],
    body: .view(
      """
      SELECT epoch, phase, count(*), avg(seconds), sum(seconds)
      FROM step_seconds JOIN steps USING (step) GROUP BY epoch, place, phase
      """))

  private static let step = Column("step", "from 0")
  private static let epoch = Column("epoch", "from 0")
  private static let place = [
    Column("kind", "normal or reduction"), Column("edge", "from 0"),
    Column("operation", "DARTS's name"),
  ]
  private static let size = [
    Column("n", "convolutions among the kept edges of the normal cell"),
    Column("r", "the same of the reduction cell"),
    Column("parameters", "of the derived network, CIFAR-10, C 36, 20 cells"),
    Column("multiply_adds", "of the same network, for one image"),
    Column("valid_accuracy", "0 to 1"), Column("genotype", "as DARTS prints it"),
  ]
}

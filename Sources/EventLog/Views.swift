/// A view for every question that is asked again and again; the answers follow from the tables.
enum Views {
  static let all = [alpha, gradientTermEntries]

  static let alpha = Relation(
    name: "alpha", meaning: "α before each step",
    columns: positionColumns + [Column("value", "α")],
    body: .view(
      """
      SELECT step, kind, edge, operation, \(Float32Decoder.entry(of: "alpha", at: "position"))
      FROM steps CROSS JOIN alpha_entries
      """))

  static let gradientTermEntries = Relation(
    name: "alpha_gradient_terms", meaning: "every entry of every term of the α-gradient",
    columns: positionColumns + [
      Column("term", "its name"), Column("coefficient", "its factor in the sum"),
      Column("value", "the entry, unscaled"),
    ],
    body: .view(
      """
      SELECT step, kind, edge, operation, term, coefficient,
        \(Float32Decoder.entry(of: "vector", at: "position"))
      FROM gradient_terms CROSS JOIN alpha_entries
      """))

  private static let positionColumns = [
    Column("step", "from 0"), Column("kind", "normal or reduction"), Column("edge", "from 0"),
    Column("operation", "DARTS's name"),
  ]
}

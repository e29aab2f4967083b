/// Finds what a user may have meant.
public enum NearestName {
  /// The name with the fewest edits, if it takes no more than a third of the letters; the first of equals.
  public static func of(_ name: String, among names: [String]) -> String? {
    let nearest = names.map { (name: $0, edits: edits(name, $0)) }.min { $0.edits < $1.edits }
    guard let nearest, nearest.edits <= max(1, name.count / 3) else { return nil }
    return nearest.name
  }

  /// Letters to insert, delete or replace, and neighbours to exchange (optimal string alignment), case ignored.
  static func edits(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.lowercased()), Array(b.lowercased()))
    // rows[i][j]: edits from the first i letters of a to the first j of b.
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var edits = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          edits = min(edits, rows[i - 1][j - 1] + 1)
        }
        row.append(edits)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}

/// Finds what a user may have meant.
public enum NearestName {
  /// The name with the fewest edits, if it takes no more than a third of the letters; the first of equals.
  public static func of(_ name: String, among names: [String]) -> String? {
    let nearest = names.map { (name: $0, edits: edits(name, $0)) }.min { $0.edits < $1.edits }
    guard let nearest, nearest.edits <= max(1, name.count / 3) else { return nil }
    return nearest.name
  }

  /// Letters to insert, delete or replace (Levenshtein), case ignored.
  private static func edits(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.lowercased()), Array(b.lowercased()))
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in b.enumerated() {
        let replaced = diagonal + (letter == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}

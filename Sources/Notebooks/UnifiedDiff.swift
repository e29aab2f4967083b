/// The difference of two texts as `diff -u` prints it.
enum UnifiedDiff {
  private enum Edit {
    case keep(String)
    case remove(String)
    case insert(String)
  }

  private static let context = 3

  /// Empty when the texts are equal.
  static func text(from old: String, to new: String, path: String) -> String {
    let edits = edits(from: lines(of: old), to: lines(of: new))
    let changes = edits.indices.filter {
      if case .keep = edits[$0] { false } else { true }
    }
    guard !changes.isEmpty else { return "" }
    var hunks: [Range<Int>] = []
    for change in changes {
      let range = max(0, change - context)..<min(edits.count, change + context + 1)
      if let last = hunks.last, range.lowerBound <= last.upperBound {
        hunks[hunks.count - 1] = last.lowerBound..<range.upperBound
      } else {
        hunks.append(range)
      }
    }
    return "--- \(path)\n+++ \(path) (as it runs now)\n"
      + hunks.map { hunk(edits, $0) }.joined()
  }

  private static func lines(of text: String) -> [String] {
    BlockScanner.splitLines(text).map { line in
      String(decoding: line.utf8.filter { $0 != .lineFeed && $0 != .carriageReturn }, as: UTF8.self)
    }
  }

  private static func edits(from old: [String], to new: [String]) -> [Edit] {
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in new.difference(from: old) {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var edits: [Edit] = []
    var (i, j) = (0, 0)
    while i < old.count || j < new.count {
      if i < old.count, removed.contains(i) {
        edits.append(.remove(old[i]))
        i += 1
      } else if j < new.count, inserted.contains(j) {
        edits.append(.insert(new[j]))
        j += 1
      } else {
        edits.append(.keep(old[i]))
        i += 1
        j += 1
      }
    }
    return edits
  }

  private static func hunk(_ edits: [Edit], _ range: Range<Int>) -> String {
    func counts(_ edits: ArraySlice<Edit>) -> (old: Int, new: Int) {
      edits.reduce((0, 0)) { count, edit in
        switch edit {
        case .keep: (count.0 + 1, count.1 + 1)
        case .remove: (count.0 + 1, count.1)
        case .insert: (count.0, count.1 + 1)
        }
      }
    }
    let (before, within) = (counts(edits[..<range.lowerBound]), counts(edits[range]))
    // diff counts lines from 1, and names the line before where there is none.
    func place(_ before: Int, _ count: Int) -> String {
      "\(count == 0 ? before : before + 1),\(count)"
    }
    let lines = edits[range].map { edit in
      switch edit {
      case .keep(let line): " \(line)\n"
      case .remove(let line): "-\(line)\n"
      case .insert(let line): "+\(line)\n"
      }
    }
    return "@@ -\(place(before.old, within.old)) +\(place(before.new, within.new)) @@\n"
      + lines.joined()
  }
}

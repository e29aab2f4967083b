/// Whether two outputs say the same.
enum Comparison {
  /// Numbers may differ by `tolerance` times the larger one, and white space may have another width then.
  static func areEqual(_ a: String, _ b: String, tolerance: Double) -> Bool {
    if a == b { return true }
    guard tolerance > 0 else { return false }
    let (a, b) = (tokens(of: a), tokens(of: b))
    return a.count == b.count
      && zip(a, b).allSatisfy { a, b in
        switch (a, b) {
        case (.number(let a), .number(let b)):
          a == b || abs(a - b) <= tolerance * max(abs(a), abs(b))
        default: a == b
        }
      }
  }

  private enum Token: Equatable {
    case text(String)
    case number(Double)
  }

  /// Numbers are what stands free of letters: the 3 in sep_conv_3x3 is part of a name.
  private static func tokens(of text: String) -> [Token] {
    var tokens: [Token] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      for word in line.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
        tokens += self.tokens(ofWord: word)
      }
      tokens.append(.text("\n"))
    }
    return tokens
  }

  private static func tokens(ofWord word: Substring) -> [Token] {
    var tokens: [Token] = []
    var plain = ""
    var rest = word
    while let first = rest.first {
      let isFree = plain.last.map { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "." } ?? true
      if isFree, let match = rest.prefixMatch(of: /[-+−]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?/),
        rest[match.range.upperBound...].first.map({ !$0.isLetter && $0 != "_" }) ?? true,
        let value = Double(match.output.replacing("−", with: "-"))
      {
        if !plain.isEmpty { tokens.append(.text(plain)) }
        plain = ""
        tokens.append(.number(value))
        rest = rest[match.range.upperBound...]
      } else {
        plain.append(first)
        rest.removeFirst()
      }
    }
    if !plain.isEmpty { tokens.append(.text(plain)) }
    return tokens
  }
}

import Datasets
import Kernels

/// A cell architecture: two operations for each intermediate node, in normal and in reduction cells.
///
/// Entries 2k and 2k + 1 feed node k. Inputs: 0 and 1 are the outputs of the two cells before, 2 + i is node i.
public struct Genotype: Hashable, Codable, Sendable {
  /// An operation and the state that it reads.
  public struct Entry: Hashable, Codable, Sendable {
    /// The name in DARTS: "sep_conv_3x3"; NASNet and AmoebaNet use two that are no candidates.
    public var operation: String
    /// 0 and 1 are the outputs of the two cells before, 2 + i is node i.
    public var input: Int

    /// An operation, and what it reads.
    public init(_ operation: String, _ input: Int) {
      self.operation = operation
      self.input = input
    }
  }

  /// Two entries for each node of the normal cell.
  public var normal: [Entry]
  /// The states that the cell's output concatenates.
  public var normalConcat: [Int]
  /// The same of the reduction cell.
  public var reduction: [Entry]
  /// The states that its output concatenates.
  public var reductionConcat: [Int]

  /// Nothing is checked before `validate`.
  public init(
    normal: [Entry], normalConcat: [Int], reduction: [Entry], reductionConcat: [Int]
  ) {
    self.normal = normal
    self.normalConcat = normalConcat
    self.reduction = reduction
    self.reductionConcat = reductionConcat
  }

  /// Two for each node.
  public func entries(of kind: CellKind) -> [Entry] { kind == .normal ? normal : reduction }
  /// The states that the output concatenates.
  public func concat(of kind: CellKind) -> [Int] {
    kind == .normal ? normalConcat : reductionConcat
  }
}

/// How many of the kept edges are convolutions, in each kind of cell: the sizes (n, r) of the paper.
public struct ConvolutionCounts: Hashable, Codable, Sendable {
  /// n
  public var normal: Int
  /// r
  public var reduction: Int

  /// (n, r)
  public init(normal: Int, reduction: Int) {
    self.normal = normal
    self.reduction = reduction
  }
}

extension Genotype {
  /// The counts (n, r) of the public MiLeNAS code: sep_conv and dil_conv of 3×3 and 5×5.
  public var convolutionCounts: ConvolutionCounts {
    func count(_ entries: [Entry]) -> Int {
      entries.count { Operation(name: $0.operation)?.isConvolution ?? false }
    }
    return ConvolutionCounts(normal: count(normal), reduction: count(reduction))
  }

  /// How a genotype is read off α.
  public enum Rule: String, CaseIterable, Codable, Sendable {
    /// The two strongest edges of each node, the best operation on each: DARTS and MiLeNAS (`genotype()` in
    /// `cnn/model_search.py`), and the public MiLeNAS code's Gumbel network.
    case darts
    /// The two strongest pairs of edge and operation, both of which may be on one edge: the official GDAS code.
    case gdas
  }

  /// The cell that α stands for.
  ///
  /// Softmax over all eight operations, so that a strong `none`, which is never kept itself, weakens its edge. Each
  /// node keeps its two strongest inputs, the stronger first; ties go to the lower index.
  /// - Parameter alpha: [2 kinds][edges][8].
  public init<Scalar: KernelScalar>(
    alpha: [Scalar], shape: SupernetShape, rule: Rule = .darts
  ) {
    precondition(alpha.count == shape.alphaCount)
    func derive(_ kind: CellKind) -> [Entry] {
      (0..<shape.nodes).flatMap { node -> [Entry] in
        let candidates = shape.edges.enumerated().filter { $0.element.node == node }.flatMap {
          index, edge -> [Candidate] in
          let first = shape.alphaIndex(kind, edge: index, .none)
          let row = Mixing<Double>.softmax(
            alpha[first..<(first + Operation.allCases.count)].map { Double($0) })
          let all = Operation.allCases.dropFirst().map {
            Candidate(entry: Entry($0.name, edge.source), strength: row[$0.rawValue])
          }
          return rule == .darts ? Candidate.strongest(1, of: all) : all
        }
        return Candidate.strongest(2, of: candidates).map(\.entry)
      }
    }
    let concat = Array(2..<(2 + shape.nodes))
    self.init(
      normal: derive(.normal), normalConcat: concat, reduction: derive(.reduction),
      reductionConcat: concat)
  }

  private struct Candidate {
    var entry: Entry
    var strength: Double

    /// In falling order; of equals the one that stands first.
    static func strongest(_ count: Int, of candidates: [Candidate]) -> [Candidate] {
      candidates.indices.sorted { a, b in
        let (x, y) = (candidates[a].strength, candidates[b].strength)
        return x > y || x == y && a < b
      }
      .prefix(count).map { candidates[$0] }
    }
  }
}

// MARK: - Text

/// What can be wrong with a genotype in text.
public enum GenotypeError: Error, Equatable, CustomStringConvertible {
  /// Text that is no genotype, and where it stops being one.
  case malformed(reason: String, position: Int)
  /// A name that no operation has.
  case unknownOperation(String)
  /// An entry that reads a state which is not there yet.
  case wrongInput(operation: String, input: Int, node: Int)
  /// A cell that is no cell, in one sentence.
  case impossible(String)
  /// A name that no published cell has.
  case unknownName(String, nearest: String?)

  public var description: String {
    switch self {
    case .malformed(let reason, let position):
      "the genotype cannot be read: \(reason) at character \(position); the form is "
        + "Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=[2, 3, 4, 5], reduce=[…], "
        + "reduce_concat=[…])"
    case .unknownOperation(let name):
      "there is no operation “\(name)”"
        + (NearestName.of(name, among: Genotype.operationNames).map { "; did you mean \($0)?" }
          ?? "; the operations are \(Genotype.operationNames.joined(separator: ", "))")
    case .wrongInput(let operation, let input, let node):
      "\(operation) of node \(node) reads state \(input), but only 0 to \(node + 1) come before it"
    case .impossible(let sentence): sentence
    case .unknownName(let name, let nearest):
      "there is no published cell “\(name)”"
        + (nearest.map { "; did you mean \($0)?" } ?? ".")
        + " `milenas-lab genotype list` shows them; or give one as Genotype(normal=[('sep_conv_3x3', 0), …], …)"
    }
  }
}

extension Genotype: CustomStringConvertible {
  /// The candidates but `none`, and the two operations that only NASNet and AmoebaNet use.
  public static let operationNames = CellOperation.allCases.map(\.rawValue)

  /// As DARTS prints it.
  public var description: String {
    func list(_ entries: [Entry]) -> String {
      "[" + entries.map { "('\($0.operation)', \($0.input))" }.joined(separator: ", ") + "]"
    }
    func numbers(_ values: [Int]) -> String {
      "[" + values.map(String.init).joined(separator: ", ") + "]"
    }
    return "Genotype(normal=\(list(normal)), normal_concat=\(numbers(normalConcat)), "
      + "reduce=\(list(reduction)), reduce_concat=\(numbers(reductionConcat)))"
  }

  /// Reads the form that DARTS prints, with `range(2, 6)` for a list of numbers as well.
  ///
  /// - Throws: `GenotypeError`, naming the place.
  public init(_ text: String) throws {
    var reader = Reader(text)
    try reader.expect("Genotype")
    try reader.expect("(")
    var lists: [String: [Entry]] = [:]
    var concats: [String: [Int]] = [:]
    for (k, field) in ["normal", "normal_concat", "reduce", "reduce_concat"].enumerated() {
      if k > 0 { try reader.expect(",") }
      try reader.expect(field)
      try reader.expect("=")
      if field.hasSuffix("concat") {
        concats[field] = try reader.numbers()
      } else {
        lists[field] = try reader.entries()
      }
    }
    _ = reader.accept(",")
    try reader.expect(")")
    try reader.end()
    self.init(
      normal: lists["normal", default: []], normalConcat: concats["normal_concat", default: []],
      reduction: lists["reduce", default: []],
      reductionConcat: concats["reduce_concat", default: []])
    try validate()
  }

  /// Checks that both cells can be built.
  ///
  /// - Throws: `GenotypeError.unknownOperation`, `.wrongInput`, `.impossible`.
  public func validate() throws {
    for kind in CellKind.allCases {
      let entries = entries(of: kind)
      let states = 2..<(2 + entries.count / 2)
      guard entries.count >= 2 && entries.count % 2 == 0 else {
        throw GenotypeError.impossible(
          "a \(kind) cell has two operations for each node, not \(entries.count) in all")
      }
      let concat = concat(of: kind)
      guard
        !concat.isEmpty && Set(concat).count == concat.count
          && concat.allSatisfy(states.contains)
      else {
        throw GenotypeError.impossible(
          "the output of a \(kind) cell with \(entries.count / 2) nodes joins some of the states 2 to "
            + "\(states.upperBound - 1), not \(concat)")
      }
      for (k, entry) in entries.enumerated() {
        guard Self.operationNames.contains(entry.operation) else {
          throw GenotypeError.unknownOperation(entry.operation)
        }
        guard 0...(k / 2 + 1) ~= entry.input else {
          throw GenotypeError.wrongInput(
            operation: entry.operation, input: entry.input, node: k / 2)
        }
      }
    }
  }

  /// A cursor over the text, which skips white space.
  private struct Reader {
    private let characters: [Character]
    private var position = 0

    init(_ text: String) { characters = Array(text) }

    private mutating func skip() {
      while position < characters.count && characters[position].isWhitespace { position += 1 }
    }

    mutating func accept(_ token: String) -> Bool {
      skip()
      guard characters[position...].starts(with: token) else { return false }
      position += token.count
      return true
    }

    mutating func expect(_ token: String) throws {
      guard accept(token) else {
        throw GenotypeError.malformed(reason: "“\(token)” is missing", position: position)
      }
    }

    mutating func end() throws {
      skip()
      guard position == characters.count else {
        throw GenotypeError.malformed(reason: "text is left over", position: position)
      }
    }

    private mutating func number() throws -> Int {
      skip()
      let digits = characters[position...].prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(String(digits)) else {
        throw GenotypeError.malformed(reason: "a number is missing", position: position)
      }
      position += digits.count
      return number
    }

    mutating func numbers() throws -> [Int] {
      if accept("range") {
        try expect("(")
        let first = try number()
        try expect(",")
        let end = try number()
        try expect(")")
        guard first <= end, end < 1000 else {
          throw GenotypeError.malformed(reason: "an empty range", position: position)
        }
        return Array(first..<end)
      }
      return try list { try $0.number() }
    }

    mutating func entries() throws -> [Entry] {
      try list { reader in
        try reader.expect("(")
        let quote = reader.accept("\"") ? "\"" : "'"
        if quote == "'" { try reader.expect("'") }
        let name = String(reader.characters[reader.position...].prefix { $0 != Character(quote) })
        reader.position += name.count
        try reader.expect(quote)
        try reader.expect(",")
        let input = try reader.number()
        try reader.expect(")")
        return Entry(name, input)
      }
    }

    private mutating func list<Item>(_ item: (inout Reader) throws -> Item) throws -> [Item] {
      try expect("[")
      var items: [Item] = []
      while !accept("]") {
        if !items.isEmpty { try expect(",") }
        if accept("]") { break }
        items.append(try item(&self))
      }
      return items
    }
  }
}

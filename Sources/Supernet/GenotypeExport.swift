/// Genotypes in the forms that other programs read.
extension Genotype {
  /// An assignment for `cnn/genotypes.py` of the public DARTS code, whose `--arch` names it.
  ///
  /// - Throws: `GenotypeError.impossible` for what is no name in Python.
  public func python(name: String) throws -> String {
    let isName =
      name.first?.isNumber == false
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard isName else {
      throw GenotypeError.impossible(
        "“\(name)” is no name in Python: use letters, digits and _, a letter first")
    }
    return "\(name) = \(self)\n"
  }

  /// An object with the lists of the DARTS form: {"normal": [["sep_conv_3x3", 0], …], "normal_concat": [2, …], …}.
  public var json: String {
    func list(_ entries: [Entry]) -> String {
      "[" + entries.map { "[\"\($0.operation)\", \($0.input)]" }.joined(separator: ", ") + "]"
    }
    return """
      {
        "normal": \(list(normal)),
        "normal_concat": \(normalConcat),
        "reduce": \(list(reduction)),
        "reduce_concat": \(reductionConcat)
      }

      """
  }
}

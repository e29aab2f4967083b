/// Wall time of the phases of passes, by cell and kind of phase.
///
/// Attach one to `Supernet.profile`; it observes and changes no bit. Kinds, as the barriers of batch norm cut a pass:
/// `in` preprocessing; `f1` first halves and pooling, after the α-weighted sum of the node before; `f2` second halves;
/// `b1` sums for the coefficients of batch norm and of α, after the first halves of the node after; `b2` second halves;
/// `bin` preprocessing, backward.
public final class PassProfile {
  /// Time of one kind of phase in one cell, in all passes so far.
  public struct Entry: Codable, Equatable, Sendable {
    /// nil for the stem and the classifier's features.
    public var cell: Int?
    /// "f1", "b2", …
    public var phase: String
    /// Wall time.
    public var seconds: Double
  }

  /// In the order in which the phases first ran.
  public private(set) var entries: [Entry] = []
  private var places: [PhaseName: Int] = [:]

  /// Nothing timed yet.
  public init() {}

  func add(_ seconds: Duration, to name: PhaseName) {
    let (whole, parts) = seconds.components
    let added = Double(whole) + Double(parts) * 1e-18
    if let place = places[name] {
      entries[place].seconds += added
    } else {
      places[name] = entries.count
      entries.append(Entry(cell: name.cell, phase: name.kind.rawValue, seconds: added))
    }
  }
}

/// What a phase is called in a profile.
struct PhaseName: Hashable {
  enum Kind: String {
    case stem, features
    case preprocess = "in"
    case firstForward = "f1"
    case secondForward = "f2"
    case products = "b1"
    case secondBackward = "b2"
    case preprocessBackward = "bin"
    case stemBackward = "stem backward"
    case derived
  }
  var kind: Kind
  var cell: Int?
}

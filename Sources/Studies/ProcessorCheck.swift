import Foundation

/// Whether a processor has what a program was compiled for: an error that can be read, before an instruction that cannot
/// be executed. The machines of a cluster are often of several generations.
public struct ProcessorCheck {
  private let needed: [Substring]
  /// nil where the system does not say.
  private let present: Set<Substring>?

  /// What a program needs, and what a processor has.
  ///
  /// - Parameters:
  ///   - needed: instruction sets as /proc/cpuinfo calls them, between spaces.
  ///   - cpuinfo: of a processor; nil for the first one of this machine.
  public init(needed: String, cpuinfo: String? = nil) {
    self.needed = needed.split(separator: " ")
    let lines = (cpuinfo ?? Self.firstProcessor()).split(separator: "\n")
    present = lines.first { $0.hasPrefix("flags") }.map {
      Set($0.split(whereSeparator: { $0 == " " || $0 == "\t" }))
    }
  }

  /// Says no where the processor lacks what the program needs.
  ///
  /// - Parameter target: what the program was built for, as `MILENAS_CPU` has it.
  /// - Throws: `StudyError.otherProcessor`.
  public func run(target: String) throws {
    guard let present else { return }
    let missing = needed.filter { !present.contains($0) }
    if !missing.isEmpty {
      throw StudyError.otherProcessor(target: target, missing: missing.map(String.init))
    }
  }

  /// The file is long on a machine with many cores, and its first page says it all.
  private static func firstProcessor() -> String {
    let file = FileHandle(forReadingAtPath: "/proc/cpuinfo")
    return String(decoding: (try? file?.read(upToCount: 8192)) ?? Data(), as: UTF8.self)
  }
}

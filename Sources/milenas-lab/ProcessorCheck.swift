import ArgumentParser
import Foundation
import Kernels
import Processor

/// Whether this processor has what the kernels were compiled for: an error that can be read, before an instruction that
/// cannot be executed.
struct ProcessorCheck {
  /// As /proc/cpuinfo calls them.
  var needed: [Substring]
  /// nil where the system does not say.
  var present: Set<Substring>?

  /// Those of this build, and of the first processor of this machine.
  init() {
    let names = unsafe String(cString: InstructionSets.ofThisBuild())
    // The list of the first processor is enough: /proc/cpuinfo is long on a large machine.
    let file = FileHandle(forReadingAtPath: "/proc/cpuinfo")
    let text = String(decoding: (try? file?.read(upToCount: 8192)) ?? Data(), as: UTF8.self)
    self.init(needed: names.split(separator: " "), cpuinfo: text)
  }

  init(needed: [Substring], cpuinfo: String) {
    self.needed = needed
    let flags = cpuinfo.split(separator: "\n").first { $0.hasPrefix("flags") }
    present = flags.map { Set($0.split(whereSeparator: { $0 == " " || $0 == "\t" })) }
  }

  var missing: [Substring] {
    present.map { present in needed.filter { !present.contains($0) } } ?? []
  }

  /// - Throws: `ProcessorMismatch`.
  func run() throws {
    if !missing.isEmpty { throw ProcessorMismatch(target: BuildTarget.cpu, missing: missing) }
  }
}

/// A program that was built for another processor.
struct ProcessorMismatch: Error, CustomStringConvertible {
  var target: String
  var missing: [Substring]

  var description: String {
    "this program was built for the processor \(target), and this one lacks \(missing.joined(separator: ", ")): "
      + "build it here, or for all machines with MILENAS_CPU=x86-64-v3 swift build -c release"
  }
}

import CCairo
import COpenBLAS
import Datasets
import EventLog
import Figures
import Foundation

/// What this program runs on, and what may be wrong with it: for bug reports.
public struct Diagnosis: Encodable, Equatable, Sendable {
  /// What was found.
  public enum Verdict: String, Encodable, Sendable {
    /// As it should be.
    case good
    /// It works, but slower or smaller than it could.
    case warning
    /// Something will not work.
    case wrong
  }

  /// One thing that was looked at.
  public struct Finding: Encodable, Equatable, Sendable {
    /// "kernels", "disk", …
    public var subject: String
    /// What is there, in words.
    public var value: String
    /// Whether that is good.
    public var verdict: Verdict
    /// What to do, unless it is good.
    public var remedy: String?

    init(_ subject: String, _ value: String) {
      (self.subject, self.value, verdict) = (subject, value, .good)
    }

    init(_ subject: String, _ value: String, _ verdict: Verdict, remedy: String) {
      (self.subject, self.value, self.verdict, self.remedy) = (subject, value, verdict, remedy)
    }
  }

  /// In the order of the report.
  public private(set) var findings: [Finding] = []

  /// Whether nothing is wrong.
  public var isHealthy: Bool { !findings.contains { $0.verdict == .wrong } }

  /// Looks at the machine; writes nothing.
  ///
  /// - Parameters:
  ///   - environment: of this process.
  ///   - runs: the folder that holds the runs, or will.
  public init(_ environment: RunEnvironment, runs: URL) {
    let commit = environment.gitCommit.map {
      ", commit \($0.prefix(12))\(environment.gitIsDirty == true ? " with changes" : "")"
    }
    add("program", "milenas-lab \(environment.programVersion)\(commit ?? "")")
    add("compiler", environment.compiler)
    add("operating system", "\(environment.operatingSystem), Linux \(Self.kernelRelease)")
    add("processor", environment.processor)
    findings.append(
      Self.kernels(
        target: environment.cpuTarget, usesAVX512: environment.usesAVX512,
        flags: Self.processorFlags))
    findings.append(
      Self.threads(
        processors: ProcessInfo.processInfo.activeProcessorCount,
        limit: Self.text("/sys/fs/cgroup/cpu.max")))
    add("memory", Self.memory(Self.text("/proc/meminfo")))
    add("C library", environment.glibc)
    findings.append(Self.openBLAS)
    add("SQLite", environment.sqlite)
    for (name, version) in (environment.libraries ?? [:]).sorted(by: { $0.key < $1.key })
    where !["openblas", "cairo", "pango"].contains(name) {
      add(name, version)
    }
    add("Cairo", unsafe String(cString: cairo_version_string()))
    add("Pango", unsafe String(cString: pango_version_string()))
    findings.append(Self.font { try Typesetter() })
    addShippedFiles()
    findings += Self.folder(runs)
  }

  private mutating func add(_ subject: String, _ value: String) {
    findings.append(Finding(subject, value))
  }

  // MARK: - Processor

  /// Whether the kernels fit the processor.
  ///
  /// - Parameter flags: of /proc/cpuinfo.
  static func kernels(target: String, usesAVX512: Bool, flags: Set<String>) -> Finding {
    let value = "for \(target), vectors of \(usesAVX512 ? 512 : 256) bits"
    let needed =
      ["avx2", "fma", "bmi2"] + (usesAVX512 ? ["avx512f", "avx512vl", "avx512bw", "avx512dq"] : [])
    let missing = needed.filter { !flags.contains($0) }
    if !missing.isEmpty {
      return Finding(
        "kernels", "\(value); this processor has no \(missing.joined(separator: ", "))", .wrong,
        remedy: "build on this machine, or with MILENAS_CPU=x86-64-v3 for any with AVX2 and FMA")
    }
    if !usesAVX512, flags.contains("avx512f") {
      return Finding(
        "kernels", "\(value); this processor has 512", .warning,
        remedy: "build without MILENAS_CPU on this machine for faster kernels")
    }
    return Finding("kernels", value)
  }

  /// - Parameter limit: the cgroup's cpu.max, "quota period" in microseconds or "max period".
  static func threads(processors: Int, limit: String) -> Finding {
    let numbers = limit.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    let value = "\(processors) processors"
    guard numbers.count == 2, numbers[1] > 0, numbers[0] / numbers[1] < Double(processors) else {
      return Finding("threads", value)
    }
    let allowed = numbers[0] / numbers[1]
    return Finding(
      "threads", "\(value), of which this container may use \(Words.decimals(allowed, 1))",
      .warning,
      remedy: "give --threads \(max(1, Int(allowed))): more of them wait for each other")
  }

  /// "8.2 GB, 6.1 GB available" from /proc/meminfo.
  static func memory(_ text: String) -> String {
    func bytes(_ key: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix("\(key):") }
      return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    guard let total = bytes("MemTotal") else { return "unknown" }
    let available = bytes("MemAvailable").map { ", \(Words.bytes($0)) available" }
    return Words.bytes(total) + (available ?? "")
  }

  private static var processorFlags: Set<String> {
    let line = text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("flags") }
    return Set((line ?? "").split(whereSeparator: \.isWhitespace).map(String.init))
  }

  private static var kernelRelease: String {
    text("/proc/sys/kernel/osrelease").trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Of a file that the operating system makes; empty where it makes none.
  private static func text(_ path: String) -> String {
    (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }

  // MARK: - Libraries and files

  private static var openBLAS: Finding {
    let config = unsafe openblas_get_config().map { unsafe String(cString: $0) } ?? "unknown"
    let core = unsafe openblas_get_corename().map { unsafe String(cString: $0) } ?? "unknown"
    return blas(core: core, configuration: config, flags: processorFlags)
  }

  /// Whether OpenBLAS knows the processor: one that is newer than the library gets the kernels of an old one.
  static func blas(core: String, configuration: String, flags: Set<String>) -> Finding {
    let value = "core \(core); \(configuration.trimmingCharacters(in: .whitespaces))"
    let old: Set<String> = [
      "Prescott", "Core2", "Penryn", "Nehalem", "Atom", "Barcelona", "Sandybridge",
    ]
    guard old.contains(core), flags.contains("avx2") else { return Finding("OpenBLAS", value) }
    let better = flags.contains("avx512f") ? "SkylakeX" : "Haswell"
    return Finding(
      "OpenBLAS", value, .warning,
      remedy:
        "it takes this processor for an old one: OPENBLAS_CORETYPE=\(better) in the environment makes "
        + "fits faster, with other last bits")
  }

  /// Whether the font that comes with the program can be used.
  static func font(_ load: () throws -> Typesetter) -> Finding {
    do {
      let typesetter = try load()
      let digest = typesetter.fontDigest.map { ", SHA-256 \($0.prefix(12))" }
      return Finding("font", "\(typesetter.family)\(digest ?? "")")
    } catch {
      return Finding("font", "\(error)", .wrong, remedy: "build the program again")
    }
  }

  private mutating func addShippedFiles() {
    for (subject, bundle, path) in [
      ("shipped images", "milenas-lab_Datasets", "fashion-mini"),
      ("shipped cells", "milenas-lab_Supernet", "genotypes.json"),
      ("golden values", "milenas-lab_Analysis", "golden"),
    ] {
      do {
        let file = try ShippedFile.url(bundle: bundle, path: path)
        add(subject, file.path)
      } catch {
        findings.append(
          Finding(
            subject, "missing", .wrong,
            remedy: "keep \(bundle).resources beside the program, or build it again"))
      }
    }
  }

  // MARK: - Where runs are kept

  private static func folder(_ runs: URL) -> [Finding] {
    var existing = runs.standardizedFileURL
    while !FileManager.default.fileExists(atPath: existing.path), existing.path != "/" {
      existing.deleteLastPathComponent()
    }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: existing.path)
    let isThere = FileManager.default.fileExists(atPath: runs.path)
    return [
      place(
        runs.relativePath + (isThere ? "" : ", made by the first run"),
        isWritable: FileManager.default.isWritableFile(atPath: existing.path),
        mount: Mount(holding: existing)),
      space((attributes?[.systemFreeSize] as? Int) ?? 0),
    ]
  }

  static func place(_ name: String, isWritable: Bool, mount: Mount?) -> Finding {
    let system = mount.map { ", \($0.type) mounted at \($0.point)" } ?? ""
    guard isWritable else {
      return Finding(
        "runs folder", "\(name)\(system), cannot be written", .wrong,
        remedy: "set --runs-dir to a folder that can")
    }
    guard mount?.isNetwork != true else {
      return Finding(
        "runs folder", "\(name)\(system), a network file system", .warning,
        remedy: "steps are committed once a second here; on a local disk, each by itself")
    }
    return Finding("runs folder", "\(name)\(system)")
  }

  static func space(_ free: Int) -> Finding {
    let value = "\(Words.bytes(free)) free"
    // The demo's record with all its checkpoints is 20 MB; that of the paper's size with steps is 1 GB.
    if free < 50_000_000 {
      return Finding("disk", value, .wrong, remedy: "free some space, or set --runs-dir")
    }
    if free < 2_000_000_000 {
      return Finding(
        "disk", value, .warning,
        remedy: "a run of the paper's size takes about 1 GB: --log-level epoch takes less")
    }
    return Finding("disk", value)
  }
}

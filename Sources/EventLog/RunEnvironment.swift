import Datasets
import Foundation
import GRDB
import Glibc
import Kernels

/// The version of this program.
public enum ProgramVersion {
  /// As `--version` prints it.
  public static let current = "0.1.0"
}

/// What a run was computed with, beside its settings: another value here may mean other bits.
public struct RunEnvironment: Codable, Equatable, Sendable {
  /// `ProgramVersion.current`.
  public var programVersion: String
  /// The commit of the checkout that the program was built in; nil when it lies in none.
  public var gitCommit: String?
  /// Whether files differed from that commit when the run began.
  public var gitIsDirty: Bool?
  /// SHA-256 of `git diff HEAD`, when files differed; 64 hexadecimal digits.
  public var gitDiffSHA256: String?
  /// "Swift 6.3", as far as a program knows.
  public var compiler: String
  /// `MILENAS_CPU` of the build: "native" is the processor named by `processor`.
  public var cpuTarget: String
  /// Whether kernels use vectors of 512 bits.
  public var usesAVX512: Bool
  /// As the operating system names it: "AMD EPYC 9R14".
  public var processor: String
  /// "Debian GNU/Linux 12 (bookworm)".
  public var operatingSystem: String
  /// "glibc 2.36".
  public var glibc: String
  /// "3.40.1", the library that runs.
  public var sqlite: String
  /// Versions of the libraries that the program adds: "openblas", "cairo".
  public var libraries: [String: String]?
  /// The machine's name.
  public var host: String
  /// The process there.
  public var processID: Int32
  /// `SLURM_JOB_ID` and `SLURM_ARRAY_TASK_ID`, under a Slurm scheduler.
  public var slurmJob: String?
  /// The task of an array job.
  public var slurmTask: String?

  /// The environment of this process.
  ///
  /// - Parameter libraries: versions of those that this module does not link.
  public static func current(libraries: [String: String]? = nil) -> RunEnvironment {
    let process = ProcessInfo.processInfo
    let checkout = GitCheckout(around: Bundle.main.bundleURL)
    return RunEnvironment(
      programVersion: ProgramVersion.current, gitCommit: checkout?.commit,
      gitIsDirty: checkout?.isDirty, gitDiffSHA256: checkout?.diffSHA256, compiler: compiler,
      cpuTarget: BuildTarget.cpu,
      usesAVX512: BuildTarget.usesAVX512, processor: processorName,
      operatingSystem: process.operatingSystemVersionString,
      glibc: glibcVersion, sqlite: sqliteVersion, libraries: libraries,
      host: process.hostName, processID: process.processIdentifier,
      slurmJob: process.environment["SLURM_JOB_ID"],
      slurmTask: process.environment["SLURM_ARRAY_TASK_ID"])
  }

  /// What may give other bits in `other`, in words: "processor A here, B there"; empty when nothing may.
  ///
  /// exp, log and all sums are the program's own, so libraries, host and operating system do not count.
  public func differences(from other: RunEnvironment) -> [String] {
    let pairs: [(String, String, String)] = [
      ("program", programVersion, other.programVersion),
      ("commit", gitCommit ?? "unknown", other.gitCommit ?? "unknown"),
      ("changed files", gitDiffSHA256 ?? "none", other.gitDiffSHA256 ?? "none"),
      ("compiler", compiler, other.compiler),
      ("CPU target", cpuTarget, other.cpuTarget),
      ("AVX-512", "\(usesAVX512)", "\(other.usesAVX512)"),
      ("processor", processor, other.processor),
    ]
    return pairs.filter { $0.1 != $0.2 }.map { "\($0.0): \($0.1) then, \($0.2) now" }
  }

  private static var compiler: String {
    #if compiler(>=6.4)
      "Swift 6.4 or later"
    #elseif compiler(>=6.3.1)
      "Swift 6.3, at least 6.3.1"
    #elseif compiler(>=6.3)
      "Swift 6.3"
    #else
      "Swift 6.2"
    #endif
  }

  private static var processorName: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = lines.split(separator: "\n").first { $0.hasPrefix("model name") }
    return model?.split(separator: ": ").last.map(String.init) ?? "unknown"
  }

  /// "glibc 2.36"
  private static var glibcVersion: String {
    var buffer = [UInt8](repeating: 0, count: 64)
    let length = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe confstr(
        Int32(_CS_GNU_LIBC_VERSION), bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
    }
    return String(decoding: buffer.prefix(max(length, 1) - 1), as: UTF8.self)
  }

  private static var sqliteVersion: String {
    let version = try? DatabaseQueue().read { db in
      try String.fetchOne(db, sql: "SELECT sqlite_version()")
    }
    return version ?? "unknown"
  }
}

/// The git checkout that a folder lies in.
struct GitCheckout {
  let commit: String
  let isDirty: Bool
  /// nil when nothing differs from the commit.
  let diffSHA256: String?

  /// nil when git is missing or the folder lies in no checkout of this program.
  init?(around folder: URL) {
    guard let lines = Self.git(["rev-parse", "--show-toplevel", "HEAD"], in: folder),
      case let found = lines.split(separator: "\n").map(String.init), found.count == 2,
      // A program that was copied into another project's checkout says nothing about that project.
      FileManager.default.fileExists(atPath: "\(found[0])/Sources/milenas-lab"),
      let changes = Self.git(["status", "--porcelain", "--untracked-files=no"], in: folder)
    else { return nil }
    let root = found[0]
    commit = found[1]
    isDirty = !changes.isEmpty
    diffSHA256 =
      isDirty
      ? Self.git(["diff", "HEAD"], in: URL(filePath: root)).map {
        SHA256Digest.hex(Digest.sha256(Data($0.utf8)))
      } : nil
  }

  private static func git(_ arguments: [String], in folder: URL) -> String? {
    guard let output = ProgramOutput(of: "git", ["-C", folder.path] + arguments),
      output.status == 0
    else { return nil }
    return output.text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

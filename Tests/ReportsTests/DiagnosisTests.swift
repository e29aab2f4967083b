import EventLog
import Foundation
import Testing

@testable import Reports

@Suite struct DiagnosisTests {
  private let old: Set<String> = ["sse4_2", "avx", "avx2", "fma", "bmi2"]
  private let new: Set<String> = [
    "avx2", "fma", "bmi2", "avx512f", "avx512vl", "avx512bw", "avx512dq",
  ]

  @Test func kernelsThatTheProcessorCannotRunAreWrong() {
    let finding = Diagnosis.kernels(target: "x86-64-v4", usesAVX512: true, flags: old)
    #expect(finding.verdict == .wrong)
    #expect(finding.value.contains("avx512f"))
  }

  @Test func narrowKernelsOnAWideProcessorAreAWarning() {
    #expect(
      Diagnosis.kernels(target: "x86-64-v3", usesAVX512: false, flags: new).verdict == .warning)
    #expect(Diagnosis.kernels(target: "native", usesAVX512: true, flags: new).verdict == .good)
    #expect(Diagnosis.kernels(target: "native", usesAVX512: false, flags: old).verdict == .good)
  }

  @Test(arguments: [
    ("max 100000\n", Diagnosis.Verdict.good), ("200000 100000\n", .good),
    ("150000 100000\n", .warning), ("", .good), ("nonsense", .good),
  ])
  func aContainersShareOfTheProcessorsIsSeen(limit: String, verdict: Diagnosis.Verdict) {
    #expect(Diagnosis.threads(processors: 2, limit: limit).verdict == verdict)
  }

  @Test func aLibraryThatDoesNotKnowTheProcessorIsAWarning() {
    let unknown = Diagnosis.blas(core: "Prescott", configuration: "OpenBLAS 0.3.21", flags: new)
    #expect(unknown.verdict == .warning)
    #expect(unknown.remedy?.contains("OPENBLAS_CORETYPE=SkylakeX") == true)
    #expect(
      Diagnosis.blas(core: "SkylakeX", configuration: "OpenBLAS 0.3.21", flags: new).verdict
        == .good)
    #expect(Diagnosis.blas(core: "Prescott", configuration: "", flags: ["sse3"]).verdict == .good)
  }

  @Test func memoryIsReadInKibibytes() {
    let text =
      "MemTotal:        8000000 kB\nMemFree:          100 kB\nMemAvailable:    4000000 kB\n"
    #expect(Diagnosis.memory(text) == "8.2 GB, 4.1 GB available")
    #expect(Diagnosis.memory("") == "unknown")
  }

  @Test func foldersAreJudgedByTheirFileSystem() {
    let local = Mount(point: "/", type: "ext4")
    let remote = Mount(point: "/home", type: "nfs4")
    #expect(Diagnosis.place("runs", isWritable: true, mount: local).verdict == .good)
    #expect(Diagnosis.place("runs", isWritable: true, mount: remote).verdict == .warning)
    #expect(Diagnosis.place("runs", isWritable: false, mount: local).verdict == .wrong)
    #expect(Diagnosis.space(10_000_000).verdict == .wrong)
    #expect(Diagnosis.space(500_000_000).verdict == .warning)
    #expect(Diagnosis.space(50_000_000_000).verdict == .good)
  }

  @Test func aFolderThatIsNotThereYetIsJudgedByItsParent() {
    let missing = FileManager.default.temporaryDirectory.appending(path: "no/such/runs")
    let place = Diagnosis(.current(), runs: missing).findings.first { $0.subject == "runs folder" }
    #expect(place?.verdict == .good)
    #expect(place?.value.contains("made by the first run") == true)
  }
}

@Suite struct WordsTests {
  @Test(arguments: [
    (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (15_400_000, "15 MB"),
    (999_400_000, "999 MB"), (999_600_000, "1.0 GB"), (2_100_000_000_000_000, "2100 TB"),
  ])
  func sizesHaveAUnit(bytes: Int, text: String) { #expect(Words.bytes(bytes) == text) }

  @Test(arguments: [
    (12.34, "12.3 s"), (59.7, "1 min 0 s"), (245.2, "4 min 5 s"), (9060, "2 h 31 min"),
    (Double.nan, "unknown"),
  ])
  func durationsAreRead(seconds: Double, text: String) { #expect(Words.duration(seconds) == text) }

  @Test(arguments: ["plain", "a b", "it's", "", "$(rm)", "λ", "--x=1,2"])
  func aShellGivesBackAQuotedWord(word: String) throws {
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", "printf %s \(ShellWord.quoted(word))"]
    let output = Pipe()
    shell.standardOutput = output
    try shell.run()
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    shell.waitUntilExit()
    #expect(String(decoding: said, as: UTF8.self) == word)
  }
}

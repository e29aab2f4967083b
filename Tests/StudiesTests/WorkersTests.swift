import Foundation
import Testing

@testable import Studies

@Suite struct WorkersTests {
  private static let text = """
    name: mine
    seeds: [0, 1]
    settings: { plain: { method: darts-1st, epochs: 3 } }
    """

  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func run(_ program: URL, retries: Int = 2, workers: Int = 2) throws
    -> LocalWorkers.Outcome
  {
    var options = LocalWorkers.Options(program: program, workers: workers, threadsPerWorker: 1)
    options.retries = retries
    return try LocalWorkers(Samples.folder(Self.text, in: scratch.url), options: options).run()
  }

  @Test func aWorkerThatDiesIsStartedAgainSoOftenAndNoMore() throws {
    let count = scratch.url.appending(path: "count").path
    let program = try scratch.script(
      "dies", "echo \"$*\" >> '\(count)'; echo last words; kill -9 $$")
    let outcome = try run(program)
    #expect(
      outcome.failures.map(\.reason)
        == Array(repeating: "its workers died 3 times, last by signal 9", count: 2))
    #expect(outcome.failures.allSatisfy { $0.lastLines.last == "last words" })
    let starts = try String(contentsOfFile: count, encoding: .utf8).split(separator: "\n")
    #expect(starts.count == 6)
    #expect(starts.count { $0.contains("--name plain-s1") } == 3)
  }

  @Test func aWorkerThatFailsIsNotStartedAgainAndTheOthersGoOn() throws {
    let program = try scratch.script("fails", "echo \"$*\"; echo 'no such data' >&2; exit 2")
    let outcome = try run(program, workers: 1)
    #expect(outcome.failures.map(\.task) == ["plain-s0", "plain-s1"])
    #expect(outcome.failures[0].reason == "its worker ended with exit code 2")
    #expect(outcome.failures[0].lastLines.last == "no such data")
    #expect(outcome.failures[0].lastLines.count == 3)
    #expect(!outcome.isComplete && outcome.done == 0)
  }

  @Test func aLogThatCannotBeWrittenIsNamedWithTheReason() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    let log = folder.logFile(of: "plain-s0")
    try FileManager.default.createDirectory(at: log, withIntermediateDirectories: true)
    let outcome = try run(try scratch.script("fails", "exit 2"))
    #expect(
      outcome.failures.first { $0.task == "plain-s0" }?.reason
        == "\(StudyError.notWritable(path: log.relativePath, reason: "Is a directory"))")
  }

  @Test func anInterruptionReachesTheWorkersAndNothingElseBegins() throws {
    let program = try scratch.script(
      "waits",
      "trap 'exit 130' TERM; touch '\(scratch.url.path)/began'; while true; do sleep 0.05; done")
    let options = LocalWorkers.Options(program: program, workers: 1, threadsPerWorker: 1)
    let folder = try Samples.folder(Self.text, in: scratch.url)
    var begun: [String] = []
    let outcome = try LocalWorkers(folder, options: options).run(
      isCancelled: {
        FileManager.default.fileExists(atPath: scratch.url.appending(path: "began").path)
      },
      report: { if case .began(let task, _, _) = $0 { begun.append(task) } })
    #expect(outcome.isInterrupted && outcome.failures.isEmpty)
    #expect(begun == ["plain-s0"])
  }

  @Test func workersRunOnCoresOfTheirOwn() throws {
    let cores = CPUAffinity.allowed()
    let program = try scratch.script("cores", "taskset -cp $$ | sed 's/.*: //' ; exit 3")
    let outcome = try run(program, workers: min(2, cores.count))
    let said = outcome.failures.compactMap { $0.lastLines.last }
    if cores.count > 1 {
      #expect(Set(said) == Set(cores.prefix(2).map { "\($0)" }))
    } else {
      #expect(Set(said) == ["\(cores[0])"])
    }
    #expect(CPUAffinity.allowed() == cores)
  }

  @Test func workersShareTheCores() throws {
    func plan(_ workers: Int?, _ threads: Int?, tasks: Int, cores: Int) throws -> [Int] {
      let plan = try WorkerPlan(workers: workers, threads: threads, tasks: tasks, cores: cores)
      return [plan.workers, plan.threadsPerWorker]
    }
    #expect(try plan(nil, nil, tasks: 28, cores: 2) == [2, 1])
    #expect(try plan(nil, nil, tasks: 28, cores: 64) == [28, 2])
    #expect(try plan(nil, 4, tasks: 28, cores: 64) == [16, 4])
    #expect(try plan(3, nil, tasks: 28, cores: 8) == [3, 2])
    #expect(try plan(nil, nil, tasks: 0, cores: 8) == [1, 8])
    #expect(throws: StudyError.tooManyThreads(workers: 3, threads: 4, cores: 8)) {
      try plan(3, 4, tasks: 28, cores: 8)
    }
  }

  @Test func workersThatDoNotFitTheMemoryAreLeftOutWithAWord() throws {
    var plan = try WorkerPlan(workers: 4, threads: nil, tasks: 9, cores: 8)
    plan.fit(
      bytesPerWorker: 3_000_000_000, available: 7_000_000_000, isThreadCountFree: true, cores: 8)
    #expect(plan.workers == 2 && plan.threadsPerWorker == 4)
    #expect(
      plan.remark == "a task takes about 3000 MB, and 7000 MB are free: 2 workers instead of 4")
    var fits = try WorkerPlan(workers: 4, threads: nil, tasks: 9, cores: 8)
    fits.fit(bytesPerWorker: 1_000, available: 7_000, isThreadCountFree: true, cores: 8)
    #expect(fits.workers == 4 && fits.remark == nil)
  }
}

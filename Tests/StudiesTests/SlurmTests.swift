import Foundation
import Testing

@testable import Studies

@Suite struct SlurmTests {
  private static let text = """
    name: mine
    seeds: [0, 1]
    settings: { plain: { method: darts-1st }, other: { method: darts-2nd } }
    evaluations: { final: { of: plain } }
    """

  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  @Test func theScriptHoldsWhatWasAskedFor() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    var options = SlurmArray.Options(program: URL(filePath: "/usr/bin/milenas-lab"))
    options.parallelism = 3
    options.time = "12:00:00"
    options.sbatchOptions = ["--account=lab"]
    let scripts = try SlurmArray(folder, options: options).write(queue: nil)
    #expect(scripts.map(\.part) == [.searches, .evaluations])
    #expect(scripts.map(\.indices) == [[0, 1, 2, 3], [4, 5]])
    let text = try String(contentsOf: scripts[0].url, encoding: .utf8)
    for line in [
      "#!/bin/bash", "#SBATCH --array=0-3%3", "#SBATCH --time=12:00:00", "#SBATCH --requeue",
      "#SBATCH --signal=B:USR1@120", "#SBATCH --account=lab", "#SBATCH --cpus-per-task=4",
    ] {
      #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)")
    }
    #expect(
      text.hasSuffix(
        "exec /usr/bin/milenas-lab study task \(folder.url.path) --threads 4 --max-requeues 20 "
          + "--index \"$SLURM_ARRAY_TASK_ID\"\n"))
  }

  /// sbatch reads a directive up to white space or #, takes what stands between quotes as it is, and drops a backslash.
  @Test func directivesAreQuotedWhereSbatchWouldCutThem() throws {
    #expect(SlurmArray.directive("time", "1-12:00:00") == "--time=1-12:00:00")
    #expect(
      SlurmArray.directive("output", ##"/a b/#1/"c"\d"##) == ##"--output="/a b/\#1/\"c\"\\d""##)
    let folder = try Samples.folder(
      Self.text, in: scratch.url.appending(path: "my runs, 50%", directoryHint: .isDirectory))
    let options = SlurmArray.Options(program: URL(filePath: "/usr/bin/milenas-lab"))
    let text = try SlurmArray(folder, options: options).write(queue: nil)[0].text
    // %% is a percent sign in Slurm's patterns of file names.
    #expect(text.contains("my runs, 50%%/mine/logs/slurm-%A_%a.out\"\n"))
    #expect(text.contains("\n#SBATCH --output=\"/"))
    #expect(text.contains("study task '\(folder.url.path)' --threads"))
  }

  @Test func tasksInTheQueueAreNotSubmittedAgain() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    let queue = SlurmQueue(
      text: "7|0|RUNNING|None\n7|2|PENDING|Resources\n9|3|PENDING|Priority\nnoise\n", jobs: ["7"])
    #expect(queue.entry(ofIndex: 3) == nil)
    #expect(queue.jobs(ofIndicesBelow: 4) == ["7"])
    let options = SlurmArray.Options(program: URL(filePath: "/usr/bin/milenas-lab"))
    let scripts = try SlurmArray(folder, options: options).write(queue: queue)
    #expect(scripts[0].indices == [1, 3])
    #expect(scripts[0].text.contains("#SBATCH --array=1,3\n"))
    let status = try StudyStatus(folder, queue: queue)
    #expect(
      status.rows.map(\.state) == [.running, .waiting, .queued, .waiting, .waiting, .waiting])
    #expect(status.rows[2].reason == "Slurm job 7: pending, Resources")
  }

  /// Taken for a study that was never submitted, it would be submitted a second time.
  @Test func jobsThatCannotBeReadAreNotTakenForNone() throws {
    let folder = try Samples.folder(Self.text, in: scratch.url)
    #expect(try SlurmQueue(folder) == nil)
    let file = folder.url.appending(path: "slurm-jobs.txt")
    try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
    let error = #expect(throws: StudyError.self) { try SlurmQueue(folder) }
    #expect(error?.description.contains("cannot read \(file.relativePath) (") == true)
    #expect(throws: StudyError.self) { try SlurmQueue.remember("7", of: folder) }
  }

  @Test(
    arguments: [([], ""), ([3], "3"), ([0, 1, 2], "0-2"), ([5, 0, 1, 7, 8], "0-1,5,7-8")]
      as [([Int], String)])
  func indicesAreWrittenAsRanges(indices: [Int], text: String) {
    #expect(SlurmArray.ranges(indices) == text)
  }

  @Test func aTaskIsQueuedAgainOnlySoOften() throws {
    let environment = [
      "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3", "SLURM_RESTART_COUNT": "2",
    ]
    let task = try #require(SlurmTask(environment: environment))
    #expect(task.job == "12_3" && task.restarts == 2)
    let refused = #expect(throws: StudyError.self) { try task.requeue(limit: 2) }
    #expect(refused.map { "\($0)".contains("queued again 2 times already") } == true)
    #expect(SlurmTask(environment: ["SLURM_JOB_ID": "12"]) == nil)
  }
}

import Foundation
import Testing

@Suite struct CommandLineTests {
  @Test(arguments: [["--help"], ["runs", "--help"], ["runs", "sql", "--help"], ["--version"], []])
  func helpIsAResult(arguments: [String]) throws {
    let outcome = try BuiltProgram.run(arguments)
    #expect(outcome.exitCode == 0)
    #expect(!outcome.output.isEmpty)
    #expect(outcome.errors.isEmpty)
  }

  /// A paragraph that is broken where its source was has lines that end early.
  @Test(arguments: [
    ["fit"], ["gradient-error"], ["curvature"], ["table"], ["report"], ["evaluate"], ["plot"],
    ["study", "collect"], ["runs", "replay"], ["explain", "variant"],
  ])
  func paragraphsOfHelpFillTheirLines(command: [String]) throws {
    let help = try BuiltProgram.run(command + ["--help"]).output
    let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { !$0.hasPrefix("USAGE:") }
    #expect(lines.count > 4)
    for (line, next) in zip(lines, lines.dropFirst()) {
      guard let first = line.first, first.isLetter, next.first?.isLetter == true else { continue }
      let word = next.prefix { $0 != " " }
      #expect(line.count + 1 + word.count >= 80, "“\(line)” has room for “\(word)”")
    }
  }

  @Test func aFileOfPointsIsFittedAlone() throws {
    let outcome = try BuiltProgram.run(["fit", "a.csv", "b.csv"])
    #expect(outcome.exitCode == 2)
    #expect(outcome.errors.contains("a.csv is a file of points, which is fitted alone"))
  }

  private struct CommandHelp: Decodable {
    var commandName: String
    var discussion: String?
    var subcommands: [CommandHelp]?

    /// This command, and those below it, where no line of the help is a use of the command itself.
    func withoutExample(below above: String = "") -> [String] {
      let use = above + commandName
      let lines = (discussion ?? "").split(separator: "\n")
      let hasExample = lines.contains { $0.hasPrefix("  \(use)") }
      return (hasExample || commandName == "help" ? [] : [use])
        + (subcommands ?? []).flatMap { $0.withoutExample(below: use + " ") }
    }
  }

  @Test func theHelpOfEveryCommandHasAnExample() throws {
    struct Dump: Decodable { var command: CommandHelp }
    let dump = try BuiltProgram.run(["--experimental-dump-help"]).output
    let command = try JSONDecoder().decode(Dump.self, from: Data(dump.utf8)).command
    #expect(command.withoutExample() == [])
  }

  @Test(arguments: [
    ["frobnicate"], ["runs", "frobnicate"], ["runs", "list", "--format", "cvs"],
    ["runs", "list", "--no-such-option"], ["runs", "sql"], ["runs", "show", "no-such-run"],
    ["runs", "show"], ["runs", "sql", "select 1"],
  ])
  func badUsageAndInputEndWithTwoAndOneSentence(arguments: [String]) throws {
    let outcome = try BuiltProgram.run(arguments)
    #expect(outcome.exitCode == 2)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("milenas-lab: "))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  /// A search that was computed for nothing would leave a record.
  @Test(arguments: [
    ["search", "--format", "csv"], ["evaluate", "DARTS_V2", "--format", "csv"],
    ["study", "run", "fig2", "--format", "csv"], ["runs", "replay", "--format", "csv"],
  ])
  func aFormatThatAResultDoesNotHaveIsRefusedBeforeAnythingIsDone(arguments: [String]) throws {
    try inScratchFolder { folder in
      let outcome = try BuiltProgram.run(arguments, in: folder)
      #expect(outcome.exitCode == 2 && outcome.errors.contains("csv"), "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  private func bash(_ command: String, in folder: URL? = nil) throws -> BuiltProgram.Outcome {
    try BuiltProgram.run(
      ["-c", command, BuiltProgram.url.path], in: folder, program: URL(filePath: "/bin/bash"))
  }

  @Test func outputThatIsLostIsAFailure() throws {
    for command in ["runs schema", "--help"] {
      let lost = try bash("\"$0\" \(command) > /dev/full")
      #expect(lost.exitCode == 1, "\(command)")
      #expect(lost.errors.contains("cannot write to standard output (No space left on device)"))
    }
    #expect(try bash("\"$0\" runs show none > /dev/full").exitCode == 2)
  }

  /// A file that may not grow is a full disk from its first byte on.
  @Test func aNameIsFreeAgainWhenNothingCouldBeWrittenUnderIt() throws {
    try inScratchFolder { folder in
      let full = try bash(
        "(ulimit -f 0; exec \"$0\" search --name mine --channels 2 --cells 1) 2>&1 | cat",
        in: folder)
      #expect(full.output.contains("runs/mine/manifest.json"), "\(full.output)")
      let left = try FileManager.default.contentsOfDirectory(
        atPath: folder.appending(path: "runs").path)
      #expect(left == [])
    }
  }

  @Test func aTimedStepHasAValueInEveryColumn() throws {
    let outcome = try BuiltProgram.run("bench", "--config", "S", "--steps", "1", "--format", "csv")
    #expect(outcome.exitCode == 0)
    let lines = outcome.output.split(whereSeparator: \.isNewline).map { $0.split(separator: ",") }
    #expect(lines.count == 2 && lines[0].count == lines[1].count && lines[0].contains("passes"))
  }

  @Test func aMistypedCommandGetsASuggestion() throws {
    let errors = try BuiltProgram.run("serch", "--dry-run").errors
    #expect(errors.contains("did you mean `milenas-lab search`?"))
  }

  @Test func anEmptyListIsNoErrorAndSaysWhatToDo() throws {
    let outcome = try BuiltProgram.run("runs", "list")
    #expect(outcome.exitCode == 0)
    #expect(outcome.output.isEmpty)
    #expect(
      outcome.errors
        == "runs holds no runs: start one with `milenas-lab search`, or set --runs-dir\n")
  }

  @Test func anEmptyListIsAnEmptyArrayForPrograms() throws {
    #expect(try BuiltProgram.run("runs", "list", "--format", "json").output == "[\n\n]\n")
  }

  @Test func theSchemaComesInEveryFormat() throws {
    #expect(try BuiltProgram.run("runs", "schema").output.contains("view alpha_softmax: "))
    let csv = try BuiltProgram.run("runs", "schema", "--format", "csv").output
    #expect(csv.hasPrefix("relation,column,type,meaning\r\nrun,id,INTEGER,1\r\n"))
    let json = try BuiltProgram.run("runs", "schema", "--format", "json").output
    let entries = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
    #expect(entries?.first?["relation"] as? String == "run")
  }

  @Test func aReaderThatGoesAwayIsNoFailure() throws {
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/bash")
    // The output is longer than a pipe's buffer would have to be for the program never to notice.
    shell.arguments = [
      "-c", "{ \"$0\" runs schema; \"$0\" runs schema; echo $? >&2; } | true",
      BuiltProgram.url.path,
    ]
    let errors = Pipe()
    shell.standardError = errors
    try shell.run()
    let said = try errors.fileHandleForReading.readToEnd() ?? Data()
    shell.waitUntilExit()
    #expect(String(decoding: said, as: UTF8.self) == "0\n")
  }

  /// Read by the shell that it is for, where that is installed.
  @Test(arguments: ["bash", "zsh", "fish"])
  func completionScriptsParse(shell: String) throws {
    let script = try BuiltProgram.run("--generate-completion-script", shell)
    #expect(script.exitCode == 0)
    #expect(script.output.contains("notebook"))
    let places = ["/bin", "/usr/bin", "/usr/local/bin"].map { URL(filePath: "\($0)/\(shell)") }
    guard
      let program = places.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) })
    else { return }
    try inScratchFolder { folder in
      let file = folder.appending(path: "completions")
      try Data(script.output.utf8).write(to: file)
      let outcome = try BuiltProgram.run(["-n", file.path], program: program)
      #expect(outcome.exitCode == 0)
      #expect(outcome.errors.isEmpty)
    }
  }

  @Test func namesOfRunsCompleteInBash() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "milenas-lab-\(UUID().uuidString)", directoryHint: .isDirectory)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["exact", "finite"] {
      let run = folder.appending(path: "records/\(name)")
      try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: run.appending(path: "manifest.json"))
    }
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/bash")
    shell.currentDirectoryURL = folder
    shell.arguments = [
      "-c",
      """
      PATH=$(dirname "$0"):$PATH
      source <(milenas-lab --generate-completion-script bash)
      COMP_WORDS=(milenas-lab runs show --runs-dir records ""); COMP_CWORD=5
      COMP_LINE="milenas-lab runs show --runs-dir records "; COMP_POINT=${#COMP_LINE}
      _milenas-lab milenas-lab "" records
      echo "${COMPREPLY[@]}"
      """, BuiltProgram.url.path,
    ]
    let output = Pipe()
    shell.standardOutput = output
    try shell.run()
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    shell.waitUntilExit()
    #expect(String(decoding: said, as: UTF8.self) == "exact finite\n")
  }
}

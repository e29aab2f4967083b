import Foundation
import GRDB
import Search
import Testing

@testable import EventLog

/// A record that something has happened to: what is wrong is named, and what is left is used.
@Suite struct FaultTests {
  let tiny: RecordedTinySearch
  let evaluation: RecordedTinyEvaluation

  init() throws {
    tiny = try RecordedTinySearch()
    evaluation = try RecordedTinyEvaluation()
  }

  private func tiny(_ kind: RunKind) -> any RecordedTinyRun {
    switch kind {
    case .search: tiny
    case .evaluation: evaluation
    }
  }

  private func wrong(_ run: RunFolder) -> [Verification.Finding] {
    Verification(run).findings.filter { $0.verdict == .wrong }
  }

  /// Flips a bit of a byte in the middle of a file.
  private func flip(_ url: URL, at position: Int? = nil) throws {
    var data = try Data(contentsOf: url)
    data[position ?? data.count / 2] ^= 0x10
    try data.write(to: url)
  }

  private func edit(_ run: RunFolder, _ sql: String) throws {
    let queue = try DatabaseQueue(path: run.logFile.path)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }

  /// The same with rows that belong to none.
  private func editFreely(_ run: RunFolder, _ sql: String) throws {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let queue = try DatabaseQueue(path: run.logFile.path, configuration: configuration)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }

  private func checkpoint(_ run: RunFolder, _ step: Int) -> URL { run.checkpointFile(atStep: step) }

  @Test(arguments: RunKind.allCases)
  func aFlippedBitInACheckpointIsFoundAndTheOneBeforeIsUsed(kind: RunKind) throws {
    let tiny = tiny(kind)
    let whole = try tiny.run("whole")
    let run = try tiny.run("run", stopAfter: 3)
    try flip(checkpoint(run, 3))
    let findings = wrong(run)
    #expect(findings.map(\.subject) == ["checkpoints/step-000003.safetensors"])
    #expect(findings[0].says.contains("SHA-256"))
    var notices: [String] = []
    try tiny.resume(run) { notices.append($0) }
    #expect(notices.count == 1 && notices[0].contains("going on from the one before"))
    let starts = try ReadOnlySQL(run).run("SELECT first_step FROM attempts ORDER BY attempt")
    #expect(starts.rows == [[.integer(0)], [.integer(2)]])
    #expect(try run.digest() == whole.digest())
    #expect(wrong(run) == [], "the broken file was written again")
  }

  /// The chain goes on from a checkpoint's digest: with a wrong one every row after it would be wrong for good.
  @Test(arguments: RunKind.allCases)
  func aCheckpointThatIsNotInTheChainIsFoundAndNotGoneOnFrom(kind: RunKind) throws {
    let tiny = tiny(kind)
    let whole = try tiny.run("whole")
    let run = try tiny.run("run", stopAfter: 3)
    #expect(wrong(run) == [])
    try edit(run, "UPDATE checkpoints SET digest = zeroblob(32)")
    let findings = wrong(run)
    #expect(
      findings.map(\.subject) == [2, 3].map { "checkpoints/step-00000\($0).safetensors" })
    #expect(findings.allSatisfy { $0.says.contains("is not that of the chain at its step") })
    var notices: [String] = []
    try tiny.resume(run) { notices.append($0) }
    #expect(notices.count == 2)
    #expect(try run.digest() == whole.digest())
    #expect(wrong(run) == [])
  }

  /// No digest follows the last row, so what is missing there is told by the attempt and the result alone.
  @Test(arguments: RunKind.allCases)
  func anEndThatIsGoneIsFound(kind: RunKind) throws {
    let run = try tiny(kind).run("run")
    let data = try Data(contentsOf: run.logFile)
    let ofSearch =
      kind == .search
      ? "DELETE FROM step_seconds WHERE step > 1; DELETE FROM gradient_terms WHERE step > 1;" : ""
    let rows = """
      \(ofSearch) DELETE FROM steps WHERE step > 1; DELETE FROM epochs WHERE epoch = 1;
      DELETE FROM checkpoints WHERE step = 4;
      """
    for sql in [
      "DELETE FROM result", "DELETE FROM result; \(rows)", rows,
      "UPDATE attempts SET outcome = 'interrupted'", "UPDATE attempts SET outcome = NULL",
    ] {
      try edit(run, sql)
      let findings = wrong(run)
      #expect(findings.contains { $0.subject == "result" }, "\(sql): \(findings)")
      try data.write(to: run.logFile)
    }
    #expect(wrong(run) == [])
  }

  @Test(arguments: RunKind.allCases)
  func missingCheckpointsMakeTheRunBeginAgainWithTheSameBits(kind: RunKind) throws {
    let tiny = tiny(kind)
    let whole = try tiny.run("whole")
    let run = try tiny.run("run", stopAfter: 3)
    try FileManager.default.removeItem(at: run.checkpoints)
    #expect(wrong(run).count == 2 && wrong(run)[0].says.contains("missing"))
    try tiny.resume(run)
    #expect(try run.digest() == whole.digest())
  }

  /// Every byte counts: whichever is flipped, something is found wrong.
  @Test(arguments: RunKind.allCases)
  func aFlippedBitAnywhereInTheManifestIsFound(kind: RunKind) throws {
    let run = try tiny(kind).run("run")
    let data = try Data(contentsOf: run.manifestFile)
    for position in stride(from: 0, to: data.count, by: 29) {
      try flip(run.manifestFile, at: position)
      #expect(!wrong(run).isEmpty, "byte \(position)")
      try data.write(to: run.manifestFile)
    }
    #expect(wrong(run).isEmpty)
  }

  /// Pages, rows and BLOBs of the log: SQLite, the chain or a hash sees each change of content.
  @Test func aFlippedBitInARowIsFound() throws {
    let run = try tiny.run("run", record: RecordOptions(level: .trace))
    let file = run.logFile
    let data = try Data(contentsOf: file)
    for (column, table) in [
      ("alpha", "steps"), ("alpha_gradient", "steps"), ("gradient_norms", "steps"),
      ("state", "steps"), ("digest", "steps"), ("gradient", "gradient_terms"),
      ("alpha", "epochs"), ("alpha_softmax", "epochs"), ("weight_gradient", "traces"),
      ("sha256", "checkpoints"), ("digest", "result"),
    ] {
      try edit(
        run,
        """
        UPDATE \(table) SET \(column) =
          CAST(substr(\(column), 1, 2) || CASE substr(\(column), 3, 1) WHEN x'00' THEN x'01' ELSE x'00' END
            || substr(\(column), 4) AS BLOB) WHERE rowid = (SELECT max(rowid) FROM \(table))
        """.replacingOccurrences(
          of: "rowid", with: table == "gradient_terms" ? "step" : "rowid"))
      #expect(!wrong(run).isEmpty, "\(table).\(column)")
      try data.write(to: file)
    }
    #expect(wrong(run).isEmpty)
  }

  /// Any byte of the file: what is not found wrong was in room that is not used, and changes no number.
  @Test func aFlippedBitAnywhereInTheLogIsFoundOrChangesNothing() throws {
    let run = try tiny.run("run")
    let data = try Data(contentsOf: run.logFile)
    // Times, the file's folder, which is not read, and notes on the machine are in no digest.
    let free = ["started", "written", "file", "train_seconds", "valid_seconds", "seconds"]
    func numbers() throws -> [[String: DatabaseValue]] {
      let tables = Tables.all.map(\.name).filter { !["attempts", "step_seconds"].contains($0) }
      return try LogDatabase.openForReading(run.logFile).read { db in
        try tables.flatMap { table in
          try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY 1, 2").map { row in
            Dictionary(row.filter { !free.contains($0.0) }) { first, _ in first }
          }
        }
      }
    }
    let whole = try numbers()
    var found = 0
    for position in stride(from: 0, to: data.count, by: data.count / 150) {
      try flip(run.logFile, at: position)
      if wrong(run).isEmpty {
        let changed = try zip(numbers(), whole).flatMap { row, before in
          before.keys.filter { row[$0] != before[$0] }
        }
        #expect(changed.isEmpty, "byte \(position)")
        #expect(try numbers().count == whole.count, "byte \(position)")
      } else {
        found += 1
      }
      try data.write(to: run.logFile)
    }
    #expect(found > 20)
  }

  @Test(arguments: ["byte", "float32_exponent", "alpha_entries", "layers"])
  func aChangedLegendIsFound(table: String) throws {
    let run = try tiny.run("run")
    let key = ["byte": "value", "float32_exponent": "exponent", "alpha_entries": "position"]
    try edit(run, "PRAGMA foreign_keys = OFF")
    try edit(run, "DELETE FROM \(table) WHERE \(key[table] ?? "layer") = 7")
    #expect(wrong(run).contains { $0.says.contains(table) })
  }

  @Test func aManifestThatIsMissingOrCutIsWrittenAgainFromTheLog() throws {
    let run = try tiny.run("run")
    let data = try Data(contentsOf: run.manifestFile)
    try FileManager.default.removeItem(at: run.manifestFile)
    #expect(wrong(run).map(\.subject) == ["manifest.json"])
    #expect(wrong(run)[0].says.contains("runs verify RUN --repair"))
    #expect(try run.repair().count == 1)
    #expect(try Data(contentsOf: run.manifestFile) == data)
    try data.prefix(100).write(to: run.manifestFile)
    #expect(try run.repair().count == 1)
    #expect(try Data(contentsOf: run.manifestFile) == data)
    #expect(try run.repair().isEmpty)
    #expect(wrong(run) == [])
  }

  @Test func aMissingLogIsNamedAndTheRunIsComputedAgain() throws {
    let whole = try tiny.run("whole")
    let run = try tiny.run("run")
    try FileManager.default.removeItem(at: run.logFile)
    #expect(wrong(run).map(\.says) == ["\(EventLogError.missing(path: run.logFile.path))"])
    try tiny.resume(run)
    #expect(try RunReader(run).digest() == RunReader(whole).digest())
  }

  /// The journal of a transaction that a dead process has not ended, as on a network file system.
  @Test func aHotJournalIsRecoveredByAWriterAndNamedByAReader() throws {
    let whole = try tiny.run("whole")
    let run = try tiny.run("run")
    var configuration = Configuration()
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = 5") }
    let queue = try DatabaseQueue(path: run.logFile.path, configuration: configuration)
    let hot = RunFolder(tiny.scratch.url.appending(path: "hot"))
    try queue.inDatabase { db in
      try db.execute(
        sql:
          "PRAGMA journal_mode = TRUNCATE; BEGIN IMMEDIATE; UPDATE steps SET alpha = zeroblob(9000)"
      )
      try FileManager.default.copyItem(at: run.url, to: hot.url)
      try db.execute(sql: "ROLLBACK")
    }
    let error = #expect(throws: EventLogError.self) { try RunReader(hot) }
    #expect(error?.description.contains("`milenas-lab runs verify hot --repair`") == true)
    #expect(try hot.repair() == ["took the steps of events.sqlite-journal into events.sqlite"])
    #expect(wrong(hot) == [])
    #expect(try RunReader(hot).digest() == RunReader(whole).digest())
  }

  /// Rows come and checkpoints go while the record is looked at.
  @Test func aRunThatIsWrittenIsFoundWhole() async throws {
    let configuration = try RecordedTinySearch.configuration { $0.epochs = 60 }
    let loop = try SearchLoop(configuration, dataset: TinyImages.dataset(), threads: 1)
    let search = try RecordedSearch(
      loop, name: "run", in: tiny.store, record: RecordOptions(checkpoints: .last(1)), threads: 1)
    let run = search.run
    let looks = Task.detached { () -> [Verification.Finding] in
      var wrong: [Verification.Finding] = []
      while RunLock.isHeld(run) {
        wrong += Verification(run).findings.filter { $0.verdict == .wrong }
      }
      return wrong
    }
    _ = try search.run()
    #expect(await looks.value == [])
    #expect(Verification(run).isWhole)
  }

  @Test func aNumberThatWasChangedInAnEvaluationIsFound() throws {
    let run = try evaluation.run("run")
    let data = try Data(contentsOf: run.logFile)
    for (table, columns) in [
      ("steps", "train_loss auxiliary_loss correct images rate drop_path gradient_norm"),
      ("epochs", "train_loss train_accuracy test_loss test_accuracy test_top_five"),
      ("result", "epochs steps test_accuracy best_accuracy best_epoch parameters"),
    ] {
      for column in columns.split(separator: " ") {
        try edit(
          run,
          """
          UPDATE \(table) SET \(column) = \(column) + 1 WHERE rowid = (SELECT max(rowid) FROM \(table))
          """)
        #expect(!wrong(run).isEmpty, "\(table).\(column)")
        try data.write(to: run.logFile)
      }
    }
    #expect(wrong(run).isEmpty)
  }

  /// A column that may hold anything is not read: `runs list` must not end for one such run.
  @Test(arguments: RunKind.allCases)
  func aTableOfAnotherDefinitionIsNamed(kind: RunKind) throws {
    let run = try tiny(kind).run("run")
    let data = try Data(contentsOf: run.logFile)
    for table in ["run", "attempts", "steps", "epochs", "checkpoints", "result"] {
      try editFreely(
        run,
        """
        PRAGMA legacy_alter_table = ON; CREATE TABLE other AS SELECT * FROM \(table); DROP TABLE \(table);
        ALTER TABLE other RENAME TO \(table)
        """)
      let summary = RunSummary(run)
      #expect(summary.status == .unreadable, "\(table)")
      #expect(
        summary.problem?.contains("the table \(table) is not that of an event log") == true,
        "\(summary)")
      #expect(wrong(run).contains { $0.says.contains("the table \(table)") })
      #expect(throws: EventLogError.self) { try tiny(kind).resume(run) }
      try data.write(to: run.logFile)
    }
    #expect(RunSummary(run).status == .completed)
  }

  /// What would make a reader count beyond all bounds, or past the end of a vector.
  @Test(arguments: [
    "UPDATE steps SET step = 9223372036854775806 WHERE step = 3",
    "UPDATE steps SET epoch = 9223372036854775807 WHERE step = 3",
    "UPDATE steps SET alpha = x'00000000' WHERE step = 1",
    "UPDATE gradient_terms SET gradient = x'' WHERE step = 1",
    "UPDATE epochs SET epoch = 9223372036854775807 WHERE epoch = 1",
    "UPDATE epochs SET epoch = -1 WHERE epoch = 0", "UPDATE epochs SET alpha_softmax = x''",
  ])
  func aNumberOrAVectorThatNoRunHasIsNamed(sql: String) throws {
    let run = try tiny.run("run")
    try editFreely(run, sql)
    #expect(!wrong(run).isEmpty)
    let reader = try RunReader(run)
    let error = #expect(throws: EventLogError.self) {
      _ = try reader.steps()
      _ = try reader.epochs()
    }
    #expect(error?.description.contains("has a number or a vector that no run has") == true)
  }

  @Test func aRowThatIsGoneIsFound() throws {
    for (index, sql) in [
      "DELETE FROM step_seconds WHERE step = 3; DELETE FROM gradient_terms WHERE step = 3; DELETE FROM steps WHERE step = 3",
      "DELETE FROM epochs WHERE epoch = 0", "DELETE FROM gradient_terms WHERE step = 1",
    ].enumerated() {
      let run = try tiny.run("run\(index)")
      try edit(run, sql)
      #expect(!wrong(run).isEmpty, "\(sql)")
    }
  }

  @Test(arguments: RunKind.allCases)
  func aTruncatedLogIsNamedAndNothingCrashes(kind: RunKind) throws {
    let run = try tiny(kind).run("run")
    let data = try Data(contentsOf: run.logFile)
    for length in [0, 50, 4096, data.count / 2, data.count - 4096, data.count - 1] {
      try data.prefix(length).write(to: run.logFile)
      let findings = wrong(run)
      #expect(!findings.isEmpty, "\(length) of \(data.count) bytes")
    }
  }

  @Test func twoProcessesDoNotWriteOneRunAndTheHolderIsNamed() throws {
    let run = try tiny.run("run", stopAfter: 1)
    let lock = try RunLock(run)
    let error = try #require(throws: EventLogError.self) { try tiny.resume(run) }
    #expect("\(error)".contains("process \(getpid()) on "))
    #expect(throws: EventLogError.self) { try tiny.store.remove(run) }
    withExtendedLifetime(lock) {}
  }

  @Test func aReaderThatHoldsTheLogDoesNotStopTheSearch() throws {
    let loop = try SearchLoop(
      RecordedTinySearch.configuration(), dataset: TinyImages.dataset(), threads: 1)
    let search = try RecordedSearch(loop, name: "run", in: tiny.store, threads: 1)
    let reader = try LogDatabase.openForReading(search.run.logFile)
    try reader.unsafeRead { db in
      // A cursor that is not at its end holds a read transaction.
      let rows = try Row.fetchCursor(db, sql: "SELECT * FROM alpha_entries")
      _ = try rows.next()
      _ = try search.run()
      #expect(try rows.next() != nil)
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM steps") == 0)
    }
    try reader.close()
    #expect(Verification(search.run).isWhole)
    #expect(try RunReader(search.run).digest() == RunReader(tiny.run("whole")).digest())
  }

  @Test func aLogOfALaterVersionIsLeftAlone() throws {
    let run = try tiny.run("run", stopAfter: 1)
    try edit(run, "PRAGMA user_version = 99")
    #expect(
      throws: EventLogError.newerSchema(
        path: run.logFile.path, found: 99, known: Schema.latestVersion)
    ) {
      try tiny.resume(run)
    }
    #expect(wrong(run).contains { $0.says.contains("schema version 99") })
  }

  @Test(arguments: RunKind.allCases)
  func aRunThatWasCopiedElsewhereIsTakenUpThere(kind: RunKind) throws {
    let tiny = tiny(kind)
    let run = try tiny.run("run", stopAfter: 3)
    let copy = RunFolder(tiny.store.folder.appending(path: "elsewhere"))
    try FileManager.default.copyItem(at: run.url, to: copy.url)
    try tiny.resume(copy)
    #expect(try copy.digest() == tiny.run("whole").digest())
    #expect(Verification(copy).isWhole)
    #expect(RunSummary(run).status == .interrupted)
  }

  @Test func aFullDiskEndsTheSearchWithALogThatGoesOn() throws {
    let configuration = try RecordedTinySearch.configuration { $0.epochs = 40 }
    let loop = try SearchLoop(configuration, dataset: TinyImages.dataset(), threads: 1)
    let search = try RecordedSearch(loop, name: "run", in: tiny.store, threads: 1)
    try search.limit(pages: 40)
    let error = try #require(throws: EventLogError.self) { try search.run() }
    guard case .diskFull(_, let lastStep?) = error else {
      Issue.record("\(error)")
      return
    }
    let reader = try RunReader(search.run)
    #expect(try reader.steps().last?.step == lastStep)
    #expect(RunSummary(search.run).status != .completed)
    #expect(Verification(search.run).isWhole)
    try tiny.resume(search.run)
    #expect(
      try RunReader(search.run).digest() == RunReader(tiny.run("whole") { $0.epochs = 40 }).digest()
    )
  }
}

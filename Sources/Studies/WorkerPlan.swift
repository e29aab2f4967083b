/// How many workers of how many threads a machine has room for.
public struct WorkerPlan: Encodable, Equatable, Sendable {
  /// Processes at a time, at least 1.
  public var workers: Int
  /// Threads of each, at least 1.
  public var threadsPerWorker: Int
  /// Why there are fewer than were asked for; nil when there are not.
  public var remark: String?

  /// Shares out the cores of this process among workers.
  ///
  /// - Parameters:
  ///   - workers: asked for; nil for as many as there are tasks and cores.
  ///   - threads: asked for; nil to share out the cores.
  ///   - tasks: that are not done.
  /// - Throws: `StudyError.tooManyThreads` for more than the cores of this process.
  public init(workers: Int?, threads: Int?, tasks: Int, cores: Int = CPUAffinity.allowed().count)
    throws
  {
    let mostWorkers = max(1, cores / (threads ?? 1))
    self.workers = workers ?? max(1, min(tasks, mostWorkers))
    threadsPerWorker = threads ?? max(1, cores / self.workers)
    guard self.workers * threadsPerWorker <= cores || self.workers == 1 && threads == nil else {
      throw StudyError.tooManyThreads(
        workers: self.workers, threads: threadsPerWorker, cores: cores)
    }
  }

  /// Lowers the number of workers until their memory fits; one worker stays in any case.
  ///
  /// - Parameters:
  ///   - bytesPerWorker: as estimated.
  ///   - available: nil where it is not known.
  ///   - isThreadCountFree: whether the cores that become free go to the workers that stay.
  public mutating func fit(
    bytesPerWorker: Int, available: Int?, isThreadCountFree: Bool,
    cores: Int = CPUAffinity.allowed().count
  ) {
    guard let available, bytesPerWorker > 0 else { return }
    let most = max(1, available / bytesPerWorker)
    guard most < workers || bytesPerWorker > available else { return }
    remark =
      "a task takes about \(bytesPerWorker / 1_000_000) MB, and \(available / 1_000_000) MB are free: "
      + (bytesPerWorker > available
        ? "even one worker may not fit" : "\(most) workers instead of \(workers)")
    workers = min(workers, most)
    if isThreadCountFree { threadsPerWorker = max(1, cores / workers) }
  }
}

import Datasets
import Foundation
import Kernels
import Supernet

/// Times search steps on images of noise: what a method costs on a network, without files.
public struct StepBenchmark {
  /// The three networks that times are quoted for.
  public enum Size: String, CaseIterable, Codable, Sendable {
    /// 1×28×28, C 8, 5 cells, batch 32.
    case small = "S"
    /// 3×32×32, C 16, 8 cells, batch 16.
    case medium = "M"
    /// As M with batch 64: the paper's search.
    case large = "L"

    /// The supernet.
    public var shape: SupernetShape {
      switch self {
      case .small: SupernetShape(inputChannels: 1, imageSize: 28, channels: 8, cells: 5)
      case .medium, .large: SupernetShape(inputChannels: 3, imageSize: 32, channels: 16, cells: 8)
      }
    }

    /// Images of a batch.
    public var batch: Int {
      switch self {
      case .small: 32
      case .medium: 16
      case .large: 64
      }
    }
  }

  /// What was measured.
  public struct Result: Codable, Equatable, Sendable {
    /// Of network and batch.
    public var size: Size
    /// Whose step was timed.
    public var method: SearchMethod
    /// On which space.
    public var space: SearchSpace
    /// Of the two steps.
    public var order: StepOrder
    /// Workers.
    public var threads: Int
    /// Of one step.
    public var medianSeconds: Double
    /// Of the fastest step.
    public var minimumSeconds: Double
    /// Of the slowest step.
    public var maximumSeconds: Double
    /// Multiply-adds of the step's passes by count, in units of those of one forward pass.
    public var passUnits: Int
    /// Training images that w saw.
    public var imagesPerSecond: Double
    /// Multiply-adds of the supernet's convolutions, forward, twice backward, per second of a gradient of (w, α).
    public var gradientGFLOPS: Double
    /// Of one gradient of (w, α), the median.
    public var gradientSeconds: Double
    /// Of the fused multiply-add peak measured in the same run.
    public var shareOfPeak: Double
    /// That peak.
    public var peakGFLOPS: Double
    /// Largest resident memory of the process.
    public var peakMegabytes: Double
  }

  private let size: Size
  private let loop: SearchLoop
  private let threads: Int
  private var configuration: SearchConfiguration { loop.configuration }

  /// A search step of one size, to be timed on images of noise.
  ///
  /// - Throws: `SearchError`, `SupernetError` for combinations that cannot work.
  public init(
    _ size: Size, method: SearchMethod, space: SearchSpace, order: StepOrder = .alphaFirst,
    threads: Int
  ) throws {
    self.size = size
    self.threads = threads
    loop = try Self.loop(size, method: method, space: space, order: order, threads: threads)
  }

  /// A search of such a network on images of noise, whose epochs have two steps.
  ///
  /// - Throws: `SearchError`, `SupernetError` for combinations that cannot work.
  public static func loop(
    _ size: Size, method: SearchMethod = .milenas1st, space: SearchSpace = .darts,
    order: StepOrder = .alphaFirst, threads: Int
  ) throws -> SearchLoop {
    var configuration = try SearchConfiguration.preset("demo")
    configuration.preset = "bench"
    configuration.data = "noise"
    configuration.shape = size.shape
    configuration.batch = size.batch
    configuration.method = method
    configuration.space = space
    configuration.order = order
    configuration.augmentation = .none
    let noise = Dataset.noise(
      images: 4 * size.batch, size: size.shape.imageSize, channels: size.shape.inputChannels)
    return try SearchLoop(configuration, dataset: noise, threads: threads)
  }

  /// A search whose steps are timed one by one.
  private struct Stepper {
    let loop: SearchLoop
    var state: SearchState
    private var taken = 0

    init(_ benchmark: StepBenchmark) throws {
      loop = benchmark.loop
      state = try SearchState(loop.net, configuration: benchmark.configuration)
    }

    /// Seconds of the next step.
    mutating func step() throws -> Double {
      state.stepInEpoch = taken % loop.source.stepsPerEpoch
      taken += 1
      let began = ContinuousClock().now
      _ = try loop.step(&state)
      return (ContinuousClock().now - began).inSeconds
    }
  }

  /// Steps after `warmup` steps, and a few gradients for the share of the peak.
  public func run(steps: Int, warmup: Int = 2) throws -> Result {
    var stepper = try Stepper(self)
    for _ in 0..<warmup { _ = try stepper.step() }
    let times = try (0..<steps).map { _ in try stepper.step() }.sorted()
    let median = times[times.count / 2]
    // What follows looks at the first step of an epoch: the last one has left no batch behind it.
    stepper.state.stepInEpoch = 0
    let share = try shareOfPeak(at: stepper.state)
    return Result(
      size: size, method: configuration.method, space: configuration.space,
      order: configuration.order, threads: threads, medianSeconds: median,
      minimumSeconds: times[0], maximumSeconds: times[times.count - 1],
      passUnits: try loop.passUnits(at: stepper.state),
      imagesPerSecond: Double(size.batch) / median, gradientGFLOPS: share.rate / 1e9,
      gradientSeconds: share.seconds, shareOfPeak: share.rate / share.peak,
      peakGFLOPS: share.peak / 1e9, peakMegabytes: PeakMemory.megabytes)
  }

  /// What several threads gain.
  public struct Scaling: Sendable {
    /// Median of a step with one thread.
    public var oneThread: Double
    /// Median of a step with all of them.
    public var allThreads: Double
    /// Median ratio of two steps taken one after the other.
    public var ratio: Double
  }

  /// Times steps of `milenas-1st` with one thread and with several, in turn: what else the machine does then disturbs
  /// both alike.
  ///
  /// - Throws: `SearchError`, `SupernetError`.
  public static func scaling(_ size: Size, threads: Int, pairs: Int) throws -> Scaling {
    var steppers = try [1, threads].map { threads in
      try Stepper(
        StepBenchmark(size, method: .milenas1st, space: .darts, threads: threads))
    }
    var times: [[Double]] = []
    for pair in 0...pairs {
      let seconds = try steppers.indices.map { try steppers[$0].step() }
      // The first steps touch the memory for the first time.
      if pair > 0 { times.append(seconds) }
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    return Scaling(
      oneThread: median(times.map { $0[0] }), allThreads: median(times.map { $0[1] }),
      ratio: median(times.map { $0[0] / $0[1] }))
  }

  /// Where the time of a gradient of (w, α) on the mixture goes.
  ///
  /// - Returns: seconds per gradient, by cell and kind of phase, mean over `gradients` of them.
  public func profile(gradients: Int) throws -> [PassProfile.Entry] {
    let state = try SearchState(loop.net, configuration: configuration)
    let input = SupernetInput(loop.source.trainingBatch(epoch: 0, step: 0).batch)
    // The first gradient touches the memory for the first time.
    _ = try loop.net.gradient([.weights, .alpha], at: state.point, on: input)
    let profile = PassProfile()
    loop.net.profile = profile
    defer { loop.net.profile = nil }
    for _ in 0..<gradients {
      _ = try loop.net.gradient([.weights, .alpha], at: state.point, on: input)
    }
    return profile.entries.map { entry in
      var entry = entry
      entry.seconds /= Double(gradients)
      return entry
    }
  }

  /// Gradients of (w, α) on the mixture and the peak of multiply-adds, in turn; the median by their ratio.
  private func shareOfPeak(
    at state: SearchState
  ) throws -> (seconds: Double, rate: Double, peak: Double) {
    let input = SupernetInput(loop.source.trainingBatch(epoch: 0, step: 0).batch)
    let rounds = try (0..<5).map { _ in
      let began = ContinuousClock().now
      _ = try loop.net.gradient([.weights, .alpha], at: state.point, on: input)
      let seconds = (ContinuousClock().now - began).inSeconds
      return (
        seconds: seconds, rate: 3 * Self.forwardOperations(size) / seconds,
        peak: Peak.measured(threads: threads)
      )
    }
    return rounds.sorted { $0.rate / $0.peak < $1.rate / $1.peak }[rounds.count / 2]
  }

  /// Floating-point operations (two per multiply-add) of one forward pass: convolutions only.
  static func forwardOperations(_ size: Size) -> Double {
    let shape = size.shape
    var side = shape.imageSize
    var (before, previous, width) = (3 * shape.channels, 3 * shape.channels, shape.channels)
    var total = Double(side * side * 9 * shape.inputChannels * 3 * shape.channels)
    for cell in 0..<shape.cells {
      let reduces = shape.kind(ofCell: cell) == .reduction
      if reduces { width *= 2 }
      // Preprocessing reads the two outputs before; the older one may be twice as large, and is halved.
      total += Double(side * side * width * (before + previous))
      let out = reduces ? side / 2 : side
      for edge in shape.edges {
        let pixels = Double(out * out)
        let pointwise = Double(width * width)
        let channels = Double(width)
        for kernel in [3.0, 5.0] {
          // sep: two halves, both at the output's size; dil: one.
          total += pixels * 3 * (kernel * kernel * channels + pointwise)
        }
        if reduces && edge.source < 2 { total += pixels * pointwise }
      }
      (before, previous, side) = (previous, shape.nodes * width, out)
    }
    return 2 * total * Double(size.batch)
  }
}

/// What a step costs against another that was timed in the same run.
public struct CostRatio: Codable, Equatable, Sendable {
  /// Of network and batch.
  public var size: StepBenchmark.Size
  /// "darts-2nd on darts"
  public var step: String
  /// The method whose step is 1.
  public var comparedWith: String
  /// Ratio of the median times.
  public var measured: Double
  /// Ratio of the operation counts; nil between spaces, where a forward pass is another one.
  public var counted: Double?

  /// Every method against `milenas-1st` on its space, every exact method against its finite difference, and every
  /// `gdas` step against that of the same method on `darts`, as far as they were timed.
  public static func all(of results: [StepBenchmark.Result]) -> [CostRatio] {
    results.flatMap { result -> [CostRatio] in
      func ratio(to method: SearchMethod, on space: SearchSpace) -> CostRatio? {
        guard result.method != method || result.space != space,
          let other = results.first(where: {
            $0.size == result.size && $0.method == method && $0.space == space
          })
        else { return nil }
        return CostRatio(
          size: result.size, step: result.name, comparedWith: other.name,
          measured: result.medianSeconds / other.medianSeconds,
          counted: space == result.space
            ? Double(result.passUnits) / Double(other.passUnits) : nil)
      }
      return [
        ratio(to: .milenas1st, on: result.space),
        result.method.finiteDifference.flatMap { ratio(to: $0, on: result.space) },
        result.space == .gdas ? ratio(to: result.method, on: .darts) : nil,
      ].compactMap { $0 }
    }
  }
}

extension StepBenchmark.Result {
  fileprivate var name: String { "\(method.rawValue) on \(space.rawValue)" }
}

/// Largest resident memory of this process so far.
enum PeakMemory {
  static var megabytes: Double {
    var usage = rusage()
    _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
  }
}

import Dispatch
import Glibc
import Synchronization

/// Ctrl-C as a wish: the first one asks a search to end after its step, the second ends the program.
///
/// SIGTERM and SIGUSR1, which batch systems send before they kill, are such wishes too, however often they come.
final class Interruption {
  private let request: Request
  private let sources: [any DispatchSourceSignal]

  /// Listens from now on, until it is released.
  ///
  /// - Parameter sentence: what the user is told at the first signal.
  init(says sentence: String = "finishing this step; press Ctrl-C again to end at once") {
    let request = Request(sentence: sentence)
    self.request = request
    sources = Self.signals.map { number in
      Glibc.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { request.make(by: number) }
      source.activate()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
    for number in Self.signals { Glibc.signal(number, SIG_DFL) }
  }

  var isRequested: Bool { signal != nil }

  /// The first signal that came; nil while none has.
  var signal: Int32? {
    let number = request.first.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  private static let signals = [SIGINT, SIGTERM, SIGUSR1]

  private final class Request: Sendable {
    let first = Atomic<Int32>(0)
    private let sentence: String

    init(sentence: String) { self.sentence = sentence }

    func make(by signal: Int32) {
      let (isFirst, _) = first.compareExchange(
        expected: 0, desired: signal, ordering: .relaxed)
      guard isFirst else {
        if signal == SIGINT { exit(130) }
        return
      }
      if !sentence.isEmpty { StandardStream.error.write("\n\(sentence)\n") }
    }
  }
}

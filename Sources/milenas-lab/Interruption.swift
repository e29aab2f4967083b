import Dispatch
import Glibc
import Synchronization

/// Ctrl-C as a wish: the first one asks a search to end after its step, the second ends the program.
///
/// SIGTERM, which batch systems send before they kill, is such a wish too.
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
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { request.make() }
      source.activate()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
    for number in Self.signals { signal(number, SIG_DFL) }
  }

  var isRequested: Bool { request.isMade.load(ordering: .relaxed) }

  private static let signals = [SIGINT, SIGTERM]

  private final class Request: Sendable {
    let isMade = Atomic(false)
    private let sentence: String

    init(sentence: String) { self.sentence = sentence }

    func make() {
      if isMade.exchange(true, ordering: .relaxed) { exit(130) }
      if !sentence.isEmpty { StandardStream.error.write("\n\(sentence)\n") }
    }
  }
}

import CCairo
import COpenBLAS
import EventLog

extension RunEnvironment {
  /// The environment of this process, with the libraries that only the program as a whole links.
  static var ofThisProgram: RunEnvironment {
    let openblas = unsafe openblas_get_config().map { unsafe String(cString: $0) } ?? "unknown"
    let cairo = unsafe cairo_version_string().map { unsafe String(cString: $0) } ?? "unknown"
    return .current(libraries: ["cairo": cairo, "openblas": openblas])
  }
}

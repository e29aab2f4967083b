import Foundation
import Glibc

/// The operating system's words for what went wrong with a file: "Permission denied".
///
/// Foundation's own description of the same error says no more than that something could not be completed.
public func reason(of error: any Error) -> String {
  let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
  let cause = (underlying ?? error) as NSError
  guard cause.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
  return unsafe String(cString: strerror(Int32(truncatingIfNeeded: cause.code)))
}

/// Size in bytes of a file, or of the one that a symbolic link leads to; nil where there is none.
public func fileSize(_ path: String) -> Int? {
  var facts = stat()
  return unsafe stat(path, &facts) == 0 ? Int(facts.st_size) : nil
}

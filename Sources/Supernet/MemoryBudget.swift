import Foundation

/// The memory that this process and its children may take.
public enum MemoryBudget {
  /// What is free now, or what the control group leaves, in bytes; nil where the system does not say.
  ///
  /// - Parameter root: of the file system, for tests.
  public static func available(root: URL = URL(filePath: "/")) -> Int? {
    func text(_ path: String) -> String? {
      try? String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
    let free = text("proc/meminfo")?.split(separator: "\n")
      .first { $0.hasPrefix("MemAvailable:") }
      .flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
      .map { $0 * 1024 }
    // Version 2 of control groups: the group of this process and those above it.
    var group =
      text("proc/self/cgroup")?.split(separator: "\n")
      .first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) } ?? "/"
    var limits = [free].compactMap { $0 }
    while true {
      let folder = "sys/fs/cgroup" + (group == "/" ? "" : group)
      if let limit = number(text(folder + "/memory.max")),
        let used = number(text(folder + "/memory.current"))
      {
        // What the group has read of files gives way to what it needs.
        let cache = text(folder + "/memory.stat")?.split(separator: "\n").reduce(0) { sum, line in
          let isFile = line.hasPrefix("inactive_file ") || line.hasPrefix("active_file ")
          return sum + (isFile ? line.split(separator: " ").last.flatMap { Int($0) } ?? 0 : 0)
        }
        limits.append(max(0, limit - used + (cache ?? 0)))
      }
      guard group != "/", let slash = group.lastIndex(of: "/") else { break }
      group = slash == group.startIndex ? "/" : String(group[..<slash])
    }
    return limits.min()
  }

  private static func number(_ text: String?) -> Int? {
    text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }
}

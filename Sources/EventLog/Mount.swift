import Foundation

/// The mounted file system that a file lies on.
public struct Mount: Equatable, Sendable {
  /// The folder that it is mounted at.
  public var point: String
  /// As in /proc/mounts: "ext4", "nfs4", "fuse.sshfs".
  public var type: String

  /// Whether other machines can have the same file open; there SQLite's WAL must not be used.
  public var isNetwork: Bool {
    let networks = [
      "nfs", "cifs", "smb", "lustre", "gpfs", "ceph", "beegfs", "afs", "9p", "fuse", "glusterfs",
      "ocfs2", "gfs2",
    ]
    return networks.contains { type.hasPrefix($0) }
  }

  /// The one that a file lies on; nil when it cannot be told.
  public init?(holding url: URL) {
    guard let mounts = try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8) else {
      return nil
    }
    let path = url.resolvingSymlinksInPath().path
    guard let mount = Mount.all(in: mounts).filter({ $0.holds(path) }).max(by: Mount.isShorter)
    else { return nil }
    self = mount
  }

  /// A file system as it is mounted.
  public init(point: String, type: String) {
    self.point = point
    self.type = type
  }

  /// The lines of /proc/self/mounts: device, point with spaces as \040, type, options.
  static func all(in mounts: String) -> [Mount] {
    mounts.split(separator: "\n").compactMap { line -> Mount? in
      let fields = line.split(separator: " ")
      guard fields.count >= 3 else { return nil }
      return Mount(
        point: String(fields[1]).replacing("\\040", with: " "), type: String(fields[2]))
    }
  }

  func holds(_ path: String) -> Bool {
    point == "/" || path == point || path.hasPrefix(point + "/")
  }

  private static func isShorter(_ a: Mount, _ b: Mount) -> Bool { a.point.count < b.point.count }
}

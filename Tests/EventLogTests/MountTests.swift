import Testing

@testable import EventLog

@Suite struct MountTests {
  @Test(arguments: ["nfs4", "cifs", "fuse.sshfs", "lustre", "gpfs"])
  func sharedFileSystemsAreRecognised(type: String) {
    #expect(Mount(point: "/", type: type).isNetwork)
  }

  @Test(arguments: ["ext4", "xfs", "tmpfs", "overlay", "btrfs"])
  func localFileSystemsAreNot(type: String) {
    #expect(!Mount(point: "/", type: type).isNetwork)
  }

  @Test func aMountHoldsItsFolderAndNoFolderThatOnlyBeginsAlike() throws {
    let mounts = Mount.all(in: "server:/x /home/my\\040data nfs4 rw 0 0\n")
    #expect(mounts == [Mount(point: "/home/my data", type: "nfs4")])
    #expect(mounts[0].holds("/home/my data/runs"))
    #expect(!mounts[0].holds("/home/my database"))
  }
}

import Foundation
import Search

/// How vectors of a replayed step are written.
public enum DumpForm: String, CaseIterable, Sendable {
  /// A NumPy file for each vector.
  case npy
  /// One file for each step, with the slices of w under their names.
  case safetensors
}

/// Writes vectors of replayed steps into a folder: `step-000012-grad-w.npy`, `step-000012.safetensors`.
public struct VectorDump {
  private let names: [String]
  private let form: DumpForm
  private let folder: URL

  /// Names of the vectors that each step is to leave, and the form of the files.
  ///
  /// - Parameter known: the `quantityNames` of the replay's steps.
  /// - Throws: `EventLogError.noSuchQuantity` for a name that is none of them.
  public init(_ names: [String], form: DumpForm, in folder: URL, known: [String]) throws {
    for name in names where !known.contains(name) {
      throw EventLogError.noSuchQuantity(name, known: known)
    }
    self.names = names
    self.form = form
    self.folder = folder
  }

  /// Writes the files of one step; the folder is made when it is not there.
  ///
  /// - Throws: `EventLogError.folderNotWritable`, `.writeFailed`, `.diskFull`.
  public func write<Loop>(_ step: RecordReplay<Loop>.Step, of replay: RecordReplay<Loop>) throws {
    try AtomicFile.createFolder(folder, option: "--out")
    let digits = String(step.record.step)
    let stem = "step-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    let layout = replay.loop.layout
    let extents = replay.loop.configuration.alphaExtents ?? []
    var tensors: [Safetensors.Tensor] = []
    for (name, values) in try names.flatMap({ try step.vectors($0) }) {
      let shape = values.count == extents.reduce(1, *) ? extents : [values.count]
      switch form {
      case .npy:
        try AtomicFile.write(
          NumPy.array(.float32(values), shape: shape),
          to: folder.appending(path: "\(stem)-\(name).npy"))
      case .safetensors where values.count == layout.count:
        tensors += layout.slices.map {
          .init(name: "\(name).\($0.name)", shape: $0.shape, values: Array(values[$0.range]))
        }
      case .safetensors: tensors.append(.init(name: name, shape: shape, values: values))
      }
    }
    guard form == .safetensors else { return }
    let file = Safetensors(tensors: tensors, metadata: ["run": replay.reader.run.name])
    try AtomicFile.write(
      try file.encoded(), to: folder.appending(path: "\(stem).safetensors"))
  }
}

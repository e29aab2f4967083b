import Foundation

/// Named float32 tensors and a few words about them, in the safetensors format (huggingface/safetensors).
///
/// In Python: `from safetensors.numpy import load_file; state = load_file("epoch-001.safetensors")`.
struct Safetensors: Equatable {
  struct Tensor: Equatable {
    var name: String
    var shape: [Int]
    /// Row-major.
    var values: [Float]
  }

  var tensors: [Tensor]
  var metadata: [String: String]

  /// Why bytes are no file of this format.
  struct Malformed: Error { var reason: String }

  private struct Entry: Codable {
    var dtype: String
    var shape: [Int]
    var dataOffsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }
  }

  private enum Field: Codable {
    case metadata([String: String])
    case tensor(Entry)

    init(from decoder: any Decoder) throws {
      if let entry = try? Entry(from: decoder) {
        self = .tensor(entry)
      } else {
        self = .metadata(try [String: String](from: decoder))
      }
    }

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .metadata(let words): try words.encode(to: encoder)
      case .tensor(let entry): try entry.encode(to: encoder)
      }
    }
  }

  private static let metadataKey = "__metadata__"
  /// The reference implementation's bound on the header.
  private static let largestHeader = 100_000_000

  init(tensors: [Tensor], metadata: [String: String]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The file: length of the header in 8 bytes, the header as JSON, the values; equal contents have equal bytes.
  func encoded() throws -> Data {
    var fields = [Self.metadataKey: Field.metadata(metadata)]
    var offset = 0
    for tensor in tensors {
      let end = offset + 4 * tensor.values.count
      fields[tensor.name] = .tensor(
        Entry(dtype: "F32", shape: tensor.shape, dataOffsets: [offset, end]))
      offset = end
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var header = try encoder.encode(fields)
    // The values begin at a multiple of 8.
    header.append(Data(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    var data = Data(capacity: 8 + header.count + offset)
    unsafe withUnsafeBytes(of: UInt64(header.count).littleEndian) {
      unsafe data.append(contentsOf: $0)
    }
    data.append(header)
    for tensor in tensors { data.append(Float32Blob.encode(tensor.values)) }
    return data
  }

  /// Reads a file; every length is checked before anything is allocated by it.
  ///
  /// - Throws: `Malformed`.
  init(_ data: Data) throws {
    let data = Data(data)  // indices from 0
    guard data.count >= 8 else { throw Malformed(reason: "it has only \(data.count) bytes") }
    let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= Self.largestHeader, 8 + Int(length) <= data.count else {
      throw Malformed(reason: "its header would have \(length) bytes")
    }
    let start = 8 + Int(length)
    let fields: [String: Field]
    do {
      fields = try JSONDecoder().decode([String: Field].self, from: data[8..<start])
    } catch {
      throw Malformed(reason: "its header is not the JSON of the format")
    }
    var entries: [(name: String, entry: Entry)] = []
    var metadata: [String: String] = [:]
    for (name, field) in fields {
      switch field {
      case .metadata(let words) where name == Self.metadataKey: metadata = words
      case .tensor(let entry) where name != Self.metadataKey: entries.append((name, entry))
      default: throw Malformed(reason: "its header says of \(name) what it should not")
      }
    }
    var tensors: [Tensor] = []
    var offset = 0
    for (name, entry) in entries.sorted(by: {
      $0.entry.dataOffsets.lexicographicallyPrecedes($1.entry.dataOffsets)
    }) {
      tensors.append(try Self.tensor(name, entry, at: &offset, in: data, from: start))
    }
    guard start + offset == data.count else {
      throw Malformed(reason: "\(data.count - start - offset) bytes of it belong to no tensor")
    }
    self.init(tensors: tensors, metadata: metadata)
  }

  private static func tensor(
    _ name: String, _ entry: Entry, at offset: inout Int, in data: Data, from start: Int
  ) throws -> Tensor {
    guard entry.dtype == "F32" else {
      throw Malformed(reason: "\(name) is \(entry.dtype), not F32")
    }
    var count = 1
    for extent in entry.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { throw Malformed(reason: "\(name) has no shape") }
      count = product
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 4)
    guard !overflow, entry.dataOffsets.count == 2, entry.dataOffsets[0] == offset,
      entry.dataOffsets[1] - offset == bytes, entry.dataOffsets[1] <= data.count - start
    else { throw Malformed(reason: "\(name) does not lie where its shape says") }
    let values = Float32Blob.decode(data[(start + offset)..<(start + offset + bytes)])
    offset += bytes
    guard let values else { throw Malformed(reason: "\(name) is cut") }
    return Tensor(name: name, shape: entry.shape, values: values)
  }

  /// The tensors by name.
  var byName: [String: Tensor] {
    Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

import Foundation
import Testing

@testable import EventLog

@Suite struct SafetensorsTests {
  private let file = Safetensors(
    tensors: [
      .init(
        name: "b", shape: [2, 3], values: [1, -0.0, .infinity, .nan, .leastNonzeroMagnitude, 3]),
      .init(name: "a", shape: [1], values: [0.5]), .init(name: "none", shape: [0], values: []),
    ],
    metadata: ["step": "12", "quoted": "\"\\"])

  @Test func everyBitComesBack() throws {
    let back = try Safetensors(try file.encoded())
    #expect(back.metadata == file.metadata)
    for tensor in file.tensors {
      let read = try #require(back.byName[tensor.name])
      #expect(read.shape == tensor.shape)
      #expect(read.values.map(\.bitPattern) == tensor.values.map(\.bitPattern))
    }
  }

  /// The example of the format's own documentation, put together by hand.
  @Test func theFormatIsTheDocumentedOne() throws {
    let header = #"{"test":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    var data = Data([UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0])
    data += Data(header.utf8) + Data([0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    #expect(try Safetensors(data).tensors == [.init(name: "test", shape: [2], values: [1, -2])])
  }

  @Test func valuesBeginAtAMultipleOfEight() throws {
    let data = try file.encoded()
    #expect((data.count - 4 * 7) % 8 == 0)
  }

  @Test func aCutFileIsRefusedAtEveryLength() throws {
    let data = try file.encoded()
    for length in 0..<data.count {
      #expect(throws: Safetensors.Malformed.self) { try Safetensors(data.prefix(length)) }
    }
  }

  @Test(arguments: [
    #"{"t":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#,
    #"{"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
    #"{"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
    #"{"t":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
    #"{"t":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
    #"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
    #"{"t":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, #"[]"#, #"{"t":3}"#,
  ])
  func aHeaderThatDoesNotFitItsValuesIsRefused(header: String) {
    var data = Data()
    data.append(littleEndian: UInt64(header.utf8.count))
    data += Data(header.utf8) + Data(repeating: 0, count: 8)
    #expect(throws: Safetensors.Malformed.self) { try Safetensors(data) }
  }

  @Test func aHeaderLongerThanTheFileIsRefusedBeforeItIsRead() {
    var data = Data()
    data.append(littleEndian: UInt64.max)
    #expect(throws: Safetensors.Malformed.self) { try Safetensors(data + Data(count: 100)) }
  }
}

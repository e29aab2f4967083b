import Foundation
import Search
import Testing

@testable import EventLog

@Suite struct ExportTests {
  /// RFC 3720, B.4: 32 bytes of zeros, of ones, and ascending.
  @Test func theChecksumIsCastagnolis() {
    #expect(CRC32C.of(Data(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.of(Data(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.of(Data((0..<32).map { UInt8($0) })) == 0x46DD_794E)
  }

  @Test func anArrayHasNumPysHeader() {
    let file = NumPy.array(.float32([1, 2, 3, 4, 5, 6]), shape: [2, 3])
    #expect(file.prefix(8) == Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0]))
    #expect((file.count - 24) % 64 == 0)
    #expect(
      String(decoding: file[10..<(file.count - 24)], as: UTF8.self)
        .hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), }"))
  }

  @Test func aTensorBoardRecordIsTheDocumentedMessage() {
    // Event{wall_time 2.0, step 5, summary{value{tag "t", simple_value 1.0}}}, encoded by hand.
    let event = Data([
      0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x10, 5, 0x2A, 10, 0x0A, 8, 0x0A, 1, 0x74, 0x15, 0, 0,
      0x80, 0x3F,
    ])
    let file = TensorBoard.file([.init(tag: "t", value: 1, step: 5)], time: 2)
    #expect(file.dropLast(4).suffix(event.count) == event)
    let first = file.prefix(8)
    #expect(first.first == 24, "version record: time, and brain.Event:2")
  }
}

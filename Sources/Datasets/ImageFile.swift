import CPNG
import CTurboJPEG
import Foundation

/// A decoded photograph.
///
/// pixels: [rows][columns][3], 0 ... 255.
struct Photograph: Equatable {
  var pixels: [UInt8]
  var rows: Int
  var columns: Int

  /// More pixels than any photograph of a data set has: a file that announces them is damaged or hostile.
  private static let largestPixelCount = 100_000_000

  /// Decodes a JPEG or PNG file; gray images get three equal channels, transparency becomes black, 16 bits 8.
  ///
  /// The pixels are those of the file: an orientation that its EXIF data ask for is not applied, as torchvision does not.
  /// JPEG files in CMYK are not decoded.
  ///
  /// - Throws: `DatasetError.damagedImage`; a JPEG that ends early is damaged, though decoders go on.
  init(contentsOf path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw DatasetError.damagedImage(path: path, reason: "it cannot be read")
    }
    let bytes = [UInt8](data)
    guard !bytes.isEmpty else {
      throw DatasetError.damagedImage(path: path, reason: "it is empty")
    }
    if bytes.starts(with: [0xFF, 0xD8]) {
      self = try Self.jpeg(bytes, path)
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      self = try Self.png(bytes, path)
    } else {
      throw DatasetError.damagedImage(path: path, reason: "it is neither JPEG nor PNG")
    }
  }

  init(pixels: [UInt8], rows: Int, columns: Int) {
    precondition(pixels.count == rows * columns * 3)
    self.pixels = pixels
    self.rows = rows
    self.columns = columns
  }

  private static func jpeg(_ bytes: [UInt8], _ path: String) throws -> Photograph {
    guard let handle = unsafe tjInitDecompress() else {
      throw DatasetError.damagedImage(path: path, reason: "libjpeg-turbo does not start")
    }
    defer { _ = unsafe tjDestroy(handle) }
    func check(_ status: Int32) throws {
      guard status == 0 else {
        let reason = unsafe String(cString: tjGetErrorStr2(handle))
        throw DatasetError.damagedImage(path: path, reason: reason)
      }
    }
    var (columns, rows, sampling, space) = (Int32(0), Int32(0), Int32(0), Int32(0))
    let header = unsafe bytes.withUnsafeBufferPointer { source in
      unsafe tjDecompressHeader3(
        handle, source.baseAddress, UInt(source.count), &columns, &rows, &sampling, &space)
    }
    try check(header)
    try requireSize(Int(rows), Int(columns), path)
    var pixels = [UInt8](repeating: 0, count: Int(rows) * Int(columns) * 3)
    let decoded = unsafe bytes.withUnsafeBufferPointer { source in
      unsafe pixels.withUnsafeMutableBufferPointer { target in
        unsafe tjDecompress2(
          handle, source.baseAddress, UInt(source.count), target.baseAddress, columns, 0, rows,
          Int32(TJPF_RGB.rawValue), 0)
      }
    }
    try check(decoded)
    return Photograph(pixels: pixels, rows: Int(rows), columns: Int(columns))
  }

  private static func png(_ bytes: [UInt8], _ path: String) throws -> Photograph {
    var image = unsafe png_image()
    unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { unsafe png_image_free(&image) }
    func damaged() -> DatasetError {
      let message = unsafe withUnsafeBytes(of: image.message) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      return .damagedImage(path: path, reason: message.isEmpty ? "it is damaged" : message)
    }
    let header = unsafe bytes.withUnsafeBytes { source in
      unsafe png_image_begin_read_from_memory(&image, source.baseAddress, source.count)
    }
    guard header != 0 else { throw damaged() }
    let (rows, columns) = unsafe (Int(image.height), Int(image.width))
    try requireSize(rows, columns, path)
    unsafe image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    // Without it libpng takes 16-bit files that do not say for linear light, and brightens them.
    unsafe image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
    var pixels = [UInt8](repeating: 0, count: rows * columns * 3)
    let decoded = unsafe pixels.withUnsafeMutableBytes { target in
      unsafe png_image_finish_read(&image, nil, target.baseAddress, png_int_32(columns * 3), nil)
    }
    guard decoded != 0 else { throw damaged() }
    return Photograph(pixels: pixels, rows: rows, columns: columns)
  }

  private static func requireSize(_ rows: Int, _ columns: Int, _ path: String) throws {
    guard rows > 0, columns > 0, rows * columns <= largestPixelCount else {
      throw DatasetError.damagedImage(path: path, reason: "it announces \(rows)×\(columns) pixels")
    }
  }
}

import Datasets
import Foundation
import Kernels
import Supernet

let shapes: [String: (SupernetShape, Int)] = [
  "S": (SupernetShape(inputChannels: 1, imageSize: 28, channels: 8, cells: 5), 32),
  "M": (SupernetShape(inputChannels: 3, imageSize: 32, channels: 16, cells: 8), 16),
  "L": (SupernetShape(inputChannels: 3, imageSize: 32, channels: 16, cells: 8), 64),
]
let name = CommandLine.arguments[1]
let threads = Int(CommandLine.arguments[2])!
let (shape, n) = shapes[name]!
let net = try Supernet<Float>(shape, batchCapacity: n, threads: threads)
func random(_ n: Int, _ s: Float) -> [Float] { (0..<n).map { s * Float(sin(Double($0) * 1.7 + 0.3 * sin(Double($0) * 0.01))) } }
var w: [Float] = []
for s in net.layout.slices {
  switch s.role {
  case .weight(let f), .bias(let f): w += random(s.count, 1 / Float(f).squareRoot())
  case .gamma: w += .init(repeating: 1, count: s.count)
  case .beta: w += .init(repeating: 0, count: s.count)
  }
}
let point = Point(weights: w, alpha: random(shape.alphaCount, 0.001))
let size = shape.imageSize
let batch = Batch(images: random(n * size * size * shape.inputChannels, 1), labels: (0..<n).map { $0 % 10 }, rows: size, columns: size, channels: shape.inputChannels)
func time(_ label: String, _ body: () throws -> Void) rethrows {
  var times: [Double] = []
  for _ in 0..<4 {
    let t = clock_gettime_nsec_np()
    try body()
    times.append(Double(clock_gettime_nsec_np() - t) / 1e9)
  }
  print(label, times.map { String(format: "%.4f", $0) })
}
func clock_gettime_nsec_np() -> UInt64 {
  var t = timespec(); unsafe clock_gettime(CLOCK_MONOTONIC, &t)
  return UInt64(t.tv_sec) * 1_000_000_000 + UInt64(t.tv_nsec)
}
let input = SupernetInput(batch)
try time("w+a") { _ = try net.gradient([.weights, .alpha], at: point, on: input) }
try time("a  ") { _ = try net.gradient([.alpha], at: point, on: input) }
try time("fwd") { _ = try net.gradient([], at: point, on: input) }
if CommandLine.arguments.count > 3 {
  try time("Jv ") { _ = try net.tangent([.alpha], at: point, along: Direction(weights: w), on: input) }
}
print(net.byteCount / 1_000_000, "MB")

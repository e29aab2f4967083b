import Datasets
import Foundation
import Kernels
import Testing

@testable import Analysis

/// The files that `selftest` ships, compared by the code that `selftest` runs.
private var shipped: [GoldenCase] {
  get throws {
    try GoldenCase.load(
      folder: ShippedFile.url(bundle: "milenas-lab_Analysis", path: "golden"))
  }
}

private let names = ["relu-c4-l3", "relu-c8-l3-steps4", "silu-c4-l3"]

private func golden(_ name: String) throws -> GoldenCase {
  try #require(try shipped.first { $0.name == name })
}

@Test(arguments: names)
func everyFieldAgreesWithPyTorchInDouble(name: String) throws {
  var test = try GoldenSelfTest<Double>(golden(name), threads: 2)
  let report = try test.run()
  #expect(report.notChecked.isEmpty)
  #expect(report.comparisons.count >= 30)
  for comparison in report.comparisons {
    #expect(comparison.agrees, "\(comparison)")
    #expect(comparison.tolerance <= 1e-8)
  }
}

@Test(arguments: names)
func firstOrderFieldsAgreeWithPyTorchInFloat(name: String) throws {
  var test = try GoldenSelfTest<Float>(golden(name), threads: 1)
  let report = try test.run()
  #expect(report.notChecked.isEmpty)
  for comparison in report.comparisons {
    #expect(comparison.agrees, "\(comparison)")
    #expect(comparison.tolerance <= 1e-4)
  }
}

/// A golden file with one number changed must not pass.
@Test(arguments: [
  ["loss_train"], ["grad_alpha_valid"], ["unrolled_darts", "Jv"], ["gdas", "grad_alpha_train"],
  ["unrolled_k3_darts"], ["grad_w_train", "stem.conv", "norm"],
])
func aChangedValueIsFound(path: [String]) throws {
  let file = try ShippedFile.url(bundle: "milenas-lab_Analysis", path: "golden/relu-c4-l3.json")
  var json = try #require(
    try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
  json = change(json, path[...])
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try JSONSerialization.data(withJSONObject: json).write(to: folder.appending(path: "changed.json"))
  var test = try GoldenSelfTest<Double>(GoldenCase.load(folder: folder)[0], threads: 1)
  let report = try test.run()
  #expect(!report.agrees)
  #expect(report.worst?.quantity.hasPrefix(path[0]) == true)
}

/// The first number at a path, times 1.001.
private func change(_ object: [String: Any], _ path: ArraySlice<String>) -> [String: Any] {
  guard let key = path.first, let value = object[key] else { return object }
  var result = object
  if let inner = value as? [String: Any] {
    result[key] = change(inner, path.dropFirst())
  } else if var list = value as? [Double] {
    let k = list.indices.max { abs(list[$0]) < abs(list[$1]) } ?? 0
    list[k] *= 1.001
    result[key] = list
  } else if let number = value as? Double {
    result[key] = number * 1.001
  }
  return result
}

@Test func aFieldThatNobodyKnowsIsReportedAsNotChecked() throws {
  let file = try ShippedFile.url(bundle: "milenas-lab_Analysis", path: "golden/silu-c4-l3.json")
  var json = try #require(
    try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
  json["hessian_trace"] = 1.5
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try JSONSerialization.data(withJSONObject: json).write(to: folder.appending(path: "more.json"))
  var test = try GoldenSelfTest<Double>(GoldenCase.load(folder: folder)[0], threads: 1)
  #expect(try test.run().notChecked == ["hessian_trace"])
}

@Test func aFolderWithoutGoldenFilesIsNamed() throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  #expect(throws: GoldenError.noFiles(folder: folder.path)) {
    _ = try GoldenCase.load(folder: folder)
  }
  try Data("{\"network\": {}}".utf8).write(to: folder.appending(path: "bad.json"))
  #expect(throws: GoldenError.self) { _ = try GoldenCase.load(folder: folder) }
}

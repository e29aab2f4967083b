import Foundation

/// Finds what comes with the program: beside the executable, or where the package was built.
///
/// `Bundle.module` traps when its folder is gone; this looks, and throws.
public enum ShippedFile {
  /// The file of a resource bundle, looked for beside the program and beside its tests.
  ///
  /// - Parameters:
  ///   - bundle: the resource bundle's name, "milenas-lab_Datasets".
  ///   - path: inside `Resources`.
  /// - Throws: `DatasetError.missing`.
  public static func url(bundle: String, path: String) throws -> URL {
    let name = "\(bundle).resources"
    var folders = [Bundle.main.bundleURL, Bundle.main.resourceURL].compactMap { $0 }
    folders += Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
    // Tests run from a bundle of their own beside the resource bundles.
    folders.append(
      URL(fileURLWithPath: CommandLine.arguments.first ?? "").deletingLastPathComponent())
    for folder in folders {
      let candidate = folder.appending(path: "\(name)/Resources/\(path)")
      if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
    }
    throw DatasetError.missing(
      path: "\(name)/Resources/\(path)",
      remedy: "keep the folder \(name) beside the program, or build it again")
  }
}

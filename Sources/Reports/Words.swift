import Foundation

/// Numbers as people read them.
public enum Words {
  /// "12.3 s", "4 min 5 s", "2 h 31 min".
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "unknown" }
    let total = Int(seconds.rounded())
    if total < 60 { return String(format: "%.1f s", seconds) }
    if total < 3600 { return "\(total / 60) min \(total % 60) s" }
    return "\(total / 3600) h \(total % 3600 / 60) min"
  }

  /// A fraction in percent: "80.15 %".
  static func percent(_ fraction: Double) -> String { decimals(100 * fraction, 2) + "\u{A0}%" }

  /// With a true minus sign; "–" for what is no number.
  static func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite else { return "–" }
    let text = String(format: "%.\(count)f", value)
    return text.hasPrefix("-") ? "−" + text.dropFirst() : text
  }

  /// A size in bytes: "2.1 GB".
  public static func bytes(_ count: Int) -> String {
    var (value, unit) = (Double(count), 0)
    while value >= 999.5, unit < 4 { (value, unit) = (value / 1000, unit + 1) }
    return (unit == 0 ? "\(count)" : decimals(value, value < 9.95 ? 1 : 0))
      + " " + ["bytes", "KB", "MB", "GB", "TB"][unit]
  }

  /// From the current folder where it lies in it, absolute elsewhere.
  static func path(_ url: URL) -> String {
    let (path, here) = (url.path, FileManager.default.currentDirectoryPath + "/")
    return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  }
}

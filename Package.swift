// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// The processor that the kernels are compiled for: `MILENAS_CPU=x86-64-v3 swift build`, `native` when unset.
let cpu = Context.environment["MILENAS_CPU"] ?? "native"

/// Whether that processor has 512-bit vectors; it decides how many scalars a vector of the kernels holds.
let hasAVX512 =
  switch cpu {
  case "native":
    (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains(" avx512f ") ?? false
  case "x86-64-v4": true
  default: cpu.hasPrefix("znver4") || cpu.hasPrefix("znver5") || cpu.contains("-avx512")
  }

/// Optimised in debug builds too, so that tests run at the speed of the program.
let kernels: [SwiftSetting] =
  [
    .unsafeFlags(["-O", "-Xcc", "-march=\(cpu)"]),
    .define(
      ["native": "CPU_NATIVE", "x86-64-v3": "CPU_V3", "x86-64-v4": "CPU_V4"][cpu] ?? "CPU_OTHER"),
  ] + (hasAVX512 ? [.define("AVX512")] : [])

/// The passes are optimised in every build as well.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"])]

let safe: [SwiftSetting] = [
  .strictMemorySafety(), .treatWarning("StrictMemorySafety", as: .error),
]

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "milenas-lab",
  products: [.executable(name: "milenas-lab", targets: ["milenas-lab"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    .systemLibrary(
      name: "CCairo", pkgConfig: "pangocairo",
      providers: [.apt(["libcairo2-dev", "libpango1.0-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CMinpack", pkgConfig: "cminpack", providers: [.apt(["libcminpack-dev"])]),
    .systemLibrary(name: "CCacheHints"),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CProcessor"),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "Kernels", dependencies: ["CCacheHints"], swiftSettings: kernels),
    .target(name: "Processor", dependencies: ["CProcessor"], swiftSettings: kernels),
    .target(
      name: "Datasets",
      dependencies: ["Kernels", "CCrypto", "CPNG", "CTurboJPEG", "CZlib"],
      resources: [.copy("Resources")], swiftSettings: safe),
    .target(
      name: "Supernet", dependencies: ["Datasets", "Kernels"], resources: [.copy("Resources")],
      swiftSettings: safe + optimised),
    .target(
      name: "Search", dependencies: ["Supernet", "Datasets", "Kernels"], swiftSettings: safe),
    .target(
      name: "EventLog",
      dependencies: [
        "Search", "Supernet", "Datasets", "Kernels", "CCrypto", "CSQLite", "CXXHash", "CZlib",
        "CZstd", grdb,
      ],
      swiftSettings: safe),
    .target(
      name: "Studies", dependencies: ["EventLog", "Search", "Datasets", "CProcessor", yams],
      resources: [.copy("Resources")], swiftSettings: safe),
    .target(
      name: "Analysis",
      dependencies: [
        "EventLog", "Search", "Supernet", "Datasets", "Kernels", "COpenBLAS", "CMinpack",
      ],
      resources: [.copy("Resources")], swiftSettings: safe),
    .target(
      name: "Figures",
      dependencies: [
        "Analysis", "EventLog", "Search", "Supernet", "Datasets", "CCairo",
      ],
      resources: [.copy("Resources")], swiftSettings: safe),
    .target(
      name: "Reports",
      dependencies: [
        "Figures", "Analysis", "EventLog", "Search", "Supernet", "Datasets", "CCairo", "COpenBLAS",
      ], swiftSettings: safe),
    .target(name: "Notebooks", dependencies: ["EventLog", "Datasets"], swiftSettings: safe),
    .executableTarget(
      name: "milenas-lab",
      dependencies: [
        "Notebooks", "Reports", "Figures", "Analysis", "Studies", "EventLog", "Search", "Supernet",
        "Datasets", "Kernels", "Processor", "CCairo", "CMalloc", "COpenBLAS", arguments,
      ], swiftSettings: safe),
    .testTarget(name: "KernelsTests", dependencies: ["Kernels"]),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets", "Kernels", "CTurboJPEG", "CZlib"]),
    .testTarget(
      name: "SupernetTests", dependencies: ["Supernet", "Datasets", "Kernels"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "SearchTests",
      dependencies: ["Search", "Supernet", "Datasets", "Kernels", "CTurboJPEG"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "EventLogTests",
      dependencies: ["EventLog", "Search", "Supernet", "Datasets", "Kernels", grdb]),
    .testTarget(
      name: "AnalysisTests",
      dependencies: ["Analysis", "EventLog", "Search", "Supernet", "Datasets", "Kernels"]),
    .testTarget(name: "StudiesTests", dependencies: ["Studies", "EventLog", "Search"]),
    .testTarget(
      name: "FiguresTests",
      dependencies: [
        "Figures", "Analysis", "EventLog", "Search", "Supernet", "Datasets",
      ], exclude: ["Fixtures"]),
    .testTarget(
      name: "ReportsTests",
      dependencies: ["Reports", "Figures", "EventLog", "Search", "Supernet", "Datasets", grdb]),
    .testTarget(name: "NotebooksTests", dependencies: ["Notebooks", "EventLog"]),
    .testTarget(
      name: "EndToEnd",
      dependencies: ["milenas-lab", "Reports", "Notebooks", "EventLog", "Search", arguments]),
  ],
  swiftLanguageModes: [.v6]
)

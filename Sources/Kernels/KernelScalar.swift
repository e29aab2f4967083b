/// The two precisions in which every pass exists: `Float` searches, `Double` is the truth of the analyses.
public protocol KernelScalar: BinaryFloatingPoint, VectorChoices, Sendable, Codable {
  /// "float32" or "float64", as manifests, safetensors and reports spell it.
  static var precisionName: String { get }
  /// The arithmetic of gradients, and that of gradients with their tangents.
  associatedtype Plain: Arithmetic where Plain.Element == Self
  /// The arithmetic of gradients with their tangents.
  associatedtype Dual: Arithmetic where Dual.Element == Self
}

extension Float: KernelScalar {
  /// Single precision without tangents.
  public typealias Plain = PlainFloat
  /// Single precision with tangents.
  public typealias Dual = DualFloat
  public static var precisionName: String { "float32" }
}

extension Double: KernelScalar {
  /// Double precision without tangents.
  public typealias Plain = PlainDouble
  /// Double precision with tangents.
  public typealias Dual = DualDouble
  public static var precisionName: String { "float64" }
}

/// The processor that the kernels of this build were compiled for.
public enum BuildTarget {
  /// "native", "x86-64-v3", "x86-64-v4" or "other", as chosen by `MILENAS_CPU` when the program was built.
  public static var cpu: String {
    #if CPU_NATIVE
      "native"
    #elseif CPU_V3
      "x86-64-v3"
    #elseif CPU_V4
      "x86-64-v4"
    #else
      "other"
    #endif
  }

  /// Whether the kernels use vectors of 512 bits.
  public static var usesAVX512: Bool {
    #if AVX512
      true
    #else
      false
    #endif
  }
}

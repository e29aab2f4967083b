/// The fused multiply-add peak of this machine, measured: the roof that kernels are compared with.
public enum Peak {
  /// Floating-point operations per second in Float with so many threads; two for each multiply-add.
  public static func measured(threads: Int) -> Double {
    let team = ThreadTeam(workers: threads)
    let clock = ContinuousClock()
    var best = 0.0
    for _ in 0..<3 {
      let rounds = 2_000_000
      let began = clock.now
      team.run(threads) { _, _ in _ = burn(rounds) }
      let spent = clock.now - began
      let seconds =
        Double(spent.components.seconds) + Double(spent.components.attoseconds) * 1e-18
      best = max(
        best, Double(threads) * Double(rounds) * 8 * 2 * Double(Float16.scalarCount) / seconds)
    }
    return best
  }

  /// Eight chains of multiply-adds in registers.
  @inline(never)
  private static func burn(_ rounds: Int) -> Float {
    var chains = InlineArray<8, Float16>(repeating: Float16(repeating: 1))
    let a = Float16(repeating: 0.999_999)
    let b = Float16(repeating: 1e-6)
    for _ in 0..<rounds {
      var k = 0
      while k < 8 {
        chains[unchecked: k] = b.addingProduct(chains[unchecked: k], a)
        k &+= 1
      }
    }
    var sum: Float = 0
    for k in 0..<8 { sum += chains[k].sum() }
    return sum
  }
}

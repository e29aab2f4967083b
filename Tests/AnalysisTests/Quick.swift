import Foundation
import Testing
import Kernels
import Datasets
@testable import Analysis
import Supernet

@Test func quick() throws {
  for f in ["relu-c4-l3","relu-c8-l3-steps4","silu-c4-l3"] {
    let c = try GoldenCase(contentsOf: URL(fileURLWithPath: "/work/main/Sources/Analysis/Resources/golden/\(f).json"))
    func go<S: KernelScalar>(_: S.Type) throws {
      let net = try Supernet<S>(c.shape, batchCapacity: c.batchSize, threads: 2)
      let point: Point<S> = c.point()
      let input = SupernetInput<S>(c.trainBatch(0))
      let g = try net.gradient([.weights,.alpha,.statistics], at: point, on: input)
      let want = c.values["grad_alpha_train"]!.flat!
      func rel(_ a: [Double], _ b: [Double]) -> Double { sqrt(zip(a,b).map{($0-$1)*($0-$1)}.reduce(0,+)/b.map{$0*$0}.reduce(0,+)) }
      print(f, S.self, "loss", g.loss, c.values["loss_train"]!.flat![0], "alpha", rel(g.alpha.map(Double.init), want))
      let lay = net.layout
      var worst = 0.0; var wn = ""
      for s in lay.slices {
        let v = g.weights[s.range].map(Double.init)
        let n = sqrt(v.map{$0*$0}.reduce(0,+))
        let wnorm = c.values[["grad_w_train", s.name, "norm"]]!.flat![0]
        let first = c.values[["grad_w_train", s.name, "first"]]!.flat!
        let e = max(abs(n-wnorm)/(wnorm+1e-12), zip(v,first).map{abs($0-$1)}.max()!/(wnorm+1e-12))
        if !(e <= worst) { worst = e; wn = s.name }
      }
      print("   worst w", worst, wn)
      // tangent: Jv
      let u = try net.tangent([.weights,.alpha], at: point, along: Direction(weights: g.weights), on: input)
      print("   tangent value same:", rel(u.gradient.alpha.map(Double.init), want), u.alpha.prefix(3))
      let e = 1e-5
      if S.self == Double.self {
        var p = point; for i in p.weights.indices { p.weights[i] += S(e)*g.weights[i] }
        var m = point; for i in m.weights.indices { m.weights[i] -= S(e)*g.weights[i] }
        let gp = try net.gradient([.weights,.alpha], at: p, on: input), gm = try net.gradient([.weights,.alpha], at: m, on: input)
        let fd = zip(gp.alpha, gm.alpha).map { Double($0-$1)/(2*e) }
        print("   fd Jv", rel(fd, u.alpha.map(Double.init)))
        let fdw = zip(gp.weights, gm.weights).map { Double($0-$1)/(2*e) }
        print("   fd Hv", rel(fdw, u.weights.map(Double.init)))
        let ua = GoldenCase.wave(c.shape.alphaCount, 0.61, 0.3).map { S($0) }
        let t = try net.tangent([.alpha], at: point, along: Direction(alpha: ua), on: SupernetInput(c.validationBatch()))
        print("   alphaH", rel(t.alpha.map(Double.init), c.values[["alpha_hessian_product_valid","value"]]!.flat!))
        for (tag) in ["gumbel","gdas"] {
          let r: Relaxation<S> = tag == "gumbel" ? .gumbel(noise: c.noise(), temperature: 5) : .gdas(noise: c.noise(), temperature: 5)
          let gg = try net.gradient([.weights,.alpha], at: point, on: SupernetInput(c.trainBatch(0), r))
          print("   ", tag, gg.loss - c.values[[tag,"loss_train"]]!.flat![0], rel(gg.alpha.map(Double.init), c.values[[tag,"grad_alpha_train"]]!.flat!), sqrt(gg.weights.map{Double($0*$0)}.reduce(0,+))/c.values[[tag,"grad_w_norm"]]!.flat![0]-1)
        }
      }
    }
    try go(Double.self)
    try go(Float.self)
  }
}

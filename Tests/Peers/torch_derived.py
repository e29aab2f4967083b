"""Derived networks in PyTorch, as modules: an independent implementation that milenas-lab is compared with and timed
beside. It follows the structure of the public DARTS evaluation networks (CIFAR and ImageNet).

  python torch_derived.py golden OUT_DIR
  python torch_derived.py time --genotype DARTS_V2 --channels 16 --cells 8 --batch 96 --threads 2 --steps 5
"""
import argparse, json, math, os, statistics, sys, time
import torch
from torch import nn
import torch.nn.functional as F

CATALOGUE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Sources", "Supernet", "Resources",
                         "genotypes.json")


def genotype(name):
    catalogue = json.load(open(CATALOGUE))
    for cell in catalogue["genotypes"] + catalogue["extra"]:
        if cell["name"] == name:
            return cell
    sys.exit(f"no genotype {name}")


def conv(cin, cout, kernel, stride=1, padding=0, **more):
    return nn.Conv2d(cin, cout, kernel, stride=stride, padding=padding, bias=False, **more)


class FactorizedReduce(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1, self.conv2 = conv(cin, cout // 2, 1, 2), conv(cin, cout // 2, 1, 2)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.conv1(x), self.conv2(x[:, :, 1:, 1:])], 1))


class ReLUConvBN(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv, self.bn = conv(cin, cout, 1), nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.bn(self.conv(F.relu(x)))


class DepthwiseBlock(nn.Module):
    """ReLU, depthwise, pointwise, batch norm."""

    def __init__(self, c, kernel, stride, dilation):
        super().__init__()
        self.depthwise = conv(c, c, kernel, stride, dilation * (kernel // 2), dilation=dilation, groups=c)
        self.pointwise = conv(c, c, 1)
        self.bn = nn.BatchNorm2d(c)

    def forward(self, x):
        return self.bn(self.pointwise(self.depthwise(F.relu(x))))


class RowColumn(nn.Module):
    """ReLU, 1x7, 7x1, batch norm."""

    def __init__(self, c, stride):
        super().__init__()
        self.row = conv(c, c, (1, 7), (1, stride), (0, 3))
        self.column = conv(c, c, (7, 1), (stride, 1), (3, 0))
        self.bn = nn.BatchNorm2d(c)

    def forward(self, x):
        return self.bn(self.column(self.row(F.relu(x))))


def operation(name, c, stride):
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    if name == "conv_7x1_1x7":
        return RowColumn(c, stride)
    kernel = int(name[-1])
    if name.startswith("sep"):
        return nn.Sequential(DepthwiseBlock(c, kernel, stride, 1), DepthwiseBlock(c, kernel, 1, 1))
    return DepthwiseBlock(c, kernel, stride, 2)


class Cell(nn.Module):
    def __init__(self, cell, cpp, cp, c, reduces, reduces_before):
        super().__init__()
        self.preprocess0 = FactorizedReduce(cpp, c) if reduces_before else ReLUConvBN(cpp, c)
        self.preprocess1 = ReLUConvBN(cp, c)
        kind = "reduce" if reduces else "normal"
        self.entries, self.concat = cell[kind], cell[kind + "_concat"]
        self.ops = nn.ModuleList(
            operation(name, c, 2 if reduces and source < 2 else 1) for name, source in self.entries)

    def forward(self, s0, s1, drop):
        states = [self.preprocess0(s0), self.preprocess1(s1)]
        outputs = []
        for op, (_, source) in zip(self.ops, self.entries):
            y = op(states[source])
            if drop and not isinstance(op, nn.Identity):
                y = drop(y)
            outputs.append(y)
            if len(outputs) % 2 == 0:
                states.append(outputs[-2] + outputs[-1])
        return torch.cat([states[i] for i in self.concat], 1)


class Auxiliary(nn.Module):
    def __init__(self, cin, classes, size, second_norm):
        super().__init__()
        stride = (size + 1) // 3
        self.pool = nn.AvgPool2d(size - stride, stride)
        self.conv1, self.bn1 = conv(cin, 128, 1), nn.BatchNorm2d(128)
        self.conv2 = conv(128, 768, 2)
        self.bn2 = nn.BatchNorm2d(768) if second_norm else nn.Identity()
        self.linear = nn.Linear(768, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(self.pool(F.relu(x)))))
        return self.linear(F.relu(self.bn2(self.conv2(x))).flatten(1))


class Network(nn.Module):
    def __init__(self, cell, stem="cifar", in_channels=3, image=32, classes=10, channels=16, cells=8, auxiliary=False):
        super().__init__()
        c, size = channels, image
        if stem == "cifar":
            self.stem = nn.Sequential(conv(in_channels, 3 * c, 3, 1, 1), nn.BatchNorm2d(3 * c))
            cpp = cp = 3 * c
            reduces_before = False
        else:
            self.stem0 = nn.Sequential(
                conv(in_channels, c // 2, 3, 2, 1), nn.BatchNorm2d(c // 2), nn.ReLU(), conv(c // 2, c, 3, 2, 1),
                nn.BatchNorm2d(c))
            self.stem1 = nn.Sequential(nn.ReLU(), conv(c, c, 3, 2, 1), nn.BatchNorm2d(c))
            cpp = cp = c
            reduces_before, size = True, image // 8
        self.cells = nn.ModuleList()
        self.at = 2 * cells // 3
        for k in range(cells):
            reduces = k in (cells // 3, 2 * cells // 3)
            if reduces:
                c, size = 2 * c, size // 2
            built = Cell(cell, cpp, cp, c, reduces, reduces_before)
            self.cells.append(built)
            cpp, cp, reduces_before = cp, len(built.concat) * c, reduces
            if k == self.at:
                aux = (cp, size)
        if auxiliary:
            self.auxiliary = Auxiliary(aux[0], classes, aux[1], stem == "cifar")
        self.classifier = nn.Linear(cp, classes)

    def forward(self, x, drop=None):
        if hasattr(self, "stem"):
            s0 = s1 = self.stem(x)
        else:
            s0 = self.stem0(x)
            s1 = self.stem1(s0)
        extra = None
        for k, cell in enumerate(self.cells):
            s0, s1 = s1, cell(s0, s1, drop)
            if k == self.at and self.training and hasattr(self, "auxiliary"):
                extra = self.auxiliary(s1)
        return self.classifier(s1.mean((2, 3))), extra


# ---------------------------------------------------------------- closed formulas

def fill(net, scale):
    """Parameter p, element i: wave = sin(0.7 i + 1.3 p + 0.1); see the README beside the golden files."""
    with torch.no_grad():
        modules = {id(p): m for m in net.modules() for p in m.parameters(recurse=False)}
        for index, (name, p) in enumerate(net.named_parameters()):
            wave = torch.sin(0.7 * torch.arange(p.numel(), dtype=p.dtype) + 1.3 * index + 0.1).reshape(p.shape)
            if isinstance(modules[id(p)], nn.BatchNorm2d) and name.endswith("weight"):
                p.copy_(scale * (1 + 0.1 * wave))
            elif p.dim() > 1:
                p.copy_(scale * math.sqrt(2 / (p[0].numel())) * wave)
            else:
                p.copy_(scale * 0.1 * wave)


class Drop:
    """Branch k of sample s is dropped where sin(1.1 k + 2.3 s) > 0.6, else divided by 0.8."""

    def __init__(self):
        self.k = 0

    def __call__(self, y):
        s = torch.arange(y.shape[0], dtype=y.dtype)
        factor = torch.where(torch.sin(1.1 * self.k + 2.3 * s) > 0.6, 0.0, 1 / 0.8)
        self.k += 1
        return y * factor.reshape(-1, 1, 1, 1)


def smoothed(logits, labels, epsilon):
    log = F.log_softmax(logits, 1)
    target = torch.full_like(log, epsilon / log.shape[1])
    target.scatter_(1, labels[:, None], 1 - epsilon + epsilon / log.shape[1])
    return -(target * log).sum(1).mean()


CASES = {
    "darts-v2-cifar": dict(genotype="DARTS_V2", channels=6, cells=3, image=32, batch=4, auxiliary=True, drop=True),
    "amoebanet-cifar": dict(genotype="AmoebaNet", channels=4, cells=3, image=16, batch=5, auxiliary=True, drop=True,
                            smoothing=0.1),
    "nasnet-imagenet": dict(genotype="NASNet", stem="imageNet", channels=4, cells=3, image=64, batch=3, classes=7,
                            auxiliary=True, drop=False, smoothing=0.1),
    "milenas-gray": dict(genotype="V2_r2_e100", channels=10, cells=4, image=12, batch=3, in_channels=1,
                         auxiliary=False, drop=True),
}


def golden(out):
    torch.set_default_dtype(torch.float64)
    os.makedirs(out, exist_ok=True)
    for name, case in CASES.items():
        case = dict(dict(stem="cifar", in_channels=3, classes=10, smoothing=0.0, weight_scale=1.0), **case)
        net = Network(genotype(case["genotype"]), case["stem"], case["in_channels"], case["image"], case["classes"],
                      case["channels"], case["cells"], case["auxiliary"])
        fill(net, case["weight_scale"])
        n, size = case["batch"], case["image"]
        count = n * case["in_channels"] * size * size
        images = torch.sin(0.37 * torch.arange(count) + 0.5).reshape(n, case["in_channels"], size, size)
        labels = torch.tensor([(3 * s + 1) % case["classes"] for s in range(n)])
        net.train()
        logits, extra = net(images, Drop() if case["drop"] else None)
        main = smoothed(logits, labels, case["smoothing"])
        aux = smoothed(extra, labels, case["smoothing"]) if extra is not None else None
        loss = main + 0.4 * aux if aux is not None else main
        loss.backward()
        gradients = []
        for index, p in enumerate(net.parameters()):
            g = (p.grad if p.grad is not None else torch.zeros_like(p)).flatten()
            probe = torch.sin(0.9 * torch.arange(g.numel()) + 0.4 * index)
            gradients.append([g.norm().item(), (g * probe).sum().item()] + g[:2].tolist())
        # Evaluation with running statistics of a formula, so that it does not hang on the training pass.
        for index, m in enumerate(m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            wave = torch.sin(0.5 * torch.arange(m.num_features) + 0.3 * index)
            m.running_mean.copy_(0.1 * wave)
            m.running_var.copy_(1 + 0.5 * wave)
        net.eval()
        with torch.no_grad():
            plain, _ = net(images)
        result = dict(case=case, torch=torch.__version__, parameters=sum(p.numel() for p in net.parameters()),
                      loss=loss.item(), main_loss=main.item(), auxiliary_loss=None if aux is None else aux.item(),
                      logits=logits.tolist(), auxiliary_logits=None if extra is None else extra.tolist(),
                      evaluation_logits=plain.tolist(),
                      shapes=[list(p.shape) for p in net.parameters()], gradients=gradients)
        with open(os.path.join(out, name + ".json"), "w") as f:
            json.dump(result, f, separators=(",", ":"))
            f.write("\n")
        print(name, result["parameters"], result["loss"])


def measure(args):
    """Median seconds of a training step: forward, backward, clipping to 5, SGD with momentum."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        net = Network(genotype(args.genotype), channels=args.channels, cells=args.cells, auxiliary=args.auxiliary > 0)
        net = net.to(memory_format=layout)
        optimizer = torch.optim.SGD(net.parameters(), 0.025, momentum=0.9, weight_decay=3e-4)
        images = torch.randn(args.batch, 3, 32, 32).contiguous(memory_format=layout)
        labels = torch.randint(0, 10, (args.batch,))
        seconds = []
        for step in range(args.steps + 1):
            began = time.perf_counter()
            optimizer.zero_grad()
            logits, extra = net(images)
            loss = F.cross_entropy(logits, labels)
            if extra is not None:
                loss = loss + args.auxiliary * F.cross_entropy(extra, labels)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5)
            optimizer.step()
            if step:
                seconds.append(time.perf_counter() - began)
        median = statistics.median(seconds)
        results.append(dict(layout=str(layout).split(".")[-1], median_s=median, images_per_second=args.batch / median,
                            threads=args.threads, torch=torch.__version__))
    print(json.dumps(results))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["golden", "time"])
    parser.add_argument("out", nargs="?", default=".")
    parser.add_argument("--genotype", default="DARTS_V2")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--auxiliary", type=float, default=0.4)
    args = parser.parse_args()
    golden(args.out) if args.what == "golden" else measure(args)

"""Trajectories of torch's optimizers, against which Search's are tested.

  python torch_optimizers.py > ../SearchTests/Fixtures/optimizers.json

Float32, ten steps. Gradients are closed formulas, so that the test can rebuild them: entry i of step t is
scale * sin(0.7 i + 1.3 t + 0.2).
"""
import json

import torch

SIZE, STEPS, SCALE = 6, 10, 0.5


def gradient(step):
    i = torch.arange(SIZE, dtype=torch.float64)
    return (SCALE * torch.sin(0.7 * i + 1.3 * step + 0.2)).float()


def start():
    return torch.nn.Parameter((0.1 * torch.cos(torch.arange(SIZE, dtype=torch.float64))).float())


def numbers(tensor):
    return [float(x) for x in tensor.detach().double()]


def trajectory(make, clip=None, schedule=None):
    w = start()
    optimizer = make([w])
    scheduler = schedule(optimizer) if schedule else None
    path, rates, norms = [], [], []
    for step in range(STEPS):
        w.grad = gradient(step)
        if clip is not None:
            norms.append(float(torch.nn.utils.clip_grad_norm_([w], clip)))
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if scheduler:
            scheduler.step()
        path.append(numbers(w))
    return {"path": path, "rates": rates, "norms": norms}


cosine = lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.001)
print(json.dumps({
    "torch": torch.__version__,
    "size": SIZE, "steps": STEPS, "scale": SCALE,
    "start": numbers(start()),
    "sgd": trajectory(
        lambda p: torch.optim.SGD(p, 0.025, momentum=0.9, weight_decay=3e-4), schedule=cosine),
    "sgd_clipped": trajectory(
        lambda p: torch.optim.SGD(p, 0.025, momentum=0.9, weight_decay=3e-4), clip=0.85),
    "adam": trajectory(
        lambda p: torch.optim.Adam(p, 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)),
}, indent=1))

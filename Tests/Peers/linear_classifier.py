"""Test accuracy of a linear classifier (multinomial logistic regression) on a data set in IDX files: what a trained
network has to beat.

  python linear_classifier.py ../../Sources/Datasets/Resources/fashion-mini
  python linear_classifier.py /usr/share/datasets/fashion-mnist

Pixels are normalised as milenas-lab does. The loss is convex: L-BFGS in float64 goes to its minimum. The penalty is the
one that is best on the last fifth of the training images, held back; then all of them train. The test images choose nothing.
"""
import gzip
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

PENALTIES = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1]


def idx(folder, name):
    path = os.path.join(folder, name)
    data = gzip.open(path + ".gz").read() if os.path.exists(path + ".gz") else open(path, "rb").read()
    dimensions = data[3]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions)


def part(folder, prefix):
    labels = torch.tensor(idx(folder, f"{prefix}-labels-idx1-ubyte").astype(np.int64))
    pixels = torch.tensor(idx(folder, f"{prefix}-images-idx3-ubyte").reshape(len(labels), -1) / 255.0)
    return (pixels - 0.2860) / 0.3530, labels


def train(images, labels, penalty):
    """Minimises cross-entropy + penalty/2 |W|^2, the biases free."""
    weights = torch.zeros(images.shape[1], 10, dtype=torch.float64, requires_grad=True)
    biases = torch.zeros(10, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, biases], max_iter=300, history_size=20, line_search_fn="strong_wolfe",
                                  tolerance_grad=1e-5, tolerance_change=1e-12)

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(images @ weights + biases, labels) + penalty / 2 * (weights * weights).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach(), biases.detach()


def accuracy(model, images, labels):
    weights, biases = model
    return ((images @ weights + biases).argmax(1) == labels).double().mean().item()


if __name__ == "__main__":
    torch.set_num_threads(1)
    images, labels = part(sys.argv[1], "train")
    test = part(sys.argv[1], "t10k")
    held = torch.arange(len(labels)) >= len(labels) * 4 // 5
    scores = {p: accuracy(train(images[~held], labels[~held], p), images[held], labels[held]) for p in PENALTIES}
    penalty = max(PENALTIES, key=lambda p: scores[p])
    model = train(images, labels, penalty)
    print(json.dumps(dict(penalty=penalty, held_out_accuracy=scores, train_images=len(labels),
                          train_accuracy=accuracy(model, images, labels), test_images=len(test[1]),
                          test_accuracy=accuracy(model, *test), torch=torch.__version__)))

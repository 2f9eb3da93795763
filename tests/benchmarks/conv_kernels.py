"""Convolutions of the usual kinds, forward and backward, and the LeNet training step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

TARGETS = {
    "conv 3x3": 1.1,
    "conv 1x1": 1.2,
    "conv 3x3 stride 2": 1.2,
    "conv 3x3 depthwise": 1.2,
    "lenet step": 0.7,
}
# Dropout draws other masks in the other library, so the losses agree only as two draws do.
TOLERANCES = {"lenet step": 0.2}

Step = Callable[[], Any]


def convolution(
    torch: Any, features: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1
) -> Step:
    """conv2d of (32, 64, 28, 28): forward, and backward to input and weight."""
    rng = np.random.default_rng(0)
    shape = (features, 64 // groups, kernel, kernel)
    x = torch.from_numpy(rng.standard_normal((32, 64, 28, 28), dtype=np.float32))
    w = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32) / np.float32(kernel * 8))
    x.requires_grad_()
    w.requires_grad_()
    run = partial(torch.nn.functional.conv2d, x, w, stride=stride, padding=padding, groups=groups)
    g = torch.from_numpy(rng.standard_normal(tuple(run().shape), dtype=np.float32))

    def step() -> Any:
        x.grad = w.grad = None
        run().backward(g)
        return w.grad

    return step


def lenet(torch: Any) -> Step:
    """conv 32, conv 64, pool, dropout, 128, dropout, 10 on a batch of 64 digits; plain SGD."""
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for p in model.parameters():
            shape = tuple(p.shape)
            scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0
            p.copy_(torch.from_numpy((rng.standard_normal(shape) * scale).astype(np.float32)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    x = torch.from_numpy(rng.random((64, 1, 28, 28), dtype=np.float32))
    y = torch.from_numpy(rng.integers(0, 10, 64))

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def workloads() -> dict[str, tuple[Step, Step]]:
    """Name: (ours, PyTorch's)."""
    import torch

    import tinygrad_lite

    builders: dict[str, Callable[[Any], Step]] = {
        "conv 3x3": partial(convolution, features=64, kernel=3, padding=1),
        "conv 1x1": partial(convolution, features=128, kernel=1),
        "conv 3x3 stride 2": partial(convolution, features=128, kernel=3, stride=2, padding=1),
        "conv 3x3 depthwise": partial(convolution, features=64, kernel=3, padding=1, groups=64),
        "lenet step": lenet,
    }
    return {name: (build(tinygrad_lite), build(torch)) for name, build in builders.items()}

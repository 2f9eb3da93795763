"""Where the tape is the cost: a chain of small ops, a tiny network, and the MNIST training step.

Each workload is written once, as a function of the namespace; weights and data come from NumPy, so
that both contenders start from the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

TARGETS = {
    "chain of 100 small ops": 0.5,
    "two-moons step": 0.45,
    "mnist step (SGD)": 0.85,
    "mnist step (dropout, Adam)": 0.55,
    "graph of 10,000 nodes": 0.35,
    "graph of 100,000 nodes": 0.35,
}
# Dropout draws other masks in the other library, so the losses agree only as two draws do.
TOLERANCES = {"mnist step (dropout, Adam)": 0.2}

Step = Callable[[], float]


def chain(torch: Any) -> Step:
    """100 ops on 16 elements, forward and backward."""
    rng = np.random.default_rng(0)
    x, w, b = (torch.from_numpy(rng.normal(size=16).astype(np.float32)) for _ in range(3))
    w.requires_grad_()
    b.requires_grad_()

    def step() -> float:
        w.grad = b.grad = None
        y = x
        for _ in range(25):
            y = y * w
            y = y + b
            y = torch.tanh(y)
            y = y - x
        y.sum().backward()
        return float(w.grad.sum().item())

    return step


def graph(torch: Any, nodes: int) -> Step:
    """A graph of so many nodes on 16 elements, each made of the last two; forward and backward."""
    start = np.random.default_rng(0).normal(size=16).astype(np.float32)

    def step() -> float:
        x = torch.from_numpy(start.copy()).requires_grad_()
        y, z = x, x * 0.5
        for _ in range(nodes // 2):
            y, z = z, torch.sin(y + z)
        z.sum().backward()
        return float(x.grad.sum().item())

    return step


def load(torch: Any, model: Any, seed: int = 0) -> None:
    """Weights from NumPy: normal with variance 2 / fan_in; biases zero, scales one."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 2:
                values = rng.normal(size=tuple(p.shape)) * np.sqrt(2 / p.shape[1])
                p.copy_(torch.from_numpy(values.astype(np.float32)))
            elif p.shape[0] and not bool((p == 1).all()):
                p.zero_()  # biases; the scales of batch normalization are ones


def moons(torch: Any) -> Step:
    """A 2-16-16-1 network with hinge loss on 100 points of two half moons, plain SGD."""
    nn = torch.nn
    rng = np.random.default_rng(0)
    angle = np.pi * rng.random(100)
    side = np.repeat([1.0, -1.0], 50)
    points = np.stack([np.cos(angle) * side, np.sin(angle) * side], axis=1)
    points += np.where(side[:, None] > 0, 0.0, [1.0, 0.5]) + 0.1 * rng.normal(size=(100, 2))
    x = torch.from_numpy(points.astype(np.float32))
    y = torch.from_numpy(side[:, None].astype(np.float32))
    model = nn.Sequential(
        nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)
    )
    load(torch, model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.relu(1 - y * model(x)).mean()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def mnist(torch: Any, dropout: bool = False) -> Step:
    """The step of examples/mnist.py: 784-300-100-10, ELU, batch normalization, a batch of 200."""
    torch.manual_seed(0)
    nn = torch.nn
    sizes = (784, 300, 100, 10)
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.BatchNorm1d(fan_out, eps=0.001), nn.ELU()]
        if dropout:
            layers.append(nn.Dropout(0.2))
    model = nn.Sequential(*layers[: -2 if dropout else -1])
    load(torch, model)
    make = torch.optim.Adam if dropout else torch.optim.SGD
    optimizer = make(model.parameters(), lr=0.001 if dropout else 0.01)
    criterion = nn.CrossEntropyLoss()
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.random((200, 784), dtype=np.float32))
    y = torch.from_numpy(rng.integers(0, 10, 200))

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def mnist_dropout(torch: Any) -> Step:
    """The same with dropout after every hidden layer and Adam."""
    return mnist(torch, dropout=True)


PROCESSES = {"mnist": mnist, "moons": moons}


def workloads() -> dict[str, tuple[Step, Step]]:
    """Name: (ours, PyTorch's)."""
    import torch

    import tinygrad_lite

    builders = {
        "chain of 100 small ops": chain,
        "two-moons step": moons,
        "mnist step (SGD)": mnist,
        "mnist step (dropout, Adam)": mnist_dropout,
        "graph of 10,000 nodes": partial(graph, nodes=10_000),
        "graph of 100,000 nodes": partial(graph, nodes=100_000),
    }
    return {name: (build(tinygrad_lite), build(torch)) for name, build in builders.items()}

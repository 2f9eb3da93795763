"""Recurrent networks: a whole sequence in one module, and cells stepped by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

TARGETS = {"LSTM 50 x 256": 0.95, "character RNN, step by step": 0.4}

Step = Callable[[], Any]


def load(torch: Any, model: Any) -> None:
    """Weights from NumPy: uniform within 1 / sqrt(columns)."""
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for p in model.parameters():
            shape = tuple(p.shape)
            bound = shape[-1] ** -0.5
            p.copy_(torch.from_numpy(rng.uniform(-bound, bound, shape).astype(np.float32)))


def sequence(torch: Any, kind: str = "LSTM") -> Step:
    """50 steps of 256 units, batch 32, forward and backward with weight and input gradients."""
    model = getattr(torch.nn, kind)(256, 256)
    load(torch, model)
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.standard_normal((50, 32, 256), dtype=np.float32)).requires_grad_()
    g = torch.from_numpy(rng.standard_normal((50, 32, 256), dtype=np.float32))

    def step() -> Any:
        x.grad = None
        model.zero_grad()
        y, _ = model(x)
        y.backward(g)
        return x.grad

    return step


def characters(torch: Any) -> Step:
    """An RNN of 200 units over 16 characters, written out step by step; cross entropy, SGD."""
    nn = torch.nn
    model = nn.ModuleDict(
        {
            "embed": nn.Embedding(27, 32),
            "input": nn.Linear(32, 200),
            "hidden": nn.Linear(200, 200),
            "output": nn.Linear(200, 27),
        }
    )
    load(torch, model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(1)
    x, y = (torch.from_numpy(rng.integers(0, 27, (32, 16))) for _ in range(2))

    def step() -> float:
        optimizer.zero_grad()
        embedded = model["embed"](x)
        h = torch.zeros(32, 200)
        outputs = []
        for t in range(16):
            h = torch.tanh(model["input"](embedded[:, t]) + model["hidden"](h))
            outputs.append(model["output"](h))
        logits = torch.stack(outputs, 1).reshape(-1, 27)
        loss = nn.functional.cross_entropy(logits, y.reshape(-1))
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def workloads() -> dict[str, tuple[Step, Step]]:
    """Name: (ours, PyTorch's)."""
    import torch

    import tinygrad_lite

    builders: dict[str, Callable[[Any], Step]] = {
        "LSTM 50 x 256": sequence,
        "GRU 50 x 256": partial(sequence, kind="GRU"),
        "character RNN, step by step": characters,
    }
    return {name: (build(tinygrad_lite), build(torch)) for name, build in builders.items()}

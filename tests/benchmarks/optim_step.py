"""One optimizer step over 50 tensors of 1e6 parameters in all; the gradients stay the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

OPTIMIZERS: dict[str, tuple[str, dict[str, Any], float]] = {
    "SGD with momentum, 50 tensors": ("SGD", {"lr": 1e-3, "momentum": 0.9}, 0.4),
    "Adam, 50 tensors": ("Adam", {"lr": 1e-3}, 0.25),
    "AdamW, 50 tensors": ("AdamW", {"lr": 1e-3}, 0.25),
    "RMSprop, 50 tensors": ("RMSprop", {"lr": 1e-3}, 0.25),
}
TARGETS = {name: target for name, (_, _, target) in OPTIMIZERS.items()}

Step = Callable[[], Any]


def shapes() -> list[tuple[int, ...]]:
    """50 shapes, matrices and vectors as in a network, of 1e6 elements in all."""
    pairs = [(200, 180)] * 25 + [(180,)] * 23
    rest = 1_000_000 - 25 * 200 * 180 - 23 * 180
    return [*pairs, (rest // 2,), (rest - rest // 2,)]


def step_of(torch: Any, name: str, options: dict[str, Any]) -> Step:
    """A step of the optimizer; it returns one of the small parameters."""
    rng = np.random.default_rng(0)
    params = []
    for shape in shapes():
        p = torch.from_numpy(rng.standard_normal(shape).astype(np.float32)).requires_grad_()
        p.grad = torch.from_numpy(rng.standard_normal(shape).astype(np.float32))
        params.append(p)
    optimizer = getattr(torch.optim, name)(params, **options)

    def step() -> Any:
        optimizer.step()
        return params[30]

    return step


def workloads() -> dict[str, tuple[Step, Step]]:
    """Name: (ours, PyTorch's)."""
    import torch

    import tinygrad_lite

    return {
        key: (step_of(tinygrad_lite, name, options), step_of(torch, name, options))
        for key, (name, options, _) in OPTIMIZERS.items()
    }

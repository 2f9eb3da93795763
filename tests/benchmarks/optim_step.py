"""One optimizer step over 50 tensors and 1e6 parameters, ours and PyTorch's.

    python tests/benchmarks/optim_step.py

`workloads()` gives, by name, two callables that each make one step; the gradients stay the same.
Timed in turns; the ratio is the median over the rounds of ours / PyTorch's.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd_momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}),
    "adam": ("Adam", {"lr": 1e-3}),
    "adamw": ("AdamW", {"lr": 1e-3}),
    "rmsprop": ("RMSprop", {"lr": 1e-3}),
}


def shapes() -> list[tuple[int, ...]]:
    """50 shapes, matrices and vectors as in a network, of 1e6 elements in all."""
    sizes = [(200, 180)] * 25 + [(180,)] * 23
    rest = 1_000_000 - 25 * 200 * 180 - 23 * 180
    return [*sizes, (rest // 2,), (rest - rest // 2,)]


def workloads() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """`{name: (ours, torch)}`: each callable makes one step over its own 1e6 parameters."""
    import torch

    from tinygrad_lite import optim
    from tinygrad_lite.core.tensor import make

    rng = np.random.default_rng(0)
    result = {}
    for key, (name, options) in OPTIMIZERS.items():
        values = [rng.standard_normal(shape).astype(np.float32) for shape in shapes()]
        slopes = [rng.standard_normal(shape).astype(np.float32) for shape in shapes()]
        ours = [make(a.copy()).requires_grad_() for a in values]
        theirs = [torch.tensor(a, requires_grad=True) for a in values]
        for p, q, g in zip(ours, theirs, slopes, strict=True):
            p.grad, q.grad = make(g.copy()), torch.tensor(g)
        a = getattr(optim, name)(ours, **options)
        b = getattr(torch.optim, name)(theirs, **options)
        result[key] = (a.step, b.step)
    return result


def compare(
    ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = 60
) -> tuple[float, float, float]:
    """(median of our times, median of theirs, median ratio), in microseconds, in turns."""
    for _ in range(3):
        ours()
        theirs()
    pairs = []
    for _ in range(rounds):
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        theirs()
        pairs.append((middle - start, time.perf_counter() - middle))
    mine, other = ([pair[i] * 1e6 for pair in pairs] for i in (0, 1))
    ratio = statistics.median(a / b for a, b in pairs)
    return statistics.median(mine), statistics.median(other), ratio


def main() -> None:
    """Print the table."""
    for name, (ours, theirs) in workloads().items():
        mine, other, ratio = compare(ours, theirs)
        sys.stdout.write(f"{name:14s} {mine:8.0f} us  torch {other:8.0f} us  ratio {ratio:.2f}\n")


if __name__ == "__main__":
    main()

"""Functions of PyTorch's, forward and backward, on large arrays and on little ones; products.

Each is written once, as a function of the namespace, and called as users call it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
Builder = Callable[[Any], Step]
SHAPE = (4096, 1024)
LITTLE = (8, 16)
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "elu")
TARGETS = {
    **{f"{name} 4096 x 1024": 0.85 for name in ("relu", "tanh", "gelu")},
    "softmax": 0.85,
    "logsumexp": 0.35,
    "cross entropy": 0.35,
    "layer norm": 1.0,
    "dropout": 0.05,
    "sum over axis 0": 1.0,
    "sum over axis 1": 1.0,
    **{f"matmul {n} x {n} x {n}": 1.2 for n in (64, 128, 256, 512, 1024, 2048)},
    "matmul 8192 x 64 x 64": 1.2,
    "matmul 16 x 1024 x 1024": 1.2,
    "bmm 96 x (64 x 32 x 64)": 1.1,
}


def tensor(torch: Any, *shape: int, seed: int = 0, grad: bool = True) -> Any:
    """Normal float32 numbers."""
    values = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy(values).requires_grad_(grad)


def labels(torch: Any, count: int, classes: int) -> Any:
    """Class numbers."""
    return torch.from_numpy(np.random.default_rng(1).integers(0, classes, count))


def both(torch: Any, f: Callable[..., Any], *inputs: Any, compared: bool = True) -> Step:
    """Forward and backward of f(*inputs): the gradient towards the first one.

    What has axes is given a gradient, a loss none, as programs do.
    """
    shape = f(*inputs).shape
    g = tensor(torch, *shape, seed=2, grad=False) if shape else None
    wanted = [x for x in inputs if x.requires_grad]

    def step() -> Any:
        for x in wanted:
            x.grad = None
        f(*inputs).backward(g)
        return wanted[0].grad if compared else None

    return step


def _functions(shape: tuple[int, ...]) -> dict[str, Builder]:
    """Functions of rows; on random numbers the libraries do not agree, so dropout's are not
    compared."""
    width = shape[-1]
    found: dict[str, Builder] = {
        name: lambda t, name=name: both(t, getattr(t.nn.functional, name), tensor(t, *shape))
        for name in ACTIVATIONS
    }
    return found | {
        "softmax": lambda t: both(t, lambda x: t.softmax(x, -1), tensor(t, *shape)),
        "logsumexp": lambda t: both(t, lambda x: t.logsumexp(x, -1), tensor(t, *shape)),
        "cross entropy": lambda t: both(
            t,
            lambda x, y: t.nn.functional.cross_entropy(x, y),
            tensor(t, *shape),
            labels(t, *shape),
        ),
        "layer norm": lambda t: both(
            t,
            lambda x, w, b: t.nn.functional.layer_norm(x, (width,), w, b),
            tensor(t, *shape),
            tensor(t, width, seed=3),
            tensor(t, width, seed=4),
        ),
        "dropout": lambda t: both(
            t, lambda x: t.nn.functional.dropout(x, 0.5), tensor(t, *shape), compared=False
        ),
    }


def _sum(torch: Any, axis: int) -> Step:
    x = tensor(torch, *SHAPE, grad=False)
    return lambda: x.sum(axis)


def _little() -> dict[str, Builder]:
    """What costs calls, not arithmetic."""
    images = (2, 3, 8, 8)
    found = {name: build for name, build in _functions(LITTLE).items() if name != "elu"}
    found |= {
        "mul": lambda t: both(t, t.mul, tensor(t, *LITTLE), tensor(t, *LITTLE, seed=1)),
        "sum": lambda t: both(t, t.sum, tensor(t, *LITTLE)),
        "indexing": lambda t: both(t, lambda x: x[:, 2:5], tensor(t, *LITTLE)),
        "cat": lambda t: both(
            t, lambda x, y: t.cat([x, y], 1), tensor(t, *LITTLE), tensor(t, *LITTLE, seed=1)
        ),
        "linear": lambda t: both(
            t, t.nn.functional.linear, tensor(t, *LITTLE), tensor(t, 4, 16), tensor(t, 4)
        ),
        "embedding": lambda t: both(
            t, lambda w, i: t.nn.functional.embedding(i, w), tensor(t, 20, 16), labels(t, 8, 20)
        ),
        "conv2d": lambda t: both(
            t, lambda x, w: t.nn.functional.conv2d(x, w), tensor(t, *images), tensor(t, 4, 3, 3, 3)
        ),
        "max_pool2d": lambda t: both(
            t, lambda x: t.nn.functional.max_pool2d(x, 2), tensor(t, *images)
        ),
        "batch_norm": lambda t: both(
            t,
            lambda x: t.nn.functional.batch_norm(x, None, None, training=True),
            tensor(t, *LITTLE),
        ),
        "attention": lambda t: both(
            t,
            t.nn.functional.scaled_dot_product_attention,
            *(tensor(t, 2, 4, 8, 8, seed=seed) for seed in range(3)),
        ),
    }
    return {f"little {name}": build for name, build in found.items()}


def _product(torch: Any, first: tuple[int, ...], second: tuple[int, ...]) -> Step:
    a, b = tensor(torch, *first, grad=False), tensor(torch, *second, seed=1, grad=False)
    return lambda: a @ b


def _attention(torch: Any, heads: int, length: int, width: int) -> Step:
    q, k, v = (tensor(torch, 1, heads, length, width, seed=seed) for seed in range(3))
    attend = torch.nn.functional.scaled_dot_product_attention
    return both(torch, lambda q, k, v: attend(q, k, v, is_causal=True), q, k, v)


def _products() -> dict[str, Builder]:
    shapes = [(n, n, n) for n in (64, 128, 256, 512, 1024, 2048)]
    shapes += [(8192, 64, 64), (16, 1024, 1024), (768, 128, 512), (200, 784, 300)]
    found: dict[str, Builder] = {
        f"matmul {m} x {k} x {n}": lambda t, m=m, k=k, n=n: _product(t, (m, k), (k, n))
        for m, k, n in shapes
    }
    found["bmm 96 x (64 x 32 x 64)"] = lambda t: _product(t, (96, 64, 32), (96, 32, 64))
    for sizes in ((48, 64, 32), (8, 1024, 64)):
        name = "attention {} x {} x {}".format(*sizes)
        found[name] = lambda t, sizes=sizes: _attention(t, *sizes)
    return found


def workloads() -> dict[str, tuple[Step, Step]]:
    """Name: (ours, PyTorch's)."""
    import torch

    import tinygrad_lite

    large = {
        f"{name} 4096 x 1024" if name in ACTIVATIONS else name: build
        for name, build in _functions(SHAPE).items()
    }
    sums: dict[str, Builder] = {
        f"sum over axis {axis}": lambda t, axis=axis: _sum(t, axis) for axis in (0, 1)
    }
    builders = large | sums | _products() | _little()
    return {name: (build(tinygrad_lite), build(torch)) for name, build in builders.items()}

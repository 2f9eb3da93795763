"""Kernels against PyTorch's operations, forward and backward: activations, rows, products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
Pair = tuple[Step, Step]
SHAPE = (4096, 1024)
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


def _draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _both(f: Any, *inputs: Any, g: Any = None) -> Step:
    import torch

    def step() -> Any:
        y = f(*inputs)
        wanted = [t for t in inputs if t.requires_grad]
        return torch.autograd.grad(y, wanted, g)[0]

    return step


def _activations() -> dict[str, Pair]:
    import torch

    from tinygrad_lite.kernels import elementwise

    x, g = _draw(*SHAPE), _draw(*SHAPE)
    t, tg = torch.from_numpy(x).clone().requires_grad_(), torch.from_numpy(g)
    found: dict[str, Pair] = {}
    functions = torch.nn.functional
    for name in ("relu", "tanh", "sigmoid", "gelu", "silu", "elu"):
        forward, backward = getattr(elementwise, name), getattr(elementwise, name + "_backward")
        own = (1.0,) if name == "elu" else ()
        of_result = name in ("relu", "tanh", "sigmoid", "elu")

        def ours(
            forward: Any = forward, backward: Any = backward, own: Any = own, y_: bool = of_result
        ) -> Any:
            y = forward(x, *own)
            return backward(g, y if y_ else x, *own)

        theirs = getattr(functions, name, None) or getattr(torch, name)
        found[f"{name} 4096 x 1024"] = ours, _both(theirs, t, g=tg)
    return found


def _rows() -> dict[str, Pair]:
    import torch

    from tinygrad_lite.kernels import losses, normalize, random, reduce, softmax

    x, g = _draw(*SHAPE), _draw(*SHAPE)
    t, tg = torch.from_numpy(x).clone().requires_grad_(), torch.from_numpy(g)
    w, b = _draw(SHAPE[1]), _draw(SHAPE[1])
    tw, tb = torch.from_numpy(w).requires_grad_(), torch.from_numpy(b).requires_grad_()
    target = np.random.default_rng(1).integers(0, SHAPE[1], SHAPE[0])
    labels = torch.from_numpy(target)
    one = np.float32(1)
    functions = torch.nn.functional

    def layer_norm() -> Any:
        _, mean, rstd = normalize.layer_norm(x, w, b, 1, 1e-5)
        return normalize.layer_norm_backward(g, x, w, mean, rstd, 1, (True, True, True))[0]

    def cross_entropy() -> Any:
        _, saved = losses.cross_entropy(x, target)
        return losses.cross_entropy_backward(one, x, target, None, *saved)

    def logsumexp() -> Any:
        return softmax.logsumexp_backward(g[:, 0], x, softmax.logsumexp(x))

    def dropout() -> Any:
        random.dropout(x, 0.5, 1)
        random.dropout(g, 0.5, 1)

    def torch_dropout() -> Any:
        torch.autograd.grad(functions.dropout(t, 0.5), t, tg)

    return {
        "softmax": (
            lambda: softmax.softmax_backward(g, softmax.softmax(x)),
            _both(lambda a: torch.softmax(a, -1), t, g=tg),
        ),
        "logsumexp": (
            logsumexp,
            _both(lambda a: torch.logsumexp(a, -1), t, g=tg[:, 0].contiguous()),
        ),
        "cross entropy": (cross_entropy, _both(lambda a: functions.cross_entropy(a, labels), t)),
        "layer norm": (
            layer_norm,
            _both(lambda a, c, d: functions.layer_norm(a, SHAPE[1:], c, d), t, tw, tb, g=tg),
        ),
        "dropout": (dropout, torch_dropout),
        "sum over axis 0": (lambda: reduce.total(x, 0), lambda: t.detach().sum(0)),
        "sum over axis 1": (lambda: reduce.total(x, 1), lambda: t.detach().sum(1)),
    }


def _products() -> dict[str, Pair]:
    import torch

    from tinygrad_lite.kernels import attention, matmul

    found: dict[str, Pair] = {}
    shapes = [(n, n, n) for n in (64, 128, 256, 512, 1024, 2048)]
    shapes += [(8192, 64, 64), (16, 1024, 1024), (768, 128, 512), (200, 784, 300)]
    for m, k, n in shapes:
        a, b = _draw(m, k), _draw(k, n)
        ta, tb = torch.from_numpy(a), torch.from_numpy(b)
        found[f"matmul {m} x {k} x {n}"] = (
            lambda a=a, b=b: matmul.matmul(a, b),
            lambda a=ta, b=tb: a @ b,
        )
    a, b = _draw(96, 64, 32), _draw(96, 32, 64)
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    found["bmm 96 x (64 x 32 x 64)"] = lambda: matmul.matmul(a, b), lambda: ta @ tb
    for batch, length, width in ((48, 64, 32), (8, 1024, 64)):
        q, k, v, g = (_draw(batch, length, width) for _ in range(4))
        tensors = [torch.from_numpy(x).unsqueeze(0).requires_grad_() for x in (q, k, v)]
        tg = torch.from_numpy(g).unsqueeze(0)

        def ours(q: Any = q, k: Any = k, v: Any = v, g: Any = g) -> Any:
            y, saved = attention.attention(q, k, v, causal=True)
            # PyTorch's fused attention wants a batch axis; ours needs none
            return attention.attention_backward(g, q, k, v, y, *saved, causal=True)[0][None]

        def theirs(a: Any, b: Any, c: Any) -> Any:
            return torch.nn.functional.scaled_dot_product_attention(a, b, c, is_causal=True)

        found[f"attention {batch} x {length} x {width}"] = ours, _both(theirs, *tensors, g=tg)
    return found


def workloads() -> dict[str, Pair]:
    """Name: (ours, PyTorch's)."""
    return {**_activations(), **_rows(), **_products()}

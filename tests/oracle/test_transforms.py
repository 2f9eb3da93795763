"""func, autograd.functional, checkpoint and resampling against PyTorch's."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

A = np.random.default_rng(0).normal(size=(3, 3))
X = np.array([1.0, 2.0, 3.0])


def scalar(t: Any) -> Callable[[Any], Any]:
    return lambda x: (t.sin(t.tensor(A) @ x) * x).sum()


def vector(t: Any) -> Callable[[Any], Any]:
    return lambda x: t.tanh(t.tensor(A) @ x) * x[0]


def ones(t: Any) -> Any:
    return t.ones(3, dtype=t.float64)


def _called(t: Any) -> Any:
    weight = ones(t).expand(2, 3).clone().requires_grad_()
    module = t.nn.Linear(3, 2).double()
    bias = t.zeros(2, dtype=t.float64)
    y = t.func.functional_call(module, {"weight": weight, "bias": bias}, (t.tensor(X),))
    return t.autograd.grad(y.sin().sum(), weight)[0]


def _checkpointed(t: Any) -> Any:
    x = t.tensor(X, requires_grad=True)
    out = t.utils.checkpoint.checkpoint(lambda a: (a**2).sin(), x, use_reentrant=False)
    out.sum().backward()
    return x.grad


CASES: dict[str, Callable[[Any], Any]] = {
    "grad": lambda t: t.func.grad(scalar(t))(t.tensor(X)),
    "grad of grad": lambda t: t.func.grad(t.func.grad(lambda y: y**3))(
        t.tensor(2.0, dtype=t.float64)
    ),
    "jacrev": lambda t: t.func.jacrev(vector(t))(t.tensor(X)),
    "jacfwd": lambda t: t.func.jacfwd(vector(t))(t.tensor(X)),
    "hessian": lambda t: t.func.hessian(scalar(t))(t.tensor(X)),
    "jvp": lambda t: t.func.jvp(vector(t), (t.tensor(X),), (ones(t),))[1],
    "vjp": lambda t: t.func.vjp(vector(t), t.tensor(X))[1](ones(t))[0],
    "vmap": lambda t: t.func.vmap(scalar(t))(t.tensor(np.stack([X, 2 * X]))),
    "vmap of grad": lambda t: t.func.vmap(t.func.grad(scalar(t)))(t.tensor(np.stack([X, 2 * X]))),
    "vmap in_dims": lambda t: t.vmap(t.dot, in_dims=(1, None))(t.tensor(A), t.tensor(X)),
    "functional_call": _called,
    "checkpoint": _checkpointed,
    "functional.jacobian": lambda t: t.autograd.functional.jacobian(vector(t), t.tensor(X)),
    "functional.hessian": lambda t: t.autograd.functional.hessian(scalar(t), t.tensor(X)),
    "functional.hvp": lambda t: t.autograd.functional.hvp(scalar(t), t.tensor(X), ones(t))[1],
    "functional.vhp": lambda t: t.autograd.functional.vhp(scalar(t), t.tensor(X), ones(t))[1],
    "functional.vjp": lambda t: t.autograd.functional.vjp(vector(t), t.tensor(X), ones(t))[1],
    "functional.jvp": lambda t: t.autograd.functional.jvp(vector(t), t.tensor(X), ones(t))[1],
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # PyTorch's own use
@pytest.mark.parametrize("name", CASES)
def test_transform(name: str) -> None:
    ours, theirs = CASES[name](tl), CASES[name](torch)
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12
    )


def agree(call: Callable[..., Any], *arrays: np.ndarray) -> None:
    found = []
    for t in (tl, torch):
        xs = [t.tensor(a, requires_grad=True) for a in arrays]
        out = call(t, *xs)
        weights = np.cos(np.arange(out.numel())).reshape(tuple(out.shape))
        (out * t.tensor(weights)).sum().backward()
        found.append([out.detach().numpy(), *[x.grad.numpy() for x in xs]])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-8)


MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (2,),
    "area": (1, 2),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
}


@pytest.mark.parametrize(
    "size", [{"size": 7}, {"size": 3}, {"scale_factor": 2}, {"scale_factor": 1.5}]
)
@pytest.mark.parametrize(("mode", "dims"), [(m, d) for m, ds in MODES.items() for d in ds])
def test_interpolate(mode: str, dims: int, size: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, *(5, 4, 6)[:dims]))
    aligned: tuple[Any, ...] = (
        (None,) if mode in ("nearest", "nearest-exact", "area") else (True, False)
    )
    for align in aligned:
        agree(
            lambda t, x, a=align: t.nn.functional.interpolate(
                x, mode=mode, align_corners=a, **size
            ),
            x,
        )


@pytest.mark.parametrize(
    ("dims", "mode", "padding", "align"),
    [
        (d, m, p, a)
        for d, m, p, a in itertools.product(
            (2, 3),
            ("bilinear", "nearest", "bicubic"),
            ("zeros", "border", "reflection"),
            (True, False),
        )
        if not (d == 3 and m == "bicubic")
    ],
)
def test_grid_sample(dims: int, mode: str, padding: str, align: bool) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 3, *(3, 5, 4)[-dims:]))
    grid = rng.uniform(-1.6, 1.6, (2, *(3, 4, 2)[-dims:], dims))
    agree(lambda t, x, g: t.nn.functional.grid_sample(x, g, mode, padding, align), x, grid)


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 3, 4, 5, 3)])
def test_affine_grid(size: tuple[int, ...], align: bool) -> None:
    d = len(size) - 2
    theta = np.random.default_rng(2).normal(size=(2, d, d + 1))
    agree(lambda t, th: t.nn.functional.affine_grid(th, size, align), theta)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("joined", [True, False])
def test_ctc(reduction: str, joined: bool) -> None:
    labels = [1, 2, 2, 3, 1, 4, 4, 4, 1] if joined else [[1, 2, 2, 0], [3, 1, 0, 0], [4, 4, 4, 1]]
    agree(
        lambda t, x: t.nn.functional.ctc_loss(
            t.log_softmax(x, 2), t.tensor(labels), (8, 5, 8), (3, 2, 4), reduction=reduction
        ),
        np.random.default_rng(3).normal(size=(8, 3, 5)),
    )

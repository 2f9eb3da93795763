"""The same optimizer in both libraries, on the same parameters, with the same gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tinygrad_lite import optim  # noqa: E402
from tinygrad_lite.core.tensor import make  # noqa: E402

SHAPES = [(3, 4), (5,), (2, 3, 4), (), (0,), (1, 7)]
L2 = {"weight_decay": 0.1}
MAX = {"maximize": True}
# fmt: off
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {}, L2, MAX, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5},
        {"momentum": 0.5, **L2}, {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "nesterov": True, **L2}, {"momentum": 0.9, **MAX}, {"lr": 0.3},
        {"lr": 0.0}, {"momentum": 0.99, "dampening": 0.9, **L2}, {"foreach": True}, {"fused": True},
    ],
    "ASGD": [
        {}, L2, MAX, {"lambd": 0.01}, {"alpha": 0.5}, {"t0": 10}, {"t0": 0}, {"t0": 5, **L2},
        {"lr": 0.2}, {"lambd": 0.1, "alpha": 1.0}, {"t0": 3, **MAX},
        {"lr": 0.3, "t0": 20, "alpha": 0.9},
    ],
    "Rprop": [
        {}, MAX, {"etas": (0.3, 1.5)}, {"step_sizes": (0.001, 0.1)}, {"lr": 0.1}, {"lr": 0.0001},
        {"etas": (0.9, 1.1)}, {"etas": (0.1, 2.0), **MAX}, {"step_sizes": (0.01, 0.01)},
        {"foreach": True}, {"lr": 0.5, "etas": (0.5, 1.01)}, {"step_sizes": (0, 50)},
    ],
    "Adagrad": [
        {}, L2, MAX, {"lr": 0.5}, {"lr_decay": 0.1}, {"initial_accumulator_value": 0.5},
        {"eps": 0.001}, {"lr_decay": 0.01, **L2}, {"initial_accumulator_value": 2.0, **MAX},
        {"foreach": True}, {"fused": True}, {"lr": 0.5, "lr_decay": 1.0, **L2},
    ],
    "Adadelta": [
        {}, L2, MAX, {"lr": 0.1}, {"rho": 0.5}, {"rho": 0.99}, {"eps": 0.001}, {"rho": 0.0},
        {"lr": 2.0, **L2}, {"eps": 0.01, **MAX}, {"foreach": True}, {"rho": 0.8, "eps": 0.0001},
    ],
    "RMSprop": [
        {}, L2, MAX, {"alpha": 0.9}, {"momentum": 0.9}, {"centered": True},
        {"momentum": 0.5, "centered": True}, {"eps": 0.01}, {"lr": 0.1, "alpha": 0.5},
        {"momentum": 0.9, **L2}, {"centered": True, **MAX}, {"centered": True, **L2},
        {"foreach": True}, {"momentum": 0.9, "centered": True, **L2}, {"alpha": 0.0},
    ],
    "Adam": [
        {}, L2, MAX, {"amsgrad": True}, {"betas": (0.8, 0.9)}, {"eps": 0.01}, {"lr": 0.1},
        {"betas": (0.0, 0.9)}, {"amsgrad": True, **L2}, {"decoupled_weight_decay": True, **L2},
        {"amsgrad": True, **MAX}, {"foreach": True}, {"fused": True}, {"betas": (0.9, 0.3)},
    ],
    "AdamW": [
        {}, L2, MAX, {"amsgrad": True}, {"betas": (0.8, 0.9)}, {"eps": 0.01}, {"lr": 0.1},
        {"weight_decay": 0.0}, {"amsgrad": True, **L2}, {"weight_decay": 0.5, "lr": 0.05},
        {"amsgrad": True, **MAX}, {"foreach": True}, {"fused": True},
    ],
    "Adamax": [
        {}, L2, MAX, {"betas": (0.8, 0.9)}, {"eps": 0.01}, {"lr": 0.1}, {"betas": (0.0, 0.9)},
        {"lr": 0.05, **L2}, {"betas": (0.5, 0.5), **MAX}, {"foreach": True}, {"eps": 0.1, **L2},
        {"betas": (0.95, 0.99)},
    ],
    "NAdam": [
        {}, L2, MAX, {"betas": (0.8, 0.9)}, {"eps": 0.01}, {"lr": 0.1}, {"momentum_decay": 0.1},
        {"decoupled_weight_decay": True, **L2}, {"momentum_decay": 0.0}, {"foreach": True},
        {"betas": (0.5, 0.5), **MAX}, {"lr": 0.05, "momentum_decay": 0.01, **L2},
    ],
    "RAdam": [
        {}, L2, MAX, {"betas": (0.8, 0.9)}, {"eps": 0.01}, {"lr": 0.1}, {"betas": (0.9, 0.99)},
        {"decoupled_weight_decay": True, **L2}, {"betas": (0.0, 0.7)}, {"foreach": True},
        {"betas": (0.5, 0.5), **MAX}, {"lr": 0.05, **L2},
    ],
    "Adafactor": [
        {}, L2, MAX, {"lr": 0.5}, {"beta2_decay": -0.3}, {"d": 2.0}, {"eps": (0.001, 0.01)},
        {"eps": (None, 0.5)}, {"lr": 0.3, **L2}, {"d": 1.5, **MAX}, {"beta2_decay": -1.0},
        {"eps": (1e-08, 0.001), "d": 4.0}, {"foreach": True},
    ],
}
# fmt: on


def start(dtype: Any, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def slope(p: np.ndarray, i: int, t: int) -> np.ndarray:
    """Gradient of a quadratic bowl that differs by weight, plus noise that both libraries share."""
    rng = np.random.default_rng([i, t])
    curvature = 0.5 + np.arange(p.size).reshape(p.shape) / max(p.size, 1)
    gradient = curvature * (p - 0.3) + 0.1 * rng.standard_normal(p.shape)
    return np.asarray(gradient).astype(p.dtype)


def grouped(params: list[Any]) -> list[dict[str, Any]]:
    """Two groups; the second with a rate of its own."""
    return [{"params": params[:3]}, {"params": params[3:], "lr": 0.02}]


def pair(
    name: str, options: dict[str, Any], dtype: Any, shapes: list[tuple[int, ...]]
) -> tuple[list[Any], Any, list[Any], Any]:
    """Our parameters and optimizer, PyTorch's parameters and optimizer."""
    ours = [make(a.copy()).requires_grad_() for a in start(dtype, shapes)]
    theirs = [torch.tensor(a, requires_grad=True) for a in start(dtype, shapes)]
    return (
        ours,
        getattr(optim, name)(grouped(ours), **options),
        theirs,
        getattr(torch.optim, name)(grouped(theirs), **options),
    )


def give_gradients(ours: list[Any], theirs: list[Any], t: int) -> None:
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if (i + t) % 7 == 3:  # now and then a parameter has no gradient
            a.grad = b.grad = None
            continue
        a.grad = make(slope(a.array, i, t))
        b.grad = torch.tensor(slope(b.detach().numpy(), i, t))


def compare(ours: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        expected = b.detach().numpy()
        assert a.array.dtype == expected.dtype
        if expected.dtype == np.float64:
            np.testing.assert_allclose(a.array, expected, rtol=1e-10, atol=1e-13)
        else:
            np.testing.assert_allclose(a.array, expected, rtol=1.3e-6, atol=1e-5)

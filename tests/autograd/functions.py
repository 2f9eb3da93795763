"""Functions that several tests look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tinygrad_lite as torch
from tinygrad_lite.autograd import Function


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x**2


class Powers(Function):
    """Two outputs, the second of which it saves."""

    @staticmethod
    def forward(ctx, x):
        second = x**2
        ctx.save_for_backward(x, second)
        return x * 1, second

    @staticmethod
    def backward(ctx, a, b):
        x, second = ctx.saved_tensors
        return a + b * 2 * second / x


def function(forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """A Function called F of these two."""
    return type(
        "F", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    )

"""Your own op, four ways, each checked in one line; and a wrong one with the report it gets.

    python examples/custom_op.py

Two ops: log(cosh(x)), written so that it neither overflows nor loses small values, and a small
convolution. Each as a composition of Tensor functions, as an `autograd.Function`, as a
`@primitive`, and as a `@fused` op around a kernel of your own in numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

import tinygrad_lite as tl
from tinygrad_lite.core.doors import primitive
from tinygrad_lite.core.fused import fused
from tinygrad_lite.core.samples import Real, reals, sample
from tinygrad_lite.testing import LawError, check_op

LOG2 = math.log(2)

# -- log cosh -------------------------------------------------------------------------------------
# cosh x = 1 + 2 sinh(x/2)^2 keeps small values; |x| + log1p(exp(-2|x|)) - log 2 never overflows.


def logcosh(x: tl.Tensor) -> tl.Tensor:
    """As a composition. The clamp keeps the branch not taken finite: 0 * inf would be NaN."""
    near = (2 * (x.clamp(-1, 1) / 2).sinh().square()).log1p()
    a = x.abs()
    return tl.where(a < 1, near, a + (-2 * a).exp().log1p() - LOG2)


def numpy_logcosh(x: np.ndarray) -> np.ndarray:
    """The value alone, on arrays."""
    a = np.abs(x)
    near = np.log1p(2 * np.square(np.sinh(np.minimum(a, 1) / 2)))
    return np.where(a < 1, near, a + np.log1p(np.exp(-2 * a)) - LOG2)


class LogCosh(tl.autograd.Function):
    """As an autograd.Function: any PyTorch user knows it."""

    @staticmethod
    def forward(ctx: Any, x: tl.Tensor) -> tl.Tensor:
        ctx.save_for_backward(x)
        return tl.from_numpy(np.asarray(numpy_logcosh(x.detach().numpy())))

    @staticmethod
    def backward(ctx: Any, g: tl.Tensor) -> tl.Tensor:
        (x,) = ctx.saved_tensors
        return g * x.tanh()


@primitive(lambda g, x: g * tl.tanh(x), method=False, samples=reals(1))
def log_cosh(x: Any) -> Any:
    """As a primitive: a NumPy function under its rule. The rule asks for x by name."""
    return numpy_logcosh(x)


@numba.njit(cache=True)
def logcosh_kernel(x: np.ndarray, value: np.ndarray) -> None:
    """One pass, no temporaries."""
    for i in range(x.size):
        a = abs(x[i])
        if a < 1:
            value[i] = math.log1p(2 * math.sinh(a / 2) ** 2)
        else:
            value[i] = a + math.log1p(math.exp(-2 * a)) - LOG2


@fused(
    backward=lambda g, x: g * np.tanh(x),
    reference=logcosh,
    promote="float",
    samples=reals(1),
)
def fast_log_cosh(x: Any) -> Any:
    """As a fused op: a kernel and the composition it stands for, which gives the higher orders."""
    value = np.empty(x.shape, x.dtype)
    logcosh_kernel(np.ascontiguousarray(x).reshape(-1), value.reshape(-1))
    return value


# -- a small convolution: out[i] = sum_j x[i + j] w[j] --------------------------------------------


def correlate(x: tl.Tensor, w: tl.Tensor) -> tl.Tensor:
    """As a composition: a matrix of windows times the weights."""
    return x.unfold(0, w.shape[0], 1) @ w


class Correlate(tl.autograd.Function):
    """As an autograd.Function. Nobody computes a gradient that nobody wants."""

    @staticmethod
    def forward(ctx: Any, x: tl.Tensor, w: tl.Tensor) -> tl.Tensor:
        ctx.save_for_backward(x, w)
        return correlate(x, w)

    @staticmethod
    def backward(ctx: Any, g: tl.Tensor) -> Any:
        x, w = ctx.saved_tensors
        k = w.shape[0]
        dx = dw = None
        if ctx.needs_input_grad[0]:
            dx = correlate(tl.nn.functional.pad(g, (k - 1, k - 1)), w.flip(0))
        if ctx.needs_input_grad[1]:
            dw = correlate(x, g)
        return dx, dw


SIZES = [(5, 3), (3, 3), (2, 1)]


@primitive(
    lambda g, w: adjoint(g, w),
    lambda g, x: windowed(x, g),
    promote=None,
    method=False,
    samples=[sample(Real(f"{n}"), Real(f"{k}")) for n, k in SIZES],
)
def windowed(x: Any, w: Any) -> Any:
    """As a primitive. It and its adjoint are each other's derivatives: every order exists."""
    return np.correlate(x, w, "valid")


@primitive(
    lambda g, w: windowed(g, w),
    lambda g, x: windowed(g, x),
    promote=None,
    method=False,
    samples=[sample(Real(f"{n - k + 1}"), Real(f"{k}")) for n, k in SIZES if n - k + 1 >= k],
)
def adjoint(x: Any, w: Any) -> Any:
    """The adjoint of `windowed`: each x[i] lays w over the places i, i + 1, ..."""
    return np.convolve(x, w)


@numba.njit(cache=True)
def correlate_kernel(x: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """for i: for j: out[i] += x[i + j] * w[j]"""
    for i in range(out.size):
        total = out[i]
        for j in range(w.size):
            total += x[i + j] * w[j]
        out[i] = total


@fused(
    backward=lambda g, x, w: (np.convolve(g, w), np.correlate(x, g, "valid")),
    reference=correlate,
    promote=None,
    samples=[sample(Real(f"{n}"), Real(f"{k}")) for n, k in SIZES],
)
def fast_correlate(x: Any, w: Any) -> Any:
    """As a fused op."""
    out = np.zeros(x.size - w.size + 1, x.dtype)
    correlate_kernel(x, w, out)
    return out


class WrongCorrelate(Correlate):
    """The classic slip: the weights are not flipped on the way back."""

    @staticmethod
    def backward(ctx: Any, g: tl.Tensor) -> Any:
        x, w = ctx.saved_tensors
        k = w.shape[0]
        dx = dw = None
        if ctx.needs_input_grad[0]:
            dx = correlate(tl.nn.functional.pad(g, (k - 1, k - 1)), w)
        if ctx.needs_input_grad[1]:
            dw = correlate(x, g)
        return dx, dw


def main() -> None:
    """Check them all."""
    print(check_op(logcosh, "n"))
    print(check_op(LogCosh, "n"))
    print(check_op(log_cosh))
    print(check_op(fast_log_cosh))
    print(check_op(correlate, (5,), (3,)))
    print(check_op(Correlate, (5,), (3,)))
    print(check_op(windowed))
    print(check_op(fast_correlate))
    print()
    try:
        check_op(WrongCorrelate, (3,), (2,))
    except LawError as report:
        print(report)


if __name__ == "__main__":
    main()

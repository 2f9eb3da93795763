"""Vectors without their length: x / |x|, and the cosine between two.

Both divide by lengths of at least eps. With n = max(|x|, eps) and y = x / n,

    dx = (g - y (g . y)) / n  where |x| >= eps, else g / eps

The cosine keeps the derivative of a length below eps, as PyTorch does: with c = x . y / (n m),

    dx = g (y / m - c x / |x|) / n,   dy = g (x / n - c y / |y|) / m
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.fused import fused
from ..core.samples import Real, one_of, sample
from ..kernels.arithmetic import divide, multiply, subtract
from ..kernels.reduce import dots
from .reduction import p_norm

_APART = Real("3 4", avoid=(0.0,), margin=0.2)
_AXIS: dict[str, Any] = {"axis": one_of(0, 1), "eps": 1e-3}


def _lengths(x: Any, axis: int) -> Any:
    return np.sqrt(dots(x, x, axis, True))


def _unit_reference(x: Any, *, axis: int, eps: float) -> Any:
    return x / p_norm(x, p=2.0, axes=axis, keepdim=True).clamp(min=eps)


def _unit_backward(g: Any, x: Any, out: Any, axis: int, eps: float) -> Any:
    length = _lengths(x, axis)
    along = dots(g, out, axis, True)
    along *= length >= eps
    dx = multiply(out, along)
    subtract(g, dx, out=dx)
    return divide(dx, np.maximum(length, x.dtype.type(eps)), out=dx)


@fused(
    backward=_unit_backward,
    reference=_unit_reference,
    title="Div",
    samples=[sample(_APART, **_AXIS)],
)
def unit(x: Any, *, axis: int, eps: float) -> Any:
    """x / max(|x|, eps), |x| the length of the vectors along `axis`."""
    return np.asarray(divide(x, np.maximum(_lengths(x, axis), x.dtype.type(eps))))


def _cosine_reference(x: Any, y: Any, *, axis: int, eps: float) -> Any:
    n, m = (p_norm(v, p=2.0, axes=axis, keepdim=True) for v in (x, y))
    # the floor is not differentiated
    n, m = n + (eps - n).detach().clamp(min=0), m + (eps - m).detach().clamp(min=0)
    return ((x / n) * (y / m)).sum(axis)


def _cosine_backward(
    g: Any, need: Any, x: Any, y: Any, out: Any, axis: int, eps: float
) -> tuple[Any, Any]:
    g, c = np.expand_dims(g, axis), np.expand_dims(out, axis)
    n, m = _lengths(x, axis), _lengths(y, axis)
    product = g / (np.maximum(n, x.dtype.type(eps)) * np.maximum(m, x.dtype.type(eps)))
    dx = _turning(x, y, n, product, g * c, eps) if need[0] else None
    dy = _turning(y, x, m, product, g * c, eps) if need[1] else None
    return dx, dy


def _turning(x: Any, y: Any, length: Any, product: Any, scaled: Any, eps: float) -> Any:
    """product y - scaled x / (|x| max(|x|, eps)), of which the second part is 0 where |x| is."""
    square = length * np.maximum(length, x.dtype.type(eps))
    slope = np.divide(scaled, square, out=np.zeros_like(scaled), where=square != 0)
    dx = y * product
    dx -= x * slope
    return dx


@fused(
    backward=_cosine_backward,
    reference=_cosine_reference,
    title="CosineSimilarity",
    samples=[sample(_APART, _APART, **_AXIS)],
)
def cosine(x: Any, y: Any, *, axis: int, eps: float) -> Any:
    """x . y / (max(|x|, eps) max(|y|, eps)) of the vectors along `axis`."""
    floor = x.dtype.type(eps)
    n, m = (np.maximum(np.sqrt(dots(v, v, axis)), floor) for v in (x, y))
    return np.asarray(dots(x, y, axis) / (n * m))

"""Losses of a difference d = x - y, reduced in one pass, and their gradients.

    square     d^2                                    2 d
    absolute   |d|                                    sign(d)
    huber      d^2 / 2 where |d| < beta,              d limited to [-beta, beta]
               else beta (|d| - beta / 2)
    smooth     the same divided by beta

Sums are made in float64, in chunks that do not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import FMA, SUMS, enabled, jit, like, loaded, prange, where
from ._math import number
from .copying import contiguous

Array = np.ndarray

SMALL = 4096
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 17
"""Elements for which it pays to load numba."""
PARALLEL = 32768
"""Elements from which waking the other threads pays."""
CHUNK = 2048


@number
def _square(d, beta):
    """d^2."""
    return d * d


@number
def _square_slope(d, beta):
    """2 d."""
    return d + d


@number
def _absolute(d, beta):
    """|d|."""
    return abs(d)


@number
def _absolute_slope(d, beta):
    """The sign of d; 0 for NaN, as in PyTorch."""
    one, zero = like(d, 1), like(d, 0)
    return where(d > zero, one, where(d < zero, -one, zero))


@number
def _huber(d, beta):
    """d^2 / 2 where |d| < beta, else beta (|d| - beta / 2)."""
    a, half = abs(d), like(d, 0.5)
    return where(a < beta, half * d * d, beta * (a - half * beta))


@number
def _huber_slope(d, beta):
    """d limited to [-beta, beta]."""
    d = where(d < -beta, -beta, d)
    return where(d > beta, beta, d)


@number
def _smooth(d, beta):
    """d^2 / (2 beta) where |d| < beta, else |d| - beta / 2."""
    a, half = abs(d), like(d, 0.5)
    return where(a < beta, half * d * d / beta, a - half * beta)


@number
def _smooth_slope(d, beta):
    """d / beta limited to [-1, 1]."""
    one = like(d, 1)
    return where(d > beta, one, where(d < -beta, -one, d / beta))


f: Any = None  # bound to an expression


@jit(fastmath=SUMS, forceinline=True)
def _chunk(x, y, beta):
    total = 0.0
    for i in range(x.size):
        total += f(x[i] - y[i], beta)
    return total


@jit(parallel=True)
def sum_chunks(x, y, beta, out):
    """out[c] = the sum of f(x[i] - y[i]) over chunk c."""
    for c in prange(out.size):
        part = slice(c * CHUNK, (c + 1) * CHUNK)
        out[c] = _chunk(x[part], y[part], beta)


@jit(parallel=True, fastmath=FMA)
def losses_each(x, y, beta, out):
    """out[i] = f(x[i] - y[i])."""
    for i in prange(x.size):
        out[i] = f(x[i] - y[i], beta)


@jit(parallel=True, fastmath=FMA)
def slopes(g, x, y, beta, out):
    """out[i] = g f(x[i] - y[i])."""
    for i in prange(x.size):
        out[i] = f(x[i] - y[i], beta) * g


@jit(parallel=True, fastmath=FMA)
def slopes_each(g, x, y, beta, out):
    """out[i] = g[i] f(x[i] - y[i])."""
    for i in prange(x.size):
        out[i] = f(x[i] - y[i], beta) * g[i]


class Distance:
    """One of the losses at the head of this file: its expressions, in NumPy and compiled."""

    def __init__(self, name: str, value: Any, slope: Any, numpy: Any, numpy_slope: Any) -> None:
        self.numpy, self.numpy_slope = numpy, numpy_slope
        self.chunk = _chunk.bind(name, f=value)
        self.sums = sum_chunks.bind(name, _chunk=self.chunk)
        self.each = losses_each.bind(name, f=value)
        self.slopes = slopes.bind(name, f=slope)
        self.slopes_each = slopes_each.bind(name, f=slope)


def _np_huber(d: Array, beta: float) -> Array:
    a = np.abs(d)
    return np.where(a < beta, 0.5 * d * d, beta * (a - 0.5 * beta))


def _np_smooth(d: Array, beta: float) -> Array:
    a = np.abs(d)
    return np.where(a < beta, 0.5 * d * d / beta, a - 0.5 * beta)


def _np_sign(d: Array, beta: float) -> Array:
    return np.subtract(d > 0, d < 0, dtype=d.dtype)


KINDS = {
    "square": Distance(
        "square", _square, _square_slope, lambda d, beta: d * d, lambda d, beta: d + d
    ),
    "absolute": Distance(
        "absolute", _absolute, _absolute_slope, lambda d, beta: np.abs(d), _np_sign
    ),
    "huber": Distance(
        "huber", _huber, _huber_slope, _np_huber, lambda d, beta: np.clip(d, -beta, beta)
    ),
    "smooth": Distance(
        "smooth", _smooth, _smooth_slope, _np_smooth, lambda d, beta: np.clip(d / beta, -1, 1)
    ),
}


def _compiled(x: Array, y: Array) -> bool:
    if x.size < SMALL or x.dtype.char not in "fd" or y.dtype != x.dtype or x.shape != y.shape:
        return False
    return loaded() or (x.size >= WORTH_LOADING and enabled())


def distance(x: Array, y: Array, kind: str, beta: float, reduction: str) -> Array:
    """The loss `kind` of x - y: its mean, its sum, or (none) that of every element."""
    of = KINDS[kind]
    if not _compiled(x, y):
        loss = of.numpy(x - y, beta)
        if reduction == "none":
            return np.asarray(loss)
        total = np.add.reduce(loss, axis=None)
        return np.asarray(total / loss.size if reduction == "mean" else total, loss.dtype)
    large = x.size >= PARALLEL
    flat, other, b = contiguous(x).reshape(-1), contiguous(y).reshape(-1), x.dtype.type(beta)
    if reduction == "none":
        out = np.empty(x.shape, x.dtype)
        (of.each if large else of.each.serial)(flat, other, b, out.reshape(-1))
        return out
    sums = np.empty(-(-x.size // CHUNK), np.float64)
    (of.sums if large else of.sums.serial)(flat, other, b, sums)
    total = np.add.reduce(sums)
    return np.asarray(total / x.size if reduction == "mean" else total, x.dtype)


def distance_backward(
    g: Array, x: Array, y: Array, kind: str, beta: float, reduction: str
) -> Array:
    """The gradient towards x; that towards y is its negative."""
    of = KINDS[kind]
    if reduction == "mean":
        g = np.asarray(g / x.dtype.type(max(x.size, 1)))
    if not _compiled(x, y) or g.dtype != x.dtype:
        d = np.asarray(of.numpy_slope(x - y, beta))  # of 0-d arrays NumPy makes numbers
        return np.multiply(d, g, out=d)
    flat, other, b = contiguous(x).reshape(-1), contiguous(y).reshape(-1), x.dtype.type(beta)
    out = np.empty(x.shape, x.dtype)
    run, by = (
        (of.slopes, g[()])
        if reduction != "none"
        else (of.slopes_each, contiguous(np.broadcast_to(g, x.shape)).reshape(-1))
    )
    (run if x.size >= PARALLEL else run.serial)(by, flat, other, b, out.reshape(-1))
    return out

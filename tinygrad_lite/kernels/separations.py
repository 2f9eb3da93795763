"""Euclidean distances of all rows of x to all rows of y, by one product of matrices.

    |x - y|^2 = |x|^2 + |y|^2 - 2 x . y

Both are first moved so that the mean of y is the origin, and where two rows are so near each other
that more than a quarter of the digits cancel, their difference is taken instead: equal rows have
distance 0. With r = g / distance, and 0 where that is 0 / 0,

    dx[i] = sum_j r[i, j] (x[i] - y[j]),   dy[j] = sum_i r[i, j] (y[j] - x[i])

x is (..., n, k), y (..., m, k), with the same leading axes.
"""

from __future__ import annotations

import numpy as np

from .matmul import matmul
from .reduce import dots

Array = np.ndarray

FEW = 25
"""Rows up to which differences are cheaper, and so are taken (PyTorch draws the line here too)."""
PIECE = 1 << 16
"""Numbers of the differences that are held at a time."""


def _between(x: Array, y: Array) -> Array:
    away = x[..., :, None, :] - y[..., None, :, :]
    return np.sqrt(dots(away, away, -1))


def _centred(x: Array, y: Array) -> tuple[Array, Array]:
    middle = y.mean(-2, keepdims=True)
    middle[~np.isfinite(middle)] = 0  # of an infinite row all differences would be NaN
    return x - middle, y - middle


def separations(x: Array, y: Array) -> Array:
    """The distances (..., n, m)."""
    n, m, k = x.shape[-2], y.shape[-2], x.shape[-1]
    if max(n, m) <= FEW or not x.size or not y.size or x.dtype.char not in "fd":
        return _between(x, y)
    x, y = _centred(x, y)
    out = np.asarray(matmul(x, np.swapaxes(y, -1, -2)))
    out *= -2
    sizes = dots(x, x, -1)[..., :, None], dots(y, y, -1)[..., None, :]
    out += sizes[0]
    out += sizes[1]
    part = np.finfo(x.dtype).eps ** 0.25
    near = np.flatnonzero(~(out > sizes[0] * part + sizes[1] * part))  # NaN is near
    flat = out.reshape(-1)
    rows, others, step = x.reshape(-1, k), y.reshape(-1, k), max(1, PIECE // k)
    for start in range(0, len(near), step):
        pairs = near[start : start + step]
        batch, i, j = pairs // (n * m), pairs // m, pairs % m
        away = rows[i] - others[batch * m + j]
        flat[pairs] = dots(away, away, -1)
    return np.sqrt(out, out=out)


def separations_backward(
    g: Array, x: Array, y: Array, out: Array, need: tuple[bool, ...]
) -> tuple[Array | None, Array | None]:
    """The gradients towards x and y."""
    if y.size:
        x, y = _centred(x, y)
    r = np.divide(g, out, out=np.zeros_like(out), where=out != 0)
    dx = dy = None
    if need[0]:
        dx = x * np.add.reduce(r, -1)[..., None]
        dx -= matmul(r, y)
    if need[1]:
        dy = y * np.add.reduce(r, -2)[..., None]
        dy -= matmul(np.swapaxes(r, -1, -2), x)
    return dx, dy

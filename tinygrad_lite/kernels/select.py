"""One of two values by a mask, in one pass without a branch.

    out[i] = x[i] if c[i] else y[i]          x or y may be a number, c may repeat itself

np.where mispredicts a branch for every other element of a mask without a pattern; arithmetic on the
bits does not, but reads the arrays three times. Values are moved as bits, whatever they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import jit, prange, ready, where
from .copying import contiguous

Array = np.ndarray

LARGE = 1 << 15
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 18
"""Elements for which it pays to load numba."""
TRIANGLE = 1024
"""The same for triangles, of which NumPy makes a mask first."""
BLOCK = 8192
"""Elements that one thread takes at a time."""
_BITS: dict[int, np.dtype] = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


@jit
def _between(c, x, y, out):
    for i in range(out.size):
        out[i] = where(c[i] != 0, x[i], y[i])


@jit
def _instead(c, kept, x, a, out):
    for i in range(out.size):
        out[i] = where(c[i] == kept, x[i], a)


@jit(parallel=True)
def pick_between(c, x, y, out):
    """out[i] = x[i] where c[i], else y[i]; c begins anew when it ends."""
    blocks = (c.size + BLOCK - 1) // BLOCK
    for t in prange(x.size // c.size * blocks):
        first = t % blocks * BLOCK
        length = min(BLOCK, c.size - first)
        at = t // blocks * c.size + first
        _between(
            c[first : first + length],
            x[at : at + length],
            y[at : at + length],
            out[at : at + length],
        )


@jit(parallel=True)
def pick_instead(c, kept, x, a, out):
    """out[i] = x[i] where c[i] is `kept`, else a; c begins anew when it ends."""
    blocks = (c.size + BLOCK - 1) // BLOCK
    for t in prange(x.size // c.size * blocks):
        first = t % blocks * BLOCK
        length = min(BLOCK, c.size - first)
        at = t // blocks * c.size + first
        _instead(c[first : first + length], kept, x[at : at + length], a, out[at : at + length])


@jit(parallel=True)
def keep_triangle(x, rows, columns, diagonal, upper, out):
    """out[.., r, c] = x[.., r, c] where c <= r + diagonal (or >=, if upper), else 0."""
    for t in prange(x.size // columns):
        here, to = x[t * columns : (t + 1) * columns], out[t * columns : (t + 1) * columns]
        cut = min(max(t % rows + diagonal + (0 if upper else 1), 0), columns)
        to[:] = 0
        if upper:
            to[cut:] = here[cut:]
        else:
            to[:cut] = here[:cut]


def triangle(x: Array, diagonal: int, upper: bool) -> Array:
    """The elements of each matrix at or below (or above) the diagonal of that number, else 0."""
    bits = _BITS.get(x.itemsize)
    if (
        x.size < TRIANGLE
        or bits is None
        or x.dtype.kind not in "fiu"
        or not ready(x.size, WORTH_LOADING)
    ):
        return np.triu(x, diagonal) if upper else np.tril(x, diagonal)
    x = contiguous(x)
    out = np.empty(x.shape, x.dtype)
    flat, to = x.reshape(-1).view(bits), out.reshape(-1).view(bits)
    run = keep_triangle if x.size >= LARGE else keep_triangle.serial
    run(flat, *x.shape[-2:], diagonal, upper, to)
    return out


def _mask(c: Array, shape: tuple[int, ...]) -> Array | None:
    """c as bytes, whole or so much of it that the rest repeats; None if it fits no such array."""
    lead = len(shape) - c.ndim
    if c.dtype != np.bool_ or lead < 0:
        return None
    k = lead
    while k < len(shape) and c.shape[k - lead] == 1:
        k += 1
    if c.shape[k - lead :] != shape[k:] or k == len(shape) or c.size < 64:
        try:
            c = np.broadcast_to(c, shape)
        except ValueError:
            return None
    return np.ascontiguousarray(c).reshape(-1).view(np.uint8)


def select(condition: Array, x: Any, y: Any) -> Array | None:
    """x where the condition holds, else y, of x's or y's shape; None where NumPy does it better.

    At least one of x and y is an array of LARGE elements in row-major order; the other is like it,
    or a number or 0-d array of its dtype. The condition may have fewer axes.
    """
    one, other, kept = (x, y, 1) if isinstance(x, np.ndarray) and x.ndim else (y, x, 0)
    size = one.itemsize
    if size not in _BITS or one.dtype.kind not in "fiu" or not one.flags.c_contiguous:
        return None
    if not ready(one.size, WORTH_LOADING):
        return None
    both = isinstance(other, np.ndarray) and other.ndim > 0
    if both and not (other.shape == one.shape and other.flags.c_contiguous):
        return None
    if isinstance(other, np.ndarray) and other.dtype != one.dtype:
        return None
    c = _mask(condition, one.shape)
    if c is None:
        return None
    out = np.empty(one.shape, one.dtype)
    bits = _BITS[size]
    flat, to = one.reshape(-1).view(bits), out.reshape(-1).view(bits)
    if both:
        pick_between(c, flat, other.reshape(-1).view(bits), to)
    else:
        a = np.asarray(other).astype(one.dtype).reshape(1).view(bits)[0]
        pick_instead(c, np.uint8(kept), flat, a, to)
    return out

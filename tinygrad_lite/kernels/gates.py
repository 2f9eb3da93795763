"""The gated linear unit a sigmoid(b), a and b the halves of x along one axis, in one pass.

With s = sigmoid(b) the gradient is g s towards a, and g a s (1 - s) towards b. An array is flat and
stands for (outer, 2, n): both halves of every outer index lie side by side.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ._jit import FMA, jit, like, prange, ready
from ._math import sigmoid
from .copying import contiguous
from .elementwise import _np_sigmoid

Array = np.ndarray

SMALL = 2048
"""Elements from which a kernel wins over NumPy, if numba is loaded."""
WORTH_LOADING = 1 << 17
"""Elements for which it pays to load numba."""
PARALLEL = 32768
"""Elements from which waking the other threads pays."""
BLOCK = 4096
"""Elements that one thread works on at a time."""


@jit(fastmath=FMA)
def _gate(a, b, out):
    for i in range(a.size):
        out[i] = a[i] * sigmoid(b[i])


@jit(fastmath=FMA)
def _gate_back(g, a, b, da, db):
    for i in range(a.size):
        s = sigmoid(b[i])
        da[i] = g[i] * s
        db[i] = g[i] * a[i] * (s * (like(s, 1) - s))


@jit(parallel=True)
def gate_halves(x, n, out):
    """out (outer, n) = a sigmoid(b)."""
    blocks = (n + BLOCK - 1) // BLOCK
    for t in prange(out.size // n * blocks):
        o, i = t // blocks, t % blocks * BLOCK
        j, a = min(n, i + BLOCK), o * 2 * n
        _gate(x[a + i : a + j], x[a + n + i : a + n + j], out[o * n + i : o * n + j])


@jit(parallel=True)
def gate_halves_back(g, x, n, out):
    """out, as x: the gradient."""
    blocks = (n + BLOCK - 1) // BLOCK
    for t in prange(g.size // n * blocks):
        o, i = t // blocks, t % blocks * BLOCK
        j, a = min(n, i + BLOCK), o * 2 * n
        b = a + n
        _gate_back(
            g[o * n + i : o * n + j], x[a + i : a + j], x[b + i : b + j],
            out[a + i : a + j], out[b + i : b + j],
        )  # fmt: skip


def _compiled(x: Array) -> bool:
    if x.size < SMALL or x.dtype.char not in "fd":
        return False
    return ready(x.size, WORTH_LOADING)


def _halves(x: Array, axis: int) -> tuple[Array, Array]:
    at, n = (slice(None),) * axis, x.shape[axis] // 2
    return x[(*at, slice(0, n))], x[(*at, slice(n, None))]


def glu(x: Array, axis: int) -> Array:
    """a sigmoid(b) for the halves a, b of x along an axis, whose length is even."""
    if not _compiled(x):
        a, b = _halves(x, axis)
        return np.asarray(a * _np_sigmoid(b))
    n = prod(x.shape[axis:]) // 2
    out = np.empty((*x.shape[:axis], x.shape[axis] // 2, *x.shape[axis + 1 :]), x.dtype)
    run = gate_halves if x.size >= PARALLEL else gate_halves.serial
    run(contiguous(x).reshape(-1), n, out.reshape(-1))
    return out


def glu_backward(g: Array, x: Array, axis: int) -> Array:
    """The gradient towards x."""
    out = np.empty(x.shape, x.dtype)
    if not _compiled(x) or g.dtype != x.dtype:
        (a, b), (da, db) = _halves(x, axis), _halves(out, axis)
        s = _np_sigmoid(b)
        np.multiply(g, s, out=da)
        np.multiply(g * a, s * (1 - s), out=db)
        return out
    n = prod(x.shape[axis:]) // 2
    run = gate_halves_back if x.size >= PARALLEL else gate_halves_back.serial
    run(contiguous(g).reshape(-1), contiguous(x).reshape(-1), n, out.reshape(-1))
    return out
